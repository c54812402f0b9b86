"""Things that stand in any scene, and what they are made of. Each adds itself to a Set at a place and a yaw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import numpy as np
from numpy.typing import NDArray

from har_ros.simulation import textures
from har_ros.simulation.pieces import RGB, Light, Maker, Piece
from har_ros.simulation.surfaces import Photos

Rng = np.random.Generator
_SURFACES: dict[str, tuple[Callable[[Rng], NDArray[np.uint8]], float]] = {  # texture and size of a repeat, m
    "plain": (lambda rng: textures.mottled(rng, (1.0, 1.0, 1.0), 0.02), 1.0),
    "wood": (lambda rng: textures.wood(rng, (1.0, 1.0, 1.0)), 0.6),
    "cloth": (lambda rng: textures.mottled(rng, (1.0, 1.0, 1.0), 0.05, 4), 0.4),
    "rug": (lambda rng: textures.mottled(rng, (1.0, 1.0, 1.0), 0.12, 16), 0.7),
    "leaves": (lambda rng: textures.foliage(rng, (1.0, 1.0, 1.0)), 0.8),
    "books": (textures.books, 1.0),
    "picture": (textures.picture, 0.8),
    "view": (textures.view, 1.0),
    "screen": (textures.screen, 0.5),
    "mesh": (lambda rng: textures.mesh(), 0.5),
}


@dataclass
class Set:
    """The surfaces of one scene's things, under one light. photos: the user's own, where there are any."""

    light: Light
    rng: Rng
    photos: Photos = field(default_factory=Photos)
    makers: dict[str, Maker] = field(default_factory=dict)

    def __getitem__(self, surface: str) -> Maker:
        """Return the maker that collects what is made of `surface`."""
        if surface not in self.makers:
            texture, tile_m = _SURFACES[surface]
            photo = self.photos.draw("pictures", self.rng) if surface == "picture" else None
            image = texture(self.rng) if photo is None else photo
            self.makers[surface] = Maker(self.light, image, tile_m, is_ground=surface == "rug")
        return self.makers[surface]

    def shade(self, place: Place, deep_m: float, wide_m: float, high_m: float = 0.8) -> None:
        """Darken the floor under and around a thing of that size, a little farther on the side without light."""
        if "shade" not in self.makers:
            self.makers["shade"] = Maker(self.light, textures.soft_patch(), is_shade=True)
        reach = 0.16 * high_m / max(self.light.sun[2], 0.4)
        x, y = place.x - reach * self.light.sun[0], place.y - reach * self.light.sun[1]
        moved = Place(x, y, place.yaw_rad)
        deep, wide = 1.25 * deep_m + 0.25, 1.25 * wide_m + 0.25  # the texture's rim is clear
        corner = np.array(moved.at(-deep / 2, -wide / 2, 0.0))
        along, aside = np.array(moved.at(deep / 2, -wide / 2, 0.0)), np.array(moved.at(-deep / 2, wide / 2, 0.0))
        self.makers["shade"].triangle(corner, 2 * along - corner, 2 * aside - corner)

    def pieces(self) -> list[Piece]:
        """Return everything that was made; what one can see through comes last."""
        made = [piece for maker in self.makers.values() if (piece := maker.piece())]
        return sorted(made, key=lambda piece: piece.see_through)


@dataclass(frozen=True)
class Place:
    """Where something stands: x, y on the floor and where its front points."""

    x: float
    y: float
    yaw_rad: float

    def at(self, forward: float, left: float, up: float) -> tuple[float, float, float]:
        """Return the world place of a point in the thing's own axes."""
        c, s = np.cos(self.yaw_rad), np.sin(self.yaw_rad)
        return (self.x + c * forward - s * left, self.y + s * forward + c * left, up)


@dataclass(frozen=True)
class Thing:
    """Something that can stand in a scene: who makes it, and the room it takes (deep from wall, wide, high)."""

    make: Callable[[Set, Place], None]
    deep_m: float
    wide_m: float
    high_m: float

    @property
    def radius_m(self) -> float:
        """Half of its longer side."""
        return max(self.deep_m, self.wide_m) / 2


def timber(rng: Rng) -> RGB:
    """Draw a wood colour, from walnut to birch, or painted white."""
    if rng.random() < 0.2:
        return (0.82, 0.81, 0.78)
    tone = rng.uniform(0.35, 0.9)
    return (tone * 0.82, tone * 0.66 + 0.02, tone * 0.48 + 0.03)


def paint(rng: Rng, low: float = 0.25, high: float = 0.85) -> RGB:
    """Draw a muted paint colour."""
    level, warm, green = rng.uniform(low, high), rng.normal(0.02, 0.035), rng.normal(0, 0.01)
    return (float(level * (1 + warm)), float(level * (1 + green)), float(level * (1 - warm)))


def fabric(rng: Rng) -> RGB:
    """Draw the colour of a cover, curtain or rug: mostly grey or beige, sometimes a subdued colour."""
    if rng.random() < 0.6:
        return paint(rng, 0.25, 0.75)
    level = rng.uniform(0.3, 0.6)
    return cast(RGB, tuple(np.clip(level * (1 + rng.normal(0, 0.09, 3)), 0.05, 0.9).tolist()))


