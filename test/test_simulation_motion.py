"""One body goes from act to act without a jump, ends each as the table says, and feels what real people feel."""

import random
from dataclasses import fields
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from har_ros.core.errors import HarError
from har_ros.core.labels import TRUTHS, Activity
from har_ros.simulation.acts import ACTS, Posture
from har_ros.simulation.motion import Performer, Step, perform, plan
from har_ros.simulation.physics import MOUNTS
from har_ros.simulation.postures import CHAIR_SEAT_HEIGHT_M, CHAIR_X_M
from har_ros.simulation.skeleton import PARENTS, SEGMENTS, Motion, default_skeleton

G_MPS2 = 9.80665
SKELETON = default_skeleton()
PELVIS, HEAD = SEGMENTS.index("pelvis"), SEGMENTS.index("head")
FEET = [SEGMENTS.index("foot_left"), SEGMENTS.index("foot_right")]
KNEES = [SEGMENTS.index("shin_left"), SEGMENTS.index("shin_right")]
ON_FOOT = [name for name, act in ACTS.items() if act.before is act.after is Posture.FOOT]
STANDING_M = SKELETON.joints_m[PELVIS, 2]


def seconds_of(act: str) -> float:
    shortest, longest = ACTS[act].seconds
    return float(np.clip(6.0, shortest, longest))


@cache
def scene(seed: int, *acts: str) -> Motion:
    return perform([Step(act, seconds_of(act)) for act in acts], SKELETON, seed)


def part(motion: Motion, act: str) -> slice:
    inside = np.flatnonzero(motion.act == list(ACTS).index(act))
    return slice(inside[0], inside[-1] + 1)


def norm_g(motion: Motion, act: str) -> np.ndarray:
    return np.linalg.norm(motion.accel_mps2[part(motion, act)], axis=1) / G_MPS2


def dominant_hz(signal: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft((signal - signal.mean()) * np.hanning(len(signal)), 4096))
    return float(np.argmax(spectrum) * 200 / 4096)


@pytest.mark.parametrize("act", [name for name, act in ACTS.items() if act.before is not Posture.FLOOR])
def test_every_act_ends_in_its_posture_with_exact_labels(act: str) -> None:
    motion = scene(1, act)
    assert len(motion.label) == round(200 * seconds_of(act))
    assert (motion.act == list(ACTS).index(act)).all()
    for field in fields(motion)[1:]:
        assert np.isfinite(getattr(motion, field.name)).all()
    x_m, y_m, z_m = motion.position_m[-1, PELVIS]
    after = ACTS[act].after
    if after is Posture.FOOT:
        assert np.hypot(x_m, y_m) < 0.08
        assert z_m == pytest.approx(STANDING_M, abs=0.03)
        assert motion.rotation[-1, PELVIS, 0, 0] > 0.98
    elif after is Posture.CHAIR:
        assert x_m == pytest.approx(CHAIR_X_M, abs=0.03)
        assert CHAIR_SEAT_HEIGHT_M < z_m < CHAIR_SEAT_HEIGHT_M + 0.15
    elif after is Posture.FLOOR:
        assert z_m < 0.35
    truths = {TRUTHS[index] for index in np.unique(motion.label)}
    assert ACTS[act].label in truths
    if ACTS[act].label is Activity.FALL_OR_COLLAPSE:  # upright for a moment, then falling and lying to the end
        onset = int(np.argmax(motion.label == TRUTHS.index(Activity.FALL_OR_COLLAPSE)))
        assert 0.75 < onset / 200 < 1.55
        assert (motion.label[onset:] == motion.label[onset]).all()
    elif act != "doze_off":
        assert len(truths) == 1


