"""A fall as an event: seen, then lying still, then up again.

    none -- seen for half a second, and borne out by what was felt --> fall -- lies still --> fallen
    none -- suspected with a shock, then lying still --> fall
    none -- suspected with a shock, then still for long while nothing normal is told --> fall
    fall, fallen -- quiet, and neither lying nor unmoved --> recovered --> none
    fall, fallen -- quiet for a while, then seen and borne out anew --> fall

The public label of both act and state is FALL_OR_COLLAPSE; this tells them apart. What the sensor does not bear out,
as when somebody lies down with care, is doubted: it is a fall once it has lasted for long.
"""

from __future__ import annotations

import math
from collections import deque
from enum import Enum

from har_ros.core.alarm_policy import AlarmPolicy, Held
from har_ros.core.evidence import SHORTEST_SHOCK_S, Evidence
from har_ros.core.posture import Posture
from har_ros.core.suspicion import Suspicion

_FEWEST_WINDOWS = 3  # in the mean, however slowly they come
_FEWEST_SUSPECT = 2  # of them: never a single window
_SHOCK_MEMORY_S = 1.0  # beyond its window and the span of the mean: the model may need a moment
_UNMOVED_S = 30.0  # so long who has not moved since a fall is taken to be down still, though the sensor is upright
_RECOVERED_S = 5.0  # how long `recovered` is told


class FallState(str, Enum):
    """Where a fall stands."""

    NONE = "none"
    FALL = "fall"
    FALLEN = "fallen"
    RECOVERED = "recovered"

    def __str__(self) -> str:
        return self.value


class Felt(Enum):
    """What the accelerometer says of the last moments."""

    SHOCK = "a shock"
    NOTHING = "no shock"
    UNKNOWN = "not known"


