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
        "stripes": np.sin(16 * np.pi * _COLUMN) > 0.5,
        "hoops": np.sin(8 * np.pi * _ROW) > 0.4,
        "checks": 0.5 * (np.sin(12 * np.pi * _COLUMN) > 0.3) + 0.5 * (np.sin(12 * np.pi * _ROW) > 0.3),
        "dots": np.hypot((8 * _COLUMN) % 1 - 0.5, (8 * _ROW) % 1 - 0.5) < 0.2,
        "melange": np.clip(0.12 + 0.08 * noise(rng, 64, 64), 0, 1),
        "denim": np.clip(0.10 + 0.05 * noise(rng, 64, 16) + 0.05 * noise(rng, 4, 4), 0, 1),
    }.get(pattern, np.zeros((SIZE, SIZE)))[..., None]
    mixed = (1 - amount) * np.asarray(colour) + amount * np.asarray(second)
    image: Image = np.clip(255 * mixed * folds[..., None], 0, 255).astype(np.uint8)
    return image


def strands() -> Image:
    """Return strands of hair, grey, running along the rows' direction."""
    rng = np.random.default_rng(SIZE)
    return shaded((0.86, 0.86, 0.86), 1 + 0.10 * noise(rng, 64, 2) + 0.07 * noise(rng, 16, 2))


def planks(rng: np.random.Generator, colour: RGB) -> Image:
    """Return wooden boards, eight to the tile, grain along the columns' direction."""
    board = np.floor(8 * _ROW).astype(int)
    tone = rng.normal(1, 0.05, 8)[board] + 0.03 * noise(rng, 2, 64) + 0.015 * noise(rng, 8, 128)
    gap = ((8 * _ROW) % 1 < 0.06) | ((_COLUMN + 0.37 * (board % 3)) % 1 < 0.008)
    return shaded(colour, np.where(gap, 0.75 * tone, tone))


def wood(rng: np.random.Generator, colour: RGB) -> Image:
    """Return plain wood with grain."""
    return shaded(colour, 1 + 0.05 * noise(rng, 2, 64) + 0.03 * noise(rng, 4, 16))


def tiles(rng: np.random.Generator, colour: RGB) -> Image:
    """Return square tiles, two by two, with joints."""
    cell = 2 * (2 * _ROW).astype(int) + (2 * _COLUMN).astype(int)
    tone = rng.normal(1, 0.02, 4)[cell] + 0.015 * noise(rng, 16, 16)
    joint = ((2 * _ROW) % 1 < 0.025) | ((2 * _COLUMN) % 1 < 0.025)
    return shaded(colour, np.where(joint, 0.82, tone))


def bricks(rng: np.random.Generator, colour: RGB) -> Image:
    """Return bricks, eight courses to the tile, with joints a little lighter."""
    course = np.floor(8 * _ROW).astype(int)
    along = 4 * _COLUMN + 0.5 * (course % 2)
    tone = rng.normal(1, 0.06, (8, 4))[course, np.floor(along).astype(int) % 4] + 0.03 * noise(rng, 64, 64)
    joint = ((8 * _ROW) % 1 < 0.12) | (along % 1 < 0.05)
    image = shaded(colour, tone)
    image[joint] = np.clip(255 * (0.5 * np.asarray(colour) + 0.3), 0, 255)
    return image


def mottled(rng: np.random.Generator, colour: RGB, strength: float = 0.05, cells: int = 8) -> Image:
    """Return plaster, carpet, concrete: faint blotches and fine grain."""
    return shaded(colour, 1 + strength * (0.25 * noise(rng, cells, cells) + 0.25 * noise(rng, 32, 32)
                                          + 0.5 * noise(rng, 128, 128)))  # fmt: skip


def grass(rng: np.random.Generator, colour: RGB) -> Image:
    """Return a lawn: blades, tufts, and patches that are drier."""
    dry = np.clip(0.5 + 0.35 * noise(rng, 4, 4), 0, 1)[..., None]
    blades = 1 + 0.16 * noise(rng, 128, 64) + 0.08 * noise(rng, 32, 32)
    mixed = (1 - 0.3 * dry) * np.asarray(colour) + 0.3 * dry * np.array([0.45, 0.42, 0.26])
    return np.clip(255 * mixed * blades[..., None], 0, 255).astype(np.uint8)


