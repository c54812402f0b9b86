"""Falls: the hand that keeps a body up lets go, the muscles give way, a push, a trip or a slip does the rest.

Six kinds. Four go to the floor from standing or walking: trip, slip, push and faint. Two have something beside
them: slide_down has a wall close behind, and ends sitting against it; from_chair slips off a chair's front or side.
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from har_ros.simulation.drafts import RejectedError
from har_ros.simulation.physics import HINGE_INDEX, RATE_HZ, Body, Pose
from har_ros.simulation.skeleton import SEGMENTS
from har_ros.simulation.tracking import Tracker

KINDS = ("trip", "slip", "push", "faint", "slide_down", "from_chair")
FALL_S = 3.0  # from the onset until the body lies still
LET_GO_S = 0.25  # longest time that the hand takes to let go
LYING_TILT_RAD = np.radians(66)  # of the pelvis: further over, a body lies
_ROLLED_TILT_RAD = np.radians(135)  # heels over head: that a limp body may, but people don't
_TRIES = 40
_LYING_PELVIS_M, _LYING_HEAD_M, _LYING_LIMB_M = 0.35, 0.45, 0.55
_MOST_UPWARD = 0.7  # how far a tripped person's chest may face up at most: the z of where it faces
_SITTING_TILT_RAD = np.radians(55)
_STILL_MPS = 0.1
_LIMP_FROM_S = 0.9  # once down, the muscles let the limbs sink
_SETTLE_FROM_S = 2.2  # then friction of flesh and clothes, which capsules lack, ends every movement
_SLOW_FROM_S = 2.6  # what still moves then comes to rest as if time did: no sensor feels a stop
_WALL_DRAG_NSPM = 420.0  # of a back on a wall: a person of 70 kg slides down at 1.6 m/s
_WALL_DRAG_NMSPRAD = 60.0
_BACK_NM = 90.0  # with which a broad back lies flat on a wall, which a capsule doesn't: per sine of the trunk's tilt


@dataclass(frozen=True)
class Fall:
    """One fall: its kind, where it goes (rad, 0 forward, left positive), and how.

    push_n, push_s: the force, on the segments that its kind pushes. hold: share of the muscles' strength that is
    left; let_go_s: how quickly the rest goes; rest_hold: the share once on the floor. reach_rad: how far the arms
    are thrown forward; bend_rad: how far the knees give way. wall_m: from the pelvis back to the wall, which is to
    be seen as well (None: there is no wall).
    """

    kind: str
    direction_rad: float
    push_n: float
    push_s: float
    hold: float
    let_go_s: float
    reach_rad: float
    bend_rad: float
    rest_hold: float = 0.004
    wall_m: float | None = None

    @staticmethod
    def random(kind: str, rng: np.random.Generator) -> Fall:
        """Draw one of a kind of KINDS; KeyError for another."""
        return _RECIPES[kind](rng)


def _trip(rng: np.random.Generator) -> Fall:
    return Fall("trip", rng.normal(0, 0.5), *_shove(rng), rng.uniform(0.25, 0.7), 0.06, rng.uniform(0.3, 1.4), 0.0)


def _slip(rng: np.random.Generator) -> Fall:
    back = np.pi + rng.normal(0, 0.5)
    return Fall("slip", back, *_shove(rng), rng.uniform(0.04, 0.2), 0.06, rng.uniform(-0.5, 0.8), 0.3)


def _pushed(rng: np.random.Generator) -> Fall:
    anywhere = rng.uniform(-np.pi, np.pi)
    return Fall("push", anywhere, *_shove(rng), rng.uniform(0.04, 0.2), 0.06, rng.uniform(0, 1.2), 0.3)


def _faint(rng: np.random.Generator) -> Fall:
    anywhere, shove = rng.uniform(-np.pi, np.pi), (rng.uniform(90, 220), rng.uniform(0.2, 0.4))
    return Fall("faint", anywhere, *shove, rng.uniform(0.02, 0.06), LET_GO_S, 0.0, rng.uniform(0.0, 0.8))


def _slide_down(rng: np.random.Generator) -> Fall:
    back, push_n = np.pi + rng.normal(0, 0.1), rng.uniform(60, 110)  # the trunk leans back all the time
    hold, bend_rad, wall_m = rng.uniform(0.02, 0.06), rng.uniform(0.4, 2.0), rng.uniform(0.17, 0.28)
    return Fall("slide_down", back, push_n, FALL_S, hold, LET_GO_S, 0.0, bend_rad, rng.uniform(0.02, 0.06), wall_m)


def _from_chair(rng: np.random.Generator) -> Fall:
    side = rng.choice([-1, 1]) * rng.uniform(0.7, 1.5)
    direction = float(side if rng.uniform() < 0.6 else rng.normal(0, 0.3))
    push_n, push_s = rng.uniform(160, 300), rng.uniform(0.35, 0.55)
    return Fall("from_chair", direction, push_n, push_s, rng.uniform(0.03, 0.1), LET_GO_S, rng.uniform(0, 0.6), -0.3)


def _shove(rng: np.random.Generator) -> tuple[float, float]:
    return rng.uniform(150, 320), rng.uniform(0.15, 0.3)


_RECIPES = {
    "trip": _trip,
    "slip": _slip,
    "push": _pushed,
    "faint": _faint,
    "slide_down": _slide_down,
    "from_chair": _from_chair,
}
# kind -> segments and their shares of the push
_PUSHED = {
    "trip": {"chest": 0.3, "pelvis": 0.3, "foot_left": -0.4, "foot_right": -0.4},
    "slip": {"chest": 0.7, "head": 0.1, "foot_left": -0.4, "foot_right": -0.4},
    "push": {"chest": 1.0},
    "faint": {"chest": 1.0},
    "slide_down": {"chest": 1.0, "head": 0.1, "pelvis": 0.6, "foot_left": -0.5, "foot_right": -0.5},
    "from_chair": {"chest": 0.5, "pelvis": 0.7},
}
_GIVE_WAY_S = {kind: 0.8 if kind == "slide_down" else 0.05 for kind in KINDS}  # until the limbs' goals are reached


def fall_down(
    body: Body, tracker: Tracker, onset: int, kind: str, heading_rad: float, rng: np.random.Generator
) -> tuple[list[Pose], Fall]:
    """Return FALL_S of a fall of a kind that ends as it should, from sample `onset` on, and what was drawn for it.

    Draws again, from the same moment, while a body doesn't come to rest. Raises RejectedError when none does.
    Afterwards the body has its strength again, and `body.data` is its state at the end: a track can go on from it.
    """
    size = mujoco.mj_stateSize(body.model, mujoco.mjtState.mjSTATE_INTEGRATION)
    before = np.empty(size)
    mujoco.mj_getState(body.model, body.data, before, mujoco.mjtState.mjSTATE_INTEGRATION)
    for _ in range(_TRIES):
        fall = Fall.random(kind, rng)
        poses = let_fall(body, tracker, onset, fall, heading_rad)
        if at_rest(body, poses[-1], kind):
            body.data.qvel[:] = 0
            return poses, fall
        mujoco.mj_setState(body.model, body.data, before, mujoco.mjtState.mjSTATE_INTEGRATION)
    raise RejectedError(f"no fall of the kind {kind} came to rest in {_TRIES} tries")


def let_fall(body: Body, tracker: Tracker, onset: int, fall: Fall, heading_rad: float) -> list[Pose]:
    """Return FALL_S of falling and coming to rest, from sample `onset` of the tracker's track.

    The track must go on for LET_GO_S after the onset.
    """
    with body.let_go():
        _furnish(body, fall, heading_rad)
        muscles = _Muscles(body, fall)
        poses = []
        for step in range(round(FALL_S * RATE_HZ)):
            now_s = step / RATE_HZ
            share = max(1 - now_s / fall.let_go_s, 0.0)
            tracker.hold(onset + min(step, round(LET_GO_S * RATE_HZ)), share)
            muscles.set(now_s, share)
            _push(body, fall, heading_rad, now_s)
            poses.append(body.advance(_pace(now_s)))
        return poses


def at_rest(body: Body, pose: Pose, kind: str) -> bool:
    """Return whether a body has come to rest as a fall of the kind should end, with finite numbers."""
    height_m = dict(zip(body.ids, pose.position_m[:, 2]))
    if not (np.isfinite(body.data.qpos).all() and np.abs(body.data.qvel[:3]).max() < _STILL_MPS):
        return False
    tilt_rad = np.arccos(np.clip(pose.rotation[0, 2, 2], -1, 1))
    if height_m["pelvis"] > _LYING_PELVIS_M:
        return False
    if kind == "slide_down":
        return bool(tilt_rad < _SITTING_TILT_RAD and height_m["chest"] > height_m["pelvis"])
    low = height_m["head"] < _LYING_HEAD_M and max(height_m.values()) < _LYING_LIMB_M
    lies = LYING_TILT_RAD < tilt_rad < _ROLLED_TILT_RAD
    if kind == "trip":
        lies = lies and pose.rotation[SEGMENTS.index("chest"), 2, 0] < _MOST_UPWARD
    return bool(low and (lies or kind == "from_chair"))


def wall_point_m(fall: Fall, pelvis_m: NDArray[np.float64], heading_rad: float) -> NDArray[np.float64]:
    """Return where the floor meets the wall behind a person, (2,); the wall faces `heading_rad`."""
    assert fall.wall_m is not None
    ahead = np.array([np.cos(heading_rad), np.sin(heading_rad)])
    point_m: NDArray[np.float64] = pelvis_m[:2] - fall.wall_m * ahead
    return point_m


def _furnish(body: Body, fall: Fall, heading_rad: float) -> None:
    pelvis_m = body.data.qpos[:3].copy()
    if fall.wall_m is not None:
        body.put("wall", wall_point_m(fall, pelvis_m, heading_rad), heading_rad)
    if fall.kind == "from_chair":
        body.put("chair", pelvis_m, heading_rad)


class _Muscles:
    """The servos while they lose their strength."""

    def __init__(self, body: Body, fall: Fall) -> None:
        self._model, self._data, self._fall = body.model, body.data, fall
        self._gain, self._bias = body.model.actuator_gainprm.copy(), body.model.actuator_biasprm.copy()
        self._friction = body.model.dof_damping[6:].copy()
        self._from = self._data.qpos[7:].copy()
        self._goal = self._from.copy()
        bend, reach = fall.bend_rad, fall.reach_rad
        hips = -0.5 * bend if fall.wall_m is None else -1.3 - 0.35 * bend  # against a wall, bent for sitting
        changes = {"shin": bend, "thigh": hips, "upper_arm": -reach, "forearm": -0.3 * reach}
        for limb, change in changes.items():
            for side in ("left", "right"):
                self._goal[HINGE_INDEX[f"{limb}_{side}.y"]] += change
        if fall.wall_m is not None:  # knees apart, as one sits
            self._goal[HINGE_INDEX["thigh_left.x"]] += 0.3
            self._goal[HINGE_INDEX["thigh_right.x"]] -= 0.3

    def set(self, now_s: float, share: float) -> None:
        """Set strength, damping and friction for this moment; `share` of full strength is left beside `hold`."""
        fall = self._fall
        limp = np.clip((now_s - _LIMP_FROM_S) / 0.5, 0, 1)
        hold = fall.hold + (fall.rest_hold - fall.hold) * limp
        strength = hold + (1 - hold) * share
        self._model.actuator_gainprm[:, 0] = self._gain[:, 0] * strength
        self._model.actuator_biasprm[:, 1] = self._bias[:, 1] * strength
        self._model.actuator_biasprm[:, 2] = self._bias[:, 2] * (0.12 + 0.88 * strength)
        settled = _settled(now_s)
        self._model.dof_damping[6:] = self._friction * (1 + 40 * settled**2)
        if share == 0:
            self._model.dof_damping[:6] = 300 * settled**2
        if fall.wall_m is not None:
            self._model.dof_damping[2] += _WALL_DRAG_NSPM
            self._model.dof_damping[3:6] += _WALL_DRAG_NMSPRAD
        self._data.ctrl[:] = self._from + (self._goal - self._from) * min(now_s / _GIVE_WAY_S[fall.kind], 1.0)


def _pace(now_s: float) -> float:
    """Return how fast time goes: slower and slower at the end."""
    return float(np.cos(np.pi / 2 * np.clip((now_s - _SLOW_FROM_S) / (FALL_S - _SLOW_FROM_S), 0, 1)) ** 2)


def _settled(now_s: float) -> float:
    return float(np.clip((now_s - _SETTLE_FROM_S) / (FALL_S - _SETTLE_FROM_S), 0, 1))


def _push(body: Body, fall: Fall, heading_rad: float, now_s: float) -> None:
    """Push; whoever leans on a wall leans less as they come to rest."""
    body.data.xfrc_applied[:] = 0
    if now_s > fall.push_s:
        return
    lean = 1 - _settled(now_s)
    angle = heading_rad + fall.direction_rad
    ahead: NDArray[np.float64] = np.array([np.cos(angle), np.sin(angle), 0.0])
    for segment, share in _PUSHED[fall.kind].items():
        body.data.xfrc_applied[body.ids[segment], :3] = share * lean * fall.push_n * ahead
    if fall.wall_m is not None:
        chest = body.ids["chest"]
        up = body.data.xmat[chest].reshape(3, 3)[:, 2]
        body.data.xfrc_applied[chest, 3:] = lean * _BACK_NM * np.cross(up, [0.0, 0.0, 1.0])
