"""What raises the alarm of a fall: felt or doubted, sure or suspected, and what a lost sensor changes."""

from dataclasses import replace

import numpy as np
import pytest
from evidence_maker import (
    CARE_MPS2,
    LIES,
    LYING,
    NO_SENSOR,
    RATE_HZ,
    SECOND_NS,
    SHAKE_MPS2,
    UPRIGHT,
    Person,
    alarm_spans,
    evidence,
    verdicts,
)

from har_ros.core.alarm_policy import AlarmPolicy
from har_ros.core.decision import AlarmMonitor, AlarmState
from har_ros.core.fall_event import FallState

ALARM, NORMAL, SUSPECT = AlarmState.ALARM, AlarmState.NORMAL, AlarmState.SUSPECT


def careful() -> Person:
    """Return somebody who stands and then goes down with care, which the model calls a fall."""
    return Person().does(10, shake_mps2=CARE_MPS2).does(3, fall=0.9, shake_mps2=CARE_MPS2)


@pytest.mark.parametrize(
    "lying",
    [
        [(40, 0.95, LIES)],
        [(2, 0.95, LIES), (60, 0.3, LIES)],
        [(15, 0.3, LIES), (0.5, 0.3, {"up": LYING}), (40, 0.95, LIES)],
        [(10, 0.95, LIES), (0.1, 0.4, LIES), (30, 0.95, LIES)],
        [(40, 0.95, {"up": LYING, "shake_mps2": CARE_MPS2})],
    ],
    ids=["sure", "no longer sure", "stirs", "wavers", "in a car"],
)
def test_who_lies_down_with_care_has_not_fallen_until_it_has_lasted_for_long(
    lying: list[tuple[float, float, dict]],
) -> None:
    person = careful()
    for seconds, fall, more in lying:
        person.does(seconds, fall=fall, **more)
    said = list(verdicts(person.windows))
    ((begin_s, end_s),) = alarm_spans(person.windows)
    assert begin_s == pytest.approx(10.4 + 30, abs=0.1)
    assert end_s == pytest.approx(len(said) / RATE_HZ, abs=0.1), "it holds while they lie"
    doubtful = said[round(20 * RATE_HZ)]
    assert (doubtful.state, doubtful.fall) == (SUSPECT, FallState.NONE)
    assert doubtful.reason == "looks like a fall that the accelerometer does not bear out"


def test_who_gets_up_again_in_time_never_fell() -> None:
    said = list(verdicts(careful().does(20, fall=0.95, **LIES).does(3, shake_mps2=CARE_MPS2).windows))
    assert {verdict.fall for verdict in said} == {FallState.NONE}
    assert said[-1].state is NORMAL
    falls_then = careful().does(20, fall=0.95, **LIES).does(3).does(2, fall=0.9).windows
    assert len(alarm_spans(falls_then)) == 1


@pytest.mark.parametrize(
    ("between", "alarms"),
    [([(0.8, 0.0)], 1), ([(3.0, 0.0)], 0), ([(3.0, 0.6)], 1)],
    ids=["soon after", "too late", "suspected since"],
)
def test_a_shock_shortly_before_the_model_is_sure_is_that_of_the_fall(
    between: list[tuple[float, float]], alarms: int
) -> None:
    person = Person().does(10).does(0.3, shake_mps2=SHAKE_MPS2)
    for seconds, fall in between:
        person.does(seconds, fall=fall, shake_mps2=CARE_MPS2)
    assert len(alarm_spans(person.does(3, fall=0.9, shake_mps2=CARE_MPS2).windows)) == alarms


@pytest.mark.parametrize("how", ["restart", "silence", "gap"])
def test_what_is_not_known_of_makes_no_fall_of_what_was_doubted_for_long(how: str) -> None:
    monitor = AlarmMonitor(AlarmPolicy())
    for window in careful().does(10, fall=0.95, **LIES).windows:
        assert monitor.update(window).state is not ALARM
    if how == "restart":
        monitor.restart()
    after = {"silence": {"up": (0.0, 0.0, 0.0), "still": True}}.get(how, LIES)
    said = [monitor.update(evidence(23.5 + index / RATE_HZ, 0.95, **after)) for index in range(30)]
    if how == "gap":
        gapped = [replace(evidence(25 + index / RATE_HZ, 0.95, **LIES), gap_s=0.2) for index in range(30)]
        said += map(monitor.update, gapped)
    assert {verdict.state for verdict in said} == {SUSPECT}


