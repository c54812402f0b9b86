"""Fixtures of all tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("har", deadline=None)  # a busy machine is slow without being wrong
settings.load_profile("har")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests with a ROS graph a second try: on a crowded machine processes and discovery stall now and then."""
    for item in items:
        if "ros" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture
def ros(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """A ROS graph of the test's own: see ros_helpers.RosTest."""
    pytest.importorskip("rclpy", reason="needs ROS 2, or the extra ros-jazzy")
    from ros_helpers import RosTest, own_domain

    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    monkeypatch.setenv("ROS_LOG_DIR", str(tmp_path / "log"))
    with own_domain() as domain:
        graph = RosTest(domain, tmp_path / "log")
        try:
            yield graph
        finally:
            graph.close()
