"""What a window's steps hold of the accelerometer: the reading of the moment, or statistics of the full rate.

An impact lasts some 20 ms and falls between two readings at 30 Hz; the greatest and the least magnitude within each
step keep it. The one place for live nodes, replay and training.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

IMU_READINGS = ("ax", "ay", "az")  # the sample nearest to the step's end, m/s^2
IMU_STATISTICS = ("ax", "ay", "az", "peak", "dip")  # the mean of the step's samples, their greatest and least |a|


def step_edges(step_ends_ns: NDArray[np.int64], rate_hz: float) -> NDArray[np.int64]:
    """Return the edges (T + 1,) of steps that end at `step_ends_ns` (T,); the first is one period long."""
    return np.concatenate([step_ends_ns[:1] - round(1e9 / rate_hz), step_ends_ns])


def imu_steps(
    channels: tuple[str, ...],
    stamps_ns: NDArray[np.int64],
    accel_mps2: NDArray[np.float32],
    edges_ns: NDArray[np.int64],
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the values (T, C) of the steps between `edges_ns` (T + 1,), and how far off each is, ns (T,).

    channels:   IMU_READINGS or IMU_STATISTICS
    stamps_ns:  (N,) of at least one sample, rising
    accel_mps2: (N, 3)
    A step owns the samples after its first edge up to its last one; without any it gets the nearest sample. How
    far off that one is from the step's end is the second result.
    """
    nearest = _nearest(stamps_ns, edges_ns[1:])
    offsets_ns = stamps_ns[nearest] - edges_ns[1:]
    readings = accel_mps2[nearest]
    if channels == IMU_READINGS:
        return readings, offsets_ns
    magnitude = np.sqrt(np.square(readings).sum(1, keepdims=True))
    steps = np.concatenate([readings, magnitude, magnitude], 1)
    bounds = np.searchsorted(stamps_ns, edges_ns, side="right")
    counts = np.diff(bounds)
    owning = counts > 0
    if owning.any():
        owned = accel_mps2[bounds[0] : bounds[-1]]
        starts = bounds[:-1][owning] - bounds[0]
        magnitudes = np.sqrt(np.square(owned).sum(1))
        steps[owning, :3] = np.add.reduceat(owned, starts) / counts[owning, None]
        steps[owning, 3] = np.maximum.reduceat(magnitudes, starts)
        steps[owning, 4] = np.minimum.reduceat(magnitudes, starts)
    return steps, offsets_ns


def _nearest(stamps_ns: NDArray[np.int64], wanted_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the index of the stamp nearest to each of `wanted_ns`, the earlier one of two."""
    right = np.minimum(np.searchsorted(stamps_ns, wanted_ns), len(stamps_ns) - 1)
    left = np.maximum(right - 1, 0)
    return np.where(wanted_ns - stamps_ns[left] <= np.abs(stamps_ns[right] - wanted_ns), left, right)
