"""A fall that was suspected and felt: borne out by what follows, or settled by something normal."""

from __future__ import annotations

import math

from har_ros.core.alarm_policy import Held
from har_ros.core.evidence import Evidence

_GOING_DOWN_S = 3.0  # from the end of the suspicion until somebody who has fallen is still
_STRANGE_S = 5.0  # so long still, and nothing normal told
_NORMAL_S = 0.5  # so long something normal must be told to count: single windows waver
_KNOWN_S = 10.0  # so shortly before the suspicion it must have been: with whom the model never knows, that says nothing


class Suspicion:
    """Follows what comes after a suspicion; windows are `Evidence`, and stamps rise until all is forgotten."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew, as after a hole or once a fall has begun."""
        self._normal, self._strange = Held(), Held()
        self._suspected_ns = self._normal_ns = -math.inf
        self._strange_long = False

    @property
    def strange(self) -> bool:
        """True while somebody is still, after a suspicion that nothing normal has settled."""
        return self._strange.begun

    def note(self, evidence: Evidence, suspected: bool) -> None:
        """Take the next window, and whether a fall is suspected in it and was felt."""
        stamp_ns = evidence.stamp_ns
        if self._normal.lasts(stamp_ns, evidence.told_normal, _NORMAL_S):
            self._normal_ns = stamp_ns
        if suspected:
            self._suspected_ns = stamp_ns
        strange = self._is_open and (self.strange or self._is_recent(evidence)) and _is_at_rest(evidence)
        self._strange_long = self._strange.lasts(stamp_ns, strange, _STRANGE_S)

    def is_borne_out(self, evidence: Evidence, down: bool) -> bool:
        """Return whether it was a fall, by the newest window; `down`: the sensor is turned as on who lies."""
        return self._strange_long or (down and evidence.still and self._is_recent(evidence))

    def _is_recent(self, evidence: Evidence) -> bool:
        return evidence.stamp_ns - self._suspected_ns <= _GOING_DOWN_S * 1e9

    @property
    def _is_open(self) -> bool:
        """Whether something normal was told shortly before the suspicion, and nothing since."""
        return 0 < self._suspected_ns - self._normal_ns <= _KNOWN_S * 1e9


def _is_at_rest(evidence: Evidence) -> bool:
    """Return whether somebody in the picture is still by a sensor that lives.

    Without pictures many are `unknown` who sit.
    """
    return evidence.pictured and evidence.alive and evidence.still
