"""Things that stand in scenes. Each adds itself to a Set (makers by surface) at a place and a yaw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import numpy as np
from numpy.typing import NDArray

from har_ros.simulation import textures
from har_ros.simulation.pieces import RGB, Light, Maker, Piece

Rng = np.random.Generator
_SURFACES: dict[str, tuple[Callable[[Rng], NDArray[np.uint8]], float]] = {  # texture and size of a repeat, m
    "plain": (lambda rng: textures.mottled(rng, (1.0, 1.0, 1.0), 0.02), 1.0),
    "wood": (lambda rng: textures.wood(rng, (1.0, 1.0, 1.0)), 0.6),
    "cloth": (lambda rng: textures.mottled(rng, (1.0, 1.0, 1.0), 0.05, 4), 0.4),
    "leaves": (lambda rng: textures.foliage(rng, (1.0, 1.0, 1.0)), 0.8),
    "books": (textures.books, 1.0),
    "picture": (textures.picture, 0.8),
}


@dataclass
class Set:
    """The surfaces of one scene's furniture, under one light."""

    light: Light
    rng: Rng
    makers: dict[str, Maker] = field(default_factory=dict)

    def __getitem__(self, surface: str) -> Maker:
        """Return the maker that collects what is made of `surface`."""
        if surface not in self.makers:
            texture, tile_m = _SURFACES[surface]
            self.makers[surface] = Maker(self.light, texture(self.rng), tile_m)
        return self.makers[surface]

    def pieces(self) -> list[Piece]:
        """Return everything that was made."""
        return [piece for maker in self.makers.values() if (piece := maker.piece())]


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


def timber(rng: Rng) -> RGB:
    """Draw a wood colour."""
    tone = rng.uniform(0.35, 0.95)
    return (tone * 0.82, tone * 0.62 + 0.02, tone * 0.43 + 0.03)


def paint(rng: Rng, low: float = 0.25, high: float = 0.85) -> RGB:
    """Draw a muted paint colour."""
    level, warm, green = rng.uniform(low, high), rng.normal(0.02, 0.07), rng.normal(0, 0.02)
    return (float(level * (1 + warm)), float(level * (1 + green)), float(level * (1 - warm)))


def chair(things: Set, place: Place, seat_m: float = 0.45) -> None:
    """Add a chair whose seat is `seat_m` high, its middle at the place, its back behind."""
    rng = things.rng
    frame = timber(rng) if rng.random() < 0.6 else paint(rng, 0.1, 0.5)
    cover = paint(rng) if rng.random() < 0.6 else frame
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
    solid = things["wood"]
    solid.box(place.at(0, 0, high - 0.02), (deep, wide, 0.04), place.yaw_rad, colour)
    for forward in (-0.45 * deep, 0.45 * deep):
        for left in (-0.46 * wide, 0.46 * wide):
            solid.box(place.at(forward, left, high / 2 - 0.02), (0.05, 0.05, high - 0.04), place.yaw_rad, colour)
    for _ in range(rng.integers(0, 4)):
        size = tuple(rng.uniform(0.06, 0.22, 3))
        spot = place.at(rng.uniform(-0.3, 0.3) * deep, rng.uniform(-0.4, 0.4) * wide, high + size[2] / 2)
        things["plain"].box(spot, size, rng.uniform(0, 3), paint(rng))


def shelf(things: Set, place: Place) -> None:
    """Add a bookcase, its front towards the place's yaw."""
    rng = things.rng
    wide, high = rng.uniform(0.7, 1.4), rng.uniform(1.0, 2.1)
    things["wood"].box(place.at(-0.02, 0, high / 2), (0.28, wide, high), place.yaw_rad, timber(rng))
    corner = np.array(place.at(0.125, -wide / 2 + 0.03, 0.06))
    along = np.array(place.at(0.125, wide / 2 - 0.03, 0.06)) - corner
    things["books"].patch(tuple(corner), tuple(along), (0, 0, high - 0.1))


def cabinet(things: Set, place: Place) -> None:
    """Add a chest or a cupboard with doors."""
    rng = things.rng
    deep, wide, high = rng.uniform(0.4, 0.6), rng.uniform(0.6, 1.4), rng.choice((0.6, 0.85, 1.2, 1.9))
    colour = timber(rng) if rng.random() < 0.6 else paint(rng)
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
    for _ in range(rng.integers(1, 3)):
        size = tuple(rng.uniform(0.25, 0.55, 3))
        tone, turned = rng.uniform(0.5, 0.8), place.yaw_rad + rng.normal(0, 0.2)
        things["plain"].box((place.x, place.y, base + size[2] / 2), size, turned, (tone, tone * 0.8, tone * 0.58))
        base += size[2]


def plant(things: Set, place: Place) -> None:
    """Add a pot plant."""
    rng = things.rng
    pot, high = rng.uniform(0.12, 0.2), rng.uniform(0.5, 1.4)
    things["plain"].rod((place.x, place.y, 0), (place.x, place.y, 0.3), pot * 0.8, paint(rng), pot)
    things["wood"].rod((place.x, place.y, 0.3), (place.x, place.y, high), 0.02, (0.35, 0.28, 0.2))
    for _ in range(6):
        spread = rng.normal(0, 0.13, 3)
        green = rng.uniform(0.25, 0.5)
        radii = tuple(rng.uniform(0.1, 0.24, 3))
        centre = (place.x + spread[0], place.y + spread[1], high + spread[2])
        things["leaves"].ball(centre, radii, (green * 0.7, green, green * 0.5))


