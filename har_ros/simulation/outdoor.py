"""Outdoors: a street, a park or a yard, with houses, trees, fences and parked cars around it."""

from __future__ import annotations

import numpy as np

from har_ros.simulation import textures
from har_ros.simulation.furniture import Place, Rng, Set, Thing, paint
from har_ros.simulation.pieces import RGB, Maker, Piece
from har_ros.simulation.rooms import BOX, CHAIR, PARTITION, PLANT, TABLE

_FAR_M = 60.0


def tree(things: Set, place: Place) -> None:
    """Add a tree."""
    rng = things.rng
    things.shade(place, 1.4, 1.4, 1.5)
    high = rng.uniform(1.2, 2.6)
    things["wood"].rod((place.x, place.y, 0), (place.x, place.y, high + 0.5), 0.16, (0.36, 0.29, 0.22), 0.08)
    wide, tall, tone = rng.uniform(0.7, 1.3), rng.uniform(0.6, 1.5), rng.uniform(0.28, 0.48)
    leaves: RGB = (tone * rng.uniform(0.65, 0.95), tone, tone * rng.uniform(0.4, 0.6))
    for turn in np.arange(9) * 2.4:  # around the crown and up, as a pine cone's scales
        up = (turn / 2.4 + rng.uniform(0, 1)) / 9
        out = wide * np.sqrt(max(1 - up**2, 0.1)) * rng.uniform(0.5, 1.0)
        radii = tuple(rng.uniform(0.4, 0.75, 3) * (1.1 - 0.35 * up) * wide)
        centre = (place.x + out * np.cos(turn), place.y + out * np.sin(turn), high + 0.4 + up * 2 * tall)
        shade = rng.uniform(0.85, 1.1)
        things["leaves"].ball(centre, radii, (shade * leaves[0], shade * leaves[1], shade * leaves[2]))


def bush(things: Set, place: Place) -> None:
    """Add a bush."""
    rng = things.rng
    things.shade(place, 0.9, 0.9, 0.6)
    for _ in range(4):
        spread, green, radii = rng.normal(0, 0.2, 2), rng.uniform(0.28, 0.5), tuple(rng.uniform(0.25, 0.5, 3))
        centre = (place.x + spread[0], place.y + spread[1], 0.3)
        things["leaves"].ball(centre, radii, (green * 0.75, green, green * 0.5))


def parked_car(things: Set, place: Place) -> None:
    """Add a parked car, its side towards the place's yaw."""
    rng, plain = things.rng, things["plain"]
    colours: tuple[RGB, ...] = ((0.12, 0.13, 0.15), (0.75, 0.76, 0.77), (0.42, 0.44, 0.47), (0.22, 0.28, 0.4),
                                (0.45, 0.15, 0.14), (0.85, 0.85, 0.84))  # fmt: skip
    colour, glass = colours[rng.integers(len(colours))], (0.12, 0.14, 0.16)
    things.shade(place, 1.9, 4.3, 1.0)
    plain.box(place.at(0, 0, 0.58), (1.75, 4.2, 0.62), place.yaw_rad, colour)
    plain.box(place.at(0, 0.15, 1.13), (1.5, 2.1, 0.5), place.yaw_rad, glass)
    plain.box(place.at(0, 0.15, 1.4), (1.4, 1.7, 0.06), place.yaw_rad, colour)
    for forward in (-0.76, 0.76):
        for left in (-0.85, 0.15, 1.1):
            foot = place.at(forward, 1.05 * left + 0.05, 0.85)
            plain.rod(foot, place.at(0.92 * forward, 0.85 * left + 0.1, 1.42), 0.045, colour)
        for left in (-1.3, 1.3):
            hub, rim = place.at(1.12 * forward, left, 0.32), place.at(1.13 * forward, left, 0.32)
            plain.rod(place.at(0.9 * forward, left, 0.32), hub, 0.32, (0.08, 0.08, 0.08))
            plain.rod(hub, rim, 0.31, (0.3, 0.3, 0.31), 0.01)


