"""One person who moves: a body, and the habits that stay the same in all that they do."""

from __future__ import annotations

import numpy as np

from har_ros.core.labels import Activity
from har_ros.simulation.going import Going
from har_ros.simulation.legs import SIDES, Leg, flat
from har_ros.simulation.physics import HINGE_INDEX, Body
from har_ros.simulation.skeleton import SEGMENTS, Skeleton
from har_ros.simulation.tracks import Curve, Track, even, quaternion, still

_EVEN_S = 0.08
_LEG_HINGES = (("thigh", "y"), ("thigh", "x"), ("thigh", "z"), ("shin", "y"), ("foot", "y"), ("foot", "x"))


class Person:
    """A body and its habits.

    body: the one that moves; dummy: another, to try poses on.
    legs: left and right; leg_columns: which hinges are theirs.
    stance: one sample of standing at home, heading +x, where everything on foot begins and ends.
    hip_m, knee_m: how high pelvis and knees are there; ankles_m: (2, 3) where the ankles are.
    place_m, heading_rad: where on the floor (2,) the person stood, and looked, after what was done last.
    going: how the person walked or jogged at the end of it; None: they stopped.
    """

    def __init__(self, skeleton: Skeleton, rng: np.random.Generator) -> None:
        self.skeleton = skeleton
        self.going: Going | None = None
        self.place_m, self.heading_rad = np.zeros(2), 0.0
        self.body, self.dummy = Body(skeleton), Body(skeleton)
        self.legs = [Leg(skeleton, side) for side in SIDES]
        self.stance = _upright(self.dummy, float(rng.uniform(0.03, 0.09)))
        self.hip_m = float(self.stance.root_m[0, 2])
        self.knee_m = float(skeleton.joints_m[SEGMENTS.index("shin_left"), 2])
        self.leg_columns = [HINGE_INDEX[f"{limb}_{side}.{axis}"] for side in SIDES for limb, axis in _LEG_HINGES]
        self.ankles_m = np.stack([leg.ankle_m(self.stance)[0] for leg in self.legs])

    def stand_on(
        self, track: Track, ahead_m: Curve | float = 0.0, heels_up_rad: Curve | float = 0.0,
        lift_m: Curve | float = 0.0, apart_m: Curve | float = 0.0,
    ) -> None:  # fmt: skip
        """Put the feet of a track on the floor: at home, or this far ahead of it.

        Each argument is one number for all, or (T, 2) for left and right: how far ahead, how far the foot is
        turned down about its ball, how far it is lifted, and how far it is moved outward.
        """
        count = len(track.root_m)
        ahead, up, lift, apart = (np.broadcast_to(v, (count, 2)) for v in (ahead_m, heels_up_rad, lift_m, apart_m))
        for side, leg in enumerate(self.legs):
            x, y, z = self.ankles_m[side]
            ankle = np.repeat([[x + leg.ball_m, y, 0.0]], count, axis=0)
            turned, c, s = up[:, side], np.cos(up[:, side]), np.sin(up[:, side])
            ankle[:, 0] += ahead[:, side] - leg.ball_m * c + z * s
            ankle[:, 1] += (1 - 2 * side) * apart[:, side]
            ankle[:, 2] = z * c + leg.ball_m * s + lift[:, side]
            leg.reach(track, ankle, flat(count, turned))
        for column in self.leg_columns:  # a leg that is all but straight would jerk
            track.hinges[:, column] = even(track.hinges[:, column], _EVEN_S)

    def hand_m(self, track: Track, index: int, side: str) -> Curve:
        """Return where a hand is at a sample of a track, (3,)."""
        self.dummy.place(track.root_m[index], quaternion(track.root_angles[index]), track.hinges[index])
        fist = SEGMENTS.index(f"forearm_{side}")
        segment = self.dummy.data.body(f"forearm_{side}")
        reach = self.skeleton.ends_m[fist] - self.skeleton.joints_m[fist]
        return np.asarray(segment.xpos + segment.xmat.reshape(3, 3) @ reach)


def _upright(body: Body, spread_rad: float) -> Track:
    """Return one sample of standing at the origin, heading +x, the feet a little apart, the knees hardly bent."""
    track = still(1, Activity.STAND)
    track.add_both("thigh", "x", spread_rad)
    track.add_both("foot", "x", -spread_rad)
    for side in SIDES:
        for limb, angle in (("thigh", -0.02), ("shin", 0.04), ("foot", -0.02)):
            track.add(f"{limb}_{side}.y", angle)
    body.place(np.zeros(3), quaternion(np.zeros(3)), track.hinges[0])
    track.root_m[:, 2] = -body.soles_m().min()
    return track
