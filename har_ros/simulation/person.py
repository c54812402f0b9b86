"""One person who moves: a body, and the habits that stay the same in all that they do."""

from __future__ import annotations

import numpy as np

from har_ros.simulation.physics import Body
from har_ros.simulation.skeleton import Skeleton


class Person:
    """A body and its habits. spread_rad: how far apart the feet stand."""

    def __init__(self, skeleton: Skeleton, rng: np.random.Generator) -> None:
        self.skeleton = skeleton
        self.body = Body(skeleton)
        self.spread_rad = float(rng.uniform(0.03, 0.1))