def park_bench(things: Set, place: Place) -> None:
    """Add a bench with a back."""
    colour, iron = (0.42, 0.31, 0.21), (0.15, 0.15, 0.16)
    things.shade(place, 0.6, 1.6, 0.5)
    for forward in (-0.15, 0.0, 0.15):
        things["wood"].box(place.at(forward, 0, 0.44), (0.12, 1.6, 0.04), place.yaw_rad, colour)
    for up in (0.62, 0.78):
        things["wood"].box(place.at(-0.26, 0, up), (0.04, 1.6, 0.12), place.yaw_rad, colour)
    for left in (-0.65, 0.65):
        things["plain"].box(place.at(-0.05, left, 0.21), (0.4, 0.05, 0.42), place.yaw_rad, iron)
        things["plain"].box(place.at(-0.24, left, 0.6), (0.04, 0.05, 0.45), place.yaw_rad, iron)


def street_lamp(things: Set, place: Place) -> None:
    """Add a street lamp."""
    things.shade(place, 0.3, 0.3)
    top = place.at(0, 0, 4.2)
    things["plain"].rod(place.at(0, 0, 0), top, 0.07, (0.3, 0.31, 0.32), 0.05)
    things["plain"].box(place.at(0.3, 0, 4.2), (0.7, 0.16, 0.1), place.yaw_rad, (0.4, 0.41, 0.42))


_BUSH, _TREE, _BENCH = Thing(bush, 1.2, 1.2, 0.9), Thing(tree, 1.2, 1.2, 3.0), Thing(park_bench, 0.6, 1.6, 0.9)
_CAR, _LAMP = Thing(parked_car, 1.9, 4.3, 1.5), Thing(street_lamp, 0.4, 0.4, 4.2)
AT_RIM: dict[str, tuple[Thing, ...]] = {
    "street": (_CAR, _CAR, _LAMP, _BUSH, _BENCH, _TREE),
    "park": (_BUSH, _TREE, _BENCH, _TREE, _BUSH, _LAMP),
    "yard": (_BUSH, BOX, PLANT, _CAR, TABLE, _BENCH, PLANT),
}
ANYWHERE: tuple[Thing, ...] = (TABLE, BOX, _BUSH, PLANT, CHAIR, PARTITION)


def ground(style: str, things: Set) -> list[Piece]:
    """Return lawn, paving or road, and what lies on it."""
    rng, light = things.rng, things.light
    green = (0.29 + rng.uniform(-0.04, 0.06), 0.35, 0.19)
    lawn = Maker(light, textures.grass(rng, green), 1.5, is_ground=True)
    lawn.patch((-_FAR_M, -_FAR_M, -0.02), (2 * _FAR_M, 0, 0), (0, 2 * _FAR_M, 0), cells=4)
    stone, asphalt = textures.tiles(rng, paint(rng, 0.42, 0.62)), textures.mottled(rng, paint(rng, 0.28, 0.42), 0.1, 4)
    gravel = textures.mottled(rng, (0.56, 0.51, 0.43), 0.16, 16)
    photo = things.photos.draw("floors", rng)
    tops = (gravel, textures.grass(rng, green)) if style == "park" else (stone, asphalt)
    top = tops[rng.integers(2)]
    way, marks = Maker(light, top if photo is None else photo, 1.1, is_ground=True), Maker(light, is_ground=True)
    road = Maker(light, textures.mottled(rng, paint(rng, 0.25, 0.36), 0.1, 4), 2.0, is_ground=True)
    half = float(rng.uniform(5, 8) if style == "yard" else rng.uniform(1.8, 3.2))
    way.patch((-_FAR_M, -half, 0), (2 * _FAR_M, 0, 0), (0, 2 * half, 0), cells=4)
    if style == "street":
        road.patch((-_FAR_M, half, -0.01), (2 * _FAR_M, 0, 0), (0, 7.0, 0), cells=4)
        marks.patch((-_FAR_M, half, 0.003), (2 * _FAR_M, 0, 0), (0, 0.16, 0), (0.6, 0.6, 0.58))
        for x in np.arange(-30, 30, 6.0):
            marks.patch((x, half + 3.4, -0.004), (3, 0, 0), (0, 0.14, 0), (0.8, 0.8, 0.77))
    return [piece for maker in (lawn, road, way, marks) if (piece := maker.piece())]


