"""What this package needs of message_filters, asked of our own classes and of the real ones."""

from __future__ import annotations

import importlib
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("rclpy", reason="needs the ROS wheels or a ROS installation")
from rclpy.clock import ClockType
from rclpy.time import Time

from har_ros.nodes import message_filters as chosen
from har_ros.nodes import own_message_filters as own

try:
    REAL: ModuleType | None = importlib.import_module("message_filters")
except ModuleNotFoundError:
    REAL = None

IMPLEMENTATIONS = [pytest.param(own, id="own")] + ([pytest.param(REAL, id="real")] if REAL else [])
MS = 1_000_000
SLOP_MS = 5

# One arrival: which topic, and its stamp on a grid so coarse that ties and exact slops happen often.
arrivals = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 40)), max_size=80)


def message(stamp_ms: int, number: int = 0) -> Any:
    """Return a stand-in for any stamped message."""
    return SimpleNamespace(header=SimpleNamespace(stamp=ros_time(stamp_ms).to_msg()), number=number)


def stamp_ms(of: Any) -> int:
    return int(Time.from_msg(of.header.stamp).nanoseconds // MS)


def ros_time(ms: int) -> Time:
    return Time(nanoseconds=ms * MS, clock_type=ClockType.ROS_TIME)


def groups_of(module: Any, stream: list[tuple[int, int]], topics: int, queue: int) -> list[tuple[int, ...]]:
    """Feed a stream to a module's approximate synchroniser; return each group's arrival numbers."""
    sources = [own.SimpleFilter() for _ in range(topics)]
    synchroniser = module.ApproximateTimeSynchronizer(sources, queue, SLOP_MS / 1000)
    groups: list[tuple[int, ...]] = []
    synchroniser.registerCallback(lambda *group: groups.append(tuple(one.number for one in group)))
    for number, (topic, stamp) in enumerate(stream):
        sources[topic % topics].signalMessage(message(stamp, number))
    return groups


def test_the_real_package_is_used_where_it_is_installed() -> None:
    assert chosen.ApproximateTimeSynchronizer is (REAL or own).ApproximateTimeSynchronizer
    assert chosen.Cache is (REAL or own).Cache


@pytest.mark.parametrize("module", IMPLEMENTATIONS)
@given(stream=arrivals, topics=st.integers(2, 3), queue=st.integers(1, 8))
@settings(max_examples=60, deadline=None)
def test_groups_are_close_and_no_message_is_used_twice(
    module: Any, stream: list[tuple[int, int]], topics: int, queue: int
) -> None:
    groups = groups_of(module, stream, topics, queue)
    used = [number for group in groups for number in group]
    assert len(used) == len(set(used))
    for group in groups:
        assert [stream[number][0] % topics for number in group] == list(range(topics))
        stamps = [stream[number][1] for number in group]
        assert max(stamps) - min(stamps) < SLOP_MS


@pytest.mark.parametrize("module", IMPLEMENTATIONS)
@given(stream=arrivals, queue=st.integers(1, 8))
@settings(max_examples=60, deadline=None)
def test_every_arrival_takes_its_nearest_waiting_partner(
    module: Any, stream: list[tuple[int, int]], queue: int
) -> None:
    stream = [(topic % 2, stamp) for topic, stamp in stream]
    assert groups_of(module, stream, 2, queue) == nearest_partner_groups(stream, queue)


def nearest_partner_groups(stream: list[tuple[int, int]], queue: int) -> list[tuple[int, int]]:
    """Say the rule for two topics over again, as plainly as it can be said."""
    waiting: list[dict[int, int]] = [{}, {}]  # stamp -> arrival number; an equal stamp replaces
    groups = []
    for number, (topic, stamp) in enumerate(stream):
        mine, others = waiting[topic], waiting[1 - topic]
        mine[stamp] = number
        if len(mine) > queue:
            mine.pop(min(mine))
        partner = min(others, key=lambda other: abs(other - stamp), default=None)
        if stamp in mine and partner is not None and abs(partner - stamp) < SLOP_MS:
            pair = (mine.pop(stamp), others.pop(partner))
            groups.append(pair if topic == 0 else pair[::-1])
    return groups


@pytest.mark.skipif(REAL is None, reason="message_filters is not installed")
@given(stream=arrivals, topics=st.integers(2, 3), queue=st.integers(1, 8))
@settings(max_examples=200, deadline=None)
def test_ours_pairs_as_the_real_one(stream: list[tuple[int, int]], topics: int, queue: int) -> None:
    assert groups_of(own, stream, topics, queue) == groups_of(REAL, stream, topics, queue)


@pytest.mark.parametrize("module", IMPLEMENTATIONS)
@given(
    stream=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 12)), max_size=40), queue=st.integers(1, 5)
)
@settings(max_examples=60, deadline=None)
def test_exact_synchroniser_groups_equal_stamps(
    module: Any, stream: list[tuple[int, int]], queue: int
) -> None:
    sources = [own.SimpleFilter(), own.SimpleFilter()]
    groups: list[tuple[int, int]] = []
    module.TimeSynchronizer(sources, queue).registerCallback(
        lambda first, second: groups.append((first.number, second.number))
    )
    waiting: list[dict[int, int]] = [{}, {}]
    expected = []
    for number, (topic, stamp) in enumerate(stream):
        sources[topic].signalMessage(message(stamp, number))
        waiting[topic][stamp] = number
        if len(waiting[topic]) > queue:
            waiting[topic].pop(min(waiting[topic]))
        if stamp in waiting[0] and stamp in waiting[1]:
            expected.append((waiting[0].pop(stamp), waiting[1].pop(stamp)))
    assert groups == expected


