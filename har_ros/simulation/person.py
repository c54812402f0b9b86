"""One person who moves: a body, and the habits that stay the same in all that they do."""

from __future__ import annotations

import numpy as np

from har_ros.core.labels import Activity
from har_ros.simulation.legs import SIDES, Leg, flat
from har_ros.simulation.physics import Body
from har_ros.simulation.skeleton import Skeleton
from har_ros.simulation.tracks import Curve, Track, quaternion, still


class Person:
    """A body and its habits.

    body: the one that moves; dummy: another, to try poses on.
    legs: left and right. stance: one sample of standing at home, heading +x, where everything on foot
    begins and ends. hip_m: the pelvis' height there; ankles_m: (2, 3) where the ankles are.
    place_m, heading_rad: where on the floor (2,) the person stood, and looked, after what was done last.
    """

    def __init__(self, skeleton: Skeleton, rng: np.random.Generator) -> None:
        self.skeleton = skeleton
        self.place_m, self.heading_rad = np.zeros(2), 0.0
        self.body, self.dummy = Body(skeleton), Body(skeleton)
        self.legs = [Leg(skeleton, side) for side in SIDES]
        self.stance = _upright(self.dummy, float(rng.uniform(0.03, 0.09)))
        self.hip_m = float(self.stance.root_m[0, 2])
        self.ankles_m = np.stack([leg.ankle_m(self.stance)[0] for leg in self.legs])

    def stand_on(self, track: Track, ankles_m: Curve | None = None, toes_down_rad: Curve | float = 0.0) -> None:
        """Put the feet of a track on the floor: at home, or with the ankles at ankles_m (T, 2, 3)."""
        count = len(track.root_m)
        places = np.broadcast_to(self.ankles_m if ankles_m is None else ankles_m, (count, 2, 3))
        for index, leg in enumerate(self.legs):
            leg.reach(track, places[:, index], flat(count, toes_down_rad))


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
