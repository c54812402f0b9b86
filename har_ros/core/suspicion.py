"""A fall that was suspected and felt: borne out by what follows, or settled by something normal."""

from __future__ import annotations

import math

from har_ros.core.alarm_policy import Held
from har_ros.core.evidence import Evidence

_GOING_DOWN_S = 3.0  # from the end of the suspicion to lying still
_STILL_S = 5.0  # so long still, with nothing normal told, is nobody who is well
_OPEN_S = 10.0  # from the end of the suspicion until it lapses
_NORMAL_S = 0.5  # told for so long, in all, something normal settles it: single windows waver
_KNOWN_S = 10.0  # so shortly before it, it was told without a break: with whom the model never knows it says nothing


class Suspicion:
    """Follows what comes after a suspicion; windows are `Evidence`, and stamps rise until all is forgotten.

    alarm_score: from here on somebody walks.
    """

    def __init__(self, alarm_score: float) -> None:
        self._alarm_score = alarm_score
        self.forget()

    def forget(self) -> None:
        """Begin anew, as after a hole."""
        self._still, self._known = Held(), Held()
        self._suspected_ns = self._known_ns = self._normal_ns = -math.inf
        self._normal_s = 0.0  # since the suspicion, in all
        self.unsettled = self._still_long = False

    def spend(self) -> None:
        """Take it as borne out: without another one, who then goes down has fallen anew, but not who is still."""
        self.unsettled = self._still_long = False

    def note(self, evidence: Evidence, suspected: bool) -> None:
        """Take the next window, and whether a fall is suspected in it and was felt.

        `unsettled` is then True from a suspicion on, until something normal is told, they walk, or it lapses.
        """
        stamp_ns = evidence.stamp_ns
        self._count_normal(stamp_ns, evidence.told_normal or evidence.on_foot >= self._alarm_score)
        if self._known.lasts(stamp_ns, evidence.told_normal, _NORMAL_S):
            self._known_ns = stamp_ns
        if suspected:
            self.unsettled = self.unsettled or stamp_ns - self._known_ns <= _KNOWN_S * 1e9
            self._suspected_ns, self._normal_s = stamp_ns, 0.0
        self.unsettled = self.unsettled and self._normal_s < _NORMAL_S and self._is_since(stamp_ns, _OPEN_S)
        self._still_long = self._still.lasts(stamp_ns, self.unsettled and _is_at_rest(evidence), _STILL_S)

    def is_borne_out(self, evidence: Evidence, down: bool) -> bool:
        """Return whether it was a fall, by the newest window; `down`: the sensor is turned as on who lies."""
        lies = down and evidence.still and self._is_since(evidence.stamp_ns, _GOING_DOWN_S)
        return self._still_long or lies

    def _count_normal(self, stamp_ns: int, normal: bool) -> None:
        """Add up the time between windows in which all was well: one alone, however late it comes, takes none."""
        if normal and self._normal_ns > -math.inf:
            self._normal_s += (stamp_ns - self._normal_ns) / 1e9
        self._normal_ns = stamp_ns if normal else -math.inf

    def _is_since(self, stamp_ns: int, span_s: float) -> bool:
        return stamp_ns - self._suspected_ns <= span_s * 1e9


def _is_at_rest(evidence: Evidence) -> bool:
    """Return whether somebody in the picture is still, by a sensor that lives.

    Without pictures many are `unknown` who sit.
    """
    return evidence.pictured and evidence.alive and evidence.still
