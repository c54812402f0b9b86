"""How a body-worn sensor is turned, as far as that is known."""

from __future__ import annotations

import math

from har_ros.core.evidence import Evidence, angle_rad
from har_ros.core.preprocess import Vector

_UP_MEMORY_S = 5.0  # long against a fall's beginning, which is in it before the model sees it
_UP_KNOWN_S = 1.0


class Posture:
    """Follows a sensor against how it was turned lately, while its wearer was up; windows are `Evidence`.

    known:  whether the newest window tells how far it is turned.
    tilted: whether it is turned by `lying_tilt_rad`, as last known: one that falls silent says nothing of getting up.
    """

    def __init__(self, lying_tilt_rad: float) -> None:
        self._lying_tilt_rad = lying_tilt_rad
        self.restart()

    def restart(self) -> None:
        """Forget everything, as when the sensor may be worn another way."""
        self._up: Vector | None = None
        self._first_ns = self._last_ns = 0
        self.known = self.tilted = False

    def note(self, evidence: Evidence) -> None:
        """Take the next window."""
        tilt_rad = self._tilt_rad(evidence.up)
        self.known = not math.isnan(tilt_rad)
        if self.known:
            self.tilted = tilt_rad >= self._lying_tilt_rad

    def learn_up(self, evidence: Evidence) -> None:
        """Learn from a window, after it was noted, which way is up: by a slow mean of gravity's direction.

        A sensor that was silent for long may be worn another way when it is back.
        """
        up, stamp_ns = evidence.up, evidence.stamp_ns
        if not any(up):
            if stamp_ns - self._last_ns > _UP_MEMORY_S * 1e9:
                self.restart()
            return
        if self._up is None or stamp_ns < self._last_ns:  # a recording that begins again
            self._up, self._first_ns = up, stamp_ns
        else:
            share = 1 - math.exp((self._last_ns - stamp_ns) / 1e9 / _UP_MEMORY_S)
            x, y, z = (was + share * (now - was) for was, now in zip(self._up, up))
            self._up = x, y, z
        self._last_ns = stamp_ns

    def _tilt_rad(self, up: Vector) -> float:
        if self._up is None or self._last_ns - self._first_ns < _UP_KNOWN_S * 1e9:
            return math.nan
        return angle_rad(self._up, up)