@pytest.mark.parametrize("seed", range(3))
def test_nothing_jumps_where_two_acts_meet(seed: int) -> None:
    acts = random.Random(seed).sample([*ON_FOOT, "sit", "sit_down_hard"], 9)
    motion = perform([Step(act, seconds_of(act)) for act in acts], SKELETON, seed)
    beyond_m = np.abs(np.diff(motion.position_m, 2, axis=0)).max(axis=(1, 2))  # beyond what the speed explains
    change_mps2 = np.linalg.norm(np.diff(motion.accel_mps2, axis=0), axis=1)
    seams = np.flatnonzero(np.diff(motion.act)) + 1
    assert len(seams) >= 8
    for seam in seams:
        for change, least in ((beyond_m, 0.0005), (change_mps2, 0.6)):
            own = np.concatenate([change[seam - 100 : seam - 5], change[seam + 5 : seam + 100]])  # of the acts
            assert change[seam - 5 : seam + 5].max() < max(least, 1.2 * own.max())


@pytest.mark.parametrize("act", [name for name, act in ACTS.items() if act.after is Posture.FLOOR])
def test_who_lies_gets_up_and_goes_home(act: str) -> None:
    for seed in range(2):
        motion = scene(seed, act, "stand")
        assert motion.act[0] == list(ACTS).index(act)
        up, back, home = part(motion, "get_up"), part(motion, "walk"), part(motion, "stand")
        assert motion.position_m[up.start, PELVIS, 2] < 0.35
        assert motion.position_m[up.stop, PELVIS, 2] == pytest.approx(STANDING_M, abs=0.03)
        assert (motion.label[up] == TRUTHS.index(Activity.OTHER)).all()
        assert norm_g(motion, "get_up").max() < 1.8
        assert (motion.label[back] == TRUTHS.index(Activity.WALK)).all()
        assert np.linalg.norm(motion.position_m[home, PELVIS, :2], axis=1).max() < 0.1
        beyond_m = np.abs(np.diff(motion.position_m, 2, axis=0)).max(axis=(1, 2))
        assert beyond_m[up.start - 5 : up.start + 5].max() < 0.0005


def test_who_walks_on_does_not_stop() -> None:
    motion = scene(0, "walk", "jog", "walk", "fall_trip")
    speed_mps = np.linalg.norm(np.diff(motion.position_m[:, PELVIS, :2], axis=0), axis=1) * 200
    seams = np.flatnonzero(np.diff(motion.act)) + 1
    assert all(speed_mps[seam - 50 : seam + 50].min() > 0.6 for seam in seams)
    performer = Performer(SKELETON, 1)
    performer.perform(Step("walk", 5.0), following=Step("jog", 6.0))
    with pytest.raises(HarError, match="sit_down can't begin while walking"):
        performer.perform(Step("sit_down", 2.0))


def test_nothing_jumps_when_a_driver_falls_asleep() -> None:
    motion = scene(3, "drive", "look_around", "drowse", "reach_over", "drive")
    beyond_m = np.abs(np.diff(motion.position_m, 2, axis=0)).max(axis=(1, 2))
    seams = np.flatnonzero(np.diff(motion.act)) + 1
    assert len(seams) == 4
    for seam in seams:
        assert beyond_m[seam - 4 : seam + 4].max() < 0.0005


@pytest.mark.parametrize("act", ["walk", "jog", "stumble"])
def test_standing_feet_stand(act: str) -> None:
    motion = scene(2, act)
    ankles = motion.position_m[:, FEET]
    speed = np.linalg.norm(np.diff(ankles, axis=0), axis=2).min(axis=1) * 200
    assert np.quantile(speed, 0.15 if act == "jog" else 0.5) < 0.12  # a jogger flies most of the time
    assert ankles[..., 2].min() > 0.04


@pytest.mark.parametrize("act", ["sit_down", "sit_down_hard", "stand_up", "bend", "stand"])
def test_feet_stay_where_they_are(act: str) -> None:
    motion = scene(2, act)
    assert np.ptp(motion.position_m[:, FEET], axis=0).max() < 0.02


