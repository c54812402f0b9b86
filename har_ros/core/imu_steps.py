"""What a window's steps hold of the accelerometer: the reading of the moment, or statistics of the full rate.

An impact lasts some 20 ms and falls between two readings at 30 Hz; the greatest and the least magnitude within each
step keep it. The one place for live nodes, replay and training.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

IMU_READINGS = ("ax", "ay", "az")  # the sample nearest to the step's end, m/s^2
IMU_STATISTICS = ("ax", "ay", "az", "peak", "dip")  # the mean of the step's samples, their greatest and least |a|


def step_edges(stamps_ns: NDArray[np.int64], rate_hz: float) -> NDArray[np.int64]:
    """Return the edges (T + 1,) of the steps whose frames are stamped `stamps_ns` (T,), which never fall.

    A slow camera's frame stands for several steps, all of its stamp: they share the time since the frame before it,
    as in the recogniser. Before the first frame a step is one period long.
    """
    ends_ns, counts = np.unique(stamps_ns, return_counts=True)
    begins_ns = np.concatenate([ends_ns[:1] - counts[:1] * round(1e9 / rate_hz), ends_ns[:-1]])
    place = np.concatenate([np.arange(1, count + 1) for count in counts])  # of a step among those of its frame
    begin_ns, span_ns, of = (np.repeat(each, counts) for each in (begins_ns, ends_ns - begins_ns, counts))
    edges_ns: NDArray[np.int64] = np.concatenate([begins_ns[:1], begin_ns + place * span_ns // of])
    return edges_ns


def imu_steps(
    channels: tuple[str, ...],
    stamps_ns: NDArray[np.int64],
    accel_mps2: NDArray[np.float32],
    edges_ns: Sequence[int] | NDArray[np.int64],
) -> tuple[NDArray[np.float32], list[int]]:
    """Return the values (T, C) of the steps between `edges_ns` (T + 1,), and how far off each is, ns (T,).

    channels:   IMU_READINGS or IMU_STATISTICS
    stamps_ns:  (N,) of at least one sample, rising
    accel_mps2: (N, 3)
    A step owns the samples after its first edge up to its last one; without any it gets the nearest sample. How
    far off that one is from the step's end is the second result. Step by step and in few calls: live, there is one
    step with three or four samples, and each call costs more than its numbers do.
    """
    values, offsets_ns = [], []
    bounds = stamps_ns.searchsorted(edges_ns, "right").tolist()
    for begin, end, end_ns in zip(bounds, bounds[1:], map(int, edges_ns[1:])):
        nearest, offset_ns = _nearest(stamps_ns, end, end_ns)
        offsets_ns.append(offset_ns)
        if channels == IMU_READINGS:
            values.append(accel_mps2[nearest].tolist())
        else:
            values.append(_statistics(accel_mps2[begin:end] if begin < end else accel_mps2[nearest : nearest + 1]))
    return np.array(values, np.float32), offsets_ns


def _nearest(stamps_ns: NDArray[np.int64], after: int, wanted_ns: int) -> tuple[int, int]:
    """Return the index of the stamp nearest to `wanted_ns`, the earlier one of two, and how far off it is, ns.

    after: the index of the first stamp that is later.
    """
    earlier, later = max(after - 1, 0), min(after, len(stamps_ns) - 1)
    earlier_ns, later_ns = stamps_ns.item(earlier) - wanted_ns, stamps_ns.item(later) - wanted_ns
    return (earlier, earlier_ns) if abs(earlier_ns) <= abs(later_ns) else (later, later_ns)


def _statistics(owned_mps2: NDArray[np.float32]) -> list[float]:
    """Return the mean (3) of samples (N, 3), the greatest and the least of their magnitudes.

    Sums are numpy's, in single precision; what one number is made of in the end need not be: it rounds to the same.
    """
    sums = np.add.reduceat(owned_mps2, (0,))[0].tolist()
    squares = np.add.reduce(owned_mps2 * owned_mps2, 1).tolist()
    return [*(each / len(squares) for each in sums), math.sqrt(max(squares)), math.sqrt(min(squares))]