def surroundings(style: str, things: Set, reach_m: float) -> list[Piece]:
    """Return houses, hedges, fences and trees all around the place, or the user's own view."""
    rng, light = things.rng, things.light
    photo = things.photos.draw("backdrops", rng)
    if photo is not None:
        return _backdrop(things, photo)
    bricks = Maker(light, textures.bricks(rng, (0.50, 0.36, 0.29)), 1.0)
    render = Maker(light, textures.mottled(rng, paint(rng, 0.6, 0.85), 0.02), 2.0)
    chances = {"street": (0.75, 0.1, 0.05, 0.1), "park": (0.05, 0.3, 0.1, 0.55), "yard": (0.3, 0.3, 0.25, 0.15)}[style]
    angle = float(rng.uniform(0, 1))
    while angle < 2 * np.pi + 0.6:
        away, wide = reach_m + rng.uniform(0, 6), rng.uniform(4, 9)
        place = Place(away * np.cos(angle), away * np.sin(angle), angle + np.pi)
        kind = rng.choice(("house", "hedge", "fence", "trees"), p=chances)
        if kind == "house":
            _house(things, bricks if rng.random() < 0.4 else render, place, wide)
        elif kind == "hedge":
            things["leaves"].box(place.at(0, 0, 0.8), (0.8, wide, 1.6), place.yaw_rad, (0.25, 0.34, 0.19))
        elif kind == "fence":
            for left in np.arange(-wide / 2, wide / 2, 0.16):
                things["wood"].box(place.at(0, left, 0.7), (0.03, 0.12, 1.4), place.yaw_rad, (0.5, 0.43, 0.34))
        else:
            for left in np.arange(-wide / 2, wide / 2, 2.5):
                x, y, _ = place.at(rng.uniform(-1, 1), left, 0)
                tree(things, Place(x, y, 0))
        angle += wide / away
    return [piece for maker in (bricks, render) if (piece := maker.piece())]


def _house(things: Set, walls: Maker, place: Place, wide: float) -> None:
    rng = things.rng
    tall, frame = rng.uniform(3.2, 7.5), paint(rng, 0.7, 0.9)
    walls.box(place.at(-2, 0, tall / 2), (4, wide, tall), place.yaw_rad)
    things["plain"].box(place.at(-1.9, 0, tall), (4.6, wide + 0.5, 0.25), place.yaw_rad, (0.33, 0.25, 0.22))
    door = rng.uniform(-0.3, 0.3) * wide
    things["wood"].box(place.at(0.01, door, 1.05), (0.06, 1.0, 2.1), place.yaw_rad, paint(rng, 0.2, 0.5))
    for left in np.arange(-wide / 2 + 1, wide / 2 - 0.5, 2.0):
        for up in np.arange(1.5, tall - 0.8, 2.6):
            if abs(left - door) > 1.1 or up > 2.5:
                things["plain"].box(place.at(0.01, left, up), (0.05, 1.12, 1.32), place.yaw_rad, frame)
                things["plain"].box(place.at(0.02, left, up), (0.06, 1.0, 1.2), place.yaw_rad, (0.2, 0.24, 0.28))


def _backdrop(things: Set, photo: textures.Image) -> list[Piece]:
    """Return the user's photograph as eight walls far around the place."""
    maker = Maker(things.light, photo)
    rim = [np.array([14 * np.cos(angle), 14 * np.sin(angle)]) for angle in np.arange(9) * np.pi / 4]
    for start, end in zip(rim[1:], rim):
        wide = float(np.linalg.norm(end - start))
        maker.pane(start, (end - start) / wide, wide, -0.02, 8.0)
    piece = maker.piece()
    return [piece] if piece else []


def draw_reach(rng: Rng) -> float:
    """Draw how far (m) from the person's place a camera may stand."""
    return float(rng.uniform(5.5, 8.5))
