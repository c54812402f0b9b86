"""Scenes around a person: room, workshop, outdoors, car. None of them knows what the person will do.

The person's place is the origin; a lane along x and a disc around it stay free. Scenes are plain arrays
(Pieces); the renderer draws them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from har_ros.simulation import furniture, textures
from har_ros.simulation.car import LANDSCAPE_SPEEDS_MPS, cabin, landscape
from har_ros.simulation.furniture import Place, Set, paint
from har_ros.simulation.pieces import RGB, Light, Maker, Piece

KINDS = ("room", "workshop", "outdoor", "car")
Rng = np.random.Generator
_LANE_M, _FREE_M = 0.8, 1.5  # half width of the free lane along x, radius of the free disc
_FAR_M = 60.0
_Thing = Callable[[Set, Place], None]
_AT_WALLS: dict[str, tuple[_Thing, ...]] = {
    "room": (furniture.shelf, furniture.cabinet, furniture.sofa, furniture.table, furniture.plant, furniture.lamp),
    "workshop": (furniture.rack, furniture.bench, furniture.machine, furniture.cabinet, furniture.drum),
    "outdoor": (furniture.bush, furniture.tree, furniture.drum, furniture.bush),
}
_ANYWHERE: dict[str, tuple[_Thing, ...]] = {
    "room": (furniture.table, furniture.plant, furniture.box),
    "workshop": (furniture.box, furniture.drum, furniture.table),
    "outdoor": (furniture.table, furniture.box, furniture.bush),
}


@dataclass
class Scene:
    """Everything in the picture but the person.

    bounds_m:    (x from, x to, y from, y to) where a camera may stand.
    ceiling_m:   no camera above it.
    obstacles:   (x, y, radius) m of what stands around, kept out of the camera's sight of the person.
    speed_mps:   how fast the landscape passes a car.
    """

    kind: str
    light: Light
    sky: RGB
    pieces: list[Piece]
    bounds_m: tuple[float, float, float, float]
    ceiling_m: float = 3.0
    obstacles: list[tuple[float, float, float]] = field(default_factory=list)
    speed_mps: float = 0.0

    @classmethod
    def random(cls, kind: str, rng: Rng) -> Scene:
        """Draw a scene of one of KINDS."""
        if kind not in KINDS:
            raise ValueError(f"'{kind}' is no scene; use one of {', '.join(KINDS)}")
        return _car(rng) if kind == "car" else _outdoor(rng) if kind == "outdoor" else _indoors(kind, rng)

    def place_seat(self, x_m: float, y_m: float, yaw_rad: float, seat_m: float, rng: Rng) -> None:
        """Put a chair under a sitting person: seat middle at (x_m, y_m), `seat_m` high, facing yaw_rad."""
        things = Set(self.light, rng)
        furniture.chair(things, Place(x_m, y_m, yaw_rad), seat_m)
        self.pieces += things.pieces()

    def sees(self, eye_m: NDArray[np.float64], target_m: NDArray[np.float64]) -> bool:
        """Tell whether nothing stands between two points (seen from above) or within 0.6 m of the first."""
        way = np.subtract(target_m[:2], eye_m[:2])
        for x, y, radius in self.obstacles:
            offset = np.array([x, y]) - eye_m[:2]
            share = np.clip(offset @ way / (way @ way), 0, 0.85)
            if np.linalg.norm(offset - share * way) < radius + 0.25 or np.linalg.norm(offset) < radius + 0.6:
                return False
        return True


def _furnish(scene: Scene, rng: Rng, room: tuple[float, float, float, float]) -> None:
    """Fill a scene: big things at the walls, small things and empty chairs anywhere but in the free lane."""
    things = Set(scene.light, rng)
    x0, x1, y0, y1 = room
    for _ in range(rng.integers(6, 13)):
        thing = _AT_WALLS[scene.kind][rng.integers(len(_AT_WALLS[scene.kind]))]
        wall = rng.integers(4)
        along = rng.uniform(-0.9, 0.9)
        middle_x, middle_y = (x0 + x1) / 2, (y0 + y1) / 2
        place = (
            Place(x0 + 0.4, middle_y + along * (y1 - y0) / 2, 0.0),
            Place(x1 - 0.4, middle_y + along * (y1 - y0) / 2, np.pi),
            Place(middle_x + along * (x1 - x0) / 2, y0 + 0.4, np.pi / 2),
            Place(middle_x + along * (x1 - x0) / 2, y1 - 0.4, -np.pi / 2),
        )[wall]
        _stand(scene, things, thing, place, 0.8)
    extra = _ANYWHERE[scene.kind]
    small = [extra[rng.integers(len(extra))] for _ in range(rng.integers(1, 4))]
    for thing in [*small, *[furniture.chair] * rng.integers(2, 7)]:
        place = Place(rng.uniform(x0 + 0.5, x1 - 0.5), rng.uniform(y0 + 0.5, y1 - 0.5), rng.uniform(-np.pi, np.pi))
        _stand(scene, things, thing, place, 0.35 if thing is furniture.chair else 0.7)
    scene.pieces += things.pieces()


def _stand(scene: Scene, things: Set, thing: _Thing, place: Place, radius_m: float) -> None:
    in_lane = abs(place.y) < _LANE_M + radius_m and abs(place.x) < 4
    in_disc = np.hypot(place.x, place.y) < _FREE_M + radius_m
    taken = any(np.hypot(place.x - x, place.y - y) < 0.9 * (radius_m + r) for x, y, r in scene.obstacles)
    if not (in_lane or in_disc or taken):
        thing(things, place)
        scene.obstacles.append((place.x, place.y, radius_m))


def _indoors(kind: str, rng: Rng) -> Scene:
    light = Light.random(rng, indoors=True)
    scale = 1.0 if kind == "room" else 1.4
    x0, x1 = -scale * rng.uniform(2.6, 5.0), scale * rng.uniform(2.6, 5.0)
    y0, y1 = -scale * rng.uniform(2.4, 4.2), scale * rng.uniform(2.4, 4.2)
    room = (x0, x1, y0, y1)
    high = float(rng.uniform(2.4, 2.9) if kind == "room" else rng.uniform(3.2, 4.5))
    floor = Maker(light, _floor(kind, rng), float(rng.uniform(1.0, 1.6)), is_ground=True)
    floor.patch((x0, y0, 0), (x1 - x0, 0, 0), (0, y1 - y0, 0), cells=8, dark_edge=0.35)
    wall_colour = paint(rng, 0.5, 0.88)
    rough = textures.bricks(rng, wall_colour) if rng.random() < 0.2 else textures.mottled(rng, wall_colour, 0.015)
    walls = Maker(light, rough, 1.2)
    corners = [(x0, y0), (x0, y1), (x1, y1), (x1, y0)]
    trim, things = Maker(light), Set(light, rng)
    for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1]):
        walls.patch((ax, ay, 0), (bx - ax, by - ay, 0), (0, 0, high), cells=6, dark_edge=0.3)
        _dress_wall(trim, things, rng, np.array([ax, ay]), np.array([bx, by]), high)
    white = float(rng.uniform(0.75, 0.95))
    trim.patch((x0, y1, high), (x1 - x0, 0, 0), (0, y0 - y1, 0), (1.3 * white,) * 3, 6, 0.2)
    pieces = [piece for maker in (floor, walls, trim) if (piece := maker.piece())]
    scene = Scene(kind, light, (0.6, 0.6, 0.6), pieces + things.pieces(), room, high - 0.2)
    _furnish(scene, rng, room)
    return scene


def _floor(kind: str, rng: Rng) -> NDArray[np.uint8]:
    if kind == "workshop":
        return textures.mottled(rng, paint(rng, 0.35, 0.6), 0.06, 4)
    choice = rng.integers(3)
    if choice == 0:
        return textures.planks(rng, furniture.timber(rng))
    if choice == 1:
        return textures.tiles(rng, paint(rng, 0.4, 0.8))
    return textures.mottled(rng, paint(rng, 0.25, 0.6), 0.08)


def _dress_wall(trim: Maker, things: Set, rng: Rng, start: NDArray[Any], end: NDArray[Any], high: float) -> None:
    """Give one wall a skirting board and perhaps a door, windows and pictures, side by side."""
    length = float(np.linalg.norm(end - start))
    along = (end - start) / length
    inward = np.array([along[1], -along[0]])

    def panel(maker: Maker, at: float, low: float, wide: float, tall: float, out: float, colour: RGB) -> None:
        corner = start + at * along + out * inward
        maker.patch((corner[0], corner[1], low), (wide * along[0], wide * along[1], 0), (0, 0, tall), colour)

    panel(trim, 0, 0, length, 0.09, 0.012, paint(rng, 0.3, 0.9))
    frame, at = paint(rng, 0.6, 0.95), rng.uniform(0.3, 0.8)
    while at < length - 1.3:
        kind = rng.choice(("door", "window", "picture", "gap"), p=(0.15, 0.35, 0.3, 0.2))
        wide = float(rng.uniform(0.8, 1.2))
        if kind == "door":
            panel(things["wood"], at - 0.07, 0, 0.99, 2.1, 0.012, frame)
            panel(things["wood"], at, 0, 0.85, 2.02, 0.02, furniture.timber(rng))
            panel(trim, at + 0.07, 1.0, 0.1, 0.03, 0.03, (0.3, 0.3, 0.3))
        elif kind == "window":
            tall = float(rng.uniform(0.9, 1.3))
            panel(things["plain"], at - 0.06, 0.9, wide + 0.12, tall + 0.12, 0.015, frame)
            outside = paint(rng, 0.75, 1.0)
            panel(trim, at, 0.96, wide, tall * 0.35, 0.02, (0.8 * outside[0], 1.0 * outside[1], 0.75 * outside[2]))
            panel(trim, at, 0.96 + 0.35 * tall, wide, tall * 0.65, 0.02, (1.25, 1.35, 1.5))
            panel(things["plain"], at + wide / 2 - 0.025, 0.96, 0.05, tall, 0.025, frame)
        elif kind == "picture":
            wide, tall = 0.6 * wide, float(rng.uniform(0.3, 0.6))
            panel(trim, at - 0.03, 1.37, wide + 0.06, tall + 0.06, 0.012, paint(rng, 0.1, 0.5))
            panel(things["picture"], at, 1.4, wide, tall, 0.02, (1.0, 1.0, 1.0))
        at += wide + rng.uniform(0.3, 1.2)


def _outdoor(rng: Rng) -> Scene:
    light = Light.random(rng, indoors=False)
    reach = float(rng.uniform(6, 9))
    bounds = (-reach, reach, -reach, reach)
    lawn = textures.mottled(rng, (0.30, 0.35, 0.22), 0.1, 16)
    green = Maker(light, lawn, 1.5, is_ground=True)
    green.patch((-_FAR_M, -_FAR_M, -0.02), (2 * _FAR_M, 0, 0), (0, 2 * _FAR_M, 0), cells=4)
    paved = [textures.tiles(rng, paint(rng, 0.4, 0.65)), textures.mottled(rng, paint(rng, 0.3, 0.5), 0.07), lawn]
    way = Maker(light, paved[rng.integers(3)], 1.2, is_ground=True)
    half = float(rng.uniform(1.5, 5))
    way.patch((-_FAR_M, -half, 0), (2 * _FAR_M, 0, 0), (0, 2 * half, 0), cells=4)
    pieces = [piece for maker in (green, way) if (piece := maker.piece())]
    blue = rng.uniform(0.0, 1.0)
    scene = Scene("outdoor", light, (0.80 - 0.25 * blue, 0.84 - 0.12 * blue, 0.88), pieces, bounds, 3.0)
    pieces += _surroundings(rng, light, reach + 2)
    _furnish(scene, rng, bounds)
    return scene


def _surroundings(rng: Rng, light: Light, reach: float) -> list[Piece]:
    """Return houses, hedges, fences and trees all around the place."""
    bricks = Maker(light, textures.bricks(rng, paint(rng, 0.4, 0.7)), 1.0)
    render = Maker(light, textures.mottled(rng, paint(rng, 0.6, 0.85), 0.02), 2.0)
    glass = Maker(light)
    things = Set(light, rng)
    angle = float(rng.uniform(0, 1))
    while angle < 2 * np.pi + 0.6:
        away, wide = reach + rng.uniform(0, 6), rng.uniform(4, 9)
        place = Place(away * np.cos(angle), away * np.sin(angle), angle + np.pi)
        kind = rng.choice(("house", "hedge", "fence", "trees"), p=(0.35, 0.25, 0.15, 0.25))
        if kind == "house":
            tall = rng.uniform(3, 7)
            walls = bricks if rng.random() < 0.5 else render
            walls.box(place.at(-2, 0, tall / 2), (4, wide, tall), place.yaw_rad)
            for left in np.arange(-wide / 2 + 1, wide / 2 - 0.5, 2.0):
                for up in np.arange(1.5, tall - 0.8, 2.6):
                    glass.box(place.at(0.01, left, up), (0.05, 1.0, 1.2), place.yaw_rad, paint(rng, 0.2, 0.4))
        elif kind == "hedge":
            things["leaves"].box(place.at(0, 0, 0.8), (0.8, wide, 1.6), place.yaw_rad, (0.3, 0.42, 0.24))
        elif kind == "fence":
            for left in np.arange(-wide / 2, wide / 2, 0.16):
                things["wood"].box(place.at(0, left, 0.7), (0.03, 0.12, 1.4), place.yaw_rad, (0.5, 0.42, 0.33))
        else:
            for left in np.arange(-wide / 2, wide / 2, 2.5):
                x, y, _ = place.at(rng.uniform(-1, 1), left, 0)
                furniture.tree(things, Place(x, y, 0))
        angle += wide / away
    return [piece for maker in (bricks, render, glass) if (piece := maker.piece())] + things.pieces()


def _car(rng: Rng) -> Scene:
    inside, outside = Light.random(rng, indoors=True), Light.random(rng, indoors=False)
    scene = Scene("car", inside, (0.75, 0.80, 0.86), [], (0.6, 0.95, -0.6, 0.6), 1.1)
    scene.pieces += cabin(rng, inside) + landscape(rng, outside)
    scene.speed_mps = float(rng.uniform(*LANDSCAPE_SPEEDS_MPS))
    return scene