def test_what_is_doubted_is_timed_anew_where_time_begins_again() -> None:
    monitor, still = AlarmMonitor(AlarmPolicy()), {"fall": 0.95, **LIES}
    careful_late = Person().does(600, shake_mps2=CARE_MPS2).does(3, fall=0.9, shake_mps2=CARE_MPS2)
    for window in careful_late.does(10, **still).windows:
        assert monitor.update(window).state is not ALARM
    monitor.restart()
    said = [monitor.update(window).state for window in Person().does(40, **still).windows]
    assert said[-1] is ALARM


@pytest.mark.parametrize("lost", [{"up": (0.0, 0.0, 0.0), "still": True}, {"gap_s": 0.2}], ids=["silent", "gap"])
def test_a_sensor_that_is_lost_in_the_fall_denies_nothing(lost: dict) -> None:
    fall = Person().does(10).does(0.5, fall=0.9, shake_mps2=CARE_MPS2).windows
    how = {key: value for key, value in lost.items() if key != "gap_s"}
    after = [evidence(10.5 + index / RATE_HZ, 0.9, shake_mps2=CARE_MPS2, **how) for index in range(60)]
    assert len(alarm_spans([*fall, *(replace(window, gap_s=lost.get("gap_s", 0.0)) for window in after)])) == 1


@pytest.mark.parametrize(
    ("after", "alarms"),
    [({}, 0), ({"up": LYING}, 1), ({"still": True}, 0)],
    ids=["walks on", "lies", "sits"],
)
def test_what_the_sensor_alone_calls_a_fall_must_end_turned(after: dict, alarms: int) -> None:
    person = Person().does(10).does(0.5, fall=0.9).does(1, fall=0.9, **after).does(2)
    assert len(alarm_spans([replace(window, pictured=False) for window in person.windows])) == alarms
    assert len(alarm_spans(person.windows)) == 1, "pictures that show it suffice"


@pytest.mark.parametrize(
    ("score", "more", "policy", "alarms"),
    [
        (0.63, {}, {}, 1),
        (0.63, {"shake_mps2": CARE_MPS2}, {}, 0),
        (0.63, NO_SENSOR, {}, 0),
        (0.75, NO_SENSOR, {}, 1),
        (0.57, {}, {}, 0),
        (0.63, {}, {"shock_mps2": 0.0}, 0),
        (0.63, {}, {"alarm_score": 0.8}, 0),
    ],
    ids=["felt", "not felt", "unknown", "surer", "less sure", "not asked for", "a stricter model"],
)
def test_a_model_that_is_less_sure_is_believed_where_a_shock_was_felt(
    score: float, more: dict, policy: dict, alarms: int
) -> None:
    quiet = {"shake_mps2": CARE_MPS2, **more}
    windows = Person().does(10, **quiet).does(1, fall=score, **more).does(3, **quiet).windows
    assert len(alarm_spans(windows, **policy)) == alarms


def test_a_shock_counts_though_others_may_have_been_missed() -> None:
    quiet = {"shake_mps2": CARE_MPS2}
    windows = Person().does(10, **quiet).does(1, fall=0.63).does(3, **quiet).windows
    assert len(alarm_spans([replace(window, gap_s=0.07) for window in windows])) == 1


def test_a_model_that_is_not_sure_casts_no_doubt_on_who_treads_hard() -> None:
    windows = Person().does(10).does(60, fall=0.63).windows
    assert alarm_spans([replace(window, pictured=False) for window in windows]) == []


def test_a_sensor_that_slips_while_the_model_wavers_makes_nobody_lie() -> None:
    person = Person().does(10)
    for degrees in range(0, 60):
        up = (9.81 * np.sin(np.radians(degrees)), 0.0, 9.81 * np.cos(np.radians(degrees)))
        person.does(2.9, up=up).does(0.1, fall=0.5, up=up)
    assert alarm_spans(person.does(10, up=up, still=True).windows) == []


