"""Drowsiness over a minute: a single second shows a posture, the share of a minute shows a state (as PERCLOS does)."""

from __future__ import annotations

from collections import deque

from har_ros.core.alarm_policy import BLINK_S, AlarmPolicy, Held

MINUTE_S = 60.0
_MINUTE_NS = int(MINUTE_S * 1e9)
_BLINK_NS = int(BLINK_S * 1e9)


class DrowsyMinute:
    """Counts the episodes of drowsiness in the trailing minute; stamps must rise between restarts.

    An episode goes from the first window at or above `alarm_score` to the last before one below `suspect_score`.
    Those shorter than BLINK_S don't count. Time without windows counts as awake.
    """

    def __init__(self, policy: AlarmPolicy) -> None:
        self._policy = policy
        self._episodes: deque[tuple[int, int]] = deque()  # begin and end
        self._open_ns: int | None = None  # begin of the episode that lasts
        self._newest_ns = 0
        self._quiet = Held()
        self.drowsy = False

    @property
    def share(self) -> float:
        """Share of the minute before the newest window that was spent in drowsiness, 0 to 1."""
        since_ns = self._newest_ns - _MINUTE_NS
        episodes = [*self._episodes, *self._lasting()]
        return sum(end_ns - max(begin_ns, since_ns) for begin_ns, end_ns in episodes) / _MINUTE_NS

    def update(self, stamp_ns: int, probability: float) -> None:
        """Take the probability of drowsiness of the window that ends at `stamp_ns`."""
        policy = self._policy
        if stamp_ns < self._newest_ns:  # a recording that begins again
            self._episodes.clear()
        quiet = probability < policy.suspect_score
        if quiet:
            self._close()
        elif self._open_ns is None and probability >= policy.alarm_score:
            self._open_ns = stamp_ns
        self._newest_ns = stamp_ns
        while self._episodes and self._episodes[0][1] <= stamp_ns - _MINUTE_NS:
            self._episodes.popleft()
        if self._quiet.lasts(stamp_ns, quiet, policy.drowsy_off_s) and self.drowsy:
            self.begin_anew()
        elif self._enough():
            self.drowsy = True

    def begin_anew(self) -> None:
        """Forget the minute: what alarmed once does not alarm again."""
        self._episodes.clear()
        self._open_ns = None
        self.drowsy = False

    def restart(self) -> None:
        """End the episode at a hole in the stream; the minute before it still counts."""
        self._close()
        self._quiet.reset()

    def _enough(self) -> bool:
        lasting = self._lasting()
        if not lasting:
            return False
        begin_ns, end_ns = lasting[0]
        return end_ns - begin_ns >= self._policy.drowsy_episode_s * 1e9 or self.share >= self._policy.drowsy_share

    def _lasting(self) -> list[tuple[int, int]]:
        """Return the episode that lasts, if there is one and it is no blink."""
        if self._open_ns is None or self._newest_ns - self._open_ns < _BLINK_NS:
            return []
        return [(self._open_ns, self._newest_ns)]

    def _close(self) -> None:
        self._episodes.extend(self._lasting())
        self._open_ns = None
