"""Which track each act follows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from har_ros.simulation import chair, postures, walking
from har_ros.simulation.person import Person
from har_ros.simulation.tracks import Track

Move = Callable[[Person, float, np.random.Generator], Track]

MOVES: dict[str, Move] = {
    "walk": walking.walk,
    "jog": walking.jog,
    "stand": postures.stand,
    "sit": chair.sit,
    "drive": postures.drive,
    "drowse": postures.drowse,
    "sit_down": chair.sit_down,
    "stand_up": chair.stand_up,
    "sit_down_hard": chair.sit_down_hard,
}
