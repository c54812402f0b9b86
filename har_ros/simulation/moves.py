"""Which track each act follows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from har_ros.simulation import chair, hard_negatives, low_moves, lying, postures, rising, walking
from har_ros.simulation.person import Person
from har_ros.simulation.tracks import Track

Move = Callable[[Person, float, np.random.Generator], Track]

WALKS = ("walk", "jog", "stumble")  # these lead home from wherever one is
ONWARD: dict[str, Move] = {"walk": walking.walk_on, "jog": walking.jog_on}  # without stopping, to be followed by
GOES_ON = (*WALKS, "fall_trip", "fall_slip", "fall_push", "fall_faint")
BLOWS = {"knock": hard_negatives.blow}  # what the sensor alone feels
_WALKING_SHARES = {"trip": 1.0, "slip": 0.8, "push": 0.5, "faint": 0.3, "slide_down": 0.0}
MOVES: dict[str, Move] = {
    "walk": walking.walk,
    "jog": walking.jog,
    "stand": postures.stand,
    "sit": chair.sit,
    "drive": postures.drive,
    "drowse": postures.drowse,
    "doze_off": postures.doze_off,
    "sit_down": chair.sit_down,
    "stand_up": chair.stand_up,
    "get_up": rising.get_up,
    "sit_down_hard": chair.sit_down_hard,
    "bend": low_moves.bend,
    "pick_up": low_moves.pick_up,
    "tie_shoes": low_moves.tie_shoes,
    "kneel": low_moves.kneel,
    "lie_down": lying.lie_down,
    "stumble": walking.stumble,
    "jump": hard_negatives.jump,
    "knock": postures.stand,
    "look_around": postures.look_away,
    "reach_over": postures.reach_over,
}


def before_fall(kind: str, person: Person, seconds: float, rng: np.random.Generator) -> Track:
    """Return what a person does who is about to fall: they walk, stand or sit."""
    if kind == "from_chair":
        return chair.sit(person, seconds, rng)
    walks = person.going is not None or rng.uniform() < _WALKING_SHARES[kind]
    return (walking.walk_on if walks else postures.stand)(person, seconds, rng)
