"""Linear blend skinning: the 14 segments of the physics move the 31 bones of the mesh's rig, those the skin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from har_ros.simulation.skeleton import SEGMENTS

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

_TRUNK = (  # bone, segments it stands between, how far towards the second, point it turns about
    ("Hips", "pelvis", "pelvis", 0.0, "pelvis"),
    ("LHipJoint", "pelvis", "pelvis", 0.0, "Hips"),
    ("RHipJoint", "pelvis", "pelvis", 0.0, "Hips"),
    ("LowerBack", "pelvis", "spine", 0.5, "spine"),
    ("Spine", "spine", "chest", 0.35, "chest"),
    ("Spine1", "chest", "chest", 0.0, "chest"),
    ("Neck", "chest", "head", 0.35, "head"),
    ("Neck1", "chest", "head", 0.7, "Neck"),
    ("Head", "head", "head", 0.0, "Neck1"),
)


@dataclass(frozen=True)
class Drive:
    """How one bone follows the physics.

    first, second, share: indices of two segments and how far the bone's turn lies from one to the other.
    pivot: index of the segment whose joint the bone turns about, or -1 where it hangs on `parent`.
    parent: index of an earlier entry of the drive table (used where pivot is -1).
    """

    bone: str
    first: int
    second: int
    share: float
    pivot: int
    parent: int


def _limbs(side: str) -> tuple[tuple[str, str, str, float, str], ...]:
    name, letter = side.capitalize(), side[0].upper()
    arm, forearm, thigh, shin, foot = (f"{part}_{side}" for part in ("upper_arm", "forearm", "thigh", "shin", "foot"))
    return (
        (f"{name}Shoulder", "chest", arm, 0.2, "Spine1"),
        (f"{name}Arm", arm, arm, 0.0, arm),
        (f"{name}ForeArm", forearm, forearm, 0.0, forearm),
        (f"{name}Hand", forearm, forearm, 0.0, f"{name}ForeArm"),
        (f"{name}FingerBase", forearm, forearm, 0.0, f"{name}Hand"),
        (f"{name}HandFinger1", forearm, forearm, 0.0, f"{name}FingerBase"),
        (f"{letter}Thumb", forearm, forearm, 0.0, f"{name}Hand"),
        (f"{name}UpLeg", thigh, thigh, 0.0, thigh),
        (f"{name}Leg", shin, shin, 0.0, shin),
        (f"{name}Foot", foot, foot, 0.0, foot),
        (f"{name}ToeBase", foot, foot, 0.0, f"{name}Foot"),
    )


def _table() -> tuple[Drive, ...]:
    rows = (*_TRUNK, *_limbs("left"), *_limbs("right"))
    order = {row[0]: index for index, row in enumerate(rows)}
    return tuple(
        Drive(
            bone, SEGMENTS.index(first), SEGMENTS.index(second), share,
            SEGMENTS.index(about) if about in SEGMENTS else -1, order.get(about, -1),
        )
        for bone, first, second, share, about in rows
    )


DRIVES: tuple[Drive, ...] = _table()
_FIRST = np.array([drive.first for drive in DRIVES])
_SECOND = np.array([drive.second for drive in DRIVES])
_SHARED = np.array([index for index, drive in enumerate(DRIVES) if drive.share])
_SHARES = np.array([DRIVES[index].share for index in _SHARED])[:, None, None]


def turn(start: Array, end: Array) -> Array:
    """Return the smallest rotation that takes the direction `start` to the direction `end` (not opposite)."""
    a, b = start / np.linalg.norm(start), end / np.linalg.norm(end)
    v = np.cross(a, b)
    skew = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    return np.asarray(np.eye(3) + skew + skew @ skew / (1 + a @ b))


def turn_about(axis: Array, angle_rad: float) -> Array:
    """Return the rotation by `angle_rad` about the unit vector `axis`."""
    x, y, z = axis
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + np.sin(angle_rad) * skew + (1 - np.cos(angle_rad)) * skew @ skew)


def between(first: Array, second: Array, share: Array) -> Array:
    """Return rotations (N, 3, 3) that lie `share` of the way from `first` to `second` (both (N, 3, 3))."""
    u, _, vt = np.linalg.svd((1 - share) * first + share * second)
    u[..., 2] *= np.linalg.det(u @ vt)[:, None]
    return np.asarray(u @ vt)


@dataclass(frozen=True)
class Rig:
    """The bones of one body: bind pose, and how far each is from the rest pose of the physics.

    pivots_m:   (31, 3) where each bone turns, in the bind mesh, order of DRIVES.
    straighten: (31, 3, 3) rotation from the bind pose (arms out, legs apart) to the rest pose.
    """

    pivots_m: Array
    straighten: Array

    def transforms(self, position_m: Array, rotation: Array) -> Floats:
        """Return (31, 4, 3): rotation (transposed) above translation, for row vectors of the bind mesh.

        position_m (14, 3) and rotation (14, 3, 3) are those of the physics' segments.
        """
        turned = rotation[_FIRST].copy()
        turned[_SHARED] = between(rotation[_FIRST[_SHARED]], rotation[_SECOND[_SHARED]], _SHARES)
        turned = turned @ self.straighten
        places = np.empty_like(self.pivots_m)
        for index, drive in enumerate(DRIVES):
            if drive.pivot >= 0:
                places[index] = position_m[drive.pivot]
            else:
                step = self.pivots_m[index] - self.pivots_m[drive.parent]
                places[index] = places[drive.parent] + turned[drive.parent] @ step
        shift = places - np.einsum("bij,bj->bi", turned, self.pivots_m)
        return np.concatenate([turned.swapaxes(1, 2), shift[:, None]], axis=1).astype(np.float32)


@dataclass(frozen=True)
class Skin:
    """Points that follow the bones.

    points_m (V, 3) and normals (V, 3) in the bind pose, weights (V, 31) in the order of DRIVES;
    lid_points (L,) index the points that shut eyes move, by lids_m (L, 3).
    """

    points_m: Floats
    normals: Floats
    weights: Floats
    lid_points: NDArray[np.intp]
    lids_m: Floats

    def pose(self, transforms: Floats, eyes_closed: float) -> tuple[Floats, Floats]:
        """Return world vertices (V, 3) and unit normals (V, 3) under `Rig.transforms`; eyes_closed 0 to 1."""
        points = self.points_m
        if eyes_closed > 0:
            points = points.copy()
            points[self.lid_points] += np.float32(eyes_closed) * self.lids_m
        blend = (self.weights @ transforms.reshape(len(transforms), 12)).reshape(-1, 4, 3)
        vertices = blend[:, 3].copy()
        normals = np.zeros_like(vertices)
        for axis in range(3):
            vertices += points[:, axis, None] * blend[:, axis]
            normals += self.normals[:, axis, None] * blend[:, axis]
        normals /= np.sqrt(np.einsum("vi,vi->v", normals, normals) + np.float32(1e-12))[:, None]
        return vertices, normals

    def mix(self, first: NDArray[np.intp], second: NDArray[np.intp], share: Floats) -> Skin:
        """Return a skin whose point n lies `share[n]` of the way from point first[n] to second[n]."""
        def blend(values: Floats) -> Floats:
            return (values[first] + share[:, None] * (values[second] - values[first])).astype(np.float32)

        lids = np.zeros_like(self.points_m)
        lids[self.lid_points] = self.lids_m
        mixed = blend(lids)
        moved = np.flatnonzero(np.abs(mixed).sum(axis=1))
        return Skin(blend(self.points_m), blend(self.normals), blend(self.weights), moved, mixed[moved])

    def pushed_out(self, distance_m: Array | float) -> Skin:
        """Return the skin moved along its normals by `distance_m` (a number or (V,))."""
        moved = self.points_m + np.reshape(distance_m, (-1, 1)).astype(np.float32) * self.normals
        return Skin(moved, self.normals, self.weights, self.lid_points, self.lids_m)


def join(skins: list[Skin]) -> Skin:
    """Return one skin with the points of all, one after the other."""
    starts = np.cumsum([0, *(len(skin.points_m) for skin in skins)])
    return Skin(
        np.concatenate([skin.points_m for skin in skins]),
        np.concatenate([skin.normals for skin in skins]),
        np.concatenate([skin.weights for skin in skins]),
        np.concatenate([skin.lid_points + start for skin, start in zip(skins, starts)]),
        np.concatenate([skin.lids_m for skin in skins]),
    )