@pytest.mark.parametrize(
    ("suspicion", "after", "alarms"),
    [
        ((0.52, {}), (1.0, LIES), 1),
        ((0.52, {"shake_mps2": CARE_MPS2}), (1.0, LIES), 0),
        ((0.45, {}), (1.0, LIES), 0),
        ((0.52, {}), (1.0, {"up": LYING}), 0),
        ((0.52, {}), (1.0, {"still": True}), 0),
        ((0.52, {}), (2.9, LIES), 1),
        ((0.52, {}), (3.1, LIES), 0),
        ((0.52, {}), (1.0, {**LIES, "on_foot": 0.9}), 0),
    ],
    ids=["lies", "not felt", "not suspected", "moves", "upright", "in time", "too late", "walks"],
)
def test_a_suspicion_with_a_shock_is_a_fall_once_they_lie_still(
    suspicion: tuple[float, dict], after: tuple[float, dict], alarms: int
) -> None:
    (score, felt), (later_s, how) = suspicion, after
    going = Person().does(10, shake_mps2=CARE_MPS2).does(0.3, fall=score, **felt).does(later_s, shake_mps2=CARE_MPS2)
    assert alarm_spans(going.windows) == []
    assert len(alarm_spans(going.does(2, **how).windows)) == alarms


UNKNOWN, NORMAL_LABEL = {"shake_mps2": CARE_MPS2, "told_normal": False}, {"shake_mps2": CARE_MPS2}
STRANGE, SITS = {"still": True, "told_normal": False}, {"still": True}


def suspected(*after: tuple[float, dict], seconds: float = 0.3, **how: object) -> Person:
    """Return somebody who stands, is suspected for a moment of having fallen, with a shock, and what comes after."""
    person = Person().does(10, **NORMAL_LABEL).does(seconds, **{"fall": 0.52, **how})
    for each_s, more in after:
        person.does(each_s, **more)
    return person


@pytest.mark.parametrize(
    ("after", "alarms"),
    [
        ([(1.0, UNKNOWN), (5.1, STRANGE)], 1),
        ([(1.0, UNKNOWN), (4.9, STRANGE)], 0),
        ([(4.8, UNKNOWN), (20.0, STRANGE)], 1),
        ([(5.2, UNKNOWN), (20.0, STRANGE)], 0),
        ([(1.0, UNKNOWN), (20.0, UNKNOWN)], 0),
        ([(1.0, UNKNOWN), (2.0, STRANGE), (0.1, UNKNOWN), (4.9, STRANGE)], 0),
        ([(1.0, UNKNOWN), (2.0, STRANGE), (0.1, UNKNOWN), (5.1, STRANGE)], 1),
        ([(1.0, UNKNOWN), (20.0, SITS)], 0),
        ([(1.0, UNKNOWN), (1.0, STRANGE), (0.4, SITS), (4.0, STRANGE)], 1),
        ([(1.0, UNKNOWN), (1.0, STRANGE), (0.6, SITS), (20.0, STRANGE)], 0),
        ([(1.0, UNKNOWN), *[(0.3, STRANGE), (0.1, SITS)] * 50], 0),
        ([(1.0, UNKNOWN), (3.0, STRANGE), (0.2, {**STRANGE, "drowsiness": 0.9}), (2.0, STRANGE)], 1),
        ([(2.5, {**NORMAL_LABEL, "on_foot": 0.9}), (20.0, STRANGE)], 0),
        ([(1.0, UNKNOWN), (20.0, {**STRANGE, "on_foot": 0.9})], 0),
        ([(1.0, UNKNOWN), (20.0, {**STRANGE, "pictured": False})], 0),
        ([(1.0, UNKNOWN), (20.0, {**NO_SENSOR, "told_normal": False})], 0),
    ],
    ids=[
        "strange",
        "not for long",
        "in time",
        "too late",
        "moves",
        "stirs",
        "stirs early",
        "known",
        "known for a moment",
        "known between",
        "known now and then",
        "eyes shut",
        "walks first",
        "walks",
        "unseen",
        "no sensor",
    ],
)
def test_a_suspicion_with_a_shock_is_a_fall_where_they_are_still_and_nothing_normal_is_told(
    after: list[tuple[float, dict]], alarms: int
) -> None:
    assert len(alarm_spans(suspected(*after).windows)) == alarms


