"""The soft shadow under a person: where the body keeps the light from the floor."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from har_ros.simulation.pieces import Light

SIZE_M = 2.8
PIXELS = 128
_CELLS = 56
_DARKEST = 165
_CONTACT_M = 0.13  # what is lower than this shades the floor right below it


def soft_shadow(
    vertices_m: NDArray[np.float32], light: Light
) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    """Return the opacity (PIXELS, PIXELS) uint8 of a square of the floor, SIZE_M wide, and its corner (x, y).

    Rows run along y, columns along x; the rim is clear. The body's shape falls to the floor half along the sun
    and half straight down (the sky's own soft shadow), fainter from higher up; where it touches the floor it is
    darkest.
    """
    points = vertices_m[::3]
    slope = np.array(light.sun[:2], np.float32) / (2 * max(light.sun[2], 0.5))
    floor = points[:, :2] - points[:, 2:] * slope
    corner = (floor.min(axis=0) + floor.max(axis=0) - SIZE_M) / 2
    strength = min(light.sun_rgb[1] / light.sky_rgb[1], 1.0)
    far = _covered(floor - corner, np.clip(0.9 - 0.35 * points[:, 2], 0.2, 0.9))
    low = points[points[:, 2] < _CONTACT_M]
    near = _covered(low[:, :2] - corner, np.ones(len(low)))
    amount = (
        (0.5 + 0.6 * strength) * cv2.GaussianBlur(far, (0, 0), 2.2)
        + 0.9 * cv2.GaussianBlur(near, (0, 0), 1.0) + 0.6 * cv2.GaussianBlur(near, (0, 0), 2.5)
    )  # fmt: skip
    opacity = np.asarray(cv2.resize(_DARKEST * (1 - np.exp(-1.3 * amount)), (PIXELS, PIXELS))).astype(np.uint8)
    opacity[[0, -1]] = 0
    opacity[:, [0, -1]] = 0
    return opacity, (float(corner[0]), float(corner[1]))


def _covered(places_m: NDArray[np.floating], weights: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return how much (0 to 1) of each cell (_CELLS, _CELLS) the points (N, 2) cover that have such weights."""
    cell = (places_m * (_CELLS / SIZE_M)).astype(np.int32)
    inside = np.all((cell >= 0) & (cell < _CELLS), axis=1)
    flat = cell[inside, 1] * _CELLS + cell[inside, 0]
    return np.minimum(np.bincount(flat, weights[inside], _CELLS * _CELLS), 1.0).reshape(_CELLS, _CELLS)
