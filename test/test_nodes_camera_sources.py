"""Picture sources by themselves: what they do when the host's clock is set, which no test can do to its machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2, or the extra ros-jazzy")

from har_ros.nodes.camera_sources import FolderSource, Source, SourceLostError, VideoSource, Wish

HOUR_NS = 3_600_000_000_000
SLACK_NS = 2_000_000_000  # a busy machine shows a picture late


class HostClock:
    """The host's clock, which the test can set."""

    def __init__(self) -> None:
        self.step_ns = 0

    def __call__(self) -> int:
        return time.time_ns() + self.step_ns


def video_source(folder: Path, clock: HostClock) -> Source:
    path = folder / "video.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 20, (64, 48))
    for _ in range(20):
        writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.release()
    return VideoSource(path, True, clock)


def folder_source(folder: Path, clock: HostClock) -> Source:
    cv2.imwrite(str(folder / "0.png"), np.zeros((48, 64, 3), np.uint8))
    return FolderSource(folder, 20.0, True, clock)


def simulator_source(folder: Path, clock: HostClock) -> Source:
    pytest.importorskip("panda3d", reason="needs the extra sim")
    from har_ros.nodes.simulator_source import SimulatorSource

    return SimulatorSource("short", 1, clock() - 1_000_000_000, Wish(64, 48, 20.0), clock)


@pytest.mark.parametrize("make", [video_source, folder_source, simulator_source])
@pytest.mark.parametrize("step_ns", [HOUR_NS, -HOUR_NS])
def test_stamps_follow_the_hosts_clock_when_it_is_set(
    tmp_path: Path, make: Callable[[Path, HostClock], Source], step_ns: int
) -> None:
    clock = HostClock()
    source = make(tmp_path, clock)
    source.open()
    for clock.step_ns in (0, step_ns):
        for _ in range(3):
            frame = source.read()
            assert frame is not None and abs(frame.stamp_ns - clock()) < SLACK_NS
    source.close()


def test_the_simulated_scene_goes_on_when_the_hosts_clock_is_set(tmp_path: Path) -> None:
    clock = HostClock()
    source = simulator_source(tmp_path, clock)
    source.open()
    first = source.read()
    clock.step_ns = 12_000_000_000
    second = source.read()
    source.close()
    assert first is not None and second is not None
    assert first.truth == second.truth == "STAND", "in the scenario, WALK comes after 8 s"


def test_a_folder_whose_pictures_all_became_unreadable_is_lost(tmp_path: Path) -> None:
    source = folder_source(tmp_path, HostClock())
    source.open()
    (tmp_path / "0.png").write_bytes(b"broken")
    with pytest.raises(SourceLostError, match="none of its pictures"):
        source.read()
    assert source.unreadable == 1
