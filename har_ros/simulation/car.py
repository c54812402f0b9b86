"""A car's cabin around the driver (hip joint above the origin, floor at z = 0), and the landscape passing by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from har_ros.simulation import furniture, textures
from har_ros.simulation.furniture import Place, Set, paint
from har_ros.simulation.pieces import RGB, Light, Maker, Piece
from har_ros.simulation.postures import CAR_RECLINE_RAD, CAR_SEAT_HEIGHT_M, WHEEL_M, WHEEL_RADIUS_M

Rng = np.random.Generator
LANDSCAPE_SPEEDS_MPS = (8.0, 28.0)
_ROAD_Z_M = -0.35  # below the car's floor
_PERIOD_M = 60.0
_INNER_M, _OUTER_M = 0.36, 1.08  # from the driver's middle to the near door, and to the far one
_SILL_M, _ROOF_M = 0.72, 1.28


def cabin(rng: Rng, light: Light) -> list[Piece]:
    """Return seats, wheel, dashboard, doors, pillars and roof; the driver sits on the left."""
    trim = paint(rng, 0.08, 0.35)
    seat = Maker(light, textures.mottled(rng, (1.0, 1.0, 1.0), 0.04), 0.3)
    cover = paint(rng, 0.12, 0.55)
    for side in (0.0, -0.72):
        _seat(seat, side, cover)
    seat.box((-0.95, -0.36, 0.28), (0.5, 1.3, 0.2), 0.0, cover)
    seat.slab((-1.25, -0.36, 0.62), _tilted((0.14, 1.3, 0.6), 0.35), cover)
    shell = Maker(light)
    lining = paint(rng, 0.45, 0.75)
    for left, sign in ((_INNER_M, 1), (-_OUTER_M, -1)):
        shell.box((-0.3, left + 0.04 * sign, _SILL_M / 2), (2.6, 0.08, _SILL_M), 0.0, trim)
        shell.box((-0.2, left - 0.03 * sign, 0.55), (0.7, 0.06, 0.05), 0.0, cover)
        pillars = ((-0.35, -0.42, 0.09), (-1.25, -1.55, 0.13), (0.98, 0.55, 0.05))
        for foot_x, head_x, thick in pillars:
            edges = np.array([[thick, 0, 0], [0, 0.05, 0], [head_x - foot_x, -0.12 * sign, _ROOF_M - _SILL_M]])
            shell.slab(((foot_x + head_x) / 2, left - 0.06 * sign, (_SILL_M + _ROOF_M) / 2), edges, lining)
        shell.box((-0.5, left - 0.12 * sign, _ROOF_M - 0.01), (2.1, 0.1, 0.06), 0.0, lining)
    middle = (_INNER_M - _OUTER_M) / 2
    shell.box((-0.5, middle, _ROOF_M + 0.03), (2.1, 1.3, 0.04), 0.0, lining)
    shell.box((-1.6, middle, 0.40), (0.1, 1.45, 0.72), 0.0, trim)
    shell.box((-0.3, middle, -0.02), (2.6, 1.45, 0.04), 0.0, (0.2, 0.2, 0.2))
    shell.box((0.95, middle, 0.58), (0.36, 1.4, 0.36), 0.0, trim)
    shell.box((0.1, middle, 0.2), (0.9, 0.2, 0.36), 0.0, trim)
    pieces = [maker.piece() for maker in (seat, shell, _wheel(light))]
    return [piece for piece in pieces if piece]


def _tilted(size: tuple[float, float, float], lean_rad: float) -> NDArray[np.float64]:
    """Return a slab's edges, leaning back about the lateral axis."""
    c, s = np.cos(lean_rad), np.sin(lean_rad)
    return np.asarray(np.diag(size) @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]))


def _seat(maker: Maker, left: float, colour: RGB) -> None:
    up, c, s = CAR_SEAT_HEIGHT_M, np.cos(CAR_RECLINE_RAD), np.sin(CAR_RECLINE_RAD)
    maker.slab((0.16, left, up - 0.08), _tilted((0.54, 0.5, 0.14), 0.12), colour)

    def on_back(along: float, out: float) -> tuple[float, float, float]:
        return (-0.19 - s * along - c * out, left, up + c * along - s * out)

    maker.slab(on_back(0.30, 0.06), _tilted((0.12, 0.50, 0.62), CAR_RECLINE_RAD), colour)
    for side in (-0.23, 0.23):
        x, y, z = on_back(0.28, -0.01)
        maker.slab((x, y + side, z), _tilted((0.10, 0.07, 0.45), CAR_RECLINE_RAD), colour)
    maker.slab(on_back(0.72, 0.07), _tilted((0.10, 0.27, 0.18), CAR_RECLINE_RAD), colour)


