"""Which track each act follows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from har_ros.simulation import gait, postures
from har_ros.simulation.gait import Style
from har_ros.simulation.joining import MARGIN
from har_ros.simulation.person import Person
from har_ros.simulation.physics import RATE_HZ
from har_ros.simulation.tracks import Track

Move = Callable[[Person, float, np.random.Generator], Track]
_MARGIN_S = MARGIN / RATE_HZ


def _walk(person: Person, seconds: float, rng: np.random.Generator) -> Track:
    style = Style.walking(rng)
    return gait.follow_path(style, seconds + _MARGIN_S, person.skeleton, person.body, 0.8, rng)


def _jog(person: Person, seconds: float, rng: np.random.Generator) -> Track:
    style = Style.jogging(rng)
    return gait.follow_path(style, seconds + _MARGIN_S, person.skeleton, person.body, 1.1, rng)


MOVES: dict[str, Move] = {
    "walk": _walk,
    "jog": _jog,
    "stand": lambda person, seconds, rng: postures.stand(seconds + _MARGIN_S, person.skeleton, person.body, rng),
    "sit": lambda person, seconds, rng: postures.sit(seconds + _MARGIN_S, person.skeleton, rng),
    "drive": lambda person, seconds, rng: postures.drive(seconds + _MARGIN_S, person.skeleton, rng),
    "drowse": lambda person, seconds, rng: postures.drowse(seconds + _MARGIN_S, person.skeleton, rng),
}
