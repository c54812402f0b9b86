"""The soft shadow under a person: where the body keeps the light from the floor."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from har_ros.simulation.pieces import Light

SIZE_M = 2.6
PIXELS = 128
_CELLS = 40
_DARKEST = 140


def soft_shadow(
    vertices_m: NDArray[np.float32], light: Light
) -> tuple[NDArray[np.uint8], tuple[float, float]]:
    """Return the opacity (PIXELS, PIXELS) uint8 of a square of the floor, SIZE_M wide, and its corner (x, y).

    Rows run along y, columns along x; the rim is clear. Each vertex falls to the floor half along the sun
    and half straight down (the sky's own soft shadow).
    """
    points = vertices_m[::3]
    slope = np.array(light.sun[:2], np.float32) / (2 * max(light.sun[2], 0.5))
    floor = points[:, :2] - points[:, 2:] * slope
    corner = (floor.min(axis=0) + floor.max(axis=0) - SIZE_M) / 2
    cell = ((floor - corner) * (_CELLS / SIZE_M)).astype(np.int32)
    near = np.all((cell >= 0) & (cell < _CELLS), axis=1)
    weight = np.clip(1.2 - points[near, 2], 0.12, 1.2)  # what is close to the floor shades it most
    hits = np.bincount(cell[near, 1] * _CELLS + cell[near, 0], weight, _CELLS * _CELLS)
    hits = np.minimum(hits, 8).reshape(_CELLS, _CELLS)
    amount = np.asarray(cv2.GaussianBlur(hits, (0, 0), 1.1) + cv2.GaussianBlur(hits, (0, 0), 2.5))
    opacity = np.asarray(cv2.resize(_DARKEST * (1 - np.exp(-amount / 2.5)), (PIXELS, PIXELS))).astype(np.uint8)
    opacity[[0, -1]] = 0
    opacity[:, [0, -1]] = 0
    return opacity, (float(corner[0]), float(corner[1]))
