"""What can be a body's readings: whatever people do, and nothing that a broken sensor or another unit gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from har_ros.core.body import BodyWatch
from har_ros.simulation.live import SimulatedPerson

SAMPLE_NS = 10_000_000
RNG = np.random.default_rng(0)


def walk(seconds: float) -> np.ndarray:
    return RNG.normal((0, 0, 9.8), 2, (round(100 * seconds), 3)).astype(np.float32)


def believed_for_s(readings: np.ndarray) -> float:
    """Return how long readings that come after 3 s of walking are taken for a body's; 9 for ever."""
    watch = BodyWatch()
    for number, reading in enumerate(np.concatenate([walk(3), readings.astype(np.float32)])):
        watch.note(number * SAMPLE_NS, reading)
        if not watch.is_body:
            return number / 100 - 3
    return 9.0


@pytest.mark.parametrize("scenario", ["falls", "false_alarms", "all_six"])
def test_whatever_people_do_is_believed(scenario: str) -> None:
    person, watch = SimulatedPerson(scenario, seed=3), BodyWatch()
    for at_s, accel_mps2, _ in person.imu():
        watch.note(round(at_s * 1e9), accel_mps2)
        assert watch.is_body, f"at {at_s:.2f} s"
        if at_s > person.duration_s:
            break


@pytest.mark.parametrize(
    ("readings", "least_s", "most_s"),
    [
        (np.zeros((300, 3)), 0.05, 0.15),
        (np.full((300, 3), 39.2), 0.05, 0.15),  # an axis each at the end of its range
        (RNG.normal(0, 0.1, (300, 3)), 0.4, 0.9),
        (walk(3) / 9.8, 0.4, 1.1),
        (walk(3) * 100, 0.0, 0.1),
    ],
    ids=["zeros", "saturated", "noise round zero", "in g", "in cm/s^2"],
)
def test_no_broken_sensor_and_no_other_unit_is_believed(readings: np.ndarray, least_s: float, most_s: float) -> None:
    assert least_s <= believed_for_s(readings) <= most_s


@pytest.mark.parametrize(
    "readings",
    [
        np.tile([0.1, 0.0, 9.7], (300, 1)),  # a coarse sensor on a shelf
        np.concatenate([np.zeros((6, 3)), walk(1)]),
        np.concatenate([walk(0.1) / 20 + [0, 0, 0.5] for _ in range(5)]),  # half a second of free fall
        np.concatenate([RNG.normal(0, 90, (9, 3)), walk(1)]),  # a hard landing
    ],
    ids=["rest", "a moment of zeros", "free fall", "landing"],
)
def test_what_a_body_may_feel_is_believed(readings: np.ndarray) -> None:
    assert believed_for_s(readings) == 9.0


def test_a_mended_sensor_is_believed_again() -> None:
    watch = BodyWatch()
    for number, reading in enumerate(np.concatenate([walk(2), np.zeros((200, 3), np.float32), walk(1)])):
        watch.note(number * SAMPLE_NS, reading)
    assert watch.is_body


directions = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda each: np.linalg.norm(each) > 0.1)


@given(st.lists(st.tuples(directions, st.floats(3, 39)), min_size=1, max_size=60), st.integers(1, 300))
def test_readings_of_a_likely_size_that_change_are_believed(
    given_readings: list[tuple[tuple[float, ...], float]], gap_ms: int
) -> None:
    watch = BodyWatch()
    assert watch.is_body
    for number, (direction, size_mps2) in enumerate(given_readings):
        turned = np.array(direction) if number % 2 else -np.array(direction)
        reading = size_mps2 * turned / np.linalg.norm(turned) + [0, 0, 1e-4 * number]
        watch.note(number * gap_ms * 1_000_000, reading.astype(np.float32))
        assert watch.is_body
