"""The alarm: raised by evidence, not by noise; released by quiet or by a person; never stale unseen."""

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from har_ros.core.decision import AlarmMonitor, AlarmPolicy, AlarmState, decide_activity
from har_ros.core.errors import HarError
from har_ros.core.freshness import Freshness, StampWatch
from har_ros.core.labels import ACTIVITIES, LABELS, Activity, parse_activity

FRAME_NS = 33_333_333
SCORES = st.lists(st.floats(0, 1), min_size=1, max_size=200)


def states(scores: list[float], **policy: float) -> list[AlarmState]:
    monitor = AlarmMonitor(AlarmPolicy(**policy))
    return [monitor.update(index * FRAME_NS, score).state for index, score in enumerate(scores)]


def test_a_sustained_score_raises_and_quiet_releases() -> None:
    seen = states([0.1] * 30 + [0.9] * 30 + [0.1] * 60)
    assert seen[29] is AlarmState.NORMAL
    assert AlarmState.ALARM in seen[30:45]
    assert seen[59] is AlarmState.ALARM
    assert seen[65] is AlarmState.ALARM  # not yet quiet for long enough
    assert seen[-1] is AlarmState.NORMAL


def test_one_noisy_window_never_raises() -> None:
    for at in range(40):
        scores = [0.0] * 40
        scores[at] = 1.0
        assert AlarmState.ALARM not in states(scores)


def test_a_wavering_score_makes_one_alarm() -> None:
    seen = states([0.0] * 10 + [0.9, 0.9, 0.9, 0.55] * 30)
    changes = sum(a is not b for a, b in itertools.pairwise(seen) if AlarmState.ALARM in (a, b))
    assert changes == 1


@given(SCORES)
def test_no_alarm_without_a_score_above_the_alarm_threshold(scores: list[float]) -> None:
    if max(scores) < 0.7:
        assert AlarmState.ALARM not in states(scores)


@given(SCORES)
def test_a_latched_alarm_stays_until_acknowledged(scores: list[float]) -> None:
    monitor = AlarmMonitor(AlarmPolicy(latch=True))
    raised = False
    for index, score in enumerate(scores):
        state = monitor.update(index * FRAME_NS, score).state
        assert not raised or state is AlarmState.ALARM
        raised = state is AlarmState.ALARM
    assert monitor.acknowledge() == raised
    assert monitor.update(len(scores) * FRAME_NS, 0.0).state is AlarmState.NORMAL


def test_an_alarm_can_be_acknowledged_from_another_thread() -> None:
    monitor, stop = AlarmMonitor(AlarmPolicy(on_window_s=0.0)), threading.Event()

    def recognise() -> None:
        for index in itertools.count():
            monitor.update(index, 0.9)
            if stop.is_set():
                return

    with ThreadPoolExecutor() as pool:
        recognising = pool.submit(recognise)
        until_s = time.monotonic() + 1
        while time.monotonic() < until_s and not recognising.done():
            monitor.acknowledge()
        stop.set()
        assert recognising.result(timeout=20) is None


def test_an_alarm_survives_a_restart_of_the_window() -> None:
    monitor = AlarmMonitor(AlarmPolicy())
    for index in range(30):
        monitor.update(index * FRAME_NS, 0.95)
    monitor.restart()
    assert monitor.update(40 * FRAME_NS, 0.6).state is AlarmState.ALARM


def test_policies_that_make_no_sense_are_refused() -> None:
    with pytest.raises(HarError, match="suspect_score"):
        AlarmPolicy(suspect_score=0.9, alarm_score=0.5)
    with pytest.raises(HarError, match="on_share"):
        AlarmPolicy(on_share=0)


def test_the_label_is_unknown_below_the_confidence() -> None:
    probabilities = np.array([0.1, 0.1, 0.1, 0.1, 0.45, 0.15], np.float32)
    assert decide_activity(probabilities, LABELS, 0.4).label == "STAND"
    assert decide_activity(probabilities, LABELS, 0.5).label == "unknown"


def test_freshness_names_the_silent_or_late_input() -> None:
    freshness = Freshness(("camera", "imu"), timeout_s=0.5)
    assert freshness.why_stale(0, 0.0) == "no camera yet"
    freshness.note("camera", 10_000_000_000, 10.0)
    freshness.note("imu", 10_000_000_000, 10.0)
    assert freshness.why_stale(10_300_000_000, 10.3) is None
    freshness.note("camera", 10_600_000_000, 10.6)
    assert freshness.why_stale(10_700_000_000, 10.7) == "no imu for 0.7 s"
    freshness.note("imu", 10_100_000_000, 10.7)  # arrives, but late
    assert freshness.why_stale(10_700_000_000, 10.7) == "imu is stamped 0.6 s ago"
    freshness.note("imu", 12_700_000_000, 10.7)
    assert freshness.why_stale(10_700_000_000, 10.7) == "imu is stamped 2.0 s in the future"


def test_only_a_jump_of_one_inputs_own_stamps_means_that_time_went_back() -> None:
    watch, second_ns = StampWatch(), 1_000_000_000
    stamps = [("camera", 10), ("imu", 13), ("camera", 10.1), ("imu", 12.5), ("camera", 9.2)]
    assert not any(watch.went_back(name, int(at_s * second_ns)) for name, at_s in stamps)
    assert watch.went_back("camera", 5 * second_ns)
    assert not watch.went_back("imu", 5 * second_ns), "the other input follows"
    assert not watch.went_back("camera", 6 * second_ns)


@pytest.mark.parametrize(
    ("text", "activity"),
    [("Driver Drowsiness", Activity.DRIVERS_DROWSINESS), ("standing", Activity.STAND),
     ("Fall", Activity.FALL_OR_COLLAPSE),
     ("fall-or-collapse", Activity.FALL_OR_COLLAPSE), (" walking ", Activity.WALK), ("Jog", Activity.JOGGING)],
)  # fmt: skip
def test_spoken_names_are_understood(text: str, activity: Activity) -> None:
    assert parse_activity(text) is activity


def test_every_label_names_itself_and_others_are_refused() -> None:
    assert [parse_activity(label) for label in LABELS] == list(ACTIVITIES)
    with pytest.raises(ValueError, match="SITTING"):
        parse_activity("dancing")
