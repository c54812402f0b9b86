"""The simulated body moves and feels as people do: ranges measured on real people, and physics' own rules."""

from dataclasses import astuple, replace
from functools import cache

import numpy as np
import pytest

from har_ros.core.errors import HarError
from har_ros.core.labels import ACTIVITIES, Activity
from har_ros.simulation.imu import RANGE_MPS2, ImuSensor
from har_ros.simulation.motion import Episode, capture_span, simulate_episode
from har_ros.simulation.physics import MOUNTS
from har_ros.simulation.skeleton import PARENTS, SEGMENTS, Motion, default_skeleton

G_MPS2 = 9.80665
SKELETON = default_skeleton()
PELVIS, HEAD = SEGMENTS.index("pelvis"), SEGMENTS.index("head")
FEET = [SEGMENTS.index("foot_left"), SEGMENTS.index("foot_right")]
FALL = ACTIVITIES.index(Activity.FALL_OR_COLLAPSE)


@cache
def motion_of(
    activity: Activity, seed: int, seat: str = "none", duration_s: float = 6.0, radius_m: float | None = None
) -> Motion:
    return simulate_episode(Episode(activity, duration_s, seat, radius_m), SKELETON, seed)


def norm_g(motion: Motion) -> np.ndarray:
    return np.linalg.norm(motion.accel_mps2, axis=1) / G_MPS2


def dominant_hz(signal: np.ndarray, rate_hz: float) -> float:
    spectrum = np.abs(np.fft.rfft((signal - signal.mean()) * np.hanning(len(signal)), 4096))
    return float(np.argmax(spectrum) * rate_hz / 4096)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(
    ("activity", "seat", "most_g"),
    [(Activity.STAND, "none", 0.05), (Activity.SITTING, "chair", 0.05), (Activity.SITTING, "car", 0.08),
     (Activity.DRIVERS_DROWSINESS, "car", 0.08)],
)  # fmt: skip
def test_quiet_activities_feel_little_but_gravity(activity: Activity, seat: str, most_g: float, seed: int) -> None:
    motion = motion_of(activity, seed, seat)
    felt = norm_g(motion)
    assert 0.98 <= felt.mean() <= 1.02
    assert 0.001 < felt.std() < most_g
    assert motion.accel_mps2[:, 2].mean() > 0.8 * G_MPS2


@pytest.mark.parametrize("seed", range(6))
def test_walking_bounces_as_real_walking_does(seed: int) -> None:
    felt = norm_g(motion_of(Activity.WALK, seed))
    assert 0.14 <= felt.std() <= 0.40
    assert 1.4 <= dominant_hz(felt, 200) <= 2.2


@pytest.mark.parametrize("seed", range(6))
def test_jogging_flies_and_lands(seed: int) -> None:
    felt = norm_g(motion_of(Activity.JOGGING, seed))
    assert felt.std() > 0.5
    assert felt.min() < 0.4
    assert felt.max() > 2.0
    assert 2.2 <= dominant_hz(felt, 200) <= 3.2


@pytest.mark.parametrize(("activity", "most_slip"), [(Activity.WALK, 0.35), (Activity.JOGGING, 0.5)])
def test_the_lower_foot_stands_while_the_body_moves_on(activity: Activity, most_slip: float) -> None:
    motion = motion_of(activity, 2)
    ankles = motion.position_m[:, FEET]
    speed = np.linalg.norm(np.diff(ankles[..., :2], axis=0), axis=2) * motion.rate_hz
    lower = speed[np.arange(len(speed)), ankles[1:, :, 2].argmin(axis=1)]
    travel = np.linalg.norm(motion.position_m[-1, PELVIS, :2] - motion.position_m[0, PELVIS, :2])
    assert np.median(lower) < most_slip * travel / motion.duration_s
    assert ankles[..., 2].min() > 0.04


def test_a_circle_keeps_the_person_in_view() -> None:
    motion = motion_of(Activity.WALK, 1, radius_m=1.2, duration_s=12.0)
    assert np.ptp(motion.position_m[:, PELVIS, :2], axis=0).max() < 2 * 1.2 + 0.1
    travelled = np.linalg.norm(np.diff(motion.position_m[:, PELVIS, :2], axis=0), axis=1).sum()
    assert travelled > 6.0


