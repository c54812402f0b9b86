"""Every message of a topic is accounted for by its number: came, lost, or sent before the first that came."""

from __future__ import annotations

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2, or the extra ros-jazzy")
from har_ros.nodes.rates import LossMeter


@pytest.mark.parametrize(
    ("numbers", "before", "lost"),
    [
        ([1, 2, 3], 0, 0),
        ([2, 3], 1, 0),
        ([1, 4, 5, 8], 0, 4),
        ([501, 502, 505], 500, 2),
        ([1, 2, 9, 3, 4], 2, 6),  # the publisher was started again
        ([7, 7], 12, 0),  # and again
        ([None, None], 0, 0),
    ],
)
def test_what_did_not_come_is_counted(numbers: list[int | None], before: int, lost: int) -> None:
    meter = LossMeter()
    for number in numbers:
        meter.note(number)
    assert (meter.before, meter.lost) == (before, lost)