@pytest.mark.parametrize("how", [{"fall": 0.45}, {"shake_mps2": CARE_MPS2}], ids=["not suspected", "not felt"])
def test_who_is_still_and_unknown_has_not_fallen_for_that(how: dict) -> None:
    person = suspected((1.0, UNKNOWN), (20.0, STRANGE), told_normal=False, **how)
    assert alarm_spans(person.windows) == []


@pytest.mark.parametrize(("unknown_s", "alarms"), [(9.0, 1), (11.0, 0)])
def test_of_whom_the_model_does_not_know_lately_it_says_nothing(unknown_s: float, alarms: int) -> None:
    person = Person().does(10, **NORMAL_LABEL).does(unknown_s, **UNKNOWN).does(0.3, fall=0.52)
    assert len(alarm_spans(person.does(1, **UNKNOWN).does(20, **STRANGE).windows)) == alarms


def test_whom_the_model_knows_now_and_then_it_does_not_know() -> None:
    person = Person().does(10, **NORMAL_LABEL)
    for _ in range(12):
        person.does(5, **UNKNOWN).does(2 / RATE_HZ, **NORMAL_LABEL)
    assert alarm_spans(person.does(0.3, fall=0.52).does(1, **UNKNOWN).does(20, **STRANGE).windows) == []


@pytest.mark.parametrize("rate_hz", [30.0, 5.0, 2.0])
def test_a_single_normal_window_settles_nothing(rate_hz: float) -> None:
    person = Person(rate_hz).does(10, **NORMAL_LABEL).does(max(0.3, 2 / rate_hz), fall=0.52).does(1, **UNKNOWN)
    person.does(2, **STRANGE).does(1 / rate_hz, **SITS).does(20, **STRANGE)
    assert len(alarm_spans(person.windows)) == 1


@pytest.mark.parametrize("wait_for_lying", [False, True])
def test_who_lies_after_a_suspicion_is_held_to_lie(wait_for_lying: bool) -> None:
    lying = {"up": LYING, "told_normal": False}
    person = suspected((4.0, {**lying, "shake_mps2": CARE_MPS2}), (60.0, {**lying, "still": True}))
    ((_, end_s),) = alarm_spans(person.windows, wait_for_lying=wait_for_lying)
    assert end_s == pytest.approx(len(person.windows) / RATE_HZ, abs=0.1)


def test_a_long_suspicion_is_one_no_less() -> None:
    assert len(alarm_spans(suspected((1.0, UNKNOWN), (20.0, STRANGE), seconds=12).windows)) == 1


def test_a_frozen_sensor_is_no_stillness() -> None:
    frozen = np.tile(np.float32(UPRIGHT), (2, 1))
    windows = suspected((1.0, UNKNOWN), (20.0, STRANGE)).windows
    assert len(alarm_spans(windows)) == 1
    assert alarm_spans([replace(each, accel_mps2=frozen) if each.still else each for each in windows]) == []


@pytest.mark.parametrize(("then", "alarms"), [(LIES, 1), (NO_SENSOR, 0)], ids=["still", "silent"])
def test_a_sensor_that_turns_and_falls_silent_lies_nowhere(then: dict, alarms: int) -> None:
    person = suspected((1.0, {**UNKNOWN, "up": LYING}), (20.0, {**then, "told_normal": False}))
    assert len(alarm_spans(person.windows)) == alarms


def test_a_hole_settles_a_suspicion() -> None:
    monitor = AlarmMonitor(AlarmPolicy())
    windows = suspected((1.0, UNKNOWN), (20.0, STRANGE)).windows
    for window in windows[: round(15 * RATE_HZ)]:
        monitor.update(window)
    monitor.restart()
    assert {monitor.update(window).state for window in windows[round(15 * RATE_HZ) :]} == {NORMAL}


