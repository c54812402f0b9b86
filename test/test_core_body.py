"""What can be a body's readings: whatever people do with whatever sensor, and nothing that a broken one gives."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import count

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from har_ros.core.body import BodyWatch
from har_ros.simulation.live import SimulatedPerson

RATE_HZ = 100
G_MPS2 = 9.80665
Readings = np.ndarray  # (n, 3), m/s^2


@cache
def person(scenario: str) -> Readings:
    """Return the readings of a simulated person who does a scenario once."""
    someone = SimulatedPerson(scenario, seed=3, imu_rate_hz=RATE_HZ)
    return np.array([accel for _, (_, accel, _) in zip(range(int(RATE_HZ * someone.duration_s)), someone.imu())])


def walk(seconds: float) -> Readings:
    return np.random.default_rng(0).normal((0, 0, 9.8), 2, (round(RATE_HZ * seconds), 3))


def coarse(readings: Readings, step_g: float, offset_g: float) -> Readings:
    return np.round((readings / G_MPS2 + offset_g) / step_g) * step_g * G_MPS2


def disbelieved(readings: Readings, rate_hz: float = RATE_HZ) -> Readings:
    """Return the times, s, at which readings are not taken for a body's."""
    watch, times_s = BodyWatch(), []
    for number, reading in enumerate(readings.astype(np.float32)):
        watch.note(round(1e9 * number / rate_hz), reading)
        if not watch.is_body:
            times_s.append(number / rate_hz)
    return np.array(times_s)


SENSORS: dict[str, tuple[Callable[[Readings], Readings], float]] = {
    "fine": (lambda readings: readings, RATE_HZ),
    "10 Hz": (lambda readings: readings[::10], 10),
    "holds what it measured at 5 Hz": (lambda readings: readings[::20].repeat(20, axis=0), RATE_HZ),
    "8 bit, 16 g, off by 0.2 g": (lambda readings: coarse(readings, 0.125, 0.2), RATE_HZ),
    "clips at 2 g": (lambda readings: readings.clip(-2 * G_MPS2, 2 * G_MPS2), RATE_HZ),
    "a scale of 0.8": (lambda readings: 0.8 * readings, RATE_HZ),
    "a scale of 1.2": (lambda readings: 1.2 * readings, RATE_HZ),
}


@pytest.mark.parametrize("sensor", SENSORS)
@pytest.mark.parametrize("scenario", ["falls", "false_alarms", "all_six"])
def test_whatever_people_do_is_believed(scenario: str, sensor: str) -> None:
    feel, rate_hz = SENSORS[sensor]
    assert len(disbelieved(feel(person(scenario)), rate_hz)) == 0


@pytest.mark.parametrize(
    "event",
    [
        np.random.default_rng(0).normal(0, 0.3, (75, 3)),  # from nearly 3 m
        np.zeros((75, 3)),
        np.random.default_rng(0).normal(0, 160, (10, 3)),
    ],
    ids=["a drop", "a drop that a coarse sensor feels as 0", "a hard landing"],
)
def test_the_worst_that_may_happen_to_a_body_is_believed(event: Readings) -> None:
    assert len(disbelieved(np.concatenate([walk(3), event, walk(3)]))) == 0


def test_an_impact_after_a_hole_is_believed() -> None:
    watch = BodyWatch()
    for at_s, size_mps2 in ((0.0, 9.8), (0.01, 9.8), (0.24, 270.0)):
        watch.note(round(1e9 * at_s), np.array([0, 0, size_mps2], np.float32))
    assert watch.is_body


@pytest.mark.parametrize(
    "readings",
    [np.zeros((200, 3)), np.random.default_rng(0).normal(0, 0.1, (200, 3)), walk(2) / 9.8, walk(2) * 100],
    ids=["zeros", "noise round zero", "in g", "in cm/s^2"],
)
def test_no_dead_sensor_and_no_other_unit_is_believed_for_long(readings: Readings) -> None:
    dead_s = disbelieved(np.concatenate([walk(3), readings, walk(2)]))
    assert 3 <= dead_s.min() < 4.2 and {round(at_s, 2) for at_s in dead_s} >= {4.2, 4.5, 4.99}
    assert dead_s.max() < 6, "it is mended"


whatever = st.lists(st.floats(0, 1000), max_size=50)


@given(whatever, st.floats(0, 1.9) | st.floats(41, 1000), st.floats(2.1, 39.9), st.floats(10, 200))
def test_whatever_came_before_soon_the_newest_count(
    before: list[float], unlikely: float, likely: float, rate_hz: float
) -> None:
    watch, numbers = BodyWatch(), count()
    for sizes_mps2, is_body in (([*before, *[unlikely] * round(4 * rate_hz)], False), ([likely] * 800, True)):
        for number, size_mps2 in zip(numbers, sizes_mps2):
            watch.note(round(1e9 * number / rate_hz), np.array([0, size_mps2, 0], np.float32))
        assert watch.is_body == is_body
