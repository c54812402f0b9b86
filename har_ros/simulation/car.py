"""A car's cabin around the driver (hip joint above the origin, floor at z = 0)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from har_ros.simulation import textures
from har_ros.simulation.furniture import paint
from har_ros.simulation.pieces import RGB, Light, Maker, Piece
from har_ros.simulation.postures import CAR_RECLINE_RAD, CAR_SEAT_HEIGHT_M, WHEEL_M, WHEEL_RADIUS_M
from har_ros.simulation.roadside import Hour

Rng = np.random.Generator
_INNER_M, _OUTER_M = 0.36, 1.08  # from the driver's middle to the near door, and to the far one
_SILL_M, _ROOF_M = 0.72, 1.28


def cabin(rng: Rng, hour: Hour) -> list[Piece]:
    """Return seats, wheel, dashboard, doors, pillars and roof; the driver sits on the left."""
    light = hour.inside
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
    _fittings(shell, rng, trim)
    pieces = [maker.piece() for maker in (seat, shell, _wheel(light))]
    return [piece for piece in pieces if piece]


def _fittings(shell: Maker, rng: Rng, trim: RGB) -> None:
    """Add what a cabin has besides: mirror, belts' anchors, door handles, rear shelf, perhaps a bag behind."""
    grey: RGB = (0.25, 0.25, 0.26)
    shell.box((0.55, -0.36, _ROOF_M - 0.08), (0.03, 0.22, 0.07), 0.0, grey)
    for left, sign in ((_INNER_M, 1), (-_OUTER_M, -1)):
        shell.box((-0.36, left - 0.1 * sign, 1.06), (0.06, 0.02, 0.1), 0.0, grey)
        shell.box((0.05, left - 0.03 * sign, 0.62), (0.14, 0.03, 0.03), 0.0, (0.5, 0.5, 0.51))
        shell.box((-0.45, left - 0.15 * sign, _ROOF_M - 0.06), (0.2, 0.02, 0.02), 0.0, trim)
    shell.box((-1.52, (_INNER_M - _OUTER_M) / 2, 0.72), (0.4, 1.35, 0.04), 0.0, trim)
    if rng.random() < 0.4:
        side = rng.uniform(-0.9, 0.0)
        shell.box((-0.98, side, 0.52), (0.25, 0.35, 0.3), rng.uniform(-0.4, 0.4), paint(rng, 0.1, 0.6))


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
