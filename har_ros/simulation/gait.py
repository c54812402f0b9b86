"""Walking and jogging, from a few Fourier numbers a joint.

gait.json was fitted by tools/fit_gait.py from two motion capture clips of the zlib-licensed package
pybullet. Every walk is retimed, rescaled and bent, so that a classifier can't learn the clip.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from har_ros.core.labels import Activity
from har_ros.core.preprocess import STANDARD_GRAVITY_MPS2
from har_ros.simulation.physics import Body
from har_ros.simulation.skeleton import SEGMENTS, Skeleton
from har_ros.simulation.tracks import Curve, Track, limb_lengths_m, quaternion, still, two_link

_PHASES = 64  # in one stride, at which the legs' geometry is worked out
_STEP_HARMONICS = 24
_STRIDES_HZ, _SLOW_STRIDES_HZ, _SHUFFLES_HZ = (0.78, 1.0), (0.62, 0.78), (0.5, 0.68)
_PACES = 0.8, 0.14, 0.06  # shares of the three: some people, and some days, are slow
_SHUFFLE = 0.6  # as long as another's steps
_LIMBS = {"hip": "thigh", "knee": "shin", "ankle": "foot", "shoulder": "upper_arm", "elbow": "forearm"}


@dataclass(frozen=True)
class Style:
    """How one person walks or jogs.

    stride_hz: strides (two steps) a second; legs, arms: swing as a share of the clip's; elbows, lean, head,
    splay, arms_out: angles in rad added to elbows, trunk, head, feet and shoulders; limp: how unlike the two sides
    are; bounce_mps2, surge_mps2: the walking pelvis' vertical, and anyone's forward acceleration, amplitude at the
    rate of steps; strike_mps2, strike_hz, strike_s: size, ringing and decay of the shock at each landing: hard heels on
    a hard floor ring like a blow, soft soles hardly; duty: how many steps long a foot is on the floor.
    """

    clip: str
    stride_hz: float
    legs: float
    arms: float
    elbows: float
    lean: float
    head: float
    splay: float
    arms_out: float
    limp: float
    bounce_mps2: float
    surge_mps2: float
    strike_mps2: float
    strike_hz: float
    strike_s: float
    duty: float

    @staticmethod
    def walking(rng: np.random.Generator) -> Style:
        """Draw a way to walk, 0.5 to 1.0 strides a second; the slowest shuffle."""
        pace = int(rng.choice(3, p=_PACES))
        stride_hz = rng.uniform(*(_STRIDES_HZ, _SLOW_STRIDES_HZ, _SHUFFLES_HZ)[pace])
        legs = rng.uniform(0.85, 1.15) * (0.75 + 0.25 * stride_hz / 0.8) * (_SHUFFLE if pace == 2 else 1.0)
        return Style(
            "walk", stride_hz, legs, arms=rng.uniform(0.3, 1.3), elbows=rng.normal(0, 0.15),
            lean=np.radians(rng.uniform(0, 6)), head=rng.normal(0, 0.08), splay=rng.normal(0.0, 0.06),
            arms_out=rng.normal(0, 0.05), limp=rng.normal(0, 0.04), surge_mps2=rng.uniform(0.6, 1.8),
            bounce_mps2=rng.uniform(0.8, 1.15) * 0.021 * legs * (4 * np.pi * stride_hz) ** 2,
            strike_mps2=np.exp(rng.uniform(*np.log((1.0, 12.0)))), strike_hz=rng.uniform(7, 18),
            strike_s=rng.uniform(0.015, 0.035), duty=1.2,
        )  # fmt: skip

    @staticmethod
    def jogging(rng: np.random.Generator) -> Style:
        """Draw a way to jog, 1.2 to 1.45 strides a second."""
        return Style(
            "jog", rng.uniform(1.2, 1.45), legs=rng.uniform(0.7, 1.0), arms=rng.uniform(0.35, 0.9),
            elbows=rng.normal(0, 0.15), lean=np.radians(rng.uniform(4, 14)), head=rng.normal(0, 0.08),
            splay=rng.normal(0.0, 0.06), arms_out=rng.normal(0, 0.05), limp=rng.normal(0, 0.03),
            bounce_mps2=0.0, surge_mps2=rng.uniform(1.0, 3.0), strike_mps2=np.exp(rng.uniform(*np.log((2.0, 14.0)))),
            strike_hz=rng.uniform(7, 16), strike_s=rng.uniform(0.015, 0.035), duty=rng.uniform(0.55, 0.8),
        )  # fmt: skip


@cache
def _clips() -> dict[str, Any]:
    clips: dict[str, Any] = json.loads((Path(__file__).parent / "gait.json").read_text())
    return clips


def limbs(style: Style, phase: Curve) -> Track:
    """Return a track whose hinges and trunk are those of the gait at `phase` (T,), in strides."""
    track = still(len(phase), Activity.WALK if style.clip == "walk" else Activity.JOGGING)
    angles = _clips()[style.clip]["angles"]
    clip_lean = angles["pelvis"][0][0]
    middles = {
        "elbow.y": style.elbows,
        "hip.y": clip_lean - style.lean,
        "hip.z": style.splay,
        "shoulder.x": style.arms_out,
    }
    sizes = {"hip": style.legs, "knee": 0.4 + 0.6 * style.legs, "ankle": style.legs}  # low knees would drag the feet
    for joint, limb in _LIMBS.items():
        for numbers, axis in zip(angles[joint], "yx" if joint == "ankle" else "yxz"):
            middle = numbers[0] * (0.5 if joint == "shoulder" and axis == "x" else 1.0)
            middle += middles.get(f"{joint}.{axis}", 0.0)
            for side, lag, sign in (("left", 0.0, 1), ("right", 0.5, -1)):
                size = sizes[joint] * (1 + sign * style.limp) if joint in sizes else style.arms
                curve = middle + size * _wave(numbers, phase - lag)
                track.add(f"{limb}_{side}.{axis}", curve if axis == "y" else sign * curve)
    sway = 1.0 if style.clip == "walk" else 0.4  # more would swing the waist beyond what is felt there
    for column, numbers in enumerate(angles["pelvis"]):
        track.root_angles[:, column] = sway * _wave(numbers, phase)
    track.root_angles[:, 0] += style.lean
    for numbers, axis in zip(angles["chest"], "yxz"):
        track.add(f"spine.{axis}", 0.8 * _wave(numbers, phase))
    track.add("head.y", style.head - 0.6 * style.lean)
    return track


def _wave(numbers: Sequence[float] | Curve, phase: Curve) -> Curve:
    """Return the oscillating part of a Fourier series at `phase`, in cycles."""
    turns = 2 * np.pi * np.outer(phase, np.arange(1, 1 + len(numbers) // 2))
    waves: Curve = np.cos(turns) @ np.array(numbers[1::2]) + np.sin(turns) @ np.array(numbers[2::2])
    return waves


def _harmonics(cycle: Curve, count: int) -> Curve:
    """Return the Fourier numbers [mean, cos 1, sin 1, ...] of one cycle."""
    spectrum = np.fft.rfft(cycle) / len(cycle)
    pairs = [(2 * value.real, -2 * value.imag) for value in spectrum[1 : count + 1]]
    return np.array([spectrum[0].real, *np.ravel(pairs)])


class Stride:
    """How the pelvis moves over one stride, and how the legs then reach the floor.

    height_m: mean height of the pelvis; speed_mps: at which standing feet don't slide; middle: the phase at which
    the left foot stands under the pelvis.
    """

    def __init__(self, style: Style, skeleton: Skeleton, body: Body) -> None:
        self._style, self._skeleton = style, skeleton
        track = limbs(style, np.arange(_PHASES) / _PHASES)
        hips, ankles, soles_m = np.zeros((_PHASES, 2, 3)), np.zeros((_PHASES, 2, 3)), np.zeros((_PHASES, 2))
        for slot in range(_PHASES):
            body.place(np.zeros(3), quaternion(track.root_angles[slot]), track.hinges[slot])
            hips[slot], ankles[slot] = body.joints_m("thigh"), body.joints_m("foot")
            soles_m[slot] = body.soles_m()
        ahead = ankles[..., 0] + 0.25 * _foot_m(skeleton)
        backward_mps = (np.roll(ahead, 1, axis=0) - np.roll(ahead, -1, axis=0)) / 2 * _PHASES * style.stride_hz
        passing = np.where(backward_mps[:, 0] > 0, np.abs(ahead[:, 0]), np.inf)
        self.middle = int(np.argmin(passing)) / _PHASES  # phase at which the left foot stands under the pelvis
        stands = np.stack([self.stands(np.arange(_PHASES) / _PHASES, side) for side in (0, 1)], axis=1)
        self.speed_mps = float(np.median(backward_mps[stands]))
        slots = np.arange(_PHASES) / _PHASES
        self.height_m = -float(np.mean(soles_m[stands] + np.stack([self.heave(slots)] * 2, axis=1)[stands]))
        above_m = soles_m + (self.height_m + self.heave(slots))[:, None]
        lift_m = np.where(stands, -above_m, np.maximum(0.01 - above_m, 0))
        self._legs = self._pitches(ankles - hips, lift_m)

    def stands(self, phase: Curve, side: int, share: float = 1.0) -> NDArray[np.bool_]:
        """Return when a foot (0 left, 1 right) is on the floor, or for the middle `share` of that time."""
        since = (phase - self.middle - 0.5 * side + 0.5) % 1.0 - 0.5
        stands: NDArray[np.bool_] = np.abs(since) < share * self._style.duty / 4
        return stands

    def _step(self, phase: Curve) -> Curve:
        """Return the phase within a step, 0 when a foot stands under the pelvis."""
        return 2 * (phase - self.middle)

    def _profile(self, accel_mps2: Curve) -> Curve:
        """Return the Fourier numbers of the movement over one step that has this acceleration."""
        numbers = _harmonics(accel_mps2, _STEP_HARMONICS)
        numbers[0] = 0.0
        omega = 2 * np.pi * 2 * self._style.stride_hz * np.repeat(np.arange(1, _STEP_HARMONICS + 1), 2)
        numbers[1:] /= -(omega**2)
        return numbers

    def _strike(self, u: Curve) -> Curve:
        """Return the shock that runs up the leg after a foot lands."""
        landing = -self._style.duty / 2 + (0.05 if self._style.clip == "walk" else 0.0)
        since_s = ((u - landing) % 1.0) / (2 * self._style.stride_hz)
        style = self._style
        ringing: Curve = np.sin(2 * np.pi * style.strike_hz * since_s)
        return style.strike_mps2 * np.exp(-since_s / style.strike_s) * ringing

    def heave(self, phase: Curve) -> Curve:
        """Return the pelvis' rise above its mean height.

        Walking vaults over the standing leg; jogging flies and pushes off in a half sine:
        a = -g + g pi / (2 d) cos(pi u / d) in stance, -g in flight.
        """
        style, u = self._style, np.arange(256) / 256 - 0.5
        if style.clip == "walk":
            accel = -style.bounce_mps2 * np.cos(2 * np.pi * u)
        else:
            push = np.pi / (2 * style.duty) * np.cos(np.pi * u / style.duty)
            accel = STANDARD_GRAVITY_MPS2 * (np.where(np.abs(u) < style.duty / 2, push, 0.0) - 1.0)
        return _wave(self._profile(np.roll(accel + self._strike(u), 128)), self._step(phase))

    def surge(self, phase: Curve) -> Curve:
        """Return how far the pelvis is ahead of its mean speed: braked after landing, then pushed on."""
        u = np.arange(256) / 256 - 0.5
        accel = self._style.surge_mps2 * np.sin(2 * np.pi * u) - 0.4 * self._strike(u)
        return _wave(self._profile(np.roll(accel, 128)), self._step(phase))

    def sway(self, phase: Curve) -> Curve:
        """Return how far to the left the pelvis is: over the standing foot."""
        return 0.018 * np.cos(2 * np.pi * (phase - self.middle))

    def _pitches(self, reach_m: Curve, lift_m: Curve) -> list[tuple[str, Curve]]:
        """Return the Fourier numbers of what is added to the legs' hinges to lift the soles."""
        table = []
        for index, side in enumerate(("left", "right")):
            upper, lower = limb_lengths_m(self._skeleton, f"thigh_{side}", f"shin_{side}", f"foot_{side}")
            x, y, z = reach_m[:, index].T
            before = two_link(upper, lower, np.hypot(x, y) * np.sign(x), -z)
            after = two_link(upper, lower, np.hypot(x, y) * np.sign(x), -z - lift_m[:, index])
            thigh, shin = before[0] - after[0], after[1] - before[1]
            for limb, curve in (("thigh", thigh), ("shin", shin), ("foot", -thigh - shin)):
                table.append((f"{limb}_{side}.y", _harmonics(curve, 8)))
        return table

    def fit_legs(self, track: Track, phase: Curve) -> None:
        """Let the standing feet reach the floor and the swinging ones clear it."""
        for hinge, numbers in self._legs:
            track.add(hinge, numbers[0] + _wave(numbers, phase))


def _foot_m(skeleton: Skeleton) -> float:
    foot = SEGMENTS.index("foot_left")
    return float(skeleton.ends_m[foot, 0] - skeleton.joints_m[foot, 0])
