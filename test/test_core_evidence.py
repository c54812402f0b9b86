"""What a window's samples tell: rest, motion, and how far the sensor has turned."""

import math

import numpy as np
import pytest
from card_maker import make_card
from hypothesis import given
from hypothesis import strategies as st

from har_ros.core.evidence import angle_rad, gather_evidence, is_still
from har_ros.core.labels import LABELS
from har_ros.core.mount import rotation_matrix

CARD = make_card()
QUATERNIONS = st.lists(st.floats(-1, 1), min_size=4, max_size=4).filter(lambda q: np.linalg.norm(q) > 0.1)


def rest(size_mps2: float = 9.81, noise_mps2: float = 0.1) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, noise_mps2, (100, 3))
    return (np.array([0, 0, size_mps2]) + noise).astype(np.float32)


def step(rate_hz: float = 100.0) -> np.ndarray:
    t_s = np.arange(100) / rate_hz
    samples = rest()
    samples[:, 2] += 3 * np.sin(2 * np.pi * 2 * t_s).astype(np.float32)
    return samples


def test_rest_is_gravity_with_hardly_any_spread() -> None:
    assert is_still(rest())
    assert is_still(rest(9.0)), "a cheap sensor's offset"
    assert not is_still(step())
    assert not is_still(rest(0.0)), "free fall"
    assert not is_still(rest(14.0)), "a lift, or wrong units"


def test_a_shock_is_how_far_any_sample_was_from_gravity() -> None:
    for extreme_mps2 in (4.0, 16.0):
        samples = rest(noise_mps2=0.0)
        samples[37] = (0, extreme_mps2, 0)
        shock_mps2 = gather_evidence(CARD, 7, np.full(6, 1 / 6, np.float32), samples).shock_mps2
        assert shock_mps2 == pytest.approx(abs(extreme_mps2 - 9.80665), abs=1e-5)


def test_a_sensor_that_is_silent_or_repeats_itself_is_not_alive_and_feels_nothing() -> None:
    frozen, nothing = rest(0.0, noise_mps2=0.0), np.zeros((0, 3), np.float32)
    for samples, alive in ((nothing, False), (frozen, False), (rest(), True)):
        found = gather_evidence(CARD, 7, np.full(6, 1 / 6, np.float32), samples)
        assert found.alive == alive
        assert alive or found.shock_mps2 == 0


@given(QUATERNIONS)
def test_rest_and_turns_are_the_same_however_the_sensor_is_worn(quaternion: list[float]) -> None:
    mount = rotation_matrix(quaternion)
    for samples in (rest(), step()):
        assert is_still(samples @ mount.T) == is_still(samples)
    upright, lying = np.array([0.1, 0, 9.8]), np.array([9.7, 0.5, 0.3])
    assert angle_rad(mount @ upright, mount @ lying) == pytest.approx(angle_rad(upright, lying), abs=1e-5)


@given(st.floats(0, math.pi), st.floats(0.1, 30), st.floats(0.1, 30))
def test_an_angle_is_that_between_two_directions(angle: float, a_mps2: float, b_mps2: float) -> None:
    turned = np.array([math.sin(angle), 0.0, math.cos(angle)]) * b_mps2
    assert angle_rad(np.array([0.0, 0.0, a_mps2]), turned) == pytest.approx(angle, abs=1e-7)


def test_no_direction_has_no_angle() -> None:
    assert math.isnan(angle_rad(np.zeros(3), np.array([0.0, 0.0, 9.8])))


def test_a_window_is_read_by_the_models_own_anomalies() -> None:
    probabilities = np.array([0.1, 0.2, 0.05, 0.15, 0.2, 0.3], np.float32)
    found = gather_evidence(CARD, 7, probabilities, rest())
    assert (found.stamp_ns, found.still) == (7, True)
    assert (found.drowsiness, found.fall) == (pytest.approx(0.1), pytest.approx(0.2))
    assert (found.on_foot, found.score) == (pytest.approx(0.35), pytest.approx(0.3))
    assert found.up == pytest.approx([0, 0, 9.81], abs=0.05)
    nothing_felt = gather_evidence(CARD, 7, probabilities, np.zeros((0, 3), np.float32))
    assert nothing_felt.still and nothing_felt.up == (0, 0, 0)
    for anomaly_labels, fall, drowsiness in ((("FALL_OR_COLLAPSE", "JOGGING"), 0.25, 0), (LABELS[:1], 0, 0.1)):
        card = make_card(anomaly_labels=anomaly_labels)
        found = gather_evidence(card, 7, probabilities, rest())
        assert (found.fall, found.drowsiness) == (pytest.approx(fall), pytest.approx(drowsiness))


@pytest.mark.parametrize(
    ("label", "normal"), [("WALK", True), ("SITTING", True), ("unknown", False), ("FALL_OR_COLLAPSE", False)]
)
def test_a_normal_activity_is_one_that_is_told_and_no_anomaly(label: str, normal: bool) -> None:
    assert gather_evidence(CARD, 7, np.full(6, 1 / 6, np.float32), rest(), label=label).told_normal is normal


def test_evidence_stays_what_it_was_when_the_samples_memory_is_used_again() -> None:
    samples = rest()
    found = gather_evidence(CARD, 7, np.full(6, 1 / 6, np.float32), samples)
    samples[:] = step()
    assert found.still
