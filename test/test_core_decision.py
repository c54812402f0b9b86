"""The alarm: raised by evidence, not by noise; released by quiet or by a person; never stale unseen."""

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from evidence_maker import (
    CARE_MPS2,
    LYING,
    RATE_HZ,
    SECOND_NS,
    SHAKE_MPS2,
    Person,
    alarm_spans,
    evidence,
    scored,
    verdicts,
)
from hypothesis import given
from hypothesis import strategies as st

from har_ros.core.alarm_policy import AlarmPolicy
from har_ros.core.decision import HOLE_S, AlarmMonitor, AlarmState, decide_activity
from har_ros.core.errors import HarError
from har_ros.core.evidence import Evidence
from har_ros.core.fall_event import FallState
from har_ros.core.freshness import Freshness, StampWatch
from har_ros.core.labels import ACTIVITIES, LABELS, Activity, parse_activity

ALARM, NORMAL, SUSPECT = AlarmState.ALARM, AlarmState.NORMAL, AlarmState.SUSPECT
PROBABILITY = st.floats(0, 1)
SCORES = st.lists(PROBABILITY, min_size=1, max_size=200)
RATES_HZ = st.floats(0.8, 120)
STREAMS = st.lists(  # whatever a robot may live through: time between windows (s), then the window
    st.tuples(
        st.sampled_from((1 / 30, 1 / 15, 0.3, HOLE_S + 0.1, 70.0)),
        st.builds(
            evidence,
            st.just(0.0),
            st.sampled_from((0.0, 0.3, 0.6, 0.95)),
            st.sampled_from((0.0, 0.6, 0.95)),
            up=st.sampled_from(((0.0, 0.0, 9.8), LYING, (0.0, 0.0, 0.0))),
            still=st.booleans(),
            shake_mps2=st.sampled_from((CARE_MPS2, SHAKE_MPS2)),
            on_foot=st.sampled_from((0.0, 0.9)),
        ),
    ),
    min_size=1,
    max_size=150,
)


def stamped(stream: list[tuple[float, Evidence]]) -> list[Evidence]:
    ends_s = itertools.accumulate(gap_s for gap_s, _ in stream)
    return [replace(window, stamp_ns=round(end_s * SECOND_NS)) for end_s, (_, window) in zip(ends_s, stream)]


def states(scores: list[float], **policy: float) -> list[AlarmState]:
    return [verdict.state for verdict in verdicts(scored(scores), **policy)]


def test_a_fall_is_suspect_at_once_and_an_alarm_within_a_second() -> None:
    for rate_hz in (4, 15, 24, 30, 60):
        windows = Person(rate_hz).does(10).does(5, fall=0.9).windows
        said = list(verdicts(windows))
        first = round(10 * rate_hz)
        assert (said[first - 1].state, said[first].state) == (NORMAL, SUSPECT)
        assert said[first + rate_hz].state is ALARM


def test_slow_windows_alarm_by_the_second_that_speaks() -> None:
    (span,) = alarm_spans(Person(rate_hz=1.0).does(10).does(5, fall=0.9).windows)
    assert span == (11, 14)


def test_the_whole_span_must_have_been_seen() -> None:
    ((begin_s, _),) = alarm_spans(scored([0.9] * 120), on_window_s=3.0)
    assert begin_s == pytest.approx(3, abs=1 / RATE_HZ)


def test_a_sustained_score_raises_and_quiet_releases() -> None:
    seen = states([0.1] * 30 + [0.9] * 30 + [0.1] * 60)
    assert seen[59] is ALARM
    assert seen[65] is ALARM  # not yet quiet for long enough
    assert seen[-1] is NORMAL


@given(RATES_HZ, st.integers(3, 30), st.integers(0, 29), st.floats(0, 0.49), PROBABILITY)
def test_one_noisy_window_never_raises(rate_hz: float, count: int, at: int, quiet: float, noise: float) -> None:
    person = Person(rate_hz).does(2).does(count / rate_hz, fall=quiet, drowsiness=quiet, shake_mps2=SHAKE_MPS2)
    at += round(2 * rate_hz)
    windows = person.does(2, up=LYING, still=True).windows
    at = min(at, len(windows) - 1)
    windows[at] = replace(windows[at], fall=noise, drowsiness=noise)
    for on_window_s in (0.0, 0.3, 3.0):
        assert alarm_spans(windows, on_window_s=on_window_s, alarm_score=0.501, drowsy_share=0.01) == []


