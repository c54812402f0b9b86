"""The sensor: what it feels follows the body, mirrors as the body does, and errs as cheap ones do."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from har_ros.simulation.imu import RANGES_G, ImuSensor, felt, mirrored, mount_at
from har_ros.simulation.motion import Step, perform
from har_ros.simulation.physics import MOUNTS, Mount
from har_ros.simulation.radio import Radio
from har_ros.simulation.skeleton import SEGMENTS, Motion, default_skeleton

G_MPS2 = 9.80665
PERFECT = ImuSensor(np.eye(3), np.zeros(3), np.ones(3), 0.0, np.zeros(3), 0.0)


@cache
def walk(place: str = "waist") -> Motion:
    return perform([Step("walk", 6.0)], default_skeleton(), 3, MOUNTS[place])


def felt_at(motion: Motion, mount: Mount) -> tuple[np.ndarray, np.ndarray]:
    segment = SEGMENTS.index(mount.segment)
    attitude = motion.rotation[:, segment]
    return felt(motion.position_m[:, segment] + attitude @ np.array(mount.offset_m), attitude, motion.rate_hz)


@pytest.mark.parametrize("place", MOUNTS)
def test_a_mirrored_person_feels_mirrored(place: str) -> None:
    motion = walk(place)
    other = mirrored(motion)
    accel, gyro = felt_at(other, MOUNTS[place].mirrored())
    inner = slice(1, -1)  # at the ends the movement beyond them is missing
    assert np.allclose(accel[inner], (motion.accel_mps2 * [1, -1, 1])[inner], rtol=0, atol=1e-9)
    assert np.allclose(gyro[inner], (motion.gyro_radps * [-1, 1, -1])[inner], rtol=0, atol=1e-9)
    assert np.allclose(accel[inner], other.accel_mps2[inner], rtol=0, atol=1e-9)
    assert np.allclose(gyro[inner], other.gyro_radps[inner], rtol=0, atol=1e-9)
    assert np.abs(motion.accel_mps2[:, 1]).max() > 0.5


def test_a_mirror_changes_sides_and_twice_changes_nothing() -> None:
    motion, left, right = walk(), SEGMENTS.index("foot_left"), SEGMENTS.index("foot_right")
    other = mirrored(motion)
    assert np.array_equal(other.position_m[:, left], motion.position_m[:, right] * [1, -1, 1])
    assert np.linalg.det(other.rotation) == pytest.approx(1)
    again = mirrored(other)
    for name in ("position_m", "rotation", "accel_mps2", "gyro_radps", "label"):
        assert np.array_equal(getattr(again, name), getattr(motion, name)), name


def test_people_wear_sensors_a_little_differently_on_either_side() -> None:
    rng = np.random.default_rng(0)
    for place, mount in MOUNTS.items():
        worn = [mount_at(place, rng) for _ in range(40)]
        assert {one.segment for one in worn} == {mount.segment, mount.mirrored().segment}
        away = np.abs([np.abs(one.offset_m) - np.abs(mount.offset_m) for one in worn])
        assert 0.005 < away.mean() < 0.03
        assert away.max() < 0.06
    assert MOUNTS["wrist"].mirrored().segment == "forearm_left"


@pytest.mark.parametrize("rate_hz", [50.0, 104.0, 200.0])
def test_readings_between_samples_are_those_of_a_finer_motion(rate_hz: float) -> None:
    """A slow wave and its exact value at the moments of the readings, drift included."""
    t_s = np.arange(1000) / 200
    wave = np.stack([np.sin(2 * np.pi * 7.3 * t_s), np.cos(2 * np.pi * 3.1 * t_s), np.ones(1000)], axis=1)
    motion = replace(perform([Step("stand", 5.0)], default_skeleton(), 0), accel_mps2=9 * wave, gyro_radps=wave)
    sensor = replace(PERFECT, rate_hz=rate_hz, clock_ppm=50.0)
    stamps_s, accel, gyro = sensor.read(motion, np.random.default_rng(0))
    true_s = stamps_s / (1 + 50e-6)
    assert np.allclose(true_s * (1 + sensor.clock_ppm * 1e-6), stamps_s)
    inner = (true_s > 0.3) & (true_s < 4.7)
    assert np.allclose(accel[inner, 0], 9 * np.sin(2 * np.pi * 7.3 * true_s[inner]), atol=0.1)
    assert np.allclose(gyro[inner, 1], np.cos(2 * np.pi * 3.1 * true_s[inner]), atol=0.01)


@pytest.mark.parametrize("rate_hz", [50.0, 100.0])
def test_what_is_too_fast_for_the_rate_is_not_felt_as_slow(rate_hz: float) -> None:
    motion = walk()
    hum = 5.0 * np.sin(2 * np.pi * (rate_hz - 7) * np.arange(len(motion.label)) / 200)[:, None]
    sensor = replace(PERFECT, rate_hz=rate_hz)
    plain = sensor.read(motion, np.random.default_rng(0))[1]
    humming = sensor.read(replace(motion, accel_mps2=motion.accel_mps2 + hum), np.random.default_rng(0))[1]
    assert np.abs(humming - plain)[20:-20].max() < 0.05


def test_jitter_shakes_what_moves() -> None:
    motion = walk()
    calm = PERFECT.read(motion, np.random.default_rng(0))[1]
    shaken = replace(PERFECT, jitter_s=1e-3).read(motion, np.random.default_rng(0))[1]
    assert 0.001 < np.abs(shaken - calm).mean() < 0.1


def test_a_device_is_within_its_data_sheet() -> None:
    rng = np.random.default_rng(4)
    devices = [ImuSensor.random(rng) for _ in range(300)]
    assert {round(one.range_mps2 / G_MPS2) for one in devices} == set(RANGES_G)
    ppm = np.array([one.clock_ppm for one in devices])
    assert 20 < np.abs(ppm).max() <= 50
    tilts = np.degrees([np.arccos(one.tilt[2, 2]) for one in devices])
    assert 7 < np.median(tilts) < 14
    narrow = replace(PERFECT, range_mps2=0.5 * G_MPS2)
    assert np.abs(narrow.read(walk(), rng)[1]).max() == pytest.approx(0.5 * G_MPS2)


def test_the_radio_loses_delays_and_keeps_order() -> None:
    sent_s = np.arange(60000) / 100
    losses, gaps_s, delays_s = [], [], []
    for seed in range(6):
        radio = Radio.random(np.random.default_rng(seed))
        arrival_s = radio.carry(sent_s, np.random.default_rng(seed))
        assert np.array_equal(arrival_s, radio.carry(sent_s, np.random.default_rng(seed)), equal_nan=True)
        came = ~np.isnan(arrival_s)
        assert (np.diff(arrival_s[came]) >= 0).all()
        delay_s = (arrival_s - sent_s)[came]
        assert delay_s.min() > 0.0049
        assert np.median(delay_s) < 0.06
        losses.append(1 - came.mean())
        gaps_s.append(np.diff(sent_s[came]).max())
        delays_s.append(delay_s.max())
    assert min(losses) > 0
    assert max(losses) < 0.04
    assert 0.05 < max(gaps_s) < 0.4
    assert 0.1 < max(delays_s) < 0.4


def test_a_perfect_radio_brings_everything() -> None:
    sent_s = np.arange(500) / 100
    arrival_s = Radio(0.0, 0.0, 0.01, 0.0, 0.0).carry(sent_s, np.random.default_rng(0))
    assert np.allclose(arrival_s - sent_s, 0.01)
    assert len(Radio(0.0, 0.0, 0.01, 0.0, 0.0).carry(np.empty(0), np.random.default_rng(0))) == 0
