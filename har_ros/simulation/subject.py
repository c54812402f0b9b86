"""A simulated subject: one person, the same body and face in all of their captures."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from har_ros.simulation.body import Body, Shape
from har_ros.simulation.streams import stream
from har_ros.simulation.wardrobe import Look


@dataclass(frozen=True)
class Subject:
    """One person.

    name: such as sim-1-s012, unique over datasets of different seeds.
    body: the undressed body, with the skeleton that the physics moves.
    face: a look whose skin, hair, eyes and beard are this person's.
    """

    name: str
    body: Body
    face: Look

    @classmethod
    def of(cls, seed: int, number: int | str) -> Subject:
        """Return subject `number` of the dataset, or of the live simulation, with `seed`."""
        shape = Shape.random(stream(seed, "shape", number))
        face = Look.random(stream(seed, "face", number), shape.sex, shape.age)
        name = f"sim-{seed}-{number}" if isinstance(number, str) else f"sim-{seed}-s{number:03d}"
        return cls(name, Body(shape), face)

    def dressed(self, rng: np.random.Generator) -> Look:
        """Return the person's look on one day: their own face, and clothes drawn anew."""
        clothes = Look.random(rng, self.body.shape.sex, self.body.shape.age)
        face = self.face
        return replace(
            clothes, skin=face.skin, hair=face.hair, iris=face.iris, hair_style=face.hair_style, beard=face.beard
        )
