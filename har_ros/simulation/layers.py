"""Surfaces that make up a person, and how they are cut from the mesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from har_ros.simulation.skinning import Floats, Skin
from har_ros.simulation.wardrobe import RGB

Indices = NDArray[np.intp]
Field = NDArray[np.float64]


@dataclass(frozen=True)
class Layer:
    """One drawn surface of the person: points that follow the bones, colours, faces, and a repeating texture."""

    skin: Skin
    albedo: Floats
    triangles: Indices
    texture: NDArray[np.uint8] | None = None


def triangles_of(quads: Indices) -> Indices:
    """Split faces (F, 4) into triangles (2 F, 3)."""
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def cut(skin: Skin, triangles: Indices, field: Field) -> tuple[Skin, Indices, NDArray[np.float64]]:
    """Keep the part of the surface where `field` (per point) is positive, with a clean edge where it is 0.

    Returns the cut surface's points, its triangles, and the field at its points.
    """
    inside = field > 0
    count = inside[triangles].sum(axis=1)
    kept = np.unique(triangles[count > 0])
    kept = kept[inside[kept]]
    number = np.full(len(field), -1)
    number[kept] = np.arange(len(kept))
    crossings: dict[tuple[int, int], int] = {}
    fans: list[tuple[int, int, int]] = []
    for a, b, c in triangles[(count == 1) | (count == 2)].tolist():
        corners: list[int] = []
        for start, end in ((a, b), (b, c), (c, a)):
            if inside[start]:
                corners.append(int(number[start]))
            if inside[start] != inside[end]:
                edge = (min(start, end), max(start, end))
                corners.append(len(kept) + crossings.setdefault(edge, len(crossings)))
        fans += [(corners[0], corners[n], corners[n + 1]) for n in range(1, len(corners) - 1)]
    edges = np.array(list(crossings), np.intp).reshape(-1, 2)
    first, second = np.concatenate([kept, edges[:, 0]]), np.concatenate([kept, edges[:, 1]])
    gap = field[first] - field[second]
    share = np.where(first == second, 0.0, field[first] / np.where(gap == 0, 1, gap))
    faces = np.concatenate([number[triangles[count == 3]], np.array(fans, np.intp).reshape(-1, 3)])
    return skin.mix(first, second, share.astype(np.float32)), faces, field[first] - share * gap


def plain(skin: Skin, triangles: Indices, colour: RGB | Field, texture: NDArray[np.uint8] | None = None) -> Layer:
    """Return the layer of those triangles, in one colour or one (V, 3) for each point of `skin`."""
    used, numbered = np.unique(triangles, return_inverse=True)
    albedo = np.broadcast_to(np.asarray(colour, np.float32), (len(skin.points_m), 3))[used]
    nothing = np.zeros(len(used), np.float32)
    return Layer(skin.mix(used, used, nothing), albedo, numbered.reshape(triangles.shape).astype(np.intp), texture)