def _wheel(light: Light) -> Maker:
    """Return the steering wheel's rim, spokes, hub and column."""
    maker, black = Maker(light), (0.13, 0.13, 0.14)
    lean = np.radians(25)
    centre = np.array([WHEEL_M[0], 0.0, WHEEL_M[1]])
    up = np.array([np.sin(lean), 0, np.cos(lean)])
    out = np.array([-np.cos(lean), 0, np.sin(lean)])  # towards the driver
    around = np.linspace(0, 2 * np.pi, 29)[:, None]
    tube = np.linspace(0, 2 * np.pi, 7)
    radial = np.cos(around) * up + np.sin(around) * np.array([0, 1.0, 0])
    normals = np.cos(tube)[None, :, None] * radial[:, None] + np.sin(tube)[None, :, None] * out
    maker.surface(centre + WHEEL_RADIUS_M * radial[:, None] + 0.016 * normals, normals, black)
    for angle in (np.pi / 2, -np.pi / 2, np.pi):
        tip = centre + WHEEL_RADIUS_M * (np.cos(angle) * up + np.sin(angle) * np.array([0, 1.0, 0]))
        maker.rod(tuple(centre), tuple(tip), 0.02, black)
    maker.rod(tuple(centre + 0.03 * out), tuple(centre - 0.35 * out), 0.055, black, 0.04)
    maker.rod(tuple(centre + 0.03 * out), tuple(centre + 0.035 * out), 0.055, (0.18, 0.18, 0.19), 0.001)
    return maker


def landscape(rng: Rng, light: Light) -> list[Piece]:
    """Return road, verges, trees, bushes, posts and houses that repeat every _PERIOD_M along x."""
    green = (0.33, 0.41, 0.23) if rng.random() < 0.6 else (0.45, 0.43, 0.33)
    field = Maker(light, textures.mottled(rng, green, 0.1, 8), 6.0, _PERIOD_M)
    road = Maker(light, textures.mottled(rng, (0.36, 0.36, 0.37), 0.05), 3.0, _PERIOD_M)
    lines = Maker(light, None, 1.0, _PERIOD_M)
    walls = Maker(light, textures.mottled(rng, paint(rng, 0.5, 0.85), 0.03), 2.0, _PERIOD_M)
    things = Set(light, rng)
    tall = rng.random() < 0.4
    woods = things["leaves"]
    spots = [(rng.uniform(0, _PERIOD_M), rng.choice((-1, 1)) * rng.uniform(6, 25)) for _ in range(12)]
    kinds = [rng.choice(("tree", "bush", "house"), p=(0.4, 0.25, 0.35) if tall else (0.6, 0.35, 0.05)) for _ in spots]
    sizes = rng.uniform(4, 9, (len(spots), 3))
    for shift in (-2, -1, 0):  # the camera looks back
        base = shift * _PERIOD_M
        field.patch((base, -90, _ROAD_Z_M - 0.03), (_PERIOD_M, 0, 0), (0, 180, 0))
        road.patch((base, -5.5, _ROAD_Z_M), (_PERIOD_M, 0, 0), (0, 7.5, 0))
        for side in (-1, 1):
            woods.box((base + _PERIOD_M / 2, 70 * side, 3), (_PERIOD_M, 4, 8), 0.0, (0.27, 0.33, 0.24))
        for start in np.arange(0, _PERIOD_M, 6.0):
            lines.patch((base + start, 1.6, _ROAD_Z_M + 0.01), (3, 0, 0), (0, 0.15, 0), (0.85, 0.85, 0.82))
            lines.patch((base + start, -2.0, _ROAD_Z_M + 0.01), (3, 0, 0), (0, 0.15, 0), (0.85, 0.85, 0.82))
            lines.box((base + start, 3.0, _ROAD_Z_M + 0.5), (0.12, 0.12, 1.0), 0.0, (0.8, 0.8, 0.8))
        for (x, y), kind, size in zip(spots, kinds, sizes):
            if kind == "house":
                walls.box((base + x, y + np.sign(y) * 5, size[2] / 2 + _ROAD_Z_M), tuple(size))
            else:
                (furniture.tree if kind == "tree" else furniture.bush)(things, Place(base + x, y, 0))
    for maker in things.makers.values():
        maker.period_m = _PERIOD_M
    return [piece for maker in (field, road, lines, walls) if (piece := maker.piece())] + things.pieces()