def foliage(rng: np.random.Generator, colour: RGB) -> Image:
    """Return dense leaves."""
    return shaded(colour, np.clip(0.9 + 0.25 * noise(rng, 32, 32) + 0.15 * noise(rng, 8, 8), 0.35, 1.6))


def picture(rng: np.random.Generator) -> Image:
    """Return an abstract landscape for a frame on a wall."""
    horizon = rng.uniform(0.35, 0.7) + 0.06 * noise(rng, 4, 1)[:1]
    sky = rng.uniform(0.6, 0.9) * (1 + rng.normal(0, 0.08, 3))
    land = rng.uniform(0.2, 0.5) * (1 + rng.normal(0, 0.15, 3))
    below = (horizon < _ROW)[..., None]
    tone = 1 + 0.08 * noise(rng, 8, 16)[..., None]
    return np.clip(255 * np.where(below, land, sky) * tone, 0, 255).astype(np.uint8)


def view(rng: np.random.Generator) -> Image:
    """Return what a window shows: a bright sky, something green or built below it, out of focus."""
    horizon = rng.uniform(0.45, 0.75) + 0.05 * noise(rng, 8, 1)[:1]
    sky = np.array([0.86, 0.92, 1.0]) * (1.0 - 0.15 * (1 - _ROW[..., None]))
    ground = rng.uniform(0.3, 0.6) * np.array([0.85, 0.95, 0.75]) * (1 + 0.15 * noise(rng, 8, 8)[..., None])
    sharp = np.where((horizon < _ROW)[..., None], ground, sky)
    return np.clip(255 * cv2.GaussianBlur(sharp, (0, 0), 3), 0, 255).astype(np.uint8)


def books(rng: np.random.Generator) -> Image:
    """Return three shelves of book spines."""
    shelf, place = np.floor(3 * _ROW).astype(int), np.floor(16 * _COLUMN).astype(int)
    grey = rng.uniform(0.12, 0.75, (3, 16, 1))
    colours = np.clip(grey * (1 + rng.normal(0, 0.22, (3, 16, 3))), 0, 1)
    heights = rng.uniform(0.05, 0.45, (3, 16))
    image = 255 * colours[shelf, place]
    image[heights[shelf, place] > (3 * _ROW) % 1] = 45
    image[(3 * _ROW) % 1 > 0.93] = (120, 90, 60)
    return np.asarray(image, np.uint8)


def screen(rng: np.random.Generator) -> Image:
    """Return what a monitor shows: windows and lines of text."""
    image = np.empty((SIZE, SIZE, 3))
    image[:] = rng.uniform(0.15, 0.5, 3)
    for _ in range(2):
        row, column = rng.integers(5, 60, 2)
        image[row : row + 60, column : column + 55] = rng.uniform(0.75, 0.95)
        for line in range(row + 6, row + 54, 6):
            image[line : line + 2, column + 5 : column + 5 + rng.integers(15, 45)] = 0.45
    return np.asarray(255 * image, np.uint8)


def mesh() -> Image:
    """Return RGBA wire mesh, eight by eight cells, open between the wires."""
    image = np.zeros((SIZE, SIZE, 4), np.uint8)
    wire = ((8 * _ROW) % 1 < 0.13) | ((8 * _COLUMN) % 1 < 0.13)
    image[wire] = (255, 255, 255, 255)
    return image


def soft_patch() -> Image:
    """Return an RGBA square of black that fades out towards its rim (the shade under a thing)."""
    def fade(along: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(np.clip((0.5 - np.abs(along - 0.5)) / 0.25, 0, 1))

    amount = fade(_ROW) * fade(_COLUMN)
    image = np.zeros((SIZE, SIZE, 4), np.uint8)
    image[..., 3] = 150 * amount * amount * (3 - 2 * amount)
    return image
