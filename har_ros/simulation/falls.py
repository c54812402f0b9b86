"""Falls: the hand that keeps a body up lets go, the muscles give way, a push, a trip or a slip does the rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from har_ros.simulation.physics import HINGE_INDEX, RATE_HZ, Body, Pose
from har_ros.simulation.tracking import Tracker

KINDS = ("trip", "slip", "push", "faint")
FALL_S = 3.0  # from the onset until the body lies still
LET_GO_S = 0.25  # longest time that the hand takes to let go
_LYING_PELVIS_M, _LYING_HEAD_M, _LYING_LIMB_M = 0.35, 0.45, 0.55
_STILL_MPS = 0.1
_LIMP_FROM_S, _LIMP_HOLD = 0.9, 0.004  # once down, the muscles let the limbs sink
_SETTLE_FROM_S = 2.2  # then friction of flesh and clothes, which capsules lack, ends every movement


@dataclass(frozen=True)
class Fall:
    """One fall: its kind, where it goes (rad, 0 forward, left positive), and how.

    push_n, push_s: the force at chest and feet; hold: share of the muscles' strength that is left;
    let_go_s: how quickly the rest goes; reach_rad: how far the arms are thrown forward.
    """

    kind: str
    direction_rad: float
    push_n: float
    push_s: float
    hold: float
    let_go_s: float
    reach_rad: float

    @staticmethod
    def random(rng: np.random.Generator) -> Fall:
        """Draw one of any kind, in any direction."""
        kind = str(rng.choice(KINDS))
        forward, back, anywhere = rng.normal(0, 0.4), np.pi + rng.normal(0, 0.6), rng.uniform(-np.pi, np.pi)
        direction = {"trip": forward, "slip": back}.get(kind, anywhere)
        faint = kind == "faint"
        return Fall(
            kind,
            float(direction),
            push_n=rng.uniform(30, 120) if faint else rng.uniform(150, 320),
            push_s=rng.uniform(0.15, 0.3),
            hold=rng.uniform(0.02, 0.06) if faint else rng.uniform(0.04, 0.2),
            let_go_s=LET_GO_S if faint else 0.06,
            reach_rad=0.0 if faint else rng.uniform(0.0, 1.2),
        )


def let_fall(body: Body, tracker: Tracker, onset: int, fall: Fall, heading_rad: float) -> list[Pose]:
    """Return FALL_S of falling and coming to rest, from sample `onset` of the tracker's track.

    Afterwards the body's model has lost its strength: it can't follow a track again.
    """
    muscles = _Muscles(body, fall)
    body.collide_with_itself()
    poses = []
    for step in range(round(FALL_S * RATE_HZ)):
        now_s = step / RATE_HZ
        share = max(1 - now_s / fall.let_go_s, 0.0)
        tracker.hold(onset + min(step, round(LET_GO_S * RATE_HZ)), share)
        muscles.set(now_s, share)
        _push(body, fall, heading_rad, now_s)
        poses.append(body.advance())
    return poses


def lies_still(body: Body, pose: Pose) -> bool:
    """Return whether a body has come to rest, all of it low, with finite numbers."""
    height_m = dict(zip(body.ids, pose.position_m[:, 2]))
    low = height_m["pelvis"] < _LYING_PELVIS_M and height_m["head"] < _LYING_HEAD_M
    low = low and max(height_m.values()) < _LYING_LIMB_M
    return bool(np.isfinite(body.data.qpos).all() and low and np.abs(body.data.qvel[:3]).max() < _STILL_MPS)


class _Muscles:
    """The servos while they lose their strength."""

    def __init__(self, body: Body, fall: Fall) -> None:
        self._model, self._data, self._fall = body.model, body.data, fall
        self._gain, self._bias = body.model.actuator_gainprm.copy(), body.model.actuator_biasprm.copy()
        self._friction = body.model.dof_damping[6:].copy()
        self._goal = self._data.qpos[7:].copy()
        bend, reach = 1.1 if fall.kind == "faint" else 0.3, fall.reach_rad
        changes = {"shin": bend, "thigh": -0.5 * bend, "upper_arm": -reach, "forearm": -0.3 * reach}
        for limb, change in changes.items():
            for side in ("left", "right"):
                self._goal[HINGE_INDEX[f"{limb}_{side}.y"]] += change

    def set(self, now_s: float, share: float) -> None:
        """Set strength, damping and friction for this moment; `share` of full strength is left beside `hold`."""
        limp = np.clip((now_s - _LIMP_FROM_S) / 0.5, 0, 1)
        hold = self._fall.hold + (_LIMP_HOLD - self._fall.hold) * limp
        strength = hold + (1 - hold) * share
        self._model.actuator_gainprm[:, 0] = self._gain[:, 0] * strength
        self._model.actuator_biasprm[:, 1] = self._bias[:, 1] * strength
        self._model.actuator_biasprm[:, 2] = self._bias[:, 2] * (0.12 + 0.88 * strength)
        settled = np.clip((now_s - _SETTLE_FROM_S) / (FALL_S - _SETTLE_FROM_S), 0, 1)
        self._model.dof_damping[6:] = self._friction * (1 + 40 * settled**2)
        if share == 0:
            self._model.dof_damping[:6] = 60 * settled**2
        self._data.ctrl[:] = self._goal


def _push(body: Body, fall: Fall, heading_rad: float, now_s: float) -> None:
    body.data.xfrc_applied[:] = 0
    if now_s > fall.push_s:
        return
    angle = heading_rad + fall.direction_rad
    ahead: NDArray[np.float64] = np.array([np.cos(angle), np.sin(angle), 0.0])
    at_feet = fall.kind in ("trip", "slip")
    body.data.xfrc_applied[body.ids["chest"], :3] = ahead * fall.push_n * (0.5 if at_feet else 1.0)
    for foot in ("foot_left", "foot_right") if at_feet else ():
        body.data.xfrc_applied[body.ids[foot], :3] = -ahead * 0.4 * fall.push_n
