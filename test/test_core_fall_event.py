"""A fall as an event: felt or doubted, lying still or up again, and what a hole or a lost sensor changes."""

from dataclasses import replace

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

from har_ros.core.alarm_policy import AlarmPolicy
from har_ros.core.decision import AlarmMonitor, AlarmState
from har_ros.core.fall_event import FallState

ALARM, NORMAL, SUSPECT = AlarmState.ALARM, AlarmState.NORMAL, AlarmState.SUSPECT


def test_who_lies_still_after_a_fall_keeps_the_alarm_though_the_model_is_silent() -> None:
    person = Person().does(10).does(1, fall=0.9).does(60, up=LYING, still=True).does(5)
    said = list(verdicts(person.windows))
    at = {second: said[round(second * RATE_HZ)] for second in (10.9, 11.8, 12.3, 70, 73)}
    assert [verdict.fall.value for verdict in at.values()] == ["fall", "fall", "fallen", "fallen", "recovered"]
    assert [at[10.9].reason, at[12.3].reason] == ["fall", "lies still after a fall"]
    assert all(verdict.state is ALARM for verdict in list(at.values())[:-1])
    assert (at[73].state, said[-1].fall) == (NORMAL, FallState.RECOVERED)
    assert len(alarm_spans(person.windows)) == 1


def test_who_moves_on_the_ground_has_not_recovered_but_who_walks_has() -> None:
    fallen = Person().does(10).does(1, fall=0.9).does(3, up=LYING, still=True)
    crawls = list(verdicts(fallen.does(20, up=LYING).windows))
    assert (crawls[-1].state, crawls[-1].fall) == (ALARM, FallState.FALLEN)
    walks = list(verdicts(fallen.does(2, up=LYING, on_foot=0.95).windows))  # the sensor has slipped
    assert (walks[-1].state, walks[-1].fall) == (NORMAL, FallState.RECOVERED)


@pytest.mark.parametrize("model", [0.0, 0.9])
def test_a_sensor_that_falls_silent_makes_nobody_get_up(model: float) -> None:
    fallen = Person().does(10).does(1, fall=0.9).does(5, up=LYING, still=True)
    said = list(verdicts(fallen.does(30, fall=model, up=(0.0, 0.0, 0.0), still=True).windows))
    assert (said[-1].state, said[-1].fall) == (ALARM, FallState.FALLEN)
    walks = list(verdicts(fallen.does(2, up=(0.0, 0.0, 0.0), on_foot=0.95).windows))
    assert (walks[-1].state, walks[-1].fall) == (NORMAL, FallState.RECOVERED)


def test_the_strict_alarm_comes_with_lying_still_and_only_with_it() -> None:
    stumbles = Person().does(10).does(2, fall=0.9).does(10).windows
    assert alarm_spans(stumbles, wait_for_lying=True) == []
    assert SUSPECT in {verdict.state for verdict in verdicts(stumbles, wait_for_lying=True)}
    lies = Person().does(10).does(2, fall=0.9).does(10, up=LYING, still=True).windows
    ((begin_s, _),) = alarm_spans(lies, wait_for_lying=True, lying_s=2.0)
    assert begin_s == pytest.approx(14, abs=0.1)


def test_what_the_model_calls_a_fall_is_no_lying_while_the_sensor_is_upright_or_moves() -> None:
    for more in ({"still": True}, {"up": LYING}):
        falls = Person().does(10).does(0.5, fall=0.95)
        said = list(verdicts(falls.does(20, fall=0.95, **more).windows, wait_for_lying=True))
        assert (said[-1].state, said[-1].fall) == (SUSPECT, FallState.FALL)


def test_who_goes_down_slowly_lies_however_long_the_model_only_suspects() -> None:
    person = Person().does(10).does(15, fall=0.6, up=LYING).does(1, fall=0.9, up=LYING)
    said = list(verdicts(person.does(20, up=LYING, still=True).windows))
    assert (said[-1].state, said[-1].fall) == (ALARM, FallState.FALLEN)


def careful() -> Person:
    """Return somebody who stands and then goes down with care, which the model calls a fall."""
    return Person().does(10, shake_mps2=CARE_MPS2).does(3, fall=0.9, shake_mps2=CARE_MPS2)


LIES = {"up": LYING, "still": True}
NO_SENSOR = {"up": (0.0, 0.0, 0.0), "still": True}


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
    [({}, 0), ({"up": LYING}, 1), ({"still": True}, 1)],
    ids=["walks on", "lies", "rests"],
)
def test_what_the_sensor_alone_calls_a_fall_must_end_turned_or_at_rest(after: dict, alarms: int) -> None:
    person = Person().does(10).does(0.5, fall=0.9).does(1, fall=0.9, **after).does(2)
    assert len(alarm_spans([replace(window, pictured=False) for window in person.windows])) == alarms
    assert len(alarm_spans(person.windows)) == 1, "pictures that show it suffice"


@pytest.mark.parametrize(
    ("score", "more", "alarms"),
    [(0.62, {}, 1), (0.62, {"shake_mps2": CARE_MPS2}, 0), (0.62, NO_SENSOR, 0), (0.75, NO_SENSOR, 1), (0.52, {}, 0)],
    ids=["felt", "not felt", "unknown", "surer", "less sure"],
)
def test_a_model_that_is_less_sure_is_believed_where_a_shock_was_felt(score: float, more: dict, alarms: int) -> None:
    quiet = {"shake_mps2": CARE_MPS2, **more}
    windows = Person().does(10, **quiet).does(1, fall=score, **more).does(3, **quiet).windows
    assert len(alarm_spans(windows)) == alarms


