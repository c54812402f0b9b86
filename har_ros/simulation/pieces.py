"""Lit, textured surfaces that scenes are made of."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Array = NDArray[np.float64]
RGB = tuple[float, float, float]
XYZ = tuple[float, float, float]
WHITE: RGB = (1.0, 1.0, 1.0)

_WRAP = 0.25  # how far light reaches around an edge
_QUAD = np.array([[0, 1, 2], [0, 2, 3]])
_AXES = np.array([  # of a box's faces: normal, and the two directions that span it
    [(1, 0, 0), (0, 1, 0), (0, 0, 1)], [(-1, 0, 0), (0, -1, 0), (0, 0, 1)],
    [(0, 1, 0), (-1, 0, 0), (0, 0, 1)], [(0, -1, 0), (1, 0, 0), (0, 0, 1)],
    [(0, 0, 1), (0, 1, 0), (-1, 0, 0)], [(0, 0, -1), (0, 1, 0), (1, 0, 0)],
], dtype=float)  # fmt: skip
_AROUND = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], float)  # corners of a face
_BOX_CORNERS = 0.5 * (
    _AXES[:, None, 0] + (2 * _AROUND[:, :1] - 1) * _AXES[:, None, 1] + (2 * _AROUND[:, 1:] - 1) * _AXES[:, None, 2]
).reshape(-1, 3)
_BOX_NORMALS = np.repeat(_AXES[:, 0], 4, axis=0)
_BOX_TRIANGLES = (_QUAD + 4 * np.arange(6)[:, None, None]).reshape(-1, 3)
_BALL_PLACES = np.stack(np.meshgrid(np.linspace(0, 2 * np.pi, 10), np.linspace(-np.pi / 2, np.pi / 2, 6)), axis=-1)
_BALL_NORMALS = np.stack([
    np.cos(_BALL_PLACES[..., 1]) * np.cos(_BALL_PLACES[..., 0]),
    np.cos(_BALL_PLACES[..., 1]) * np.sin(_BALL_PLACES[..., 0]),
    np.sin(_BALL_PLACES[..., 1]),
], axis=-1)  # fmt: skip


@dataclass(frozen=True)
class Light:
    """Daylight or lamps: one soft sun and a hemisphere. Colours are factors on a surface's own colour.

    sun: (3,) unit vector towards the sun.
    """

    sun: XYZ
    sun_rgb: RGB
    sky_rgb: RGB
    ground_rgb: RGB

    @classmethod
    def random(cls, rng: np.random.Generator, indoors: bool) -> Light:
        """Draw a light, dim to bright, warm to cool; indoors it is softer and falls more steeply."""
        azimuth, height = rng.uniform(0, 2 * np.pi), rng.uniform(0.7, 1.3) if indoors else rng.uniform(0.35, 1.2)
        flat = np.cos(height)
        level = float(rng.uniform(0.5, 0.8) if rng.random() < 0.25 else rng.uniform(0.85, 1.1))
        strength = level * (rng.uniform(0.2, 0.6) if indoors else rng.uniform(0.1, 0.85))  # overcast to clear
        warm, tint = rng.normal(0.02, 0.07), rng.normal(0.01, 0.03)  # of the sun or lamp, of the rest
        sky = level * rng.uniform(0.6, 0.8)
        ground = sky * rng.uniform(0.45, 0.7)
        return cls(
            (float(flat * np.cos(azimuth)), float(flat * np.sin(azimuth)), float(np.sin(height))),
            (strength * (1 + warm), strength, strength * (1 - warm)),
            (sky * (1 + tint), sky, sky * (1.03 - tint)),
            (ground * (1.02 + tint), ground, ground * (0.95 - tint)),
        )

    @property
    def level(self) -> float:
        """How bright an average surface is, 1 for a bright day."""
        return self.sky_rgb[1] + 0.4 * self.sun_rgb[1]

    def shade(self, normals: NDArray[np.floating]) -> Floats:
        """Return the light (V, 3) on surfaces with unit normals (V, 3); it wraps a little around edges."""
        normals = np.asarray(normals, np.float32)
        colours = np.array((self.sun_rgb, self.sky_rgb, self.ground_rgb), np.float32)
        sun, (sun_rgb, sky_rgb, ground_rgb) = np.array(self.sun, np.float32), colours
        up = (1 + normals[:, 2:]) / 2
        facing = np.maximum((normals @ sun + _WRAP) / (1 + _WRAP), 0)[:, None]
        return np.asarray(ground_rgb + up * (sky_rgb - ground_rgb) + facing * sun_rgb)


@dataclass(frozen=True)
class Piece:
    """A surface: points (V, 3) m, lit colours (V, 3) uint8, texture places uv (V, 2), triangles (F, 3).

    texture: RGB or RGBA image (sides powers of two) that repeats, or None.
    period_m: 0, or the distance along x after which the piece looks the same again (a passing landscape).
    is_ground: the flat floor at z = 0 that a person's shadow falls on. is_shade: dark patches on that floor.
    """

    points_m: Floats
    colours: NDArray[np.uint8]
    uv: Floats
    triangles: NDArray[np.uint32]
    texture: NDArray[np.uint8] | None = None
    period_m: float = 0.0
    is_ground: bool = False
    is_shade: bool = False

    @property
    def see_through(self) -> bool:
        """Whether something may show through the texture."""
        return self.texture is not None and self.texture.shape[2] == 4


@dataclass
class Maker:
    """Collects faces that share one texture and one light into a Piece.

    tile_m: size of one repeat of the texture.
    """

    light: Light
    texture: NDArray[np.uint8] | None = None
    tile_m: float = 1.0
    period_m: float = 0.0
    is_ground: bool = False
    is_shade: bool = False
    _points: list[Array] = field(default_factory=list)
    _normals: list[Array] = field(default_factory=list)
    _colours: list[Array] = field(default_factory=list)
    _uv: list[Array] = field(default_factory=list)
    _triangles: list[NDArray[np.intp]] = field(default_factory=list)
    _count: int = 0

    def _add(
        self, points: Array, normals: Array, colours: Array, uv: Array, triangles: NDArray[np.intp]
    ) -> None:
        self._points.append(points)
        self._normals.append(normals)
        self._colours.append(colours)
        self._uv.append(uv)
        self._triangles.append(triangles + self._count)
        self._count += len(points)

    def patch(
        self, corner: XYZ, along: XYZ, up: XYZ, colour: RGB = WHITE, cells: int = 1, dark_edge: float = 0.0
    ) -> None:
        """Add the parallelogram at `corner` spanned by `along` and `up`, whose cross product is its normal.

        cells: grid lines per side; dark_edge: how much darker its rim is (shade in a room's corners).
        """
        a, b = np.asarray(along, float), np.asarray(up, float)
        wide, tall = np.linalg.norm(a), np.linalg.norm(b)
        u, v = np.meshgrid(np.linspace(0, 1, cells + 1), np.linspace(0, 1, cells + 1))
        points = np.asarray(corner) + u[..., None] * a + v[..., None] * b
        places = np.stack([u * wide, v * tall], axis=-1) / self.tile_m
        rim = np.minimum(np.minimum(u, 1 - u) * wide, np.minimum(v, 1 - v) * tall)
        normal = np.cross(a, b)
        brightness = 1 - dark_edge * np.exp(-rim / 0.6)
        self.surface(points, normal / np.linalg.norm(normal), brightness[..., None] * colour, places)

    def pane(self, start: Array, along: Array, wide_m: float, low_m: float, tall_m: float) -> None:
        """Add an upright window or picture that shows the whole texture once and glows by itself.

        It begins at `start` (2,) on the floor plan, goes wide_m along the unit vector `along` (2,).
        """
        x, y = start
        foot = np.array([[(x, y, low_m), (x + wide_m * along[0], y + wide_m * along[1], low_m)]])
        grid = np.concatenate([foot, foot + np.array([0, 0, tall_m])])
        places = np.array([[(0, 0), (1, 0)], [(0, 1), (1, 1)]], float)
        self.surface(grid, np.array([along[1], -along[0], 0.0]), (1.15, 1.15, 1.15), 0.999 * places)

    def triangle(self, corner: Array, along: Array, aside: Array, colour: RGB = WHITE) -> None:
        """Add one triangle; the texture's square reaches half way along its two sides from `corner`."""
        normal = np.cross(along - corner, aside - corner)
        places = 2.0 * np.array([(0, 0), (1, 0), (0, 1)])
        self._add(
            np.stack([corner, along, aside]), np.tile(normal / np.linalg.norm(normal), (3, 1)),
            np.tile(colour, (3, 1)), places, np.array([[0, 1, 2]]),
        )

    def surface(self, grid: Array, normals: Array, colours: Array | RGB, places: Array | None = None) -> None:
        """Add a grid (R, C, 3) of points; unit normals, colours and texture places are one for all or one each."""
        rows, columns = grid.shape[:2]
        index = np.arange(rows * columns).reshape(rows, columns)
        a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
        self._add(
            grid.reshape(-1, 3),
            np.broadcast_to(normals, grid.shape).reshape(-1, 3),
            np.broadcast_to(colours, grid.shape).reshape(-1, 3),
            (np.zeros((rows, columns, 2)) if places is None else places).reshape(-1, 2),
            np.stack([a, b, c, a, c, d], axis=-1).reshape(-1, 3),
        )

    def box(self, centre: XYZ, size: XYZ, yaw_rad: float = 0.0, colour: RGB = WHITE) -> None:
        """Add a box around `centre`, turned about the vertical."""
        c, s = np.cos(yaw_rad), np.sin(yaw_rad)
        self.slab(centre, np.diag(size) @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]]), colour)

    def slab(self, centre: XYZ, edges: Array, colour: RGB = WHITE) -> None:
        """Add a box whose three edges are the rows of `edges` (3, 3)."""
        normals = _BOX_NORMALS @ np.linalg.inv(edges).T
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        spans = np.abs(_AXES[:, 1:]) @ np.linalg.norm(edges, axis=1) / self.tile_m
        self._add(
            np.asarray(centre) + _BOX_CORNERS @ edges, normals, np.broadcast_to(colour, (24, 3)),
            (_AROUND * spans[:, None]).reshape(-1, 2), _BOX_TRIANGLES,
        )

    def rod(
        self, start: XYZ, end: XYZ, radius_m: float, colour: RGB = WHITE, end_radius_m: float | None = None
    ) -> None:
        """Add a round rod (or cone) without end faces."""
        a, b = np.asarray(start, float), np.asarray(end, float)
        length = np.linalg.norm(b - a)
        axis = (b - a) / length
        side = np.cross(axis, (1, 0, 0) if abs(axis[0]) < 0.9 else (0, 1, 0))
        side /= np.linalg.norm(side)
        angle = np.linspace(0, 2 * np.pi, 11)[:, None]
        around = np.cos(angle) * side + np.sin(angle) * np.cross(axis, side)
        radii = (radius_m, radius_m if end_radius_m is None else end_radius_m)
        grid = np.stack([place + radius * around for place, radius in zip((a, b), radii)])
        places = np.stack(np.broadcast_arrays(angle.T / np.pi, np.array([[0], [length / self.tile_m]])), axis=-1)
        self.surface(grid, around, colour, places)

    def ball(self, centre: XYZ, radii_m: XYZ, colour: RGB = WHITE) -> None:
        """Add an ellipsoid."""
        places = _BALL_PLACES * max(radii_m) / self.tile_m
        self.surface(np.asarray(centre) + _BALL_NORMALS * radii_m, _BALL_NORMALS, colour, places)

    def piece(self) -> Piece | None:
        """Return what was added, lit, or None if nothing was."""
        if not self._count:
            return None
        lit = self.light.shade(np.concatenate(self._normals)) * np.concatenate(self._colours)
        return Piece(
            np.concatenate(self._points).astype(np.float32),
            np.clip(255 * lit, 0, 255).astype(np.uint8),
            np.concatenate(self._uv).astype(np.float32),
            np.concatenate(self._triangles).astype(np.uint32),
            self.texture,
            self.period_m,
            self.is_ground,
            self.is_shade,
        )
