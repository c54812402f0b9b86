"""The messages' keys, order, levels and texts, which consumers rely on."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2, or the extra ros-jazzy")
from card_maker import make_card
from diagnostic_msgs.msg import DiagnosticStatus

from har_ros.core.decision import ActivityVerdict, AlarmState, AnomalyVerdict, decide_activity
from har_ros.core.fall_event import FallState
from har_ros.core.labels import LABELS
from har_ros.core.windows import WindowSpan
from har_ros.inference.recogniser import Recognition
from har_ros.nodes.convert import Report, ResultMessages, mirrors

CARD = make_card(metrics={"accuracy": 0.9})
MESSAGES = ResultMessages(CARD, "/har")
SHARES = np.array([0.05, 0.7, 0.05, 0.1, 0.05, 0.05], np.float32)
STAMP_NS = 1_700_000_001_500_000_000


def report(label: str = "FALL_OR_COLLAPSE", state: AlarmState = AlarmState.NORMAL, reason: str = "") -> Report:
    """Return a report with a recognition."""
    span = WindowSpan(STAMP_NS - 966_000_000, STAMP_NS, max_gap_ms=34.5, max_sync_offset_ms=4.2)
    activity = ActivityVerdict(label, 0.7, SHARES)
    anomaly = AnomalyVerdict(0.75, state, reason, FallState.FALLEN, 0.125)
    recognition = Recognition(span, activity, anomaly, novelty={"energy": -1.5})
    return Report(STAMP_NS, "camera", latency_ms=41.23, recognition=recognition)


def pairs(array: object) -> list[tuple[str, str]]:
    """Return the key-value pairs of an array's one status, in their order."""
    (status,) = array.status  # type: ignore[attr-defined]
    return [(pair.key, pair.value) for pair in status.values]


COMMON = [
    ("p.DRIVERS_DROWSINESS", "0.0500"),
    ("p.FALL_OR_COLLAPSE", "0.7000"),
    ("p.JOGGING", "0.0500"),
    ("p.SITTING", "0.1000"),
    ("p.STAND", "0.0500"),
    ("p.WALK", "0.0500"),
    ("window_start_ns", "1700000000534000000"),
    ("window_end_ns", "1700000001500000000"),
    ("steps", "30"),
    ("max_gap_ms", "34.5"),
    ("max_sync_offset_ms", "4.2"),
    ("latency_ms", "41.2"),
    ("modalities", "camera,imu"),
    ("model_sha256", CARD.identity),
]


def test_activity_golden() -> None:
    array, _ = MESSAGES.results(report())
    assert pairs(array) == [("schema", "har.activity/1"), ("confidence", "0.7000"), *COMMON, ("reason", "")]
    status = array.status[0]
    assert (status.level, status.message) == (DiagnosticStatus.OK, "FALL_OR_COLLAPSE")
    assert (status.name, status.hardware_id) == ("har: activity", "/har")
    stamp = array.header.stamp
    assert (stamp.sec, stamp.nanosec, array.header.frame_id) == (1_700_000_001, 500_000_000, "camera")


def test_anomaly_golden() -> None:
    _, array = MESSAGES.results(report(state=AlarmState.ALARM, reason="high score"))
    assert pairs(array) == [
        ("schema", "har.anomaly/1"),
        ("score", "0.7500"),
        *COMMON,
        ("reason", "high score"),
        ("fall_state", "fallen"),
        ("drowsiness", "0.1250"),
        ("energy", "-1.5000"),
        ("reconstruction", "nan"),
        ("distance", "nan"),
    ]
    assert (array.status[0].level, array.status[0].message) == (DiagnosticStatus.ERROR, "alarm")


@pytest.mark.parametrize(
    ("strange", "reason"), [(False, "low confidence"), (True, "unlike the training")]
)
def test_an_unknown_label_is_a_warning_that_says_why(strange: bool, reason: str) -> None:
    activity = decide_activity(SHARES, LABELS, 1.0, strange)
    said = report()
    recognition = replace(said.recognition, activity=activity)
    status = MESSAGES.results(replace(said, recognition=recognition))[0].status[0]
    assert (status.level, status.message) == (DiagnosticStatus.WARN, "unknown")
    assert status.values[-1].value == reason


def test_a_suspect_window_is_a_warning() -> None:
    status = MESSAGES.results(report(state=AlarmState.SUSPECT))[1].status[0]
    assert (status.level, status.message) == (DiagnosticStatus.WARN, "suspect")


@pytest.mark.parametrize(
    ("failed", "level", "message"),
    [(False, DiagnosticStatus.STALE, "stale"), (True, DiagnosticStatus.ERROR, "error")],
)
def test_without_a_verdict_the_keys_stay_and_numbers_are_nan(failed: bool, level: bytes, message: str) -> None:
    without = Report(STAMP_NS, failed=failed, reason="no camera image for 0.5 s")
    complete = [pairs(array) for array in MESSAGES.results(report(reason="high score"))]
    for array, whole in zip(MESSAGES.results(without), complete):
        assert (array.status[0].level, array.status[0].message) == (level, message)
        assert array.header.frame_id == ""
        found = dict(pairs(array))
        assert list(found) == [key for key, _ in whole]
        assert found["reason"] == "no camera image for 0.5 s"
        assert found["p.WALK"] == found["latency_ms"] == found["max_gap_ms"] == "nan"
        assert (found["steps"], found["modalities"]) == ("0", "")
        assert (found.get("fall_state", ""), found.get("drowsiness", "nan")) == ("", "nan")
    assert [pairs(array) for array in MESSAGES.results(report(reason="high score"))] == complete, "something is left"
    label, score, active = mirrors(without)
    assert (label.data, active.data) == ("", False) and math.isnan(score.data)


def test_mirrors_say_the_verdict() -> None:
    label, score, active = mirrors(report(state=AlarmState.ALARM))
    assert (label.data, active.data) == ("FALL_OR_COLLAPSE", True)
    assert score.data == pytest.approx(0.75)
    assert not mirrors(report(state=AlarmState.SUSPECT))[2].data


def test_model_info_names_the_model_and_its_record() -> None:
    found = dict(pairs(MESSAGES.model_info(STAMP_NS)))
    assert found["schema"] == "har.model_info/1"
    assert (found["name"], found["sha256"], found["profile"]) == ("tiny", CARD.identity, "test")
    assert (found["threshold.min_confidence"], found["metric.accuracy"]) == ("0.5", "0.9")
