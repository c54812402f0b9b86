"""The monitor hears what is published, on a real graph, and keeps a timeline that the demo can score."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2, or the extra ros-jazzy")

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from std_msgs.msg import String

from har_ros.demo_view import summary
from har_ros.evaluation.timeline import TimelineScore
from har_ros.nodes.monitor import Heard, Monitor

if TYPE_CHECKING:
    from ros_helpers import RosTest

WAIT_S = 40.0


def status(level: bytes, message: str) -> DiagnosticArray:
    return DiagnosticArray(status=[DiagnosticStatus(level=level, message=message)])


def test_truth_is_taken_by_its_spoken_names_and_stale_ends_no_alarm(
    ros: RosTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROS_DOMAIN_ID", str(ros.domain))
    monitor = Monitor("/har")
    monitor.start()
    try:
        truth = ros.publisher(String, "/har/ground_truth")
        anomaly = ros.publisher(DiagnosticArray, "/har/anomaly")
        deadline_s = time.monotonic() + WAIT_S
        while not (truth.get_subscription_count() and anomaly.get_subscription_count()):
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        for name in ("walking", "swimming"):
            truth.publish(String(data=name))
        while not monitor.heard().truth:  # an alarm from before the first truth is not judged
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        for level, message in (
            (DiagnosticStatus.ERROR, "alarm"),
            (DiagnosticStatus.STALE, "stale"),
            (DiagnosticStatus.ERROR, "alarm"),
        ):
            time.sleep(0.1)  # the monitor keeps the newest alone
            anomaly.publish(status(level, message))
        while not monitor.timeline.alarms:
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        time.sleep(0.3)
    finally:
        monitor.stop()
    assert monitor.heard().truth == "WALK"
    score = monitor.timeline.score()
    assert (len(monitor.timeline.alarms), score.false_alarms) == (1, 1)


def test_the_demo_tells_raised_alarms_from_those_already_on() -> None:
    said = summary(Heard(fresh_results=9), TimelineScore((("WALK", "WALK"),), (3,), 3, (0.5,), 1, 2))
    assert "Falls that raised the alarm: 1 of 3." in said
    assert "In 1 more it was on already, from the anomaly directly before." in said
    assert "Alarms raised without an anomaly: 2." in said
