"""A fall as an event: seen, then lying still, then up again.

    none -- fall seen in k of n windows, and borne out by what was felt --> fall -- lies still --> fallen
    fall, fallen -- quiet, and not lying --> recovered --> none

The public label of both act and state is FALL_OR_COLLAPSE; this tells them apart. What the sensor does not bear out,
as when somebody lies down with care, is doubted: it is a fall once it has lasted for long.
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
        self._doubted_ns: int | None = None  # since when a fall is seen that is not borne out
        self._lying, self._over, self._told = Held(), Held(), Held()
        self.state = FallState.NONE

    @property
    def lasts(self) -> bool:
        """True from the fall on until the person is up again."""
        return self.state in (FallState.FALL, FallState.FALLEN)

    @property
    def doubted(self) -> bool:
        """True while a fall is seen that what was felt does not bear out."""
        return self._doubted_ns is not None

    def update(self, evidence: Evidence) -> None:
        """Take the next window."""
        stamp_ns = evidence.stamp_ns
        if self._doubted_ns is not None and stamp_ns < self._doubted_ns:  # a recording that begins again
            self._doubted_ns = stamp_ns
        seen = self._seen(stamp_ns, evidence.fall >= self._policy.alarm_score)
        felt = self._felt(evidence)
        if self.lasts:
            self._follow(evidence)
            return
        if self._told.lasts(stamp_ns, self.state is FallState.RECOVERED, _RECOVERED_S):
            self.state = FallState.NONE
        if seen and felt and self._posture_agrees(evidence):
            self._begin()
        elif seen or self.doubted:
            self._doubt(evidence)
        elif evidence.fall < self._policy.suspect_score:
            self._upright.note(stamp_ns, evidence.up)

    def restart(self) -> None:
        """Let nothing before a hole add up with what comes after it; a fall that lasts goes on."""
        self._recent.clear()
        self._shocked_ns = None
        for held in (self._lying, self._over, self._told):
            held.reset()
        if not (self.lasts or self.doubted):
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
        """Note a window; return whether there was a shock lately, or while what was felt isn't known.

        One that came in time counts for as long as the suspicion goes on. What isn't known, as before the first window
        and while the sensor is silent, is not held against a fall, but is none that has been doubted for a while.
        """
        policy, stamp_ns, shock_mps2 = self._policy, evidence.stamp_ns, evidence.shock_mps2
        memory_ns = (policy.on_window_s + _SHOCK_MEMORY_S) * 1e9
        lately = self._shocked_ns is not None and stamp_ns - self._shocked_ns <= memory_ns
        goes_on = lately and evidence.fall >= policy.suspect_score
        unknown = self._shocked_ns is None or math.isnan(shock_mps2)
        doubted_long = self._doubted_ns is not None and stamp_ns - self._doubted_ns > memory_ns
        if shock_mps2 >= policy.shock_mps2 or goes_on or (unknown and not doubted_long):
            self._shocked_ns, lately = stamp_ns, True
        return lately

    def _posture_agrees(self, evidence: Evidence) -> bool:
        """Return whether the sensor is turned or rests, as after a fall; where pictures show the fall they suffice.

        A step that rings hard feels like a fall, but goes on upright.
        """
        tilt_rad = self._upright.tilt_rad(evidence.up)
        turned = math.isnan(tilt_rad) or tilt_rad >= self._policy.lying_tilt_rad
        return evidence.pictured or turned or evidence.still

    def _begin(self) -> None:
        self.state, self._doubted_ns = FallState.FALL, None
        self._tilted = False
        self._lying.reset()
        self._over.reset()

    def _doubt(self, evidence: Evidence) -> None:
        """Follow what is doubted until it is over or has lasted too long to be harmless."""
        stamp_ns = evidence.stamp_ns
        if self._doubted_ns is None:
            self._doubted_ns, self._tilted = stamp_ns, False
            self._over.reset()
        if self._is_over(evidence, self._is_down(evidence)):
            self._doubted_ns = None
            self._recent.clear()
        elif stamp_ns - self._doubted_ns >= self._policy.long_lie_s * 1e9:
            self._begin()

    def _follow(self, evidence: Evidence) -> None:
        """Follow a fall until the person lies still, and until they are up again."""
        policy, stamp_ns = self._policy, evidence.stamp_ns
        down = self._is_down(evidence)
        unknown = math.isnan(self._upright.tilt_rad(evidence.up))
        by_label = unknown and evidence.fall >= policy.alarm_score  # all there is without a tilt
        lies_still = self._lying.lasts(stamp_ns, (down or by_label) and evidence.still, policy.lying_s)
        if self._is_over(evidence, down):
            self.state = FallState.RECOVERED
            self._recent.clear()
            self._told.reset()
        elif lies_still:
            self.state = FallState.FALLEN

    def _is_down(self, evidence: Evidence) -> bool:
        """Return whether the sensor is turned as on somebody who lies, or was when last known, and nobody walks."""
        tilt_rad = self._upright.tilt_rad(evidence.up)
        if not math.isnan(tilt_rad):
            self._tilted = tilt_rad >= self._policy.lying_tilt_rad
        return self._tilted and evidence.on_foot < self._policy.alarm_score

    def _is_over(self, evidence: Evidence, down: bool) -> bool:
        quiet = evidence.fall < self._policy.suspect_score and not down
        return self._over.lasts(evidence.stamp_ns, quiet, self._policy.off_s)


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
