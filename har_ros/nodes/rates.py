"""How often something happens, over the last seconds, and how much of it is missing."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping

SPAN_S = 3.0
_MOST_MISSING = 0.1  # of the pictures


class RateMeter:
    """Counts events and measures their rate; any thread may note or read."""

    def __init__(self) -> None:
        self.count = 0
        self._begun_s = self._last_s = time.monotonic()
        self._recent_s: deque[float] = deque()
        self._lock = threading.Lock()

    def note(self) -> None:
        """Count one event, now."""
        with self._lock:
            self.count += 1
            self._last_s = time.monotonic()
            self._recent_s.append(self._last_s)
            self._forget()

    def silent_s(self) -> float:
        """Return the time since the last event, or since the beginning where there was none."""
        with self._lock:
            return time.monotonic() - self._last_s

    def hz(self) -> float:
        """Return the rate over the last three seconds, or since the beginning where that is less."""
        with self._lock:
            self._forget()
            watched_s = min(time.monotonic() - self._begun_s, SPAN_S)
            return len(self._recent_s) / max(watched_s, 1e-3)

    def _forget(self) -> None:
        while self._recent_s and time.monotonic() - self._recent_s[0] > SPAN_S:
            self._recent_s.popleft()


class LossMeter:
    """Accounts for the messages that a topic's one publisher sent and that never came, by their numbers, from 1 on.

    before: sent before the first one came, by each publisher in turn; whether they were lost nobody can tell, since a
            publisher may be older than its listener.
    lost:   missing between those that came.
    """

    def __init__(self) -> None:
        self.before = 0
        self.lost = 0
        self._last: int | None = None

    def note(self, number: int | None) -> None:
        """Take an arrived message's publication number; None where the middleware gives none."""
        if number is None:
            return
        if self._last is None or number <= self._last:  # a new publisher
            self.before += number - 1
        else:
            self.lost += number - self._last - 1
        self._last = number


class MissingWatch:
    """Notices from running totals when more than a tenth of the last seconds' pictures are missing."""

    def __init__(self) -> None:
        self._totals: deque[tuple[float, int, dict[str, int]]] = deque()

    def sentence(self, pictures: int, missing: Mapping[str, int]) -> str:
        """Return what became of the missing ones; empty while they are few.

        pictures: how many there were since the start, with the missing ones.
        missing:  how many of them, by what is to be said of them, such as "were dropped".
        """
        now_s = time.monotonic()
        self._totals.append((now_s, pictures, dict(missing)))
        while len(self._totals) > 2 and now_s - self._totals[1][0] >= SPAN_S:
            self._totals.popleft()
        _, pictures_then, missing_then = self._totals[0]
        fresh = pictures - pictures_then
        grown = {fate: count - missing_then[fate] for fate, count in missing.items()}
        if sum(grown.values()) <= _MOST_MISSING * fresh:
            return ""
        return f"of the last {fresh} pictures " + ", ".join(f"{count} {fate}" for fate, count in grown.items() if count)