@pytest.mark.parametrize("module", IMPLEMENTATIONS)
@given(
    stamps=st.lists(st.integers(0, 30), max_size=30),
    size=st.integers(1, 8),
    low=st.integers(0, 30),
    width=st.integers(0, 30),
)
@settings(max_examples=60, deadline=None)
def test_cache_answers_about_its_newest_arrivals(
    module: Any, stamps: list[int], size: int, low: int, width: int
) -> None:
    source = own.SimpleFilter()
    cache = module.Cache(source, cache_size=size)
    passed_on: list[int] = []
    cache.registerCallback(lambda one: passed_on.append(stamp_ms(one)))
    for stamp in stamps:
        source.signalMessage(message(stamp))
    kept, at = stamps[-size:], ros_time(low)
    until = ros_time(low + width)
    assert passed_on == stamps
    assert [stamp_ms(one) for one in cache.getInterval(at, until)] == [
        stamp for stamp in kept if low <= stamp <= low + width
    ]
    after, before = cache.getElemAfterTime(at), cache.getElemBeforeTime(at)
    assert (after and stamp_ms(after)) == next((stamp for stamp in kept if stamp >= low), None)
    assert (before and stamp_ms(before)) == next((stamp for stamp in kept[::-1] if stamp <= low), None)
    oldest, newest, last = cache.getOldestTime(), cache.getLastestTime(), cache.getLast()
    assert (oldest and oldest.nanoseconds) == (kept[0] * MS if kept else None)
    assert (newest and newest.nanoseconds) == (kept[-1] * MS if kept else None)
    assert (last and stamp_ms(last)) == next((stamp for stamp in kept if stamp >= kept[-1]), None)


@pytest.mark.parametrize("module", IMPLEMENTATIONS)
def test_headerless_messages_are_left_out_unless_allowed(module: Any) -> None:
    for allowed in (False, True):
        sources = [own.SimpleFilter(), own.SimpleFilter()]
        groups: list[tuple[Any, ...]] = []
        synchroniser = module.ApproximateTimeSynchronizer(sources, 5, 5.0, allow_headerless=allowed)
        synchroniser.registerCallback(lambda *group, groups=groups: groups.append(group))
        for source in sources:
            source.signalMessage(SimpleNamespace(data="no header"))
        assert len(groups) == int(allowed)


def test_ours_survives_a_callback_that_raises() -> None:
    sources = [own.SimpleFilter(), own.SimpleFilter()]
    calls: list[int] = []

    def fail_once(first: Any, _second: Any) -> None:
        calls.append(stamp_ms(first))
        if len(calls) == 1:
            raise RuntimeError("first time")

    own.ApproximateTimeSynchronizer(sources, 5, 0.005).registerCallback(fail_once)
    sources[0].signalMessage(message(1))
    with pytest.raises(RuntimeError):
        sources[1].signalMessage(message(1))
    for source in sources:
        source.signalMessage(message(2))
    assert calls == [1, 2]
