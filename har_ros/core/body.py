"""Whether an accelerometer's readings can be those of a body: not of a dead sensor, nor in another unit."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from har_ros.core.preprocess import STANDARD_GRAVITY_MPS2
from har_ros.core.windows import MAX_GAP_S

_LEAST_MPS2, _MOST_MPS2 = 5.0, 20.0  # in the middle of two seconds, whatever the body does
_LEAST_MEAN_MPS2, _MOST_MEAN_MPS2 = 2.0, 40.0  # wider, of less time: a drop of 3 m is believed
_MEMORY_S = 0.5
_COUNTED_MPS2 = 60.0  # of any reading, so that one hard impact does not outweigh the others


def why_no_body(size_mps2: float) -> str:
    """Return what is wrong with readings whose median size over two seconds, m/s^2, no body has; empty for others."""
    if not (size_mps2 < _LEAST_MPS2 or size_mps2 > _MOST_MPS2):
        return ""
    return f"readings are of {size_mps2:.1f} m/s^2, and gravity alone is 9.8"


class BodyWatch:
    """Follows readings, in order of time, and says whether they can be a body's.

    They can't where their mean size over about half a second is far from gravity's, as of readings in g, or of the
    zeros of a sensor whose wire broke: to a network these are a certain fall.
    """

    def __init__(self) -> None:
        self._mean_mps2 = STANDARD_GRAVITY_MPS2
        self._newest_ns: int | None = None

    def note(self, stamp_ns: int, accel_mps2: NDArray[np.float32]) -> None:
        """Take a reading (3,), m/s^2."""
        before_ns, self._newest_ns = self._newest_ns or stamp_ns, stamp_ns
        step_s = min(max(stamp_ns - before_ns, 0) / 1e9, MAX_GAP_S)
        size_mps2 = min(math.hypot(*accel_mps2.tolist()), _COUNTED_MPS2)
        self._mean_mps2 += (size_mps2 - self._mean_mps2) * step_s / _MEMORY_S

    @property
    def is_body(self) -> bool:
        """Whether the readings of late can be a body's; so it is before there are any."""
        return _LEAST_MEAN_MPS2 <= self._mean_mps2 <= _MOST_MEAN_MPS2