def test_stillness_after_a_suspicion_is_told_at_once_and_ends_once_they_walk() -> None:
    person = suspected((1.0, UNKNOWN), (10.0, STRANGE), (8.0, {**NORMAL_LABEL, "on_foot": 0.9}), (20.0, STRANGE))
    said = list(verdicts(person.windows))
    waiting = said[round(10.5 * RATE_HZ) : round(16 * RATE_HZ)]
    assert {(verdict.state, verdict.fall) for verdict in waiting} == {(SUSPECT, FallState.NONE)}
    assert {verdict.reason for verdict in waiting} == {"may have been a fall, and nothing normal was seen since"}
    assert {verdict.fall for verdict in said} == {FallState.NONE, FallState.FALL, FallState.RECOVERED}
    assert len(alarm_spans(person.windows)) == 1
    assert said[-1].state is NORMAL


def test_a_suspicion_that_nothing_came_of_lapses() -> None:
    said = list(verdicts(suspected((9.5, UNKNOWN), (1.0, UNKNOWN)).windows))
    assert [said[round(at_s * RATE_HZ)].state for at_s in (9.9, 10.5, 20.0, 20.5)] == [NORMAL, SUSPECT, SUSPECT, NORMAL]


@pytest.mark.parametrize("up", [{**NORMAL_LABEL, "on_foot": 0.9}, UNKNOWN], ids=["walks", "moves"])
def test_what_was_acknowledged_is_not_raised_again_by_stillness(up: dict) -> None:
    monitor, alarmed_s = AlarmMonitor(AlarmPolicy()), []
    for window in suspected((2.0, up), (20.0, STRANGE), seconds=0.7, fall=0.9).windows:
        if monitor.update(window).state is ALARM:
            alarmed_s.append(window.stamp_ns / SECOND_NS)
            monitor.acknowledge()
    assert alarmed_s == [pytest.approx(10.4, abs=0.1)]


def test_who_gets_to_their_knees_and_then_lies_down_has_fallen_again() -> None:
    person = suspected((1.5, UNKNOWN), (40.0, {**LIES, "told_normal": False}), seconds=0.7, fall=0.9)
    (_, (_, end_s)) = alarm_spans(person.windows)
    assert end_s == pytest.approx(len(person.windows) / RATE_HZ, abs=0.1), "it holds while they lie"


def test_one_suspect_window_and_lying_still_are_no_fall() -> None:
    for suspect, alarms in ((1, 0), (2, 1)):
        person = Person().does(10).does(suspect / RATE_HZ, fall=0.9).does(1).does(5, **LIES)
        assert len(alarm_spans(person.windows)) == alarms


def test_a_suspicion_before_a_hole_is_none_after_it() -> None:
    monitor = AlarmMonitor(AlarmPolicy())
    for window in Person().does(10).does(0.3, fall=0.52).windows:
        monitor.update(window)
    monitor.restart()
    after = Person().does(2).does(1, **LIES).windows
    said = [monitor.update(replace(window, stamp_ns=window.stamp_ns + 10 * SECOND_NS)) for window in after]
    assert ALARM not in {verdict.state for verdict in said}


def test_who_sits_still_after_a_moments_doubt_has_not_fallen() -> None:
    doubted = Person().does(10, shake_mps2=CARE_MPS2).does(1, fall=0.9, shake_mps2=CARE_MPS2)
    said = list(verdicts(doubted.does(60, still=True).windows))
    assert {verdict.fall for verdict in said} == {FallState.NONE}
    assert said[-1].state is NORMAL


def test_where_no_shock_is_asked_for_the_models_word_is_enough() -> None:
    windows = careful().windows
    assert alarm_spans(windows) == []
    assert len(alarm_spans(windows, shock_mps2=0.0)) == 1
    assert alarm_spans(Person().does(10).does(0.3, fall=0.52).does(5, **LIES).windows, shock_mps2=0.0) == []


def test_who_wears_no_sensor_is_believed_to_have_fallen() -> None:
    assert len(alarm_spans(Person().does(10, **NO_SENSOR).does(3, fall=0.9, **NO_SENSOR).windows)) == 1
