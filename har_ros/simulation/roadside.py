"""What passes a car's windows: road, verges, trees, houses and other cars, by day, at dusk and at night."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from har_ros.simulation import textures
from har_ros.simulation.furniture import Place, Rng, Set, paint
from har_ros.simulation.outdoor import bush, parked_car, tree
from har_ros.simulation.pieces import RGB, Light, Maker, Piece

SPEEDS_MPS = (8.0, 28.0)
_ROAD_Z_M = -0.35  # below the car's floor
_PERIOD_M = 60.0
_LANDS = {  # chances of tree, bush, house, nothing
    "country": (0.45, 0.3, 0.05, 0.2), "town": (0.2, 0.1, 0.6, 0.1), "forest": (0.8, 0.15, 0.0, 0.05),
    "plain": (0.1, 0.2, 0.05, 0.65),
}  # fmt: skip


@dataclass(frozen=True)
class Hour:
    """A time of day: light in the cabin and on the landscape, the sky, and how bright lamps look beside them.

    lamp: colour factor of lit windows and lamps, (0, 0, 0) while they are off.
    """

    name: str
    inside: Light
    outside: Light
    sky: RGB
    lamp: RGB

    @classmethod
    def random(cls, rng: Rng) -> Hour:
        """Draw day, dusk or night."""
        name = str(rng.choice(("day", "dusk", "night"), p=(0.55, 0.2, 0.25)))
        if name == "day":
            grey = rng.uniform(0, 1)
            sky = (0.68 + 0.16 * grey, 0.78 + 0.07 * grey, 0.90)
            return cls(name, Light.random(rng, True), Light.random(rng, False), sky, (0.0, 0.0, 0.0))
        side = float(rng.choice((-1, 1)) * rng.uniform(0.3, 0.8))
        if name == "dusk":
            warm, level = rng.uniform(0.05, 0.3), rng.uniform(0.35, 0.6)
            glow = _light((0.4, side, 0.3), (0.6 * level * (1 + warm), 0.5 * level, 0.4 * level), level * 0.8)
            sky = (level * (1.03 + 0.5 * warm), level, level * (1.02 - 0.3 * warm))
            return cls(name, glow, _light((0.3, side, 0.35), (0.3, 0.22, 0.16), 0.6 * level), sky, (1.3, 1.1, 0.7))
        panel = rng.uniform(0.15, 0.45) * np.array(  # from below, before the driver
            ((0.8, 0.95, 1.2), (1.2, 0.85, 0.6), (1.0, 1.0, 1.0))[rng.integers(3)]
        )
        rest = rng.uniform(0.16, 0.38)
        inside = _light((0.9, 0.3 * side, -0.3), (float(panel[0]), float(panel[1]), float(panel[2])), rest)
        outside = _light((0.3, side, 0.8), (0.04, 0.04, 0.05), 0.06)
        return cls(name, inside, outside, (0.03, 0.035, 0.05), (1.6, 1.3, 0.8))


def _light(towards: tuple[float, float, float], rgb: RGB, level: float) -> Light:
    """Return a light from a direction over an even, slightly bluish rest of that level."""
    x, y, z = np.divide(towards, np.linalg.norm(towards))
    sky, ground = (level, level, 1.06 * level), (0.7 * level, 0.68 * level, 0.7 * level)
    return Light((float(x), float(y), float(z)), rgb, sky, ground)


def landscape(rng: Rng, hour: Hour) -> list[Piece]:
    """Return road, verges, trees, bushes, posts, houses, cars and lamps that repeat every _PERIOD_M along x."""
    light = hour.outside
    green = (0.29, 0.36, 0.19) if rng.random() < 0.6 else (0.44, 0.41, 0.30)
    field = Maker(light, textures.grass(rng, green), 6.0, _PERIOD_M)
    road = Maker(light, textures.mottled(rng, (0.33, 0.33, 0.34), 0.06), 3.0, _PERIOD_M)
    lines = Maker(light, None, 1.0, _PERIOD_M)
    walls = Maker(light, textures.mottled(rng, paint(rng, 0.5, 0.85), 0.03), 2.0, _PERIOD_M)
    lamps = Maker(_light((0, 0, 1), (0.0, 0.0, 0.0), 1.0), None, 1.0, _PERIOD_M)
    things = Set(light, rng)
    land = str(rng.choice(list(_LANDS)))
    spots = [(rng.uniform(0, _PERIOD_M), rng.choice((-1, 1)) * rng.uniform(7, 25)) for _ in range(16)]
    kinds = [rng.choice(("tree", "bush", "house", "nothing"), p=_LANDS[land]) for _ in spots]
    sizes = rng.uniform(4, 9, (len(spots), 3))
    traffic = [float(x) for x in rng.uniform(0, _PERIOD_M, rng.integers(0, 3))]
    far_m, is_lit = float(rng.uniform(3, 9)), land == "town" or rng.random() < 0.4
    seed = int(rng.integers(2**32))
    for base in (-2 * _PERIOD_M, -_PERIOD_M, 0.0):  # the camera looks back
        things.rng = np.random.default_rng(seed)  # the same trees and cars again
        field.patch((base, -90, _ROAD_Z_M - 0.03), (_PERIOD_M, 0, 0), (0, 180, 0), cells=2)
        road.patch((base, -5.5, _ROAD_Z_M), (_PERIOD_M, 0, 0), (0, 7.5, 0))
        for side in (-1, 1):
            things["leaves"].box((base + _PERIOD_M / 2, 70 * side, 3), (_PERIOD_M, 4, far_m), 0.0, (0.27, 0.33, 0.26))
        for start in np.arange(0, _PERIOD_M, 6.0):
            for y in (1.6, -2.0):
                lines.patch((base + start, y, _ROAD_Z_M + 0.01), (3, 0, 0), (0, 0.15, 0), (0.85, 0.85, 0.82))
            lines.box((base + start, 3.0, _ROAD_Z_M + 0.5), (0.12, 0.12, 1.0), 0.0, (0.8, 0.8, 0.8))
        if is_lit:
            for start, y in ((10.0, 4.0), (40.0, -8.0)):
                lines.box((base + start, y, 2.2), (0.14, 0.14, 5.0), 0.0, (0.3, 0.3, 0.31))
                lamps.box((base + start, y - 0.5 * np.sign(y), 4.7), (0.3, 0.9, 0.14), 0.0, _seen(hour.lamp, 0.35))
        for x in traffic:
            _oncoming(things, lamps, hour, base + x)
        for (x, y), kind, size in zip(spots, kinds, sizes):
            place = Place(base + x, y, 0)
            if kind == "house":
                _house(things, walls, lamps, hour, place, size)
            elif kind != "nothing":
                (tree if kind == "tree" else bush)(things, place)
    things.makers.pop("shade", None)  # meant for a floor at z = 0
    for maker in things.makers.values():
        maker.period_m = _PERIOD_M
    return [piece for maker in (field, road, lines, walls, lamps) if (piece := maker.piece())] + things.pieces()


def _oncoming(things: Set, lamps: Maker, hour: Hour, x: float) -> None:
    """Add a car that comes the other way, with its lights."""
    parked_car(things, Place(x, -3.9, np.pi / 2))
    for y in (-4.5, -3.3):
        lamps.ball((x - 2.15, y, 0.35), (0.06, 0.14, 0.1), _seen(hour.lamp, 0.5))
        lamps.ball((x + 2.15, y, 0.35), (0.06, 0.12, 0.08), (0.6 if any(hour.lamp) else 0.3, 0.03, 0.03))


def _house(things: Set, walls: Maker, lamps: Maker, hour: Hour, place: Place, size: NDArray[np.float64]) -> None:
    """Add a house with some of its windows lit while the lamps are on."""
    long, deep, high = (float(value) for value in size)
    middle, dark = place.y + np.sign(place.y) * 5, 0.25 * hour.outside.sky_rgb[0]
    walls.box((place.x, middle, high / 2 + _ROAD_Z_M), (long, deep, high))
    roof = (long + 0.5, deep + 0.5, 0.25)
    things["plain"].box((place.x, middle, high + _ROAD_Z_M), roof, 0.0, (0.35, 0.26, 0.23))
    front = middle - np.sign(place.y) * (deep / 2 + 0.02)
    for along in np.arange(-long / 2 + 0.8, long / 2 - 0.5, 1.7):
        lit = hour.lamp if things.rng.random() < 0.4 else (0.0, 0.0, 0.0)
        for up in np.arange(1.0, high - 1.2, 2.6):
            lamps.box((place.x + along, front, up), (0.9, 0.05, 1.2), 0.0, _seen(lit, dark))


def _seen(lamp: RGB, unlit: float) -> RGB:
    """Return the colour of something that shines, or of its grey glass while it is off."""
    return lamp if any(lamp) else (unlit, unlit, 1.05 * unlit)
