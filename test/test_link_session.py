"""What a session makes of samples without a clock, units that are said late, and readings that can't be right."""

from __future__ import annotations

import numpy as np
import pytest
from link_rig import running, udp_sender, until

from har_ros.core.windows import ImuTrack
from har_ros.link.session import Session, StampedReading, Tally

START_NS = 10**12
PERIOD_NS = 10_000_000


def fed(burst: int, count: int = 200) -> list[StampedReading]:
    """Return what a session gives of samples at 100 Hz, in the paper's form, that come `burst` at a time."""
    readings: list[StampedReading] = []
    session = Session(Tally(), "", readings.append)
    session.admit()
    for last in range(burst - 1, count, burst):
        lines = "".join(f"{index},0,9.8\n" for index in range(last - burst + 1, last + 1))
        arrived_ns = START_NS + last * PERIOD_NS
        session.feed(lines.encode(), arrived_ns, arrived_ns)
    return readings


@pytest.mark.parametrize("burst", [1, 2, 4])
def test_samples_that_come_together_are_spread_over_the_time_since_those_before(burst: int) -> None:
    stamps_ns = np.array([reading.stamp_ns for reading in fed(burst)])
    assert np.allclose(stamps_ns[burst:], START_NS + np.arange(burst, len(stamps_ns)) * PERIOD_NS, atol=1000)


@pytest.mark.parametrize("burst", [1, 4, 50])
def test_no_sample_is_lost_because_it_came_with_others(burst: int) -> None:
    track, readings = ImuTrack(), fed(burst)
    for reading in readings:
        assert track.add(reading.stamp_ns, np.array(reading.accel_mps2, np.float32))
    assert len(track) == len(readings) == 200
    assert all(reading.stamp_ns <= START_NS + 199 * PERIOD_NS for reading in readings)


@pytest.mark.parametrize("token", ["", "secret"])
def test_datagrams_before_the_hello_are_in_its_units(token: str) -> None:
    with running(mode="udp", token=token) as (link, readings), udp_sender(link.stats().bound_port) as sock:
        for _ in range(3):
            sock.send(b"0,0,1\n")
        sock.send(b"#har-imu 1 id=x units=g" + (f" token={token}".encode() if token else b"") + b"\n0,0,1\n")
        assert until(lambda: len(readings) == 4)
        assert [reading.accel_mps2[2] for reading in readings] == pytest.approx([9.80665] * 4)


@pytest.mark.parametrize("units", ["m/s2", "g"])
def test_a_device_without_a_hello_is_in_the_units_that_are_set(units: str) -> None:
    with running(mode="udp", units=units) as (link, readings), udp_sender(link.stats().bound_port) as sock:
        sock.send(b"0,0,1\n")
        assert until(lambda: bool(readings))
        assert readings[0].accel_mps2[2] == pytest.approx(9.80665 if units == "g" else 1)
        assert link.stats().accel_mps2 == pytest.approx(9.80665 if units == "g" else 1)


def test_what_a_device_saved_up_while_it_was_away_does_not_turn_time_back() -> None:
    readings: list[StampedReading] = []
    for arrived_ns in (START_NS, START_NS + 10**9):  # a new connection each time
        session = Session(Tally(), "", readings.append)
        session.admit()
        session.feed(b"0,0,9.8\n" * 100, arrived_ns, arrived_ns)
    stamps_ns = [reading.stamp_ns for reading in readings]
    assert stamps_ns == sorted(set(stamps_ns))
