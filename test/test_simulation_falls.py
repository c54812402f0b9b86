"""Falls end as they do for people, feel so at the waist, and leave a body that can go on."""

from collections import Counter
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from har_ros.simulation.falls import FALL_S, KINDS, Fall, fall_down, wall_point_m
from har_ros.simulation.imu import felt
from har_ros.simulation.joining import Reference
from har_ros.simulation.moves import MOVES
from har_ros.simulation.order import Clip
from har_ros.simulation.person import Person
from har_ros.simulation.physics import MOUNTS, RATE_HZ, Body, Pose
from har_ros.simulation.skeleton import SEGMENTS, default_skeleton
from har_ros.simulation.tracking import Tracker

G_MPS2 = 9.80665
TO_THE_FLOOR = KINDS[:4]
PELVIS, CHEST, HEAD = (SEGMENTS.index(segment) for segment in ("pelvis", "chest", "head"))
PEOPLE = range(5)
ONSET, BEFORE_S = 360, 5.0  # mid-walk


@dataclass(frozen=True)
class Fallen:
    body: Body
    fall: Fall
    heading_rad: float
    poses: list[Pose]  # before the onset too

    def place_m(self, segment: int) -> np.ndarray:
        return np.array([pose.position_m[segment] for pose in self.poses])

    def accel_g(self) -> np.ndarray:
        rotation = np.array([pose.rotation[PELVIS] for pose in self.poses])
        place_m = self.place_m(PELVIS) + rotation @ np.array(MOUNTS["waist"].offset_m)
        return felt(place_m, rotation, RATE_HZ)[0] / G_MPS2


@cache
def fallen(kind: str, seed: int) -> Fallen:
    rng = np.random.default_rng([seed, KINDS.index(kind)])
    skeleton = default_skeleton(rng.uniform(1.55, 1.9), rng.uniform(50, 95))
    person = Person(skeleton, rng)
    before = {"from_chair": "sit", "slide_down": "stand"}.get(kind, ("walk", "stand")[seed % 2])
    track = MOVES[before](person, BEFORE_S, rng)
    tracker = Tracker(person.body, Reference.of(track))
    tracker.place(0)
    poses = [tracker.step(index) for index in range(ONSET)]
    heading_rad = float(track.root_angles[ONSET, 2])
    falling, fall = fall_down(person.body, tracker, ONSET, kind, heading_rad, rng)
    return Fallen(person.body, fall, heading_rad, poses + falling)


@pytest.mark.parametrize("seed", PEOPLE)
@pytest.mark.parametrize("kind", KINDS)
def test_a_fall_comes_to_rest_on_the_floor(kind: str, seed: int) -> None:
    one = fallen(kind, seed)
    places_m = np.array([pose.position_m for pose in one.poses])
    assert len(places_m) == ONSET + round(FALL_S * RATE_HZ)
    assert np.isfinite(places_m).all()
    assert places_m[..., 2].min() > -0.05
    assert places_m[-1, PELVIS, 2] < 0.36
    assert np.abs(np.diff(places_m[-20:], axis=0)).max() * RATE_HZ < 0.1
    still_g = np.linalg.norm(one.accel_g()[-40:], axis=1)
    assert still_g.mean() == pytest.approx(1, abs=0.05)
    assert still_g.std() < 0.02


@pytest.mark.parametrize("kind", TO_THE_FLOOR)
def test_the_waist_feels_a_dip_a_blow_and_lying(kind: str) -> None:
    dips_g, hits_g = [], []
    for seed in PEOPLE:
        accel_g = fallen(kind, seed).accel_g()
        norm_g = np.linalg.norm(accel_g, axis=1)
        hit = ONSET + int(norm_g[ONSET:].argmax())
        dips_g.append(norm_g[ONSET:hit].min())
        hits_g.append(norm_g[hit])
        before, after = accel_g[:ONSET].mean(0), accel_g[-20:].mean(0)
        turned = np.arccos(before @ after / np.linalg.norm(before) / np.linalg.norm(after))
        assert np.degrees(turned) > 50  # 60 degrees of the pelvis itself; it leaned already while walking
    assert sorted(dips_g)[-2] < 0.5  # who topples like a log floats less
    assert max(dips_g) < 0.8
    assert min(hits_g) > 2.5  # who lands on their hands falls softly
    assert 4 < np.median(hits_g) < 12


