"""Reference motion as curves over time: what the body's root, hinges and eyelids do."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from har_ros.core.labels import TRUTHS, Activity
from har_ros.simulation.physics import HINGE_INDEX, HINGES, RATE_HZ
from har_ros.simulation.skeleton import SEGMENTS, Skeleton

Curve = NDArray[np.float64]
MARGIN = 4  # samples that a track goes on after its end, so that the next one knows speed and acceleration there


@dataclass
class Track:
    """Curves sampled at RATE_HZ.

    root_m:      (T, 3) pelvis position; root_angles: (T, 3) its pitch, roll, yaw, rad.
    hinges:      (T, 28) hinge angles, rad; eyes_closed: (T,) 0 to 1.
    label:       (T,) index into TRUTHS, what the person does.
    blend_s:     how long the way into it from what was before takes, s.
    roll_over:   (T,) how far the body has rolled to its left about its own length, rad, after those angles.
    """

    root_m: Curve
    root_angles: Curve
    hinges: Curve
    eyes_closed: Curve
    label: NDArray[np.int64]
    roll_over: Curve
    blend_s: float = 0.6

    def add(self, hinge: str, value: Curve | float) -> None:
        """Add an angle or a curve of angles, rad, to a hinge such as `shin_left.y`."""
        self.hinges[:, HINGE_INDEX[hinge]] += value

    def add_both(self, limb: str, axis: str, value: Curve | float) -> None:
        """Add the same angle to the left limb and its mirror image to the right one."""
        self.add(f"{limb}_left.{axis}", value)
        self.add(f"{limb}_right.{axis}", value if axis == "y" else -value)


def times(seconds: float) -> Curve:
    """Return the sample times of a track of an act that lasts `seconds`, with MARGIN more."""
    return np.arange(round(seconds * RATE_HZ) + MARGIN) / RATE_HZ


def still(count: int, activity: Activity) -> Track:
    """Return a track of `count` samples of doing nothing, which counts as `activity`."""
    label = np.full(count, TRUTHS.index(activity))
    root_m, root_angles, hinges = np.zeros((count, 3)), np.zeros((count, 3)), np.zeros((count, len(HINGES)))
    return Track(root_m, root_angles, hinges, np.zeros(count), label, np.zeros(count))


def wander(t_s: Curve, rng: np.random.Generator, size: float, low_hz: float = 0.05, high_hz: float = 0.6) -> Curve:
    """Return a smooth random curve of standard deviation `size`, as small human movements are."""
    frequency = rng.uniform(low_hz, high_hz, 6)
    phase = rng.uniform(0, 2 * np.pi, 6)
    weight = rng.normal(0, 1, 6)
    waves: Curve = np.sin(2 * np.pi * frequency * t_s[:, None] + phase) @ weight
    waves *= size * np.sqrt(2) / np.linalg.norm(weight)
    return waves


def ease(t_s: Curve, start_s: float, duration_s: float) -> Curve:
    """Return a rise from 0 to 1 with no jump in speed (a raised cosine)."""
    return 0.5 - 0.5 * np.cos(np.pi * np.clip((t_s - start_s) / duration_s, 0, 1))


def glide(t_s: Curve, start_s: float, duration_s: float) -> Curve:
    """Return a rise from 0 to 1 with no jump in speed or acceleration, as people move from rest to rest."""
    u = np.clip((t_s - start_s) / duration_s, 0, 1)
    rise: Curve = u**3 * (10 - 15 * u + 6 * u**2)
    return rise


def through(t_s: Curve, *keys: tuple[float, float]) -> Curve:
    """Return a curve that glides from value to value, each key being (time in s, value), resting before and after."""
    curve = np.full(len(t_s), float(keys[0][1]))
    for (begin_s, before), (end_s, after) in pairwise(keys):
        curve += (after - before) * glide(t_s, begin_s, max(end_s - begin_s, 1e-3))
    return curve


def even(curve: Curve, span_s: float) -> Curve:
    """Return a curve averaged under a bell `span_s` wide; before and after, it goes on as it begins and ends."""
    reach = round(span_s * RATE_HZ / 2)
    bell = np.hanning(2 * reach + 3)[1:-1]
    return np.convolve(np.pad(curve, reach, mode="reflect", reflect_type="odd"), bell / bell.sum(), "valid")


def blinks(t_s: Curve, rng: np.random.Generator) -> Curve:
    """Return the eyelids of an awake person: blinks of 150 ms, 12 to 20 a minute."""
    closed = np.zeros(len(t_s))
    at_s = rng.uniform(0, 4)
    while at_s < t_s[-1] if len(t_s) else False:
        closed = np.maximum(closed, np.clip(1.6 - np.abs(t_s - at_s) / 0.06, 0, 1))
        at_s += rng.uniform(2.5, 6)
    return closed


def quaternion(angles: Curve) -> Curve:
    """Return quaternions (4, ...), w first, of R = Rz(yaw) Ry(pitch) Rx(roll); angles (3, ...) pitch, roll, yaw."""
    half_pitch, half_roll, half_yaw = angles / 2
    cp, sp, cr, sr = np.cos(half_pitch), np.sin(half_pitch), np.cos(half_roll), np.sin(half_roll)
    cy, sy = np.cos(half_yaw), np.sin(half_yaw)
    return np.array(
        [
            cy * cp * cr + sy * sp * sr,
            cy * cp * sr - sy * sp * cr,
            cy * sp * cr + sy * cp * sr,
            sy * cp * cr - cy * sp * sr,
        ]
    )


def limb_lengths_m(skeleton: Skeleton, upper: str, lower: str, end: str) -> tuple[float, float]:
    """Return the lengths between the joints of three segments, such as thigh, shin and foot."""
    first, second, third = (skeleton.joints_m[SEGMENTS.index(segment)] for segment in (upper, lower, end))
    return float(np.linalg.norm(second - first)), float(np.linalg.norm(third - second))


def two_link(upper_m: float, lower_m: float, ahead_m: Curve, below_m: Curve) -> tuple[Curve, Curve]:
    """Return how a limb of two links reaches a point ahead of and below its first joint.

    The first angle, rad, is the upper link's from hanging down, forward; the second, the bend between the
    links. Both links bend as a leg does, the middle joint forward. What is too far is reached for.
    """
    distance = np.clip(np.hypot(ahead_m, below_m), abs(upper_m - lower_m) + 0.02, 0.998 * (upper_m + lower_m))
    bend = np.arccos(np.clip((distance**2 - upper_m**2 - lower_m**2) / (2 * upper_m * lower_m), -1, 1))
    inner = np.arcsin(np.clip(lower_m * np.sin(bend) / distance, -1, 1))
    return np.arctan2(ahead_m, below_m) + inner, bend
