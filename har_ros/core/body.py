"""Whether an accelerometer's readings can be those of a body: not of a dead sensor, nor in another unit."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from har_ros.core.preprocess import STANDARD_GRAVITY_MPS2

_LEAST_MPS2, _MOST_MPS2 = 5.0, 20.0  # in the middle of two seconds, whatever the body does
_LEAST_MEAN_MPS2, _MOST_MEAN_MPS2 = 2.5, 40.0  # wider: a drop of 2 m, or 16 g for a tenth of a second, is believed
_MEMORY_S = 0.5
_LONGEST_STEP_S = 0.25  # a sensor that was silent for long is not judged by its next reading alone
_REPEATED_S = 0.1
_LIKE_GRAVITY_MPS2 = 1.5  # a coarse sensor at rest may give the same reading for long; nothing else does


def why_no_body(size_mps2: float) -> str:
    """Return what is wrong with readings whose median size over two seconds, m/s^2, no body has; empty for others."""
    if not (size_mps2 < _LEAST_MPS2 or size_mps2 > _MOST_MPS2):
        return ""
    return f"readings are of {size_mps2:.1f} m/s^2, and gravity alone is 9.8"


class BodyWatch:
    """Follows readings and says whether they can be a body's.

    They can't where their mean size over about half a second is far from gravity's, as of readings in g, or where one
    that is not of rest repeats itself, as the zeros of a sensor whose wire broke: to a network a certain fall.
    """

    def __init__(self) -> None:
        self._mean_mps2 = STANDARD_GRAVITY_MPS2
        self._reading = (math.nan,) * 3
        self._newest_ns: int | None = None
        self._since_ns = 0

    def note(self, stamp_ns: int, accel_mps2: NDArray[np.float32]) -> None:
        """Take a reading (3,), m/s^2."""
        x, y, z = accel_mps2.tolist()
        if (x, y, z) != self._reading:
            self._reading, self._since_ns = (x, y, z), stamp_ns
        before_ns, self._newest_ns = self._newest_ns or stamp_ns, stamp_ns
        step_s = min(max(stamp_ns - before_ns, 0) / 1e9, _LONGEST_STEP_S)
        self._mean_mps2 += (math.hypot(x, y, z) - self._mean_mps2) * step_s / _MEMORY_S

    @property
    def is_body(self) -> bool:
        """Whether the readings so far can be a body's; so it is before there are any."""
        off_mps2 = abs(math.hypot(*self._reading) - STANDARD_GRAVITY_MPS2)  # NaN before there are any
        stuck = off_mps2 > _LIKE_GRAVITY_MPS2 and (self._newest_ns or 0) - self._since_ns >= _REPEATED_S * 1e9
        return _LEAST_MEAN_MPS2 <= self._mean_mps2 <= _MOST_MEAN_MPS2 and not stuck
