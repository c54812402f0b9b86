"""A fall as an event: seen, then lying still, then up again.

    none -- fall seen in k of n windows, and felt --> fall -- lies still --> fallen
    fall, fallen -- quiet, and not lying --> recovered --> none

The public label of both act and state is FALL_OR_COLLAPSE; this tells them apart.
"""

from __future__ import annotations

import math
from collections import deque
from enum import Enum

from har_ros.core.alarm_policy import AlarmPolicy, Held
from har_ros.core.evidence import Evidence, angle_rad
from har_ros.core.preprocess import Vector

_FEWEST_WINDOWS = 3  # n of "k of n", however slowly windows come
_FEWEST_SPEAKING = 2  # k: never a single window
_SHOCK_MEMORY_S = 1.0  # beyond its window and the span that must speak: the model may need a moment
_RECOVERED_S = 5.0  # how long `recovered` is told
_UP_MEMORY_S = 5.0  # long against a fall's beginning, which is in it before the model sees it
_UP_KNOWN_S = 1.0


class FallState(str, Enum):
    """Where a fall stands."""

    NONE = "none"
    FALL = "fall"
    FALLEN = "fallen"
    RECOVERED = "recovered"

    def __str__(self) -> str:
        return self.value


class FallEvent:
    """Follows one fall after the other through their states; stamps must rise between restarts."""

    def __init__(self, policy: AlarmPolicy) -> None:
        self._policy = policy
        self._recent: deque[tuple[int, bool]] = deque()
        self._begun_ns = 0
        self._upright = _Upright()
        self._tilted = False  # when last known: a sensor that falls silent says nothing of getting up
        self._shocked_ns: int | None = None  # the last window with a shock, or of which that isn't known
        self._lying, self._over, self._told, self._long = Held(), Held(), Held(), Held()
        self.state = FallState.NONE
        self.doubted = False  # seen, but not felt

    @property
    def lasts(self) -> bool:
        """True from the fall on until the person is up again."""
        return self.state in (FallState.FALL, FallState.FALLEN)

    def update(self, evidence: Evidence) -> None:
        """Take the next window."""
        stamp_ns = evidence.stamp_ns
        self.doubted = False
        seen = self._seen(stamp_ns, evidence.fall >= self._policy.alarm_score)
        felt = self._felt(evidence)
        if self.lasts:
            self._follow(evidence)
        elif seen and felt:
            self.state = FallState.FALL
            self._tilted = False
            self._lying.reset()
            self._over.reset()
        else:
            self.doubted = seen
            if self._told.lasts(stamp_ns, self.state is FallState.RECOVERED, _RECOVERED_S):
                self.state = FallState.NONE
            if evidence.fall < self._policy.suspect_score:
                self._upright.note(stamp_ns, evidence.up)

    def restart(self) -> None:
        """Let nothing before a hole add up with what comes after it; a fall that lasts goes on."""
        self._recent.clear()
        self._shocked_ns = None
        for held in (self._lying, self._over, self._told, self._long):
            held.reset()
        if not self.lasts:
            self._upright = _Upright()

    def _seen(self, stamp_ns: int, speaks: bool) -> bool:
        """Note a window; return whether enough of the newest ones speak for a fall, over the whole span."""
        if not self._recent:
            self._begun_ns = stamp_ns
        self._recent.append((stamp_ns, speaks))
        span_ns = self._policy.on_window_s * 1e9
        while len(self._recent) > _FEWEST_WINDOWS and stamp_ns - self._recent[0][0] > span_ns:
            self._recent.popleft()
        covered = stamp_ns - self._begun_ns >= span_ns and len(self._recent) >= _FEWEST_WINDOWS
        speaking = sum(each for _, each in self._recent)
        return covered and speaking >= max(_FEWEST_SPEAKING, self._policy.on_share * len(self._recent))

    def _felt(self, evidence: Evidence) -> bool:
        """Note a window; return whether the sensor felt a shock lately, or somebody lies still for long.

        What was before the first window, or while nothing could be felt, isn't known, and so not denied.
        """
        policy, stamp_ns, shock_mps2 = self._policy, evidence.stamp_ns, evidence.shock_mps2
        if self._shocked_ns is None or math.isnan(shock_mps2) or shock_mps2 >= policy.shock_mps2:
            self._shocked_ns = stamp_ns
        lies = evidence.fall >= policy.suspect_score and evidence.still
        long = self._long.lasts(stamp_ns, lies, policy.long_lie_s)
        return long or stamp_ns - self._shocked_ns <= (policy.on_window_s + _SHOCK_MEMORY_S) * 1e9

    def _follow(self, evidence: Evidence) -> None:
        policy, stamp_ns = self._policy, evidence.stamp_ns
        tilt_rad = self._upright.tilt_rad(evidence.up)
        if not math.isnan(tilt_rad):
            self._tilted = tilt_rad >= policy.lying_tilt_rad
        down = self._tilted and evidence.on_foot < policy.alarm_score
        by_label = math.isnan(tilt_rad) and evidence.fall >= policy.alarm_score  # all there is without a tilt
        lies_still = self._lying.lasts(stamp_ns, (down or by_label) and evidence.still, policy.lying_s)
        quiet = evidence.fall < policy.suspect_score and not down
        if self._over.lasts(stamp_ns, quiet, policy.off_s):
            self.state = FallState.RECOVERED
            self._recent.clear()
            self._told.reset()
        elif lies_still:
            self.state = FallState.FALLEN


class _Upright:
    """Which way was up lately: a slow mean of the direction of gravity in the sensor's axes."""

    def __init__(self) -> None:
        self._up: Vector | None = None
        self._first_ns = self._last_ns = 0

    def note(self, stamp_ns: int, up: Vector) -> None:
        if self._up is None:
            self._up, self._first_ns = up, stamp_ns
        else:
            share = 1 - math.exp((self._last_ns - stamp_ns) / 1e9 / _UP_MEMORY_S)
            x, y, z = (was + share * (now - was) for was, now in zip(self._up, up))
            self._up = x, y, z
        self._last_ns = stamp_ns

    def tilt_rad(self, up: Vector) -> float:
        """Return how far `up` is turned from what it was; NaN where that is not known."""
        if self._up is None or self._last_ns - self._first_ns < _UP_KNOWN_S * 1e9:
            return math.nan
        return angle_rad(self._up, up)
