"""A fall as an event: seen, then lying still, then up again.

    none -- fall seen in several windows, and borne out by what was felt --> fall -- lies still --> fallen
    none -- fall suspected with a shock, then lying still --> fall
    fall, fallen -- quiet, moving, and not lying --> recovered --> none

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

_FEWEST_WINDOWS = 3  # in the mean, however slowly they come
_FEWEST_SUSPECT = 2  # of them: never a single window
_SHOCK_MEMORY_S = 1.0  # beyond its window and the span that must speak: the model may need a moment
_GOING_DOWN_S = 3.0  # from the suspicion to lying still
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


class Felt(Enum):
    """What the accelerometer says of a shock in the last moments."""

    SHOCK = "a shock"
    NOTHING = "no shock"
    UNKNOWN = "unknown"


class FallEvent:
    """Follows one fall after the other through their states; stamps must rise between restarts."""

    def __init__(self, policy: AlarmPolicy) -> None:
        self._policy = policy
        self._recent: deque[tuple[int, float]] = deque()
        self._begun_ns = 0
        self._upright = _Upright()
        self._tilted = False  # when last known: a sensor that falls silent says nothing of getting up
        self._felt: dict[Felt, int] = {}  # the last window with a shock, and the last of which that isn't known
        self._suspected_ns = -math.inf  # the last suspect window with a shock
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
        score, felt = self._mean_score(stamp_ns, evidence.fall), self._feel(evidence)
        if self.lasts:
            self._follow(evidence)
            return
        if self._told.lasts(stamp_ns, self.state is FallState.RECOVERED, _RECOVERED_S):
            self.state = FallState.NONE
        suspect = evidence.fall >= self._policy.suspect_score
        if suspect and felt is Felt.SHOCK:
            self._suspected_ns = stamp_ns
        going_down = stamp_ns - self._suspected_ns <= _GOING_DOWN_S * 1e9
        seen = score >= self._bar(felt)
        borne_out = seen and felt is not Felt.NOTHING and self._posture_agrees(evidence)
        if borne_out or (going_down and self._lies_still(evidence)):
            self._begin()
        elif seen or self.doubted:
            self._doubt(evidence)
        elif not (suspect or going_down):
            self._upright.note(stamp_ns, evidence.up)

    def restart(self) -> None:
        """Let nothing before a hole add up with what comes after it; a fall that lasts goes on."""
        self._recent.clear()
        self._felt.clear()
        self._suspected_ns = -math.inf
        for held in (self._lying, self._over, self._told):
            held.reset()
        if not (self.lasts or self.doubted):
            self._upright = _Upright()

    def _mean_score(self, stamp_ns: int, score: float) -> float:
        """Note a window; return the newest ones' mean: 0 before their span was seen, or where one speaks alone."""
        if not self._recent:
            self._begun_ns = stamp_ns
        self._recent.append((stamp_ns, score))
        span_ns = self._policy.on_window_s * 1e9
        while len(self._recent) > _FEWEST_WINDOWS and stamp_ns - self._recent[0][0] > span_ns:
            self._recent.popleft()
        scores = [each for _, each in self._recent]
        suspect = sum(each >= self._policy.suspect_score for each in scores)
        covered = stamp_ns - self._begun_ns >= span_ns and len(scores) >= _FEWEST_WINDOWS
        return sum(scores) / len(scores) if covered and suspect >= _FEWEST_SUSPECT else 0.0

    def _bar(self, felt: Felt) -> float:
        """Return the mean score that tells a fall: where a shock was felt, less is enough."""
        policy = self._policy
        return min(policy.felt_score, policy.alarm_score) if felt is Felt.SHOCK else policy.alarm_score

    def _feel(self, evidence: Evidence) -> Felt:
        """Note a window; return whether there was a shock lately.

        What came in time counts for as long as the suspicion goes on. What isn't known, as before the first window and
        while the sensor is silent, is not held against a fall, but is none that has been doubted for a while.
        """
        policy, stamp_ns, shock_mps2 = self._policy, evidence.stamp_ns, evidence.shock_mps2
        memory_ns = (policy.on_window_s + _SHOCK_MEMORY_S) * 1e9
        lately = {felt for felt, felt_ns in self._felt.items() if stamp_ns - felt_ns <= memory_ns}
        now = set(lately) if evidence.fall >= policy.suspect_score else set()
        doubted_long = self._doubted_ns is not None and stamp_ns - self._doubted_ns > memory_ns
        if shock_mps2 >= policy.shock_mps2:
            now.add(Felt.SHOCK)
        elif (math.isnan(shock_mps2) or not self._felt) and not doubted_long:
            now.add(Felt.UNKNOWN)
        self._felt |= dict.fromkeys(now, stamp_ns)
        return next((felt for felt in (Felt.SHOCK, Felt.UNKNOWN) if felt in lately | now), Felt.NOTHING)

    def _posture_agrees(self, evidence: Evidence) -> bool:
        """Return whether the sensor is turned or rests, as after a fall; where pictures show the fall they suffice.

        A step that rings hard feels like a fall, but goes on upright.
        """
        tilt_rad = self._upright.tilt_rad(evidence.up)
        turned = math.isnan(tilt_rad) or tilt_rad >= self._policy.lying_tilt_rad
        return evidence.pictured or turned or evidence.still

    def _lies_still(self, evidence: Evidence) -> bool:
        return evidence.still and self._upright.tilt_rad(evidence.up) >= self._policy.lying_tilt_rad

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
        rests = evidence.still and not math.isnan(evidence.shock_mps2)  # nobody is up without having moved
        if self._is_over(evidence, down or rests):
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