@pytest.mark.parametrize("act", ["walk", "jog"])
def test_a_way_leads_round_home_and_the_chair(act: str) -> None:
    for seed in range(4):
        place = perform([Step(act, 14.0)], SKELETON, seed).position_m[:, PELVIS, :2]
        assert np.linalg.norm(place, axis=1).max() < 1.35
        assert np.linalg.norm(place - [CHAIR_X_M, 0.0], axis=1).min() > 0.3
        assert np.linalg.norm(np.diff(place, axis=0), axis=1).sum() > 9.0


@pytest.mark.parametrize("seed", range(6))
def test_walking_bounces_as_real_walking_does(seed: int) -> None:
    felt = norm_g(scene(seed, "walk"), "walk")[200:-200]
    assert 0.14 <= felt.std() <= 0.40
    assert 0.4 < felt.min() < 0.9
    assert 1.2 < felt.max() < 2.2
    assert 1.4 <= dominant_hz(felt) <= 2.2


@pytest.mark.parametrize("seed", range(6))
def test_jogging_flies_and_lands(seed: int) -> None:
    felt = norm_g(scene(seed, "jog"), "jog")[200:-200]
    assert felt.std() > 0.5
    assert felt.min() < 0.6  # who jogs softly hardly flies
    assert 2.0 < felt.max() < 5.0
    assert 2.2 <= dominant_hz(felt) <= 3.2


@pytest.mark.parametrize("act", ["stand", "sit", "drive", "drowse"])
def test_quiet_acts_feel_little_but_gravity(act: str) -> None:
    for seed in range(3):
        felt = norm_g(scene(seed, act), act)
        assert 0.98 <= felt.mean() <= 1.02
        assert 0.001 < felt.std() < 0.08


def test_hard_negatives_feel_as_hard_as_they_should() -> None:
    drops = [norm_g(scene(seed, "sit_down_hard"), "sit_down_hard").max() for seed in range(6)]
    assert all(1.5 < peak < 3.4 for peak in drops)
    for seed in range(4):
        assert norm_g(scene(seed, "lie_down"), "lie_down").max() < 1.8
        jump = norm_g(scene(seed, "jump"), "jump")
        assert jump.min() < 0.3
        assert 1.9 < jump.max() < 6.0
        knock = norm_g(scene(seed, "knock"), "knock")
        assert knock.max() > 2.2
        assert (np.abs(knock - 1) > 0.3).sum() < 40
        assert np.ptp(scene(seed, "knock").position_m[:, HEAD], axis=0).max() < 0.3


def test_hands_reach_the_floor_and_knees_too() -> None:
    for seed in range(4):
        motion, forearm = scene(seed, "pick_up"), SEGMENTS.index("forearm_left")
        reach_m = SKELETON.ends_m[forearm] - SKELETON.joints_m[forearm]
        fists = motion.position_m + motion.rotation @ reach_m
        assert 0.0 < fists[:, [forearm, SEGMENTS.index("forearm_right")], 2].min() < 0.12
        assert 0.03 < scene(seed, "kneel").position_m[:, KNEES, 2].min() < 0.14


def test_both_sides_do_it() -> None:
    """Over the seeds, either hand, knee and way round is used."""
    hands = [SEGMENTS.index("forearm_left"), SEGMENTS.index("forearm_right")]
    lower = {int(scene(seed, "pick_up").position_m[:, hands, 2].min(axis=0).argmin()) for seed in range(6)}
    ways = {bool(scene(seed, "walk").position_m[300, PELVIS, 1] > 0) for seed in range(6)}
    assert lower == {0, 1}
    assert ways == {True, False}


def test_a_seed_gives_one_motion_and_another_gives_another() -> None:
    acts = ("stand", "walk", "kneel")
    first, again, other = (
        perform([Step(act, seconds_of(act)) for act in acts], SKELETON, seed) for seed in (5, 5, 6)
    )
    for field in fields(first):
        assert np.array_equal(getattr(first, field.name), getattr(again, field.name))
    assert not np.array_equal(first.position_m, other.position_m)


def test_one_step_after_the_other_is_the_same_as_all_at_once() -> None:
    whole = scene(4, "stand", "bend", "walk")
    performer = Performer(SKELETON, 4)
    parts = [performer.perform(Step(act, seconds_of(act))) for act in ("stand", "bend", "walk")]
    assert np.array_equal(np.concatenate([motion.accel_mps2 for motion in parts]), whole.accel_mps2)