@given(st.lists(st.floats(0.5, 1), min_size=1, max_size=120), st.floats(0, 2))
def test_one_fall_makes_one_alarm_however_its_score_wavers(wavering: list[float], refractory_s: float) -> None:
    scores = [0.0] * 60 + [0.9] * 12 + wavering + [0.0] * 60
    assert len(alarm_spans(scored(scores), refractory_s=refractory_s)) == 1


@given(SCORES)
def test_no_alarm_without_two_suspect_windows(scores: list[float]) -> None:
    if sum(score >= 0.5 for score in scores) < 2:
        shaken = [evidence(index / RATE_HZ, score, shake_mps2=SHAKE_MPS2) for index, score in enumerate(scores)]
        assert alarm_spans(shaken, on_window_s=0.0, alarm_score=0.501) == []


@given(SCORES, st.floats(0, 5))
def test_after_an_alarm_there_is_rest(scores: list[float], refractory_s: float) -> None:
    rough = [score for score in scores for _ in range(12)]  # long enough to count, one after the other
    spans = alarm_spans(scored(rough), off_s=0.0, refractory_s=refractory_s)
    for (_, end_s), (begin_s, _) in itertools.pairwise(spans):
        assert begin_s - end_s >= refractory_s


def test_a_second_fall_in_the_time_of_rest_is_suspect_and_then_an_alarm() -> None:
    windows = Person().does(5).does(2, fall=0.9).does(1.2).does(9, fall=0.9).windows
    spans = alarm_spans(windows, refractory_s=4.0)
    assert [begin_s for begin_s, _ in spans] == pytest.approx([5.3, 8 + 4.0], abs=0.3)
    assert list(verdicts(windows, refractory_s=4.0))[300].reason == "fall, not yet an alarm"


@given(STREAMS, st.data())
def test_a_latched_alarm_is_released_by_acknowledgement_alone(
    stream: list[tuple[float, Evidence]], data: st.DataObject
) -> None:
    monitor, raised = AlarmMonitor(AlarmPolicy(latch_alarm=True, on_window_s=0.1)), False
    for window in stamped(stream):
        if data.draw(st.sampled_from((False,) * 9 + (True,))):
            monitor.restart()
        state = monitor.update(window).state
        assert not raised or state is ALARM
        raised = state is ALARM
    assert monitor.acknowledge() == raised
    assert not monitor.acknowledge()


@given(STREAMS, st.lists(st.tuples(st.integers(0, 149), st.floats(0, 200)), max_size=30))
def test_windows_out_of_order_are_ignored(stream: list[tuple[float, Evidence]], late: list[tuple[int, float]]) -> None:
    windows = stamped(stream)
    expected = list(verdicts(windows))
    monitor, intruders = AlarmMonitor(AlarmPolicy()), dict(late)
    for index, window in enumerate(windows):
        verdict = monitor.update(window)
        assert verdict == expected[index]
        behind_s = intruders.get(index, 0.0)
        assert monitor.update(evidence(window.stamp_ns / SECOND_NS - behind_s, fall=1.0, drowsiness=1.0)) == verdict


@given(STREAMS)
def test_falls_go_their_way_and_a_strict_alarm_waits_for_lying(stream: list[tuple[float, Evidence]]) -> None:
    windows = stamped(stream)
    said = list(verdicts(windows, wait_for_lying=True, on_window_s=0.1, lying_s=0.2, off_s=0.2, drowsy_off_s=0.0))
    allowed = {
        FallState.NONE: {FallState.FALL},
        FallState.FALL: {FallState.FALLEN, FallState.RECOVERED},
        FallState.FALLEN: {FallState.RECOVERED},
        FallState.RECOVERED: {FallState.NONE, FallState.FALL},
    }
    for before, after in itertools.pairwise(said):
        assert after.fall is before.fall or after.fall in allowed[before.fall]
        if after.state is ALARM:
            assert after.fall is FallState.FALLEN or after.reason.startswith("drowsy")


def test_acknowledging_a_fall_silences_it_until_the_next_one() -> None:
    first = Person().does(5).does(3, fall=0.9).windows
    monitor = AlarmMonitor(AlarmPolicy())
    assert [monitor.update(window).state for window in first][-1] is ALARM
    assert monitor.acknowledge()
    assert not monitor.acknowledge()
    rest = Person().does(8).does(20, fall=0.9).does(10).does(1, fall=0.9).windows[len(first) :]
    said = [monitor.update(window) for window in rest]
    assert {verdict.state for verdict in said[:600]} == {SUSPECT}
    assert {verdict.reason for verdict in said[:600]} == {"fall, acknowledged"}
    assert ALARM not in {verdict.state for verdict in said[600:900]}
    assert said[899].state is NORMAL
    assert said[-1].state is ALARM


