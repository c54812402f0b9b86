"""Tracks joined end to end: each goes on from the pose, speed and acceleration in which the last one ended."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from har_ros.simulation.physics import RATE_HZ
from har_ros.simulation.tracks import MARGIN, Curve, Track, quaternion


@dataclass(frozen=True)
class Reference:
    """What a tracker follows: pelvis position (T, 3), its quaternion (T, 4) w first, and hinge angles (T, 28)."""

    root_m: Curve
    root_quat: Curve
    hinges: Curve

    @staticmethod
    def of(track: Track) -> Reference:
        """Return a track's reference."""
        quat = quaternion(track.root_angles.T).T
        if track.roll_over.any():
            about = np.outer(track.roll_over, [0.0, 0.0, 1.0])
            quat = np.array([turned(q, turn) for q, turn in zip(quat, about)])
        return Reference(track.root_m, quat, track.hinges)

    def tail(self, count: int) -> Reference:
        """Return the last `count` samples."""
        return Reference(self.root_m[-count:], self.root_quat[-count:], self.hinges[-count:])


def join(before: Reference, after: Reference, blend_s: float) -> Reference:
    """Return `after`, bent over its first `blend_s` so that its first samples are the last MARGIN of `before`.

    What is bent is a quintic polynomial that takes up the differences in pose, speed and acceleration. The MARGIN
    samples before those of `before` are put in front, so that speed and acceleration are known from the beginning.
    """
    count = min(round(blend_s * RATE_HZ), len(after.root_m))
    gap = np.concatenate(
        [
            before.root_m[-MARGIN:][:3] - after.root_m[:3],
            [turn_between(a, b) for a, b in zip(after.root_quat[:3], before.root_quat[-MARGIN:][:3])],
            before.hinges[-MARGIN:][:3] - after.hinges[:3],
        ],
        axis=1,
    )
    bent = _fade(gap, count)
    root_m, quat, hinges = after.root_m.copy(), after.root_quat.copy(), after.hinges.copy()
    root_m[:count] += bent[:, :3]
    hinges[:count] += bent[:, 6:]
    quat[:count] = [turned(q, turn) for q, turn in zip(quat[:count], bent[:, 3:6])]
    past = slice(-2 * MARGIN, -MARGIN)
    return Reference(
        np.concatenate([before.root_m[past], root_m]),
        np.concatenate([before.root_quat[past], quat]),
        np.concatenate([before.hinges[past], hinges]),
    )


def _fade(gap: Curve, count: int) -> Curve:
    """Return (count, N) that begins as the 3 samples `gap` (3, N) do and ends at zero, both without a jump."""
    span_s = count / RATE_HZ
    speed = (-3 * gap[0] + 4 * gap[1] - gap[2]) / 2 * RATE_HZ
    accel = (gap[0] - 2 * gap[1] + gap[2]) * RATE_HZ**2
    u = np.arange(count)[:, None] / count
    place = 1 - 10 * u**3 + 15 * u**4 - 6 * u**5
    rise = u - 6 * u**3 + 8 * u**4 - 3 * u**5
    bow = (u**2 - 3 * u**3 + 3 * u**4 - u**5) / 2
    faded: Curve = place * gap[0] + rise * speed * span_s + bow * accel * span_s**2
    return faded


def turn_between(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rotation vector (3,), rad, in the first quaternion's own axes, that leads to the second."""
    w = float(first @ second)
    a, b = first[1:], second[1:]
    vector = first[0] * b - second[0] * a - np.cross(a, b)
    if w < 0:
        w, vector = -w, -vector
    size = float(np.linalg.norm(vector))
    return vector * (2.0 if size < 1e-9 else 2 * np.arctan2(size, w) / size)


def turned(quat: NDArray[np.float64], vector_rad: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a quaternion turned by a rotation vector (3,) in its own axes."""
    angle = float(np.linalg.norm(vector_rad))
    w, v = np.cos(angle / 2), vector_rad * (0.5 * np.sinc(angle / 2 / np.pi))
    return np.concatenate([[quat[0] * w - quat[1:] @ v], quat[0] * v + w * quat[1:] + np.cross(quat[1:], v)])
