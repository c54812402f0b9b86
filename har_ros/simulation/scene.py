"""Scenes around a person: rooms, a workshop, outdoors, a car. None of them knows what the person will do.

The person's place is the origin; a disc around it stays free. Scenes are plain arrays (Pieces); the renderer
draws them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from har_ros.simulation import furniture, outdoor, rooms, workshop
from har_ros.simulation.car import cabin
from har_ros.simulation.furniture import Place, Rng, Set, Thing
from har_ros.simulation.pieces import RGB, Light, Piece
from har_ros.simulation.roadside import SPEEDS_MPS, Hour, landscape
from har_ros.simulation.surfaces import Photos

KINDS = ("room", "workshop", "outdoor", "car")
FREE_M = 1.6  # radius of the disc around the person in which nothing stands
_TRIES, _LEAST_SEEN = 12, 0.65  # of things put between camera and person, and how much of the person stays visible
NEAREST_M, _NEAREST_BETWEEN_M = 0.7, 0.4  # from a camera to what stands in the scene, and to what hides the person
_BETWEEN: tuple[Thing, ...] = (rooms.PLANT, rooms.CHAIR, rooms.TABLE, rooms.BOX, rooms.CABINET, rooms.PARTITION)


@dataclass(frozen=True)
class Obstacle:
    """The upright box that a thing fills: where, deep (along its front's direction), wide and high, m."""

    place: Place
    deep_m: float
    wide_m: float
    high_m: float

    def distance_m(self, x: float, y: float) -> float:
        """Return how far a point of the floor is from it, 0 inside."""
        forward, left = self._inside(np.array([x, y, 0.0]))[:2]
        return float(np.hypot(max(abs(forward) - self.deep_m / 2, 0), max(abs(left) - self.wide_m / 2, 0)))

    def hides(self, eye_m: NDArray[np.float64], points_m: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which points (N, 3) it hides from an eye (3,)."""
        start, way = self._inside(eye_m), self._inside(points_m) - self._inside(eye_m)
        half = np.array([self.deep_m, self.wide_m, self.high_m]) / 2
        way = np.where(np.abs(way) < 1e-9, 1e-9, way)
        enter, leave = np.sort(np.stack([(-half - start) / way, (half - start) / way]), axis=0)
        first, last = np.maximum(enter.max(axis=1), 0), np.minimum(leave.min(axis=1), 1)
        return np.asarray(first < last)

    def holds(self, points_m: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which points (N, 3) lie inside it."""
        half = np.array([self.deep_m, self.wide_m, self.high_m]) / 2
        return np.asarray((np.abs(self._inside(points_m)) < half).all(axis=1))

    def _inside(self, points_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return points in the box's own axes, from its middle."""
        c, s = np.cos(self.place.yaw_rad), np.sin(self.place.yaw_rad)
        turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
        return np.asarray((points_m - [self.place.x, self.place.y, self.high_m / 2]) @ turn)


@dataclass
class Scene:
    """Everything in the picture but the person.

    style:       which room, place or hour.
    bounds_m:    (x from, x to, y from, y to) where a camera may stand.
    ceiling_m:   no camera above it.
    obstacles:   what stands around and may hide the person.
    speed_mps:   how fast the landscape passes a car.
    """

    kind: str
    style: str
    light: Light
    sky: RGB
    pieces: list[Piece]
    bounds_m: tuple[float, float, float, float]
    ceiling_m: float = 3.0
    obstacles: list[Obstacle] = field(default_factory=list)
    speed_mps: float = 0.0

    @classmethod
    def random(cls, kind: str, rng: Rng, photos: Photos | None = None) -> Scene:
        """Draw a scene of one of KINDS, with the user's own photographs on its surfaces where there are any."""
        if kind not in KINDS:
            raise ValueError(f"'{kind}' is no scene; use one of {', '.join(KINDS)}")
        if kind == "car":
            return _car(rng)
        return (_outdoor if kind == "outdoor" else _indoors)(kind, rng, photos or Photos())

    def place_seat(self, x_m: float, y_m: float, yaw_rad: float, seat_m: float, rng: Rng) -> None:
        """Put a chair under a sitting person: seat middle at (x_m, y_m), `seat_m` high, facing yaw_rad."""
        things = Set(self.light, rng)
        furniture.chair(things, Place(x_m, y_m, yaw_rad), seat_m)
        self.pieces += things.pieces()

    def place_wall(self, x_m: float, y_m: float, yaw_rad: float, rng: Rng) -> None:
        """Put up a partition whose face, turned towards yaw_rad, meets the floor at (x_m, y_m)."""
        wide_m, high_m, thick_m = rng.uniform(1.4, 2.6), rng.uniform(2.0, 2.3), 0.12
        place = Place(x_m, y_m, yaw_rad)
        things = Set(self.light, rng)
        things.shade(place, 0.4, wide_m, 0.6)
        things["plain"].box(
            place.at(-thick_m / 2, 0, high_m / 2), (thick_m, wide_m, high_m), yaw_rad, furniture.paint(rng, 0.55, 0.85)
        )
        self.pieces += things.pieces()
        middle = place.at(-thick_m / 2 - 0.03, 0, 0)
        self.obstacles.append(Obstacle(Place(middle[0], middle[1], yaw_rad), thick_m, wide_m, high_m))

    def place_between(self, eye_m: NDArray[np.float64], points_m: NDArray[np.float64], rng: Rng) -> None:
        """Put something between a camera and the points (N, 3) of a person's room, hiding part of them."""
        way = points_m[:, :2].mean(axis=0) - eye_m[:2]
        across = np.array([-way[1], way[0]]) / np.linalg.norm(way)
        before = list(self.obstacles)
        for _ in range(_TRIES):
            spot = eye_m[:2] + rng.uniform(0.25, 0.65) * way + rng.uniform(-0.7, 0.7) * across
            thing = _BETWEEN[rng.integers(len(_BETWEEN))]
            things = Set(self.light, rng)
            _stand(self, things, thing, Place(float(spot[0]), float(spot[1]), rng.uniform(-np.pi, np.pi)))
            if self.room_m(eye_m) > _NEAREST_BETWEEN_M and _LEAST_SEEN <= self.visible_share(eye_m, points_m) < 0.95:
                self.pieces += things.pieces()
                return
            self.obstacles = list(before)

    def place_wall_beside(
        self, eye_m: NDArray[np.float64], points_m: NDArray[np.float64], away_m: float, rng: Rng
    ) -> None:
        """Put a partition away_m from the middle of a person's points (N, 3), if an eye (3,) still sees most."""
        middle, kept = points_m[:, :2].mean(axis=0), (list(self.pieces), list(self.obstacles))
        angle = rng.uniform(-np.pi, np.pi)
        x_m, y_m = middle + away_m * np.array([np.cos(angle), np.sin(angle)])
        self.place_wall(float(x_m), float(y_m), float(angle + np.pi), rng)
        clear = all(other.distance_m(float(x_m), float(y_m)) > 0.5 for other in self.obstacles[:-1])
        if not clear or self.room_m(eye_m) < NEAREST_M or self.visible_share(eye_m, points_m) < _LEAST_SEEN:
            self.pieces, self.obstacles = kept

    def visible_share(self, eye_m: NDArray[np.float64], points_m: NDArray[np.float64]) -> float:
        """Return which part of the points (N, 3) nothing hides from an eye (3,)."""
        hidden = np.zeros(len(points_m), bool)
        for obstacle in self.obstacles:
            hidden |= obstacle.hides(eye_m, points_m)
        return float(1 - hidden.mean())

    def room_m(self, eye_m: NDArray[np.float64]) -> float:
        """Return how far the nearest obstacle is from an eye (3,), on the floor plan."""
        x, y = float(eye_m[0]), float(eye_m[1])
        return min((obstacle.distance_m(x, y) for obstacle in self.obstacles), default=np.inf)


def _stand(scene: Scene, things: Set, thing: Thing, place: Place) -> None:
    """Make a thing at a place unless somebody or something else needs the room."""
    box = Obstacle(place, thing.deep_m, thing.wide_m, thing.high_m)
    taken = any(
        np.hypot(place.x - other.place.x, place.y - other.place.y)
        < 0.85 * (thing.radius_m + max(other.deep_m, other.wide_m) / 2)
        for other in scene.obstacles
    )
    if not taken and box.distance_m(0.0, 0.0) > FREE_M:
        thing.make(things, place)
        scene.obstacles.append(box)


def _at_wall(rng: Rng, bounds_m: tuple[float, float, float, float], thing: Thing) -> Place:
    """Draw a place with the thing's back to one of the four walls."""
    x0, x1, y0, y1 = bounds_m
    along, away = rng.uniform(-0.85, 0.85), thing.deep_m / 2 + 0.04
    x, y = (x0 + x1 + along * (x1 - x0)) / 2, (y0 + y1 + along * (y1 - y0)) / 2
    places = (Place(x0 + away, y, 0.0), Place(x1 - away, y, np.pi), Place(x, y0 + away, np.pi / 2),
              Place(x, y1 - away, -np.pi / 2))  # fmt: skip
    return places[rng.integers(4)]


def _furnish(scene: Scene, things: Set, at_walls: tuple[Thing, ...], anywhere: tuple[Thing, ...]) -> None:
    """Fill a scene: big things at the walls, small things and empty chairs anywhere but around the person."""
    rng = things.rng
    x0, x1, y0, y1 = scene.bounds_m
    for _ in range(rng.integers(10, 26)):
        thing = at_walls[rng.integers(len(at_walls))]
        _stand(scene, things, thing, _at_wall(rng, scene.bounds_m, thing))
    small = [anywhere[rng.integers(len(anywhere))] for _ in range(rng.integers(0, 4))]
    for thing in [*small, *[rooms.CHAIR] * rng.integers(1, 5)]:
        place = Place(rng.uniform(x0 + 0.5, x1 - 0.5), rng.uniform(y0 + 0.5, y1 - 0.5), rng.uniform(-np.pi, np.pi))
        _stand(scene, things, thing, place)


def _indoors(kind: str, rng: Rng, photos: Photos) -> Scene:
    things = Set(Light.random(rng, indoors=True), rng, photos)
    if kind == "workshop":
        bounds, high_m = workshop.draw_bounds(rng), float(rng.uniform(3.2, 4.5))
        scene = Scene(kind, kind, things.light, (0.5, 0.5, 0.5), workshop.shell(things, bounds, high_m), bounds)
        for _ in range(rng.integers(1, 4)):
            _stand(scene, things, workshop.CELL, _at_wall(rng, bounds, workshop.CELL))
        _furnish(scene, things, workshop.AT_WALLS, workshop.ANYWHERE)
    else:
        style = str(rng.choice(list(rooms.AT_WALLS)))
        bounds, high_m = rooms.draw_bounds(style, rng), float(rng.uniform(2.4, 2.9))
        scene = Scene(kind, style, things.light, (0.5, 0.5, 0.5), rooms.shell(style, things, bounds, high_m), bounds)
        _furnish(scene, things, rooms.AT_WALLS[style], rooms.ANYWHERE)
    scene.ceiling_m = high_m - 0.2
    scene.pieces += things.pieces()
    return scene


def _outdoor(kind: str, rng: Rng, photos: Photos) -> Scene:
    things = Set(Light.random(rng, indoors=False), rng, photos)
    style, reach_m = str(rng.choice(list(outdoor.AT_RIM))), outdoor.draw_reach(rng)
    blue, level = rng.uniform(0.0, 1.0), min(1.0, 0.25 + things.light.sky_rgb[1])
    sky: RGB = (level * (0.84 - 0.25 * blue), level * (0.86 - 0.12 * blue), level * 0.9)
    scene = Scene(kind, style, things.light, sky, outdoor.ground(style, things), (-reach_m, reach_m, -reach_m, reach_m))
    scene.pieces += outdoor.surroundings(style, things, reach_m + 2)
    _furnish(scene, things, outdoor.AT_RIM[style], outdoor.ANYWHERE)
    scene.pieces += things.pieces()
    return scene


def _car(rng: Rng) -> Scene:
    hour = Hour.random(rng)
    scene = Scene("car", hour.name, hour.inside, hour.sky, [], (0.6, 0.95, -0.6, 0.6), 1.1)
    scene.pieces += cabin(rng, hour) + landscape(rng, hour)
    scene.speed_mps = float(rng.uniform(*SPEEDS_MPS))
    return scene
