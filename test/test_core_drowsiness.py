"""Drowsiness: alarms come from the minute and from long episodes, never from blinks."""

import itertools

import pytest
from evidence_maker import RATE_HZ, SECOND_NS, Person, alarm_spans, evidence, verdicts
from hypothesis import given
from hypothesis import strategies as st

from har_ros.core.alarm_policy import BLINK_S, AlarmPolicy
from har_ros.core.decision import AlarmMonitor, AlarmState
from har_ros.core.drowsiness import MINUTE_S, DrowsyMinute

STREAMS = st.lists(
    st.tuples(st.sampled_from((1 / 30, 1 / 10, 0.4, 0.9)), st.sampled_from((0.0, 0.3, 0.6, 0.9))),
    min_size=1,
    max_size=300,
)


def closures(*lengths_s: float, open_s: float = 5.0, rate_hz: float = RATE_HZ) -> Person:
    """Return a person whose eyes close so often and so long."""
    person = Person(rate_hz).does(open_s)
    for length_s in lengths_s:
        person.does(length_s, drowsiness=0.95).does(open_s)
    return person


def test_a_blink_never_alarms_and_a_closure_does_if_the_settings_say_so() -> None:
    for policy in ({}, {"drowsy_episode_s": BLINK_S, "drowsy_share": 0.001}):
        assert alarm_spans(closures(0.15).windows, **policy) == []
    closed = closures(1.5).windows
    assert alarm_spans(closed) == []
    ((begin_s, end_s),) = alarm_spans(closed, drowsy_episode_s=1.4)
    assert begin_s == pytest.approx(5 + 1.4, abs=0.1)
    assert end_s == pytest.approx(5 + 1.5 + 5, abs=0.2)


@given(st.lists(st.floats(0.04, 0.45), max_size=60), st.floats(0.1, 3))
def test_blinks_never_alarm_however_many(lengths_s: list[float], open_s: float) -> None:
    windows = closures(*lengths_s, open_s=open_s).windows
    assert alarm_spans(windows, drowsy_episode_s=BLINK_S, drowsy_share=0.001) == []
    assert {verdict.drowsiness for verdict in verdicts(windows)} == {0.0}


def test_many_short_episodes_in_a_minute_alarm_by_their_share() -> None:
    windows = closures(*[1.5] * 12, open_s=3.0).windows
    ((begin_s, _),) = alarm_spans(windows, drowsy_off_s=60.0)
    assert 39 < begin_s < 39.6, "with the ninth: 20 % are 12 s, and eight are 12 s less the time of a window each"
    assert alarm_spans(closures(*[1.5] * 12, open_s=7.0).windows) == [], "seven in any minute are too few"


@pytest.mark.parametrize("rate_hz", [5.0, 15.0, 30.0, 60.0])
def test_the_alarm_follows_time_not_the_number_of_windows(rate_hz: float) -> None:
    ((begin_s, end_s),) = alarm_spans(Person(rate_hz).does(5).does(6, drowsiness=0.9).does(20).windows)
    assert begin_s == pytest.approx(8, abs=0.25)
    assert end_s == pytest.approx(16, abs=0.25)


@given(STREAMS)
def test_the_share_is_that_of_the_trailing_minute(stream: list[tuple[float, float]]) -> None:
    minute = DrowsyMinute(AlarmPolicy(drowsy_share=1.0, drowsy_episode_s=1e9))
    ends_s = [0.0, *itertools.accumulate(gap_s for gap_s, _ in stream)][1:]
    episodes: list[list[float]] = []  # [begin, end], found the slow way
    lasts = False
    for end_s, (_, probability) in zip(ends_s, stream):
        minute.update(round(end_s * SECOND_NS), probability)
        if lasts and probability >= 0.5:
            episodes[-1][1] = end_s
        elif probability >= 0.7:
            episodes.append([end_s, end_s])
        lasts = probability >= 0.7 or (lasts and probability >= 0.5)
        counted = (
            max(0.0, last_s - max(begin_s, end_s - MINUTE_S))
            for begin_s, last_s in episodes
            if round((last_s - begin_s) * SECOND_NS) >= BLINK_S * SECOND_NS
        )
        assert minute.share == pytest.approx(sum(counted) / MINUTE_S, abs=1e-6)


@given(STREAMS)
def test_every_alarm_had_a_long_episode_or_a_large_share(stream: list[tuple[float, float]]) -> None:
    monitor, end_s, was_on = AlarmMonitor(AlarmPolicy()), 0.0, False
    for gap_s, probability in stream:
        end_s += gap_s
        verdict = monitor.update(evidence(end_s, drowsiness=probability))
        on = verdict.state is AlarmState.ALARM
        if on and not was_on:
            assert probability >= 0.5
            assert verdict.drowsiness >= min(3.0 / MINUTE_S, 0.2) - 1e-9
        was_on = on


def test_acknowledged_drowsiness_alarms_again_when_it_goes_on() -> None:
    monitor = AlarmMonitor(AlarmPolicy())
    windows = Person().does(12, drowsiness=0.9).windows
    said = [monitor.update(window).state for window in windows[:150]]
    assert said[-1] is AlarmState.ALARM
    assert monitor.acknowledge()
    said = [monitor.update(window).state for window in windows[150:]]
    assert said[0] is said[80] is AlarmState.SUSPECT
    assert said[-1] is AlarmState.ALARM


def test_a_hole_neither_counts_as_drowsy_nor_wipes_the_minute() -> None:
    monitor = AlarmMonitor(AlarmPolicy())
    for window in Person().does(2, drowsiness=0.9).windows:
        before = monitor.update(window)
    monitor.restart()
    after = monitor.update(evidence(30.0, drowsiness=0.9))
    assert before.drowsiness == after.drowsiness == pytest.approx(2 / MINUTE_S, abs=1e-3)
    assert after.state is AlarmState.SUSPECT
    monitor.restart()
    assert monitor.update(evidence(1.0)).drowsiness == 0, "a recording that begins again"


def test_more_than_a_minute_of_drowsiness_is_a_whole_one() -> None:
    assert list(verdicts(closures(100.0).windows))[round(104 * RATE_HZ)].drowsiness == 1.0


def test_a_minute_later_it_is_forgotten() -> None:
    said = list(verdicts(closures(2.0, open_s=60.0).does(3).windows))
    assert said[round(62 * RATE_HZ) - 1].drowsiness == pytest.approx(2 / MINUTE_S, abs=1e-3)
    assert said[-1].drowsiness == 0
