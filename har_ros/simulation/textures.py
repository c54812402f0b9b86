"""Procedural surfaces: small RGB images that repeat without a seam. The same arguments give the same image."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
RGB = tuple[float, float, float]
SIZE = 128
_ROW, _COLUMN = np.mgrid[0:SIZE, 0:SIZE] / SIZE


def noise(rng: np.random.Generator, cells_x: int, cells_y: int) -> NDArray[np.float64]:
    """Return smooth seamless noise (SIZE, SIZE) around 0 with standard deviation 1."""
    grid = rng.normal(size=(cells_y, cells_x))
    wrapped = np.pad(grid, 2, mode="wrap")
    step_x, step_y = SIZE // cells_x, SIZE // cells_y
    fine = cv2.resize(wrapped, ((cells_x + 4) * step_x, (cells_y + 4) * step_y), interpolation=cv2.INTER_CUBIC)
    tile = fine[2 * step_y : 2 * step_y + SIZE, 2 * step_x : 2 * step_x + SIZE]
    return np.asarray(tile / tile.std())


def shaded(colour: RGB, brightness: NDArray[np.float64]) -> Image:
    """Return `colour` times `brightness` (SIZE, SIZE, around 1) as an image."""
    image: Image = np.clip(255 * np.multiply(colour, brightness[..., None]), 0, 255).astype(np.uint8)
    return image


def cloth(colour: RGB, second: RGB, pattern: str) -> Image:
    """Return a fabric: plain, stripes (upright), hoops, checks, dots, melange or denim."""
    rng = np.random.default_rng(SIZE)
    folds = 1 + 0.05 * noise(rng, 4, 4) + 0.03 * noise(rng, 16, 16)
    amount = {
        "stripes": np.sin(8 * np.pi * _COLUMN) > 0.3,
        "hoops": np.sin(6 * np.pi * _ROW) > 0.2,
        "checks": 0.5 * (np.sin(8 * np.pi * _COLUMN) > 0.3) + 0.5 * (np.sin(8 * np.pi * _ROW) > 0.3),
        "dots": np.hypot((4 * _COLUMN) % 1 - 0.5, (4 * _ROW) % 1 - 0.5) < 0.2,
        "melange": np.clip(0.15 + 0.1 * noise(rng, 64, 64), 0, 1),
        "denim": np.clip(0.12 + 0.06 * noise(rng, 64, 16) + 0.06 * noise(rng, 4, 4), 0, 1),
    }.get(pattern, np.zeros((SIZE, SIZE)))[..., None]
    mixed = (1 - amount) * np.asarray(colour) + amount * np.asarray(second)
    image: Image = np.clip(255 * mixed * folds[..., None], 0, 255).astype(np.uint8)
    return image


def planks(rng: np.random.Generator, colour: RGB) -> Image:
    """Return wooden boards, eight to the tile, grain along the columns' direction."""
    board = np.floor(8 * _ROW).astype(int)
    tone = rng.normal(1, 0.09, 8)[board] + 0.04 * noise(rng, 2, 64) + 0.02 * noise(rng, 8, 128)
    gap = ((8 * _ROW) % 1 < 0.06) | ((_COLUMN + 0.37 * (board % 3)) % 1 < 0.012)
    return shaded(colour, np.where(gap, 0.6 * tone, tone))


def wood(rng: np.random.Generator, colour: RGB) -> Image:
    """Return plain wood with grain."""
    return shaded(colour, 1 + 0.06 * noise(rng, 2, 64) + 0.04 * noise(rng, 4, 16))


def tiles(rng: np.random.Generator, colour: RGB) -> Image:
    """Return square tiles, two by two, with joints."""
    cell = 2 * (2 * _ROW).astype(int) + (2 * _COLUMN).astype(int)
    tone = rng.normal(1, 0.03, 4)[cell] + 0.03 * noise(rng, 16, 16)
    joint = ((2 * _ROW) % 1 < 0.03) | ((2 * _COLUMN) % 1 < 0.03)
    return shaded(colour, np.where(joint, 0.78, tone))


def bricks(rng: np.random.Generator, colour: RGB) -> Image:
    """Return bricks, eight courses to the tile, with light joints."""
    course = np.floor(8 * _ROW).astype(int)
    along = 4 * _COLUMN + 0.5 * (course % 2)
    tone = rng.normal(1, 0.1, (8, 4))[course, np.floor(along).astype(int) % 4] + 0.05 * noise(rng, 64, 64)
    joint = ((8 * _ROW) % 1 < 0.12) | (along % 1 < 0.05)
    image = shaded(colour, tone)
    image[joint] = 170
    return image


def mottled(rng: np.random.Generator, colour: RGB, strength: float = 0.05, cells: int = 8) -> Image:
    """Return plaster, carpet, asphalt, lawn: faint blotches and fine grain."""
    return shaded(colour, 1 + strength * (0.4 * noise(rng, cells, cells) + noise(rng, 128, 128)))


def foliage(rng: np.random.Generator, colour: RGB) -> Image:
    """Return dense leaves."""
    return shaded(colour, np.clip(0.9 + 0.25 * noise(rng, 32, 32) + 0.15 * noise(rng, 8, 8), 0.35, 1.6))


def picture(rng: np.random.Generator) -> Image:
    """Return an abstract landscape for a frame on a wall."""
    horizon = 0.5 + 0.08 * noise(rng, 4, 1)[:1]
    sky, land = rng.uniform(0.5, 0.9, 3), rng.uniform(0.2, 0.6, 3)
    below = (horizon < _ROW)[..., None]
    tone = 1 + 0.08 * noise(rng, 8, 16)[..., None]
    return np.clip(255 * np.where(below, land, sky) * tone, 0, 255).astype(np.uint8)


def books(rng: np.random.Generator) -> Image:
    """Return three shelves of book spines."""
    shelf, place = np.floor(3 * _ROW).astype(int), np.floor(16 * _COLUMN).astype(int)
    colours = rng.uniform(0.15, 0.7, (3, 16, 3)) * rng.uniform(0.5, 1.0, (3, 16, 1))
    heights = rng.uniform(0.05, 0.45, (3, 16))
    image = 255 * colours[shelf, place]
    image[heights[shelf, place] > (3 * _ROW) % 1] = 45
    image[(3 * _ROW) % 1 > 0.93] = (120, 90, 60)
    return np.asarray(image, np.uint8)