@pytest.mark.parametrize("seed", PEOPLE)
def test_who_slides_down_a_wall_sits_against_it_and_lands_softly(seed: int) -> None:
    one = fallen("slide_down", seed)
    start_m = one.place_m(PELVIS)[ONSET - 1]
    ahead = np.array([np.cos(one.heading_rad), np.sin(one.heading_rad)])
    wall_m = wall_point_m(one.fall, start_m, one.heading_rad) @ ahead
    backs_m = [(one.place_m(segment)[:, :2] @ ahead).min() - wall_m for segment in (PELVIS, CHEST, HEAD)]
    assert min(backs_m) > 0.0
    last = one.poses[-1]
    assert last.rotation[PELVIS, 2, 2] > 0.5
    assert last.position_m[CHEST, 2] > last.position_m[PELVIS, 2]
    assert last.position_m[CHEST, :2] @ ahead - wall_m < 0.4
    assert np.linalg.norm(one.accel_g()[ONSET:], axis=1).max() < 6


@pytest.mark.parametrize("seed", PEOPLE)
def test_who_slips_off_a_chair_leaves_it(seed: int) -> None:
    place_m = fallen("from_chair", seed).place_m(PELVIS)
    assert np.linalg.norm(place_m[-1, :2] - place_m[ONSET - 1, :2]) > 0.2


def test_falls_go_where_they_are_drawn_to() -> None:
    away = {"trip": [], "slip": []}
    for kind, ways in away.items():
        for seed in PEOPLE:
            one = fallen(kind, seed)
            moved_m = one.place_m(HEAD)[-1, :2] - one.place_m(PELVIS)[-1, :2]
            ways.append(moved_m @ [np.cos(one.heading_rad), np.sin(one.heading_rad)])
    assert np.median(away["trip"]) > 0.2
    assert np.median(away["slip"]) < -0.2
    drawn = [Fall.random("push", np.random.default_rng(seed)).direction_rad for seed in range(60)]
    assert np.histogram(drawn, 4, (-np.pi, np.pi))[0].min() > 3


@pytest.mark.parametrize("kind", KINDS)
def test_after_a_fall_the_body_is_as_strong_as_before(kind: str) -> None:
    body = fallen(kind, 0).body
    fresh = Body(default_skeleton()).model
    for name in ("actuator_gainprm", "actuator_biasprm", "geom_contype", "body_contype"):
        assert np.array_equal(getattr(body.model, name), getattr(fresh, name)), name
    assert np.array_equal(body.model.dof_damping[6:], fresh.dof_damping[6:])
    assert not body.data.xfrc_applied.any()
    assert not body.data.qfrc_applied.any()
    assert body.data.mocap_pos[:, 2].max() < -10


def test_the_same_draw_falls_the_same() -> None:
    fallen.cache_clear()
    first = fallen("push", 1)
    fallen.cache_clear()
    again = fallen("push", 1)
    assert np.array_equal(first.place_m(HEAD), again.place_m(HEAD))
    assert not np.array_equal(first.place_m(HEAD), fallen("push", 2).place_m(HEAD))


def test_datasets_draw_falls_by_their_shares():
    drawn = Counter(Clip(1, "FALL_OR_COLLAPSE", number, number).act.name for number in range(1400))
    assert len(drawn) == 6, drawn
    slides = drawn.pop("fall_slide_down")
    assert 340 < slides < 460, slides  # two of seven
    assert all(150 < count < 250 for count in drawn.values()), drawn
