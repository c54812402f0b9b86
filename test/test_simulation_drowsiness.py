"""Drowsiness: what grows is how often and how long; single moments of the drowsy and the awake look alike."""

from functools import cache

import numpy as np
import pytest

from har_ros.core.labels import TRUTHS, Activity
from har_ros.simulation.drowsiness import Course, course, perclos
from har_ros.simulation.motion import Step, perform
from har_ros.simulation.skeleton import SEGMENTS, default_skeleton

RATE_HZ = 200.0
SEEDS = range(8)
HEAD = SEGMENTS.index("head")


@cache
def minute(level: float, seed: int) -> Course:
    return course(60.0, np.random.default_rng(seed), level, level)


def closures_s(lids: np.ndarray, at: float = 0.8) -> np.ndarray:
    """Return how long each closure that begins and ends within the curve lasts."""
    edges = np.diff((lids >= at).astype(int))
    begins, ends = np.flatnonzero(edges > 0), np.flatnonzero(edges < 0)
    ends = ends[ends > begins[0]]
    return (ends - begins[: len(ends)]) / RATE_HZ


def test_perclos_is_the_share_of_shut_lids_in_the_trailing_minute() -> None:
    lids = np.zeros(90 * 10)
    lids[100:160] = 0.8  # 6 s, just shut
    lids[200:300] = 0.79  # not shut
    lids[300:330] = 1.0  # 3 s
    share = perclos(lids, 10.0)
    assert share[99] == 0
    assert share[159] == pytest.approx(60 / 160)
    assert share[599] == pytest.approx(9 / 60)
    assert share[749] == pytest.approx((160 - 150 + 30) / 600)
    assert share[-1] == pytest.approx(3 / 60)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_awake_blink_as_people_do(seed: int) -> None:
    state = minute(0.0, seed)
    blinks = closures_s(state.eyes_closed)
    assert 11 <= len(blinks) <= 21
    assert blinks.max() < 0.25
    whole = closures_s(state.eyes_closed, 0.65)
    assert 0.05 < np.median(whole) < 0.25
    assert perclos(state.eyes_closed, RATE_HZ)[-1] < 0.05
    assert state.nod.max() < 0.2
    assert np.ptp(state.slip) < 0.05


def test_closures_and_nods_grow_with_drowsiness() -> None:
    levels = (0.0, 0.3, 0.6, 0.9)
    shares = [np.mean([perclos(minute(level, seed).eyes_closed, RATE_HZ)[-1] for seed in SEEDS]) for level in levels]
    nods = [np.mean([(minute(level, seed).nod > 0.3).mean() for seed in SEEDS]) for level in levels]
    slumps = [np.mean([minute(level, seed).slump.mean() for seed in SEEDS]) for level in levels]
    assert (np.diff(shares) > 0).all()
    assert slumps[-1] > slumps[0] + 0.1  # people slouch awake, too
    assert shares[2] > 0.2
    assert shares[3] > 0.6
    assert nods[0] == 0
    assert nods[2] > 0.1
    longest = [max(closures_s(minute(level, seed).eyes_closed).max() for seed in SEEDS) for level in (0.0, 0.6)]
    assert longest[0] < 0.25
    assert longest[1] > 1


def test_a_nod_sinks_slowly_and_starts_up_fast_into_open_eyes() -> None:
    for seed in SEEDS:
        state = minute(0.6, seed)
        ups = np.flatnonzero(np.diff((state.nod > 0.3).astype(int)) < 0)
        downs = np.diff(state.nod).max() * RATE_HZ
        assert -np.diff(state.nod).min() * RATE_HZ > 1.5 * downs
        for up in ups[ups < len(state.nod) - 200]:
            assert state.eyes_closed[up : up + 200].min() < 0.35


def test_no_curve_jumps_or_leaves_its_range() -> None:
    for level in (0.0, 0.6, 1.0):
        for seed in SEEDS:
            state = minute(level, seed)
            for name, most in (("eyes_closed", 0.2), ("nod", 0.06), ("slump", 0.02), ("slip", 0.02)):
                curve = getattr(state, name)
                assert curve.min() >= 0
                assert curve.max() <= 1
                assert np.abs(np.diff(curve)).max() < most, name


def test_single_moments_of_drowsy_and_awake_overlap() -> None:
    """Half-shut lids and a slack trunk are seen in the awake; upright with open eyes, in the drowsy."""
    awake = [minute(0.1, seed) for seed in SEEDS]
    drowsy = [minute(0.6, seed) for seed in SEEDS]
    assert np.mean([(one.eyes_closed > 0.35).mean() for one in awake]) > 0.05
    assert np.mean([((one.eyes_closed < 0.35) & (one.nod < 0.15)).mean() for one in drowsy]) > 0.15
    slump = np.concatenate([one.slump for one in awake])
    assert np.mean(slump > np.quantile(np.concatenate([one.slump for one in drowsy]), 0.1)) > 0.05


def test_who_dozes_off_goes_from_awake_to_drowsy() -> None:
    motion = perform([Step("doze_off", 60.0)], default_skeleton(), 4)
    drowsy = motion.label == TRUTHS.index(Activity.DRIVERS_DROWSINESS)
    turn = int(np.argmax(drowsy))
    assert 10 < turn / RATE_HZ < 50
    assert (motion.label[:turn] == TRUTHS.index(Activity.SITTING)).all()
    assert drowsy[turn:].all()
    assert (motion.eyes_closed[:turn] >= 0.8).mean() < 0.1
    assert (motion.eyes_closed[-2000:] >= 0.8).mean() > 0.3


def test_a_drowsy_drivers_head_sinks_and_an_awake_ones_does_not() -> None:
    deepest = {}
    for act in ("drive", "drowse"):
        motion = perform([Step(act, 40.0)], default_skeleton(), 2)
        deepest[act] = np.degrees(np.arcsin(-motion.rotation[:, HEAD, 2, 0])).max()
        assert np.linalg.norm(motion.accel_mps2, axis=1).mean() == pytest.approx(9.81, abs=0.1)
    assert deepest["drowse"] > 35 > deepest["drive"]