def test_an_alarm_can_be_acknowledged_from_another_thread() -> None:
    monitor, stop = AlarmMonitor(AlarmPolicy(on_window_s=0.0, off_s=0.0, refractory_s=0.0)), threading.Event()
    raised = threading.Event()

    def recognise() -> None:
        for index in itertools.count():
            if monitor.update(evidence(index / RATE_HZ, 0.9 * (index % 20 < 10))).state is ALARM:
                raised.set()
            if stop.is_set():
                return

    with ThreadPoolExecutor() as pool:
        recognising, answered = pool.submit(recognise), 0
        until_s = time.monotonic() + 1
        while time.monotonic() < until_s and not recognising.done():
            answered += monitor.acknowledge()
        stop.set()
        assert recognising.result(timeout=20) is None
    assert raised.is_set()
    assert answered > 0


@pytest.mark.parametrize("told", [True, False], ids=["restart", "stamps"])
@pytest.mark.parametrize("latch_alarm", [True, False])
@pytest.mark.parametrize("kind", ["fall", "drowsiness"])
def test_an_alarm_survives_a_hole_and_quiet_is_counted_anew(told: bool, latch_alarm: bool, kind: str) -> None:
    monitor = AlarmMonitor(AlarmPolicy(latch_alarm=latch_alarm, off_s=1.0, drowsy_off_s=1.0))
    for window in Person().does(1).does(4, **{kind: 0.95}).does(0.9).windows:
        monitor.update(window)
    if told:
        monitor.restart()
    begin_s = 600.0
    said = [monitor.update(evidence(begin_s + index / RATE_HZ)).state for index in range(60)]
    assert said[:29] == [ALARM] * 29
    assert (said[-1] is ALARM) == latch_alarm


def test_windows_on_both_sides_of_a_hole_do_not_add_up() -> None:
    for gap_s, raised in ((HOLE_S / 2, True), (HOLE_S * 1.1, False)):
        windows = [*scored([0.0] * 20 + [0.9] * 3), *(evidence(22 / RATE_HZ + gap_s + i / 5, 0.9) for i in range(2))]
        assert (len(alarm_spans(windows, on_window_s=1.0, suspect_score=0.2, alarm_score=0.21)) == 1) == raised


def test_time_may_begin_again_after_a_restart() -> None:
    monitor = AlarmMonitor(AlarmPolicy())
    for window in Person().does(100).does(2, fall=0.9).does(2).windows:
        monitor.update(window)
    monitor.restart()
    said = [monitor.update(window).state for window in Person().does(1).does(2, fall=0.9).windows]
    assert (said[0], said[-1]) == (NORMAL, ALARM)


def test_the_defaults_are_those_of_the_parameter_file() -> None:
    from har_ros.core.fusion_parameters import PARAMETERS
    from har_ros.core.parameters import load_defaults

    defaults, named = load_defaults("fusion"), {parameter.name for parameter in PARAMETERS}
    policy = vars(AlarmPolicy())
    assert policy.keys() <= named
    own = {name: value for name, value in policy.items() if name not in ("suspect_score", "alarm_score")}
    assert {name: defaults[name] for name in own} == own


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"suspect_score": 0.9, "alarm_score": 0.5}, "suspect_score"),
        ({"suspect_score": 0.6, "alarm_score": 0.6}, "must rise in this order"),
        ({"drowsy_share": 1.1}, "drowsy_share"),
        ({"off_s": -1.0}, "off_s is -1.0; give 0 s or more"),
        ({"refractory_s": float("nan")}, "refractory_s"),
        ({"lying_tilt_rad": 0.0}, "lying_tilt_rad"),
        ({"shock_mps2": -1.0}, "shock_mps2 is -1.0; give 0"),
        ({"long_lie_s": -1.0}, "long_lie_s is -1.0; give 0 s"),
        ({"drowsy_episode_s": 0.2}, "blinks are shorter"),
    ],
)
def test_policies_that_make_no_sense_are_refused(settings: dict[str, float], sentence: str) -> None:
    with pytest.raises(HarError, match=sentence):
        AlarmPolicy(**settings)


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