def test_who_has_not_moved_since_a_fall_is_not_up_though_the_model_sees_none() -> None:
    sits = Person().does(10).does(1, fall=0.6).does(20, still=True)
    said = list(verdicts(sits.windows))
    assert (said[-1].state, said[-1].fall) == (ALARM, FallState.FALL)
    said = list(verdicts(sits.does(2).windows))
    assert (said[-1].state, said[-1].fall) == (NORMAL, FallState.RECOVERED)


@pytest.mark.parametrize(
    ("suspicion", "after", "alarms"),
    [
        ((0.52, {}), (1.0, LIES), 1),
        ((0.52, {"shake_mps2": CARE_MPS2}), (1.0, LIES), 0),
        ((0.45, {}), (1.0, LIES), 0),
        ((0.52, {}), (1.0, {"up": LYING}), 0),
        ((0.52, {}), (1.0, {"still": True}), 0),
        ((0.52, {}), (3.5, LIES), 0),
    ],
    ids=["lies", "not felt", "not suspected", "moves", "upright", "much later"],
)
def test_a_suspicion_with_a_shock_is_a_fall_once_they_lie_still(
    suspicion: tuple[float, dict], after: tuple[float, dict], alarms: int
) -> None:
    (score, felt), (later_s, how) = suspicion, after
    going = Person().does(10, shake_mps2=CARE_MPS2).does(0.3, fall=score, **felt).does(later_s, shake_mps2=CARE_MPS2)
    assert alarm_spans(going.windows) == []
    assert len(alarm_spans(going.does(2, **how).windows)) == alarms


def test_who_sits_still_after_a_moments_doubt_has_not_fallen() -> None:
    doubted = Person().does(10, shake_mps2=CARE_MPS2).does(1, fall=0.9, shake_mps2=CARE_MPS2)
    said = list(verdicts(doubted.does(60, still=True).windows))
    assert {verdict.fall for verdict in said} == {FallState.NONE}
    assert said[-1].state is NORMAL


def test_where_no_shock_is_asked_for_the_models_word_is_enough() -> None:
    windows = careful().windows
    assert alarm_spans(windows) == []
    assert len(alarm_spans(windows, shock_mps2=0.0)) == 1


def test_who_wears_no_sensor_is_believed_to_have_fallen() -> None:
    nothing = {"up": (0.0, 0.0, 0.0), "still": True}
    assert len(alarm_spans(Person().does(10, **nothing).does(3, fall=0.9, **nothing).windows)) == 1


def test_each_fall_has_its_own_times() -> None:
    person = Person().does(5).does(1, fall=0.9).does(2).does(0.4, fall=0.9).does(12)
    said = list(verdicts(person.windows, off_s=1.0, refractory_s=0.0))
    first, second = alarm_spans(person.windows, off_s=1.0, refractory_s=0.0)
    assert (first[1], second[1]) == (pytest.approx(7, abs=0.1), pytest.approx(9.4, abs=0.1))
    recovered_s = [index / RATE_HZ for index, verdict in enumerate(said) if verdict.fall is FallState.RECOVERED]
    assert recovered_s[-1] == pytest.approx(9.4 + 5, abs=0.1)
    none_in_between = [verdict.fall for verdict in said[round(7.1 * RATE_HZ) : round(14.1 * RATE_HZ)]]
    assert FallState.NONE not in none_in_between


def test_a_fall_that_is_over_is_not_seen_again_in_the_same_windows() -> None:
    said = list(verdicts(scored([0.0] * 20 + [0.9] * 12 + [0.0] * 20), off_s=0.0))
    assert [verdict.fall for verdict in said[32:]] == [FallState.RECOVERED] * 20


def test_without_knowing_how_the_sensor_was_before_the_label_tells_who_lies() -> None:
    at_once = Person().does(5, fall=0.9, up=LYING, still=True).windows
    assert len(alarm_spans(at_once, wait_for_lying=True)) == 1


def test_a_sensor_worn_another_way_since_a_hole_makes_nobody_lie() -> None:
    monitor = AlarmMonitor(AlarmPolicy())
    for window in Person().does(10).windows:
        monitor.update(window)
    monitor.restart()
    turned = Person().does(0.5).does(1, 0.9, up=LYING).does(3, up=LYING).windows
    said = [monitor.update(replace(window, stamp_ns=window.stamp_ns + 20 * SECOND_NS)) for window in turned]
    assert ALARM in {verdict.state for verdict in said}
    assert said[-1].state is NORMAL, "half a second does not tell how the sensor was before"


def test_who_lies_before_and_after_a_hole_keeps_the_alarm() -> None:
    monitor, person = AlarmMonitor(AlarmPolicy()), Person().does(10).does(1, fall=0.9).does(5, up=LYING, still=True)
    for window in person.windows:
        monitor.update(window)
    monitor.restart()
    said = [monitor.update(evidence(60 + index / RATE_HZ, up=LYING, still=True)) for index in range(300)]
    assert {(verdict.state, verdict.fall) for verdict in said} == {(ALARM, FallState.FALLEN)}
