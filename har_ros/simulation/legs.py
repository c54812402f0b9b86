"""Legs that reach for a place: where the ankles of a track are, and the hinge angles that put them elsewhere."""

from __future__ import annotations

import numpy as np

from har_ros.simulation.physics import HINGE_INDEX
from har_ros.simulation.skeleton import SEGMENTS, Skeleton
from har_ros.simulation.tracks import Curve, Track

SIDES = ("left", "right")
_STRAIGHT_M = 0.003  # so near to their whole length do legs bend and stretch more slowly


def turn(axis: str, angle_rad: Curve) -> Curve:
    """Return the rotation matrices (T, 3, 3) about one of the axes x, y, z by angles (T,)."""
    c, s = np.cos(angle_rad), np.sin(angle_rad)
    matrix = np.zeros((len(c), 3, 3))
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    third = 3 - first - second
    matrix[:, third, third] = 1
    matrix[:, first, first] = matrix[:, second, second] = c
    matrix[:, second, first], matrix[:, first, second] = s, -s
    return matrix


def pelvis_turn(track: Track) -> Curve:
    """Return the pelvis' rotation matrices (T, 3, 3)."""
    pitch, roll, yaw = track.root_angles.T
    rotation: Curve = turn("z", yaw) @ turn("y", pitch) @ turn("x", roll) @ turn("z", track.roll_over)
    return rotation


class Leg:
    """One leg of a skeleton, left or right."""

    def __init__(self, skeleton: Skeleton, side: str) -> None:
        joints = skeleton.joints_m
        thigh, shin, foot = (SEGMENTS.index(f"{limb}_{side}") for limb in ("thigh", "shin", "foot"))
        toe_m = skeleton.ends_m[foot, 0] - joints[foot, 0]
        self._hip_m = joints[thigh] - joints[0]
        self._thigh_m, self._shin_m = joints[shin] - joints[thigh], joints[foot] - joints[shin]
        self.ball_m = 0.7 * float(toe_m)  # of the foot, ahead of the ankle
        self._sole_m = [np.array([ahead, 0.0, -joints[foot, 2]]) for ahead in (-0.04, toe_m)]  # heel and toes
        names = ("thigh_{}.y", "thigh_{}.x", "thigh_{}.z", "shin_{}.y", "foot_{}.y", "foot_{}.x")
        self._columns = [HINGE_INDEX[name.format(side)] for name in names]

    def ankle_m(self, track: Track) -> Curve:
        """Return where the ankle is, (T, 3)."""
        pitch, roll, twist, knee = track.hinges[:, self._columns[:4]].T
        along = self._thigh_m + turn("y", knee) @ self._shin_m
        down = turn("y", pitch) @ turn("x", roll) @ turn("z", twist) @ along[..., None]
        ankle: Curve = track.root_m + (pelvis_turn(track) @ (self._hip_m[:, None] + down))[..., 0]
        return ankle

    def foot_turn(self, track: Track) -> Curve:
        """Return the foot's rotation matrices (T, 3, 3); the last column is the upward normal of the sole."""
        pitch, roll, twist, knee, foot_y, foot_x = track.hinges[:, self._columns].T
        shin = turn("y", pitch) @ turn("x", roll) @ turn("z", twist) @ turn("y", knee)
        rotation: Curve = pelvis_turn(track) @ shin @ turn("y", foot_y) @ turn("x", foot_x)
        return rotation

    def sole_m(self, ankle_m: Curve, foot_turn: Curve) -> Curve:
        """Return how high the lowest point of the sole, heel or toes, is above the floor, (T,)."""
        heel, toe = (foot_turn[:, 2] @ point for point in self._sole_m)
        lowest: Curve = ankle_m[:, 2] + np.minimum(heel, toe)
        return lowest

    def reach(self, track: Track, ankle_m: Curve, normal: Curve) -> None:
        """Set hip, knee and ankle so that the ankle is at ankle_m (T, 3) and the sole's normal is `normal` (T, 3).

        The twist of the thigh stays; what is too far is reached for.
        """
        pelvis = pelvis_turn(track)
        twist = track.hinges[:, self._columns[2]]
        goal = np.einsum("tji,tj->ti", pelvis, ankle_m - track.root_m) - self._hip_m
        knee = self._bend(np.linalg.norm(goal, axis=1))
        along = (turn("z", twist) @ (self._thigh_m + turn("y", knee) @ self._shin_m)[..., None])[..., 0]
        size, angle = np.hypot(along[:, 1], along[:, 2]), np.arctan2(along[:, 2], along[:, 1])
        roll = -np.arccos(np.clip(goal[:, 1] / size, -1, 1)) - angle
        below = size * np.sin(roll + angle)
        pitch = np.arctan2(goal[:, 0], goal[:, 2]) - np.arctan2(along[:, 0], below)
        pitch = (pitch + np.pi) % (2 * np.pi) - np.pi
        shin = pelvis @ turn("y", pitch) @ turn("x", roll) @ turn("z", twist) @ turn("y", knee)
        up = np.einsum("tji,tj->ti", shin, normal)
        track.hinges[:, self._columns[0]], track.hinges[:, self._columns[1]] = pitch, roll
        track.hinges[:, self._columns[3]] = knee
        track.hinges[:, self._columns[4]] = np.arctan2(up[:, 0], up[:, 2])
        track.hinges[:, self._columns[5]] = -np.arcsin(np.clip(up[:, 1], -1, 1))

    def _bend(self, distance_m: Curve) -> Curve:
        """Return the bend of the knee at which hip and ankle are so far apart."""
        a, b = self._thigh_m, self._shin_m
        spare_m = np.linalg.norm(a) + np.linalg.norm(b) - distance_m
        spare_m = (spare_m + np.hypot(spare_m, _STRAIGHT_M)) / 2  # what is too far is reached for, gently
        inner = ((np.linalg.norm(a) + np.linalg.norm(b) - spare_m).clip(0.2) ** 2 - a @ a - b @ b) / 2 - a[1] * b[1]
        cosine, sine = a[0] * b[0] + a[2] * b[2], a[0] * b[2] - a[2] * b[0]
        bend: Curve = np.arctan2(sine, cosine) + np.arccos(np.clip(inner / np.hypot(cosine, sine), -1, 1))
        return bend


def flat(count: int, toes_down_rad: Curve | float = 0.0) -> Curve:
    """Return normals (count, 3) of soles that are flat on the floor but for this pitch, feet pointing to +x."""
    pitch = np.broadcast_to(toes_down_rad, count)
    return np.stack([np.sin(pitch), np.zeros(count), np.cos(pitch)], axis=1)
