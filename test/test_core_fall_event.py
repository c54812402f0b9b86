"""A fall as an event: lying still or up again, and what a hole or a lost sensor changes."""

from dataclasses import replace
from itertools import pairwise

import pytest
from evidence_maker import (
    CARE_MPS2,
    LIES,
    LYING,
    NO_SENSOR,
    RATE_HZ,
    SECOND_NS,
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
    said = list(verdicts(fallen.does(60, fall=model, **NO_SENSOR).windows))
    assert (said[-1].state, said[-1].fall) == (ALARM, FallState.FALLEN)
    walks = list(verdicts(fallen.does(2, on_foot=0.95, **NO_SENSOR).windows))
    assert (walks[-1].state, walks[-1].fall) == (NORMAL, FallState.RECOVERED)


@pytest.mark.parametrize(
    ("between", "falls_again", "alarms"),
    [
        ((60, NO_SENSOR), {"fall": 0.95, **NO_SENSOR}, 2),
        ((60, {"up": LYING}), {"fall": 0.95, "up": LYING}, 2),
        ((60, {"up": LYING}), {"fall": 0.95, **LIES}, 1),
        ((60, {"up": LYING}), {"fall": 0.65, "up": LYING, "shake_mps2": CARE_MPS2}, 1),
        ((1, {"up": LYING}), {"fall": 0.95, "up": LYING}, 1),
        ((60, {"fall": 0.6, "up": LYING}), {"fall": 0.95, "up": LYING}, 1),
    ],
    ids=["sensor died", "leans back", "lies on", "only suspected", "wavers", "suspected throughout"],
)
def test_who_falls_again_though_the_first_fall_never_ended_is_told_of(
    between: tuple[float, dict], falls_again: dict, alarms: int
) -> None:
    monitor, on = AlarmMonitor(AlarmPolicy()), []
    fallen = Person().does(10).does(1, fall=0.9).does(3, fall=0.9, **LIES)
    acknowledged_at = len(fallen.windows)
    (seconds, how) = between
    windows = fallen.does(seconds, **how).does(3, **falls_again).does(5, **LIES).windows
    for index, window in enumerate(windows):
        if index == acknowledged_at:
            assert monitor.acknowledge()
        on.append(monitor.update(window).state is ALARM)
    assert sum(later and not earlier for earlier, later in pairwise(on)) == alarms
    assert on[-1] == (alarms == 2)


@pytest.mark.parametrize(
    ("later", "gap_s"),
    [(NO_SENSOR, 0.0), ({"up": LYING}, 0.0), (LIES, 0.08)],
    ids=["sensor dies", "is moved", "samples lost"],
)
def test_a_label_that_wavers_over_somebody_who_lies_raises_no_other_alarm(later: dict, gap_s: float) -> None:
    monitor = AlarmMonitor(AlarmPolicy())
    fallen = Person().does(10).does(1, fall=0.9).does(5, fall=0.9, **LIES)
    for window in fallen.windows:
        monitor.update(window)
    assert monitor.acknowledge()
    begun = len(fallen.windows)
    fallen.does(3, **LIES).does(60, fall=0.95, **LIES).does(10, fall=0.95, **later).does(3, **LIES)
    windows = fallen.does(3, fall=0.95, **LIES).windows[begun:]
    said = {monitor.update(replace(window, gap_s=gap_s)).state for window in windows}
    assert said == {SUSPECT}


def test_a_second_fall_holds_the_strict_alarm_of_the_first() -> None:
    twice = Person().does(10).does(1, fall=0.9).does(5, **LIES).does(2, fall=0.9, up=LYING).does(5, **LIES)
    said = list(verdicts(twice.windows, wait_for_lying=True))
    begun = next(index for index, verdict in enumerate(said) if verdict.state is ALARM)
    assert {verdict.state for verdict in said[begun:]} == {ALARM}
    assert FallState.FALL in {verdict.fall for verdict in said[begun:]}, "it is another one"


def test_a_sensor_that_was_gone_for_long_may_be_worn_another_way() -> None:
    away = Person().does(10).does(20, **NO_SENSOR).does(0.5, up=LYING)
    said = list(verdicts(away.does(0.3, fall=0.52, up=LYING).does(5, **LIES).windows))
    assert ALARM not in {verdict.state for verdict in said}, "put on turned, and not turned by a fall"


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


def slumped() -> Person:
    """Return somebody who has fallen, and sits on the floor with the sensor upright, which the model calls no fall."""
    return Person().does(10).does(1, fall=0.65).does(20, still=True)


def test_who_has_not_moved_since_a_fall_is_not_up_though_the_model_sees_none() -> None:
    said = list(verdicts(slumped().windows))
    assert (said[-1].state, said[-1].fall) == (ALARM, FallState.FALL)
    said = list(verdicts(slumped().does(2).windows))
    assert (said[-1].state, said[-1].fall) == (NORMAL, FallState.RECOVERED)
    assert list(verdicts(slumped().does(5, **NO_SENSOR).windows))[-1].state is ALARM, "silence is no movement"
    assert list(verdicts(slumped().does(2, still=True, on_foot=0.9).windows))[-1].state is NORMAL, "it was taken off"


def test_who_rests_upright_for_long_after_a_fall_is_free_to_fall_again() -> None:
    rests = slumped().does(60, still=True)
    (span,) = alarm_spans(rests.windows)
    assert span[1] == pytest.approx(10.5 + 30 + 1, abs=0.1)
    assert len(alarm_spans(rests.does(0.5).does(2, fall=0.95).does(5, **LIES).windows)) == 2


def test_who_rests_upright_is_free_though_time_begins_again() -> None:
    monitor = AlarmMonitor(AlarmPolicy())
    for window in slumped().windows:
        monitor.update(replace(window, stamp_ns=window.stamp_ns + 7000 * SECOND_NS))
    monitor.restart()
    said = [monitor.update(window).state for window in Person().does(60, still=True).windows]
    assert (said[0], said[-1]) == (ALARM, NORMAL)


def test_without_a_sensor_a_fall_is_over_when_the_pictures_show_none() -> None:
    windows = Person().does(10, **NO_SENSOR).does(1, fall=0.9, **NO_SENSOR).does(3, **NO_SENSOR).windows
    ((_, end_s),) = alarm_spans(windows)
    assert end_s == pytest.approx(12, abs=0.1)


def test_a_tilt_seen_before_the_sensor_fell_silent_is_that_of_who_lies() -> None:
    windows = Person().does(10).does(0.3, fall=0.9, up=LYING).does(2, fall=0.9, **NO_SENSOR).does(60, **NO_SENSOR)
    assert list(verdicts(windows.windows))[-1].state is ALARM


@pytest.mark.parametrize("back_s", [7000.0, 60.0])
def test_time_may_begin_again_in_the_middle_of_a_fall(back_s: float) -> None:
    monitor = AlarmMonitor(AlarmPolicy(wait_for_lying=True))
    before = Person().does(10).does(1, fall=0.9).windows
    for window in before:
        monitor.update(replace(window, stamp_ns=window.stamp_ns + round(back_s * SECOND_NS)))
    monitor.restart()
    falls_again = Person().does(20).does(1, fall=0.9).does(3, **LIES).windows
    assert [monitor.update(window).state for window in falls_again][-1] is ALARM


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