class FallEvent:
    """Follows one fall after the other through their states; stamps must rise between restarts."""

    def __init__(self, policy: AlarmPolicy) -> None:
        self._policy = policy
        self._recent: deque[tuple[int, float]] = deque()
        self._begun_ns = 0  # of them
        self._posture = Posture(policy.lying_tilt_rad)
        self._shock_ns = self._unknown_ns = -math.inf  # the last window with a shock, or of which that isn't known
        self._suspicion = Suspicion(policy.alarm_score)
        self._since_ns = 0  # of the fall or of the doubt, where there is one
        self._resting = False  # in a fall, as last known
        self._over, self._lying, self._told, self._quiet = Held(), Held(), Held(), Held()
        self._none_seen_ns = -math.inf  # the last window in a fall of a while in which the model saw none
        self.began = False  # with the newest window
        self.doubted = False  # while a fall is seen that what was felt does not bear out
        self.state = FallState.NONE

    @property
    def lasts(self) -> bool:
        """True from the fall on until the person is up again."""
        return self.state in (FallState.FALL, FallState.FALLEN)

    @property
    def unsettled(self) -> bool:
        """True from a suspicion of a fall that was felt, until something normal is told or nothing came of it."""
        return self._suspicion.unsettled

    def update(self, evidence: Evidence) -> None:
        """Take the next window."""
        stamp_ns, policy = evidence.stamp_ns, self._policy
        self._since_ns = min(self._since_ns, stamp_ns)  # a recording may begin again
        score, felt = self._mean_score(stamp_ns, evidence.fall), self._feel(evidence)
        self._posture.note(evidence)
        seen, self.began = self._borne_out(evidence, score, felt), False
        if self.lasts:
            if seen and self._is_another(evidence, felt):
                self._begin(stamp_ns)
            self._follow(evidence)
            return
        if self._told.lasts(stamp_ns, self.state is FallState.RECOVERED, _RECOVERED_S):
            self.state = FallState.NONE
        suspected = felt is Felt.SHOCK and evidence.fall >= policy.suspect_score and self._suspected()
        self._suspicion.note(evidence, suspected)
        down = self._posture.known and self._is_down(evidence)
        if seen or self._suspicion.is_borne_out(evidence, down):
            self._begin(stamp_ns)
        elif score >= policy.alarm_score or self.doubted:
            self._doubt(evidence)
        elif evidence.fall < policy.suspect_score and not self.unsettled:  # who may lie doesn't show which way is up
            self._posture.learn_up(evidence)

    def restart(self) -> None:
        """Let nothing before a hole add up with what comes after it; a fall that lasts goes on."""
        self._recent.clear()
        self._shock_ns = self._unknown_ns = self._none_seen_ns = -math.inf
        self._suspicion.forget()
        for held in (self._lying, self._over, self._told, self._quiet):
            held.reset()
        if not (self.lasts or self.doubted):
            self._posture.restart()

    def _mean_score(self, stamp_ns: int, score: float) -> float:
        """Note a window; return the newest ones' mean: 0 before their span was seen, or where one speaks alone."""
        if not self._recent:
            self._begun_ns = stamp_ns
        self._recent.append((stamp_ns, score))
        span_ns = self._policy.on_window_s * 1e9
        while len(self._recent) > _FEWEST_WINDOWS and stamp_ns - self._recent[0][0] > span_ns:
            self._recent.popleft()
        covered = stamp_ns - self._begun_ns >= span_ns and len(self._recent) >= _FEWEST_WINDOWS
        if not (covered and self._suspected()):
            return 0.0
        return sum(each for _, each in self._recent) / len(self._recent)

    def _suspected(self) -> bool:
        suspect = [score for _, score in self._recent if score >= self._policy.suspect_score]
        return len(suspect) >= _FEWEST_SUSPECT

    def _feel(self, evidence: Evidence) -> Felt:
        """Note a window; return whether there was a shock lately.

        One that came in time counts for as long as the suspicion goes on. What isn't known, as before the first window
        and while the sensor is silent, is not held against a fall, but is none that has been doubted for a while.
        """
        policy, stamp_ns = self._policy, evidence.stamp_ns
        if policy.shock_mps2 == 0:
            return Felt.UNKNOWN
        memory_ns = self._shock_memory_s * 1e9
        first = math.isinf(max(self._shock_ns, self._unknown_ns))
        unknown = first or not evidence.alive or evidence.gap_s > SHORTEST_SHOCK_S
        doubted_long = self.doubted and stamp_ns - self._since_ns > memory_ns
        goes_on = evidence.fall >= policy.suspect_score and stamp_ns - self._shock_ns <= memory_ns
        if evidence.shock_mps2 >= policy.shock_mps2 or goes_on:
            self._shock_ns = stamp_ns
        if unknown and not doubted_long:
            self._unknown_ns = stamp_ns
        if stamp_ns - self._shock_ns <= memory_ns:
            return Felt.SHOCK
        return Felt.UNKNOWN if stamp_ns - self._unknown_ns <= memory_ns else Felt.NOTHING

    @property
    def _shock_memory_s(self) -> float:
        return self._policy.on_window_s + _SHOCK_MEMORY_S

    def _borne_out(self, evidence: Evidence, score: float, felt: Felt) -> bool:
        """Return whether a fall is seen, and the sensor agrees.

        Where it felt a shock the model needs to be less sure. Where there are no pictures it must have turned: who
        treads hard, or drops into a chair, feels the same, but stays upright.
        """
        suspect_score, alarm_score = self._policy.suspect_score, self._policy.alarm_score
        halfway = (suspect_score + alarm_score) / 2
        bar = {Felt.SHOCK: halfway, Felt.UNKNOWN: alarm_score, Felt.NOTHING: math.inf}[felt]
        turned = self._posture.tilted or not self._posture.known
        return score >= bar and (evidence.pictured or turned)

    def _begin(self, stamp_ns: int) -> None:
        self.state, self.began, self.doubted = FallState.FALL, True, False
        self._since_ns, self._resting, self._none_seen_ns = stamp_ns, False, -math.inf
        self._suspicion.spend()
        for held in (self._lying, self._over, self._quiet):
            held.reset()

    def _doubt(self, evidence: Evidence) -> None:
        """Follow what is doubted until it is over or has lasted too long to be harmless."""
        stamp_ns = evidence.stamp_ns
        if not self.doubted:
            self.doubted, self._since_ns = True, stamp_ns
            self._over.reset()
        if self._is_over(evidence, self._is_down(evidence)):
            self.doubted = False
            self._recent.clear()
        elif stamp_ns - self._since_ns >= self._policy.long_lie_s * 1e9:
            self._begin(stamp_ns)

    def _follow(self, evidence: Evidence) -> None:
        """Follow a fall until the person lies still, and until they are up again."""
        policy, stamp_ns = self._policy, evidence.stamp_ns
        if self._quiet.lasts(stamp_ns, evidence.fall < policy.suspect_score, self._shock_memory_s):
            self._none_seen_ns = stamp_ns
        if evidence.alive:
            self._resting = evidence.still
        down = self._is_down(evidence)
        by_label = not self._posture.known and evidence.fall >= policy.alarm_score  # all there is without a tilt
        lies_still = self._lying.lasts(stamp_ns, (down or by_label) and evidence.still, policy.lying_s)
        if self._is_over(evidence, down or self._is_unmoved(evidence)):
            self.state = FallState.RECOVERED
            self._recent.clear()
            self._told.reset()
        elif lies_still:
            self.state = FallState.FALLEN

    def _is_another(self, evidence: Evidence, felt: Felt) -> bool:
        """Return whether a fall that is seen in a fall is another one: felt, or of a sensor that has died.

        The first one's end may never be seen, as where the sensor has died or slipped. But who lies on is seen to fall,
        not to, and to fall: after a while of nothing the next one must come at once, and a sensor that merely misses
        shocks tells of no other fall.
        """
        at_once = evidence.stamp_ns - self._none_seen_ns <= self._shock_memory_s * 1e9
        return at_once and (felt is Felt.SHOCK or not evidence.alive)

    def _is_down(self, evidence: Evidence) -> bool:
        """Return whether the sensor is turned as on somebody who lies, and nobody walks."""
        return self._posture.tilted and evidence.on_foot < self._policy.alarm_score

    def _is_unmoved(self, evidence: Evidence) -> bool:
        """Return whether the fall is recent and the person rests since, as who sits on the floor: nobody walks."""
        recent = evidence.stamp_ns - self._since_ns <= _UNMOVED_S * 1e9
        return recent and self._resting and evidence.on_foot < self._policy.alarm_score

    def _is_over(self, evidence: Evidence, down: bool) -> bool:
        quiet = evidence.fall < self._policy.suspect_score and not down
        return self._over.lasts(evidence.stamp_ns, quiet, self._policy.off_s)
