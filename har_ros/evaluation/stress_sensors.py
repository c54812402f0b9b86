"""What happens in the stress test to the time of a camera's pictures, and to an accelerometer's samples."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from har_ros.core.preprocess import STANDARD_GRAVITY_MPS2
from har_ros.dataset.sensing import Samples, next_shown

Stamps = NDArray[np.int64]
OnOrder = Callable[[Stamps, np.random.Generator], NDArray[np.int64]]
OnSamples = Callable[[Samples, np.random.Generator], Samples]


def at_fps(fps: float) -> OnOrder:
    """Which recorded frame each step shows when the camera takes `fps` pictures a second, by time.

    Each picture is the recorded frame nearest to it, and stands for the steps since the one before, as in the
    recogniser. Of a faster camera no picture between two recorded frames is known: it shows the nearest, too.
    """

    def order(stamps_ns: Stamps, rng: np.random.Generator) -> NDArray[np.int64]:
        times_s = (stamps_ns - stamps_ns[0]) / 1e9
        taken_s = np.arange(rng.random() / fps, times_s[-1] + 1 / fps, 1 / fps)
        nearest = np.abs(times_s - taken_s[:, None]).argmin(1)
        return nearest[np.minimum(np.searchsorted(taken_s, times_s), len(nearest) - 1)]

    return order


def frames_lost(share: float) -> OnOrder:
    """Each frame is lost with a probability of `share`."""

    def order(stamps_ns: Stamps, rng: np.random.Generator) -> NDArray[np.int64]:
        there = rng.random(len(stamps_ns)) >= share
        there[-1] = True
        return next_shown(there)

    return order


def frames_in_a_row_lost(count: int) -> OnOrder:
    """So many frames in a row are lost, somewhere in the window."""

    def order(stamps_ns: Stamps, rng: np.random.Generator) -> NDArray[np.int64]:
        there = np.ones(len(stamps_ns), bool)
        begin = int(rng.integers(0, len(there) - count))
        there[begin : begin + count] = False
        return next_shown(there)

    return order


def tilted(degrees: float) -> OnSamples:
    """The sensor is turned by an angle about a random level axis, level by the window's mean acceleration."""

    def tilt(samples: Samples, rng: np.random.Generator) -> Samples:
        up = samples.accel_mps2.mean(0, dtype=np.float64)
        axis = np.cross(up, rng.standard_normal(3))
        turn = Rotation.from_rotvec(np.radians(degrees) * axis / max(float(np.linalg.norm(axis)), 1e-9))
        return _turned(samples, turn)

    return tilt


def turned_anyhow(samples: Samples, rng: np.random.Generator) -> Samples:
    """The sensor is turned by any rotation, all equally likely."""
    return _turned(samples, Rotation.from_quat(rng.standard_normal(4)))


def at_rate(rate_hz: float) -> OnSamples:
    """The sensor takes `rate_hz` samples a second, which lie on straight lines between the recorded ones."""

    def take(samples: Samples, rng: np.random.Generator) -> Samples:
        stamps_ns, accel = samples
        period_ns = 1e9 / rate_hz
        taken_ns = np.arange(stamps_ns[0] + rng.random() * period_ns, stamps_ns[-1] + 1, period_ns).astype(np.int64)
        taken_ns = taken_ns if len(taken_ns) else stamps_ns[:1]
        values = [np.interp(taken_ns - stamps_ns[0], stamps_ns - stamps_ns[0], axis) for axis in accel.T]
        return Samples(taken_ns, np.stack(values, 1).astype(np.float32))

    return take


def biased(size_mps2: float) -> OnSamples:
    """A constant of this size is added, in a random direction."""

    def add(samples: Samples, rng: np.random.Generator) -> Samples:
        direction = rng.standard_normal(3)
        return _with(samples, samples.accel_mps2 + size_mps2 * direction / np.linalg.norm(direction))

    return add


def noisy(deviation_mps2: float) -> OnSamples:
    """White noise is added to each axis of each sample."""
    return lambda samples, rng: _with(
        samples, samples.accel_mps2 + rng.normal(0, deviation_mps2, samples.accel_mps2.shape)
    )


def clipped(range_g: float) -> OnSamples:
    """Each axis ends at so many g."""
    limit = range_g * STANDARD_GRAVITY_MPS2
    return lambda samples, _rng: _with(samples, np.clip(samples.accel_mps2, -limit, limit))


def late(seconds: float) -> OnSamples:
    """The samples' stamps are late by so much, or early below 0, against the pictures'."""
    return lambda samples, _rng: Samples(samples.stamps_ns + round(1e9 * seconds), samples.accel_mps2)


def _with(samples: Samples, accel_mps2: NDArray[np.floating]) -> Samples:
    return Samples(samples.stamps_ns, accel_mps2.astype(np.float32))


def _turned(samples: Samples, turn: Rotation) -> Samples:
    return _with(samples, turn.apply(samples.accel_mps2))