def test_falls_dip_hit_and_lie() -> None:
    dips, hits, turned = [], [], []
    for seed in range(8):
        motion = motion_of(Activity.FALL_OR_COLLAPSE, seed)
        felt = norm_g(motion)
        onset = int(np.argmax(motion.label == FALL))
        hit = onset + int(np.argmax(felt[onset:]))
        dips.append(felt[onset : hit + 1].min())
        hits.append(felt[hit])
        before, after = motion.accel_mps2[:onset].mean(0), motion.accel_mps2[-100:].mean(0)
        turned.append(np.degrees(np.arccos(before @ after / np.linalg.norm(before) / np.linalg.norm(after))))
        assert 0.75 <= onset / motion.rate_hz <= 1.55
        assert (motion.label[onset:] == FALL).all()
        assert abs(felt[-100:].mean() - 1) < 0.02
        assert motion.position_m[-1, :, 2].max() < 0.6
        assert motion.position_m[-1, [PELVIS, HEAD], 2].max() < 0.5
        assert np.abs(np.diff(motion.position_m[-200:], axis=0)).max() < 0.001
    assert sorted(dips)[5] < 0.6
    assert sorted(hits)[2] > 2.5
    assert sorted(turned)[2] > 50


def test_falls_go_every_way() -> None:
    ends = []
    for seed in range(8):
        motion = motion_of(Activity.FALL_OR_COLLAPSE, seed)
        onset = int(np.argmax(motion.label == FALL))
        ends.append(motion.position_m[-1, HEAD, :2] - motion.position_m[onset, HEAD, :2])
    assert np.ptp(np.array(ends), axis=0).min() > 0.5


@pytest.mark.parametrize("mount", MOUNTS)
def test_the_sensor_feels_what_the_pose_does(mount: str) -> None:
    motion = simulate_episode(Episode(Activity.WALK, 4.0), SKELETON, 3, MOUNTS[mount])
    segment = SEGMENTS.index(MOUNTS[mount].segment)
    site = motion.position_m[:, segment] + motion.rotation[:, segment] @ np.array(MOUNTS[mount].offset_m)
    world = np.diff(site, 2, axis=0) * motion.rate_hz**2 + [0, 0, G_MPS2]
    felt = np.einsum("tij,tj->ti", motion.rotation[1:-1, segment], motion.accel_mps2[1:-1])
    for axis in range(3):
        assert np.corrcoef(world[5:-5, axis], felt[5:-5, axis])[0, 1] > 0.9


@pytest.mark.parametrize("activity", ACTIVITIES)
def test_bones_keep_their_length_and_the_body_stays_above_the_floor(activity: Activity) -> None:
    seat = "car" if activity is Activity.DRIVERS_DROWSINESS else "chair"
    motion = motion_of(activity, 1, seat)
    for index, parent in enumerate(PARENTS):
        if parent >= 0:
            length = np.linalg.norm(motion.position_m[:, index] - motion.position_m[:, parent], axis=1)
            assert np.ptp(length) < 1e-6, SEGMENTS[index]
    assert motion.position_m[..., 2].min() > -0.03
    for values in astuple(motion)[1:]:
        assert len(values) == 1200
        assert np.isfinite(values).all()


@pytest.mark.parametrize("activity", ACTIVITIES)
def test_a_seed_gives_one_motion_and_another_gives_another(activity: Activity) -> None:
    episode = Episode(activity, 5.0, "car")
    first, again, other = (simulate_episode(episode, SKELETON, seed) for seed in (5, 5, 6))
    for one, two in zip(astuple(first), astuple(again)):
        assert np.array_equal(one, two)
    assert not np.array_equal(first.accel_mps2, other.accel_mps2)
    assert not np.array_equal(first.position_m, other.position_m)