def sofa(things: Set, place: Place) -> None:
    """Add a sofa or an armchair."""
    rng = things.rng
    wide, colour = rng.choice((0.9, 1.6, 2.0)), paint(rng, 0.2, 0.7)
    cloth = things["cloth"]
    cloth.box(place.at(0, 0, 0.24), (0.85, wide, 0.36), place.yaw_rad, colour)
    cloth.box(place.at(-0.35, 0, 0.6), (0.2, wide, 0.45), place.yaw_rad, colour)
    for left in (-wide / 2, wide / 2):
        cloth.box(place.at(0, left, 0.4), (0.85, 0.18, 0.45), place.yaw_rad, colour)


def lamp(things: Set, place: Place) -> None:
    """Add a floor lamp."""
    high = things.rng.uniform(1.3, 1.7)
    things["plain"].rod((place.x, place.y, 0), (place.x, place.y, high), 0.015, (0.2, 0.2, 0.2))
    things["plain"].rod((place.x, place.y, high), (place.x, place.y, high + 0.25), 0.2, (1.2, 1.1, 0.9), 0.13)


def rack(things: Set, place: Place) -> None:
    """Add a metal rack with boxes."""
    rng = things.rng
    wide, colour = rng.uniform(1.0, 1.8), paint(rng, 0.2, 0.5)
    plain = things["plain"]
    for forward in (-0.22, 0.22):
        for left in (-wide / 2, wide / 2):
            plain.box(place.at(forward, left, 0.95), (0.04, 0.04, 1.9), place.yaw_rad, colour)
    for up in (0.15, 0.7, 1.25, 1.8):
        plain.box(place.at(0, 0, up), (0.48, wide, 0.03), place.yaw_rad, colour)
        left = -wide / 2 + 0.2
        while left < wide / 2 - 0.2:
            size = (rng.uniform(0.25, 0.42), rng.uniform(0.2, 0.4), rng.uniform(0.15, 0.4))
            if rng.random() < 0.75:
                plain.box(place.at(0, left, up + size[2] / 2 + 0.015), size, place.yaw_rad, paint(rng))
            left += size[1] + rng.uniform(0.02, 0.15)


def bench(things: Set, place: Place) -> None:
    """Add a workbench with a vice-like lump and a few tools."""
    rng = things.rng
    wide, colour = rng.uniform(1.2, 2.0), timber(rng)
    things["wood"].box(place.at(0, 0, 0.85), (0.7, wide, 0.08), place.yaw_rad, colour)
    things["plain"].box(place.at(-0.05, 0, 0.4), (0.5, wide * 0.9, 0.8), place.yaw_rad, paint(rng, 0.2, 0.45))
    for _ in range(5):
        size = tuple(rng.uniform(0.04, 0.25, 3))
        spot = place.at(rng.uniform(-0.25, 0.25), rng.uniform(-0.45, 0.45) * wide, 0.89 + size[2] / 2)
        things["plain"].box(spot, size, rng.uniform(0, 3), paint(rng))


def drum(things: Set, place: Place) -> None:
    """Add an oil drum or a bin."""
    radius, high, colour = things.rng.uniform(0.2, 0.32), things.rng.uniform(0.5, 0.95), paint(things.rng, 0.2, 0.6)
    things["plain"].rod((place.x, place.y, 0), (place.x, place.y, high), radius, colour)
    things["plain"].rod((place.x, place.y, high), (place.x, place.y, high + 0.01), radius, colour, 0.001)


def machine(things: Set, place: Place) -> None:
    """Add a machine tool: a big cabinet with a window and a panel."""
    rng = things.rng
    wide, high, colour = rng.uniform(1.0, 1.8), rng.uniform(1.4, 2.0), paint(rng, 0.4, 0.8)
    plain = things["plain"]
    plain.box(place.at(0, 0, high / 2), (0.9, wide, high), place.yaw_rad, colour)
    window = (0.03, wide * 0.5, high * 0.4)
    plain.box(place.at(0.45, -0.1 * wide, high * 0.62), window, place.yaw_rad, (0.15, 0.18, 0.2))
    plain.box(place.at(0.47, 0.33 * wide, high * 0.7), (0.06, 0.25, 0.35), place.yaw_rad, paint(rng, 0.15, 0.35))


def tree(things: Set, place: Place) -> None:
    """Add a tree."""
    rng = things.rng
    high = rng.uniform(1.2, 2.6)
    things["wood"].rod((place.x, place.y, 0), (place.x, place.y, high + 0.5), 0.16, (0.36, 0.29, 0.22), 0.08)
    for _ in range(7):
        spread = rng.normal(0, 0.6, 3)
        green = rng.uniform(0.28, 0.5)
        radii = tuple(rng.uniform(0.6, 1.1, 3))
        centre = (place.x + spread[0], place.y + spread[1], high + 0.9 + abs(spread[2]))
        things["leaves"].ball(centre, radii, (green * 0.75, green, green * 0.5))


def bush(things: Set, place: Place) -> None:
    """Add a bush."""
    rng = things.rng
    for _ in range(4):
        spread, green, radii = rng.normal(0, 0.2, 2), rng.uniform(0.28, 0.5), tuple(rng.uniform(0.25, 0.5, 3))
        centre = (place.x + spread[0], place.y + spread[1], 0.3)
        things["leaves"].ball(centre, radii, (green * 0.75, green, green * 0.5))
