"""What training does to clips by chance: other sensors, slow cameras, other views; and the limits of each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch", reason="needs the extra train")

from har_ros.core.windows import StepGrid
from har_ros.dataset.sensing import Samples
from har_ros.training.disturb import disturbed_samples, shown_frames
from har_ros.training.profile import Augmentation, load_profile
from har_ros.training.views import augment

NONE = Augmentation(**dict.fromkeys(Augmentation.__dataclass_fields__, 0.0))
STAMPS_NS = np.arange(100) * 10_000_000
ACCEL = np.random.default_rng(0).normal((0, 0, 9.8), 2, (100, 3)).astype(np.float32)
SAMPLES = Samples(STAMPS_NS, ACCEL)


def test_without_chances_nothing_changes() -> None:
    rng = np.random.default_rng(1)
    kept = disturbed_samples(SAMPLES, NONE, False, rng)
    np.testing.assert_array_equal(kept.stamps_ns, STAMPS_NS)
    np.testing.assert_array_equal(kept.accel_mps2, ACCEL)
    assert shown_frames(30, NONE, rng).tolist() == list(range(30))


@given(st.integers(0, 1000))
def test_a_slower_sensor_gives_fewer_of_the_same_samples(seed: int) -> None:
    slow = disturbed_samples(SAMPLES, replace(NONE, imu_slow=0.99), False, np.random.default_rng(seed))
    assert 20 <= len(slow.stamps_ns) <= 100
    places = np.searchsorted(STAMPS_NS, slow.stamps_ns)
    np.testing.assert_array_equal(slow.accel_mps2, ACCEL[places])
    gaps_ns = np.diff(slow.stamps_ns)
    assert gaps_ns.max() - gaps_ns.min() <= 10_000_000, "evenly, as far as the samples allow"


@given(st.integers(0, 1000))
def test_a_disturbed_clip_keeps_its_order_and_its_size(seed: int) -> None:
    settings = load_profile("edge").augmentation
    given_samples = disturbed_samples(SAMPLES, settings, False, np.random.default_rng(seed))
    assert (np.diff(given_samples.stamps_ns) >= 0).all() and len(given_samples.stamps_ns) >= 20
    assert abs(int(given_samples.stamps_ns[0])) <= 1e9 * settings.sync_offset_s + 60_000_000
    assert np.abs(given_samples.accel_mps2.mean(0) - ACCEL.mean(0)).max() < 6
    again = disturbed_samples(SAMPLES, settings, False, np.random.default_rng(seed))
    np.testing.assert_array_equal(again.accel_mps2, given_samples.accel_mps2)


def test_how_briskly_one_moves_leaves_the_posture() -> None:
    t_s = STAMPS_NS / 1e9
    accel = np.stack([3 * np.sin(2 * np.pi * 4 * t_s), 0 * t_s, 9.8 + 0 * t_s], 1).astype(np.float32)
    factors = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        moved = disturbed_samples(Samples(STAMPS_NS, accel), replace(NONE, imu_vigour=4.0), False, rng).accel_mps2
        np.testing.assert_allclose(moved[:, 2], 9.8, rtol=1e-5)
        factors.append(np.std(moved[:, 0]) / np.std(accel[:, 0]))
    assert min(factors) < 0.5 and max(factors) > 2 and max(factors) < 4.1


def test_a_knock_is_short() -> None:
    for seed in range(40):
        knocked = disturbed_samples(SAMPLES, replace(NONE, imu_knocks=0.99), False, np.random.default_rng(seed))
        assert (knocked.accel_mps2 != ACCEL).any(1).sum() <= 4 * 5


def test_samples_of_one_stamp_do_no_harm() -> None:
    settings = load_profile("edge").augmentation
    for seed in range(20):
        same = disturbed_samples(Samples(0 * STAMPS_NS, ACCEL), settings, False, np.random.default_rng(seed))
        assert np.isfinite(same.accel_mps2).all() and len(same.accel_mps2)


def test_a_single_sample_is_enough() -> None:
    settings = load_profile("edge").augmentation
    for seed in range(20):
        one = disturbed_samples(Samples(STAMPS_NS[:1], ACCEL[:1]), settings, True, np.random.default_rng(seed))
        assert one.accel_mps2.shape == (1, 3)


@given(st.integers(0, 1000))
def test_each_step_shows_the_next_frame_that_is_there(seed: int) -> None:
    shown = shown_frames(30, replace(NONE, slow_camera=0.99, frame_drop=0.5), np.random.default_rng(seed))
    there = sorted(set(shown.tolist()))
    assert there[-1] == 29 and len(there) >= 5
    for step, frame in enumerate(shown):
        assert frame == min(each for each in there if each >= step)


def test_a_slow_camera_is_shown_as_the_recogniser_shows_it() -> None:
    """At 15 fps each frame fills two steps, the one before it and its own."""
    grid = StepGrid()
    filled = [grid.advance(frame * 66_666_667) for frame in range(15)]
    assert filled[1:] == [2] * 14
    expected = [frame for frame in range(1, 30, 2) for _ in range(2)]
    there = np.zeros(30, bool)
    there[1::2] = True
    assert np.flatnonzero(there)[np.searchsorted(np.flatnonzero(there), np.arange(30))].tolist() == expected


@given(st.integers(0, 200))
def test_a_view_is_one_draw_for_the_whole_clip(seed: int) -> None:
    picture = np.random.default_rng(9).integers(0, 256, (1, 40, 50, 3), np.uint8)
    clip = np.repeat(picture, 4, axis=0)
    view = augment(clip, np.random.default_rng(seed))
    assert view.shape == clip.shape and view.dtype == np.uint8
    spread = np.abs(view.astype(float) - view[0]).mean()
    assert spread < 20, "a still clip stays still but for the sensor's noise"


def test_views_differ_from_each_other_and_from_the_clip() -> None:
    clip = np.random.default_rng(9).integers(0, 256, (2, 40, 50, 3), np.uint8)
    views = [augment(clip, np.random.default_rng(seed)) for seed in range(6)]
    for index, view in enumerate(views):
        others = [clip, *views[:index]]
        assert min(np.abs(view.astype(float) - other).mean() for other in others) > 3
