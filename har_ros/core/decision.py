"""From class probabilities to a label, an anomaly score and an alarm: pure functions of time and input."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from har_ros.core.errors import HarError

UNKNOWN = "unknown"


class AlarmState(str, Enum):
    """What `/har/anomaly` says."""

    NORMAL = "normal"
    SUSPECT = "suspect"
    ALARM = "alarm"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class ActivityVerdict:
    """The label (`unknown` below the confidence asked for), its confidence, all probabilities (6,)."""

    label: str
    confidence: float
    probabilities: NDArray[np.float32]


@dataclass(frozen=True)
class AnomalyVerdict:
    """The anomaly score (0 to 1), the alarm's state and why it is so."""

    score: float
    state: AlarmState
    reason: str


@dataclass(frozen=True)
class AlarmPolicy:
    """When the alarm is raised and released.

    suspect_score: from here on a window is suspect; below it one counts as quiet.
    alarm_score:   from here on a window speaks for an alarm.
    on_window_s:   the span looked at; at least `on_share` of its windows must speak for the alarm.
    off_s:         so long all windows must be quiet before the alarm is released.
    latch:         hold the alarm until it is acknowledged.
    """

    suspect_score: float = 0.5
    alarm_score: float = 0.7
    on_window_s: float = 0.3
    on_share: float = 0.6
    off_s: float = 1.0
    latch: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.suspect_score <= self.alarm_score <= 1:
            raise HarError(
                f"suspect_score {self.suspect_score} and alarm_score {self.alarm_score} "
                "must rise in this order between 0 and 1"
            )
        if not (self.on_window_s >= 0 and 0 < self.on_share <= 1 and self.off_s >= 0):
            raise HarError("on_window_s and off_s must be 0 s or more, and on_share between 0 and 1")


def decide_activity(
    probabilities: NDArray[np.float32], labels: Sequence[str], min_confidence: float, strange: bool = False
) -> ActivityVerdict:
    """Return the most probable label, or `unknown` where its probability is under `min_confidence`.

    It is `unknown`, too, where the window is `strange`: unlike any that the model was trained on.
    """
    best = int(np.argmax(probabilities))
    confidence = float(probabilities[best])
    label = UNKNOWN if strange or confidence < min_confidence else labels[best]
    return ActivityVerdict(label, confidence, probabilities)


class AlarmMonitor:
    """Raises and releases the alarm from a stream of anomaly scores.

    Two thresholds and a share of the recent windows keep one noisy window from raising it and a
    wavering score from making it flutter. Any thread may call it, so that a person can acknowledge while
    another thread recognises.
    """

    def __init__(self, policy: AlarmPolicy) -> None:
        self._policy = policy
        self._lock = threading.Lock()
        self._recent: deque[tuple[int, bool]] = deque()
        self._first_ns = 0
        self._quiet_since_ns: int | None = None
        self._raised_ns: int | None = None

    def update(self, stamp_ns: int, score: float) -> AnomalyVerdict:
        """Take the score of the window that ends at `stamp_ns`; stamps must not run backwards."""
        with self._lock:
            self._note(stamp_ns, score)
            if self._raised_ns is None and self._enough(stamp_ns):
                self._raised_ns = stamp_ns
            elif self._raised_ns is not None and not self._policy.latch and self._quiet(stamp_ns):
                self._raised_ns = None
            return self._verdict(score)

    def acknowledge(self) -> bool:
        """Release the alarm; it comes back only on new evidence. Returns whether there was one."""
        with self._lock:
            was_raised = self._raised_ns is not None
            self._raised_ns = None
            self._recent.clear()
            return was_raised

    def restart(self) -> None:
        """Forget the recent windows after a hole in the stream; a raised alarm stays raised."""
        with self._lock:
            self._recent.clear()
            self._quiet_since_ns = None

    def _note(self, stamp_ns: int, score: float) -> None:
        if not self._recent:
            self._first_ns = stamp_ns
        self._recent.append((stamp_ns, score >= self._policy.alarm_score))
        while stamp_ns - self._recent[0][0] > self._policy.on_window_s * 1e9:
            self._recent.popleft()
        if score >= self._policy.suspect_score:
            self._quiet_since_ns = None
        elif self._quiet_since_ns is None:
            self._quiet_since_ns = stamp_ns

    def _enough(self, stamp_ns: int) -> bool:
        covered = stamp_ns - self._first_ns >= self._policy.on_window_s * 1e9
        speaking = sum(speaks for _, speaks in self._recent)
        return covered and speaking >= self._policy.on_share * len(self._recent)

    def _quiet(self, stamp_ns: int) -> bool:
        since = self._quiet_since_ns
        return since is not None and stamp_ns - since >= self._policy.off_s * 1e9

    def _verdict(self, score: float) -> AnomalyVerdict:
        if self._raised_ns is not None:
            speaks = score >= self._policy.suspect_score
            waits_for = "acknowledgement" if self._policy.latch else "quiet"
            return AnomalyVerdict(score, AlarmState.ALARM, "high score" if speaks else f"held until {waits_for}")
        if score >= self._policy.suspect_score:
            return AnomalyVerdict(score, AlarmState.SUSPECT, "raised score")
        return AnomalyVerdict(score, AlarmState.NORMAL, "")