def test_a_performer_refuses_what_its_posture_does_not_allow() -> None:
    performer = Performer(SKELETON, 1)
    performer.perform(Step("sit", 1.0))
    with pytest.raises(HarError, match=r"walk can't begin .* chair"):
        performer.perform(Step("walk", 6.0))


def test_a_performer_refuses_to_be_in_two_places() -> None:
    performer = Performer(SKELETON, 2)
    for act in ("fall_trip", "get_up"):
        performer.perform(Step(act, 6.0))
    with pytest.raises(HarError, match="stand can't begin away from home"):
        performer.perform(Step("stand", 2.0))
    performer.perform(Step("walk", 8.0))
    performer.perform(Step("stand", 2.0))


@pytest.mark.parametrize("mount", MOUNTS)
def test_the_sensor_feels_what_the_pose_does(mount: str) -> None:
    motion = perform([Step("walk", 5.0)], SKELETON, 3, MOUNTS[mount])
    segment = SEGMENTS.index(MOUNTS[mount].segment)
    site = motion.position_m[:, segment] + motion.rotation[:, segment] @ np.array(MOUNTS[mount].offset_m)
    world = np.diff(site, 2, axis=0) * motion.rate_hz**2 + [0, 0, G_MPS2]
    felt = np.einsum("tij,tj->ti", motion.rotation[1:-1, segment], motion.accel_mps2[1:-1])
    assert np.allclose(world, felt, atol=1e-6)


@pytest.mark.parametrize("act", ["walk", "jog", "sit_down", "kneel", "lie_down", "jump", "drive"])
def test_bones_keep_their_length_and_the_body_stays_above_the_floor(act: str) -> None:
    motion = scene(1, act)
    for index, parent in enumerate(PARENTS):
        if parent >= 0:
            length = np.linalg.norm(motion.position_m[:, index] - motion.position_m[:, parent], axis=1)
            assert np.ptp(length) < 1e-6, SEGMENTS[index]
    assert motion.position_m[..., 2].min() > 0.0


@pytest.mark.parametrize("height_m", [1.5, 1.95])
def test_small_and_tall_people_sit_with_their_feet_on_the_floor(height_m: float) -> None:
    skeleton = default_skeleton(height_m, 60.0)
    motion = perform([Step("sit_down", 2.0), Step("sit", 2.0)], skeleton, 4)
    assert abs(motion.position_m[:, FEET, 2] - skeleton.joints_m[FEET[0], 2]).max() < 0.03


@given(st.lists(st.sampled_from([name for name, act in ACTS.items() if Posture.CAR is not act.before]), min_size=1))
def test_a_plan_joins_any_steps_on_foot_chair_and_floor(names: list[str]) -> None:
    steps = [Step(name, seconds_of(name)) for name in names]
    for before, name in zip([None, *names], names):
        if name == "get_up" and before is not None and ACTS[before].after is not Posture.FLOOR:
            with pytest.raises(HarError, match="needs somebody on the floor"):
                plan(steps)
            return
    planned = plan(steps)
    rest = iter(planned)
    assert all(step in rest for step in steps)  # in this order
    for before, after in pairwise(planned):
        assert ACTS[before.act].after is ACTS[after.act].before
        assert before.act != "get_up" or after.act == "walk"
    assert plan(planned) == planned


def test_a_plan_refuses_what_can_not_be() -> None:
    for steps, words in (
        ([], "no steps"),
        ([Step("fly", 3.0)], "no act 'fly'"),
        ([Step("walk", 0.5)], r"walk can't last 0\.5 s; give 5 to"),
        ([Step("drive", 5.0), Step("walk", 6.0)], "cut"),
        ([Step("stand", 5.0), Step("drowse", 6.0)], "cut"),
    ):
        with pytest.raises(HarError, match=words):
            plan(steps)