@pytest.mark.parametrize("height_m", [1.5, 1.95])
def test_small_and_tall_people_sit_with_their_feet_on_the_floor(height_m: float) -> None:
    skeleton = default_skeleton(height_m, 60.0)
    motion = simulate_episode(Episode(Activity.SITTING, 2.0, "chair"), skeleton, 4)
    ankle_m = skeleton.joints_m[FEET[0], 2]
    assert abs(motion.position_m[:, FEET, 2] - ankle_m).max() < 0.03


def test_a_drowsy_driver_looks_it_in_every_second_and_an_awake_one_does_not() -> None:
    for seed in range(2):
        drowsy = motion_of(Activity.DRIVERS_DROWSINESS, seed, "car", 20.0)
        awake = motion_of(Activity.SITTING, seed, "car", 20.0)
        closed = drowsy.eyes_closed.reshape(-1, 200).mean(axis=1)
        bowed = np.degrees(-np.arcsin(drowsy.rotation[:, HEAD, 2, 0])).reshape(-1, 200).mean(axis=1)
        assert ((closed > 0.5) | (bowed > 25)).all()
        assert closed.mean() > 0.6
        assert 0 < awake.eyes_closed.mean() < 0.12


def test_captures_show_their_activity() -> None:
    rng = np.random.default_rng(0)
    motion = motion_of(Activity.FALL_OR_COLLAPSE, 1)
    onset_s = float(np.argmax(motion.label == FALL)) / motion.rate_hz
    begins = np.array([capture_span(motion, Activity.FALL_OR_COLLAPSE, rng) for _ in range(300)])
    assert begins.min() >= onset_s - 0.21
    assert begins.max() <= motion.duration_s - 1
    assert 0.6 < (begins < onset_s + 1.0).mean() < 0.8


def test_the_sensor_errs_within_its_data_sheet() -> None:
    rng = np.random.default_rng(2)
    motion = motion_of(Activity.SITTING, 0, "chair")
    t_s, accel, gyro = ImuSensor.random(rng).read(motion, rng)
    assert accel.shape == gyro.shape == (600, 3)
    assert accel.dtype == gyro.dtype == np.float32
    assert np.allclose(np.diff(t_s), 0.01)
    assert abs(np.linalg.norm(accel, axis=1).mean() / G_MPS2 - 1) < 0.06
    assert 0.01 < accel.std(axis=0).max() < 0.4


@pytest.mark.parametrize("rate_hz", [30.0, 104.0, 400.0])
def test_any_rate_feels_the_same_walk(rate_hz: float) -> None:
    motion = motion_of(Activity.WALK, 0)
    sensor = ImuSensor(np.eye(3), np.zeros(3), np.ones(3), 0.0, np.zeros(3), 0.0, rate_hz)
    t_s, accel, _ = sensor.read(motion, np.random.default_rng(0))
    assert len(t_s) == int(6 * rate_hz)
    truth = np.interp(t_s, np.arange(1200) / 200, motion.accel_mps2[:, 2])
    assert np.corrcoef(truth, accel[:, 2])[0, 1] > 0.95


def test_what_is_too_fast_for_the_rate_is_not_felt_as_slow() -> None:
    still = motion_of(Activity.STAND, 0)
    humming = np.tile(np.sin(2 * np.pi * 45 * np.arange(1200) / 200)[:, None], 3)
    motion = replace(still, accel_mps2=humming, gyro_radps=humming)
    sensor = ImuSensor(np.eye(3), np.zeros(3), np.ones(3), 0.0, np.zeros(3), 0.0, 50.0)
    assert np.abs(sensor.read(motion, np.random.default_rng(0))[1][20:-20]).max() < 0.05


def test_a_blow_beyond_the_range_is_cut_off() -> None:
    motion = motion_of(Activity.STAND, 0)
    sensor = ImuSensor(np.eye(3), np.zeros(3), np.full(3, 100.0), 0.0, np.zeros(3), 0.0)
    assert sensor.read(motion, np.random.default_rng(0))[1].max() == pytest.approx(RANGE_MPS2)


def test_a_fall_too_short_to_happen_is_refused() -> None:
    with pytest.raises(HarError, match=r"at least 4\.6 s"):
        motion_of(Activity.FALL_OR_COLLAPSE, 0, duration_s=2)