def chair(things: Set, place: Place, seat_m: float = 0.45) -> None:
    """Add a chair whose seat is `seat_m` high, its middle at the place, its back behind."""
    rng = things.rng
    things.shade(place, 0.5, 0.5, seat_m)
    frame = timber(rng) if rng.random() < 0.6 else paint(rng, 0.1, 0.5)
    cover = fabric(rng) if rng.random() < 0.6 else frame
    solid = things["wood"]
    things["cloth"].box(place.at(0, 0, seat_m - 0.025), (0.44, 0.44, 0.05), place.yaw_rad, cover)
    for forward in (-0.19, 0.19):
        for left in (-0.19, 0.19):
            solid.box(place.at(forward, left, seat_m / 2 - 0.025), (0.04, 0.04, seat_m - 0.05), place.yaw_rad, frame)
    back_m = rng.uniform(0.35, 0.5)
    for left in (-0.19, 0.19):
        solid.box(place.at(-0.235, left, seat_m + back_m / 2), (0.035, 0.04, back_m), place.yaw_rad, frame)
    things["cloth"].box(
        place.at(-0.235, 0, seat_m + back_m * 0.7), (0.03, 0.40, back_m * rng.uniform(0.3, 0.6)), place.yaw_rad, cover
    )


def table(things: Set, place: Place) -> None:
    """Add a table."""
    rng = things.rng
    colour, high = timber(rng), rng.uniform(0.70, 0.76)
    deep, wide = rng.uniform(0.6, 0.9), rng.uniform(0.9, 1.6)
    things.shade(place, deep, wide, high)
    solid = things["wood"]
    solid.box(place.at(0, 0, high - 0.02), (deep, wide, 0.04), place.yaw_rad, colour)
    for forward in (-0.45 * deep, 0.45 * deep):
        for left in (-0.46 * wide, 0.46 * wide):
            solid.box(place.at(forward, left, high / 2 - 0.02), (0.05, 0.05, high - 0.04), place.yaw_rad, colour)
    for _ in range(rng.integers(0, 5)):
        size = tuple(rng.uniform(0.06, 0.22, 3))
        spot = place.at(rng.uniform(-0.3, 0.3) * deep, rng.uniform(-0.4, 0.4) * wide, high + size[2] / 2)
        things["plain"].box(spot, size, rng.uniform(0, 3), paint(rng))


def cabinet(things: Set, place: Place) -> None:
    """Add a chest or a cupboard with doors."""
    rng = things.rng
    deep, wide, high = rng.uniform(0.4, 0.6), rng.uniform(0.6, 1.4), rng.choice((0.6, 0.85, 1.2, 1.9))
    colour = timber(rng) if rng.random() < 0.6 else paint(rng)
    things.shade(place, deep, wide, high)
    solid = things["wood"]
    solid.box(place.at(0, 0, high / 2), (deep, wide, high), place.yaw_rad, colour)
    doors = int(rng.integers(2, 5))
    for door in range(doors):
        left = wide * ((door + 0.5) / doors - 0.5)
        solid.box(
            place.at(deep / 2, left, high / 2 + 0.03), (0.02, wide / doors - 0.02, high - 0.1), place.yaw_rad,
            cast(RGB, tuple(0.93 * value for value in colour)),
        )


def box(things: Set, place: Place) -> None:
    """Add a cardboard box, sometimes two on top of each other."""
    rng, base = things.rng, 0.0
    things.shade(place, 0.45, 0.45, 0.5)
    for _ in range(rng.integers(1, 3)):
        size = tuple(rng.uniform(0.25, 0.55, 3))
        tone, turned = rng.uniform(0.5, 0.8), place.yaw_rad + rng.normal(0, 0.2)
        things["plain"].box((place.x, place.y, base + size[2] / 2), size, turned, (tone, tone * 0.8, tone * 0.58))
        base += size[2]


def partition(things: Set, place: Place) -> None:
    """Add a free-standing wall."""
    rng = things.rng
    wide, high = rng.uniform(1.2, 2.4), rng.uniform(1.9, 2.3)
    things.shade(place, 0.3, wide, 0.8)
    things["plain"].box(place.at(0, 0, high / 2), (0.12, wide, high), place.yaw_rad, paint(rng, 0.5, 0.85))


def plant(things: Set, place: Place) -> None:
    """Add a pot plant."""
    rng = things.rng
    things.shade(place, 0.45, 0.45, 0.6)
    pot, high = rng.uniform(0.12, 0.2), rng.uniform(0.5, 1.4)
    things["plain"].rod((place.x, place.y, 0), (place.x, place.y, 0.3), pot * 0.8, paint(rng), pot)
    things["wood"].rod((place.x, place.y, 0.3), (place.x, place.y, high), 0.02, (0.35, 0.28, 0.2))
    for _ in range(6):
        spread = rng.normal(0, 0.13, 3)
        green = rng.uniform(0.25, 0.5)
        radii = tuple(rng.uniform(0.1, 0.24, 3))
        centre = (place.x + spread[0], place.y + spread[1], high + spread[2])
        things["leaves"].ball(centre, radii, (green * 0.7, green, green * 0.5))
