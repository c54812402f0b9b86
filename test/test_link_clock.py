"""Clocks: a device's own time, carried to the host's through jitter, drift, stalls and reboots."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from har_ros.link.clock import WRAP_US, ClockSync
from har_ros.link.session import Session, Tally


def stamps(drift: float, delays_ms: np.ndarray, boot_us: int = 0, rate_hz: float = 100.0):
    """Yield true time, arrival and the clock's stamp, all in ns, of a drifting device behind a slow network."""
    clock = ClockSync()
    arrived = 0
    for index, delay_ms in enumerate(delays_ms):
        true_ns = 10**18 + round(index * 1e9 / rate_hz)
        arrived = max(arrived, true_ns + round(delay_ms * 1e6))
        t_us = (boot_us + round(index * 1e6 / rate_hz * (1 + drift))) % WRAP_US
        yield true_ns, arrived, clock.stamp(t_us, arrived), clock


@pytest.mark.parametrize("drift", [-1e-4, 0.0, 5e-5])
@pytest.mark.parametrize("boot_us", [0, WRAP_US - 3_000_000])
def test_jitter_goes_and_drift_is_followed(drift: float, boot_us: int) -> None:
    delays = 3 + np.random.default_rng(1).exponential(15, 3000)
    late = [(stamp - true) / 1e6 for true, _, stamp, clock in stamps(drift, delays, boot_us)][1000:]
    assert np.std(late) < 0.5  # of arrivals: 15 ms
    assert abs(np.median(late) - 3) < 0.5


@settings(deadline=None)
@given(st.lists(st.floats(0, 300), min_size=2, max_size=300), st.floats(-1e-4, 1e-4))
def test_stamps_rise_and_are_never_after_the_arrival(delays: list[float], drift: float) -> None:
    last = 0
    for _, arrived, stamp, _ in stamps(drift, np.array(delays)):
        assert stamp > last
        assert stamp <= max(arrived, last + 1)
        last = stamp


def test_a_reboot_starts_the_clock_anew() -> None:
    clock = ClockSync()
    for index in range(300):
        clock.stamp(5_000_000_00 + index * 10_000, 10**18 + index * 10_000_000)
    assert clock.is_synced
    stamp = clock.stamp(1000, 10**18 + 3_500_000_000)
    assert not clock.is_synced
    assert clock.resets == 1
    assert stamp == 10**18 + 3_500_000_000


@pytest.mark.parametrize("stall_s", [3, 10])
def test_what_a_stall_held_back_is_stamped_as_it_was_taken(stall_s: int) -> None:
    delays = np.full(600 + 100 * stall_s, 3.0)
    delays[500:] = 3 + np.maximum(0, stall_s * 1000 - 10 * np.arange(len(delays) - 500))  # all at once, at its end
    said = list(stamps(2e-5, delays))
    assert max(abs(stamp - true) / 1e6 for true, _, stamp, _ in said[500:]) < 10
    assert said[-1][3].resets == 0


@pytest.mark.parametrize("drift", [-1e-4, 1e-4])
def test_stalls_neither_lift_nor_tilt_the_line(drift: float) -> None:
    delays = 3 + np.random.default_rng(2).exponential(4, 6000)
    for begin in range(500, 6000, 1500):
        delays[begin : begin + 90] += np.linspace(900, 0, 90)
    late = [(stamp - true) / 1e6 for true, _, stamp, _ in stamps(drift, delays)][1000:]
    assert 2 < min(late) <= max(late) < 4


def test_a_slower_path_does_not_move_the_stamps_at_once() -> None:
    delays = 3 + np.random.default_rng(3).exponential(4, 4000)
    delays[3000:] += 40
    late = [(stamp - true) / 1e6 for true, _, stamp, _ in stamps(2e-5, delays)][1000:]
    assert max(late) < 5


@pytest.mark.parametrize("error", [-0.03, -0.005, 0.005, 0.03])
def test_a_device_that_counts_samples_in_place_of_time_is_followed(error: float) -> None:
    delays = 3 + np.random.default_rng(4).exponential(15, 6000)
    late = [(stamp - true) / 1e6 for true, _, stamp, _ in stamps(error, delays)][3000:]
    assert np.std(late) < 2  # of arrivals: 15 ms
    assert abs(np.median(late) - 3) < 3


@pytest.mark.parametrize(
    "more_ms",
    [
        lambda at_s: np.interp(at_s, [20, 45], [0, 1000]),
        lambda at_s: 400 * (at_s / 12 % 1),
        lambda at_s: np.where((at_s > 1.5) & (at_s < 5.5), 800, 0),
    ],
)
def test_a_queue_that_fills_is_no_drift_and_raises_no_doubt(more_ms) -> None:
    delays = 3 + np.random.default_rng(6).exponential(4, 6000) + more_ms(np.arange(6000) / 100)
    said = list(stamps(2e-5, delays))
    late = [(stamp - true) / 1e6 for true, _, stamp, _ in said[800:4500]]
    assert said[-1][3].keeps_time
    assert -5 < min(late) <= max(late) < 60


@pytest.mark.parametrize("rate", [1e-3, 0.5, 2.0, 100.0])
def test_what_is_no_clock_is_not_followed(rate: float) -> None:
    delays = 3 + np.random.default_rng(5).exponential(15, 3000)
    said = list(stamps(rate - 1, delays))
    clock = said[-1][3]
    assert not clock.keeps_time and not clock.is_synced
    assert all(stamp == arrived or stamp - arrived < 1000 for _, arrived, stamp, _ in said[1000:])


@pytest.mark.parametrize("stall_s", [1, 10])
def test_a_stall_soon_after_the_start_raises_no_doubt(stall_s: int) -> None:
    delays = np.full(1000 + 100 * stall_s, 3.0)
    delays[120:] = 3 + np.maximum(0, stall_s * 1000 - 10 * np.arange(len(delays) - 120))
    said = list(stamps(2e-5, delays))
    assert max(abs(stamp - true) / 1e6 for true, _, stamp, _ in said[120:]) < 10


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, WRAP_US - 1), st.integers(0, 10**10)), min_size=1, max_size=100))
def test_whatever_the_device_says_the_time_is_stamps_rise_up_to_the_arrival(steps: list[tuple[int, int]]) -> None:
    clock = ClockSync()
    arrived, last = 10**15, 0
    for t_us, wait_ns in steps:
        arrived += wait_ns
        stamp = clock.stamp(t_us, arrived)
        assert last < stamp <= max(arrived, last + 1)
        last = stamp


def test_stamps_follow_the_hosts_clock_when_it_is_set() -> None:
    readings: list = []
    session = Session(Tally(), "", readings.append)
    session.admit()
    hour_ns = 3600 * 10**9
    for index in range(300):
        steady_ns = 10**12 + index * 10_000_000
        host_ns = steady_ns + 10**18 + (hour_ns if index >= 200 else 0)
        session.feed(f"{index},{index * 10_000},0,0,9.8\n".encode(), host_ns, steady_ns)
    gaps = np.diff([reading.stamp_ns for reading in readings])
    assert gaps[199] == pytest.approx(hour_ns + 10_000_000, abs=1000)
    assert np.allclose(np.delete(gaps, 199), 10_000_000, atol=1000)
