"""From the evidence of windows to a label, an anomaly score and an alarm: pure functions of time and input."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from har_ros.core.alarm_policy import AlarmPolicy
from har_ros.core.drowsiness import MINUTE_S, DrowsyMinute
from har_ros.core.evidence import Evidence
from har_ros.core.fall_event import FallEvent, FallState

UNKNOWN = "unknown"
HOLE_S = 1.0  # after a longer silence, nothing before it adds up with what comes after


class AlarmState(str, Enum):
    """What `/har/anomaly` says."""

    NORMAL = "normal"
    SUSPECT = "suspect"
    ALARM = "alarm"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class ActivityVerdict:
    """The label or `unknown`, its confidence, all probabilities (6,), and why it is unknown."""

    label: str
    confidence: float
    probabilities: NDArray[np.float32]
    reason: str = ""


@dataclass(frozen=True)
class AnomalyVerdict:
    """The anomaly score (0 to 1), the alarm's state and why it is so.

    fall:       where a fall stands.
    drowsiness: share of the trailing minute spent in drowsiness, 0 to 1; counted anew after each alarm.
    """

    score: float
    state: AlarmState
    reason: str
    fall: FallState = FallState.NONE
    drowsiness: float = 0.0


def decide_activity(
    probabilities: NDArray[np.float32], labels: Sequence[str], min_confidence: float, strange: bool = False
) -> ActivityVerdict:
    """Return the most probable label, or `unknown` where its probability is under `min_confidence`.

    It is `unknown`, too, where the window is `strange`: unlike any that the model was trained on.
    """
    shares = probabilities.tolist()
    confidence = max(shares)
    reason = "unlike the training" if strange else "low confidence" if confidence < min_confidence else ""
    return ActivityVerdict(UNKNOWN if reason else labels[shares.index(confidence)], confidence, probabilities, reason)


class _Alarm:
    """One alarm for each event: raised while it is called for, released with it or by acknowledgement."""

    def __init__(self, policy: AlarmPolicy) -> None:
        self._policy = policy
        self._spent = False  # the event had its alarm
        self._released_ns: int | None = None
        self.on = False

    @property
    def acknowledged(self) -> bool:
        """True after an acknowledgement, as long as what had called for the alarm goes on."""
        return self._spent and not self.on

    def update(self, stamp_ns: int, called_for: bool) -> None:
        if not called_for:
            self._spent = False
            if self.on and not self._policy.latch_alarm:
                self.on, self._released_ns = False, stamp_ns
        elif not (self.on or self._spent or self._rests(stamp_ns)):
            self.on = self._spent = True

    def renew(self) -> None:
        """Be ready to be raised again: another event has begun."""
        self._spent = False

    def acknowledge(self, stamp_ns: int | None) -> bool:
        was_on = self.on
        if was_on:
            self.on, self._spent, self._released_ns = False, True, stamp_ns
        return was_on

    def restart(self) -> None:
        self._released_ns = None

    def _rests(self, stamp_ns: int) -> bool:
        since_ns = self._released_ns
        return since_ns is not None and stamp_ns - since_ns < self._policy.refractory_s * 1e9


class AlarmMonitor:
    """Raises and releases the alarm: that of a fall by its event, that of drowsiness by its minute.

    Time is that of the stamps. A window that is not newer than the last one is ignored, until `restart`. Any
    thread may call it, so that a person can acknowledge while another thread recognises.
    """

    def __init__(self, policy: AlarmPolicy) -> None:
        self._policy = policy
        self._lock = threading.Lock()
        self._fall, self._minute = FallEvent(policy), DrowsyMinute(policy)
        self._fall_alarm, self._drowsy_alarm = _Alarm(policy), _Alarm(policy)
        self._newest_ns: int | None = None
        self._score = 0.0

    def update(self, evidence: Evidence) -> AnomalyVerdict:
        """Take the evidence of the next window; return the verdict up to the newest one."""
        with self._lock:
            stamp_ns = evidence.stamp_ns
            if self._newest_ns is None or stamp_ns > self._newest_ns:
                if self._newest_ns is not None and stamp_ns - self._newest_ns > HOLE_S * 1e9:
                    self._restart()
                self._take(evidence)
            return self._verdict()

    def acknowledge(self) -> bool:
        """Release the alarm; it comes back only with a new fall or new drowsiness. Returns whether there was one."""
        with self._lock:
            fall, drowsy = (alarm.acknowledge(self._newest_ns) for alarm in (self._fall_alarm, self._drowsy_alarm))
            if drowsy:
                self._minute.begin_anew()
            return fall or drowsy

    def restart(self) -> None:
        """Begin anew after a hole in the stream, at any stamp; a raised alarm stays raised."""
        with self._lock:
            self._restart()

    def _restart(self) -> None:
        self._newest_ns = None
        for part in (self._fall, self._minute, self._fall_alarm, self._drowsy_alarm):
            part.restart()

    def _take(self, evidence: Evidence) -> None:
        stamp_ns = self._newest_ns = evidence.stamp_ns
        self._score = evidence.score
        self._fall.update(evidence)
        self._minute.update(stamp_ns, evidence.drowsiness)
        if self._fall.began:
            self._fall_alarm.renew()
        soon = not self._policy.wait_for_lying or self._fall_alarm.on  # what is raised lasts as long as the fall does
        self._fall_alarm.update(stamp_ns, self._fall.lasts and (soon or self._fall.state is FallState.FALLEN))
        self._drowsy_alarm.update(stamp_ns, self._minute.drowsy)

    def _verdict(self) -> AnomalyVerdict:
        alarmed = self._fall_alarm.on or self._drowsy_alarm.on
        reason = self._why_alarm() if alarmed else self._why_suspect()
        state = AlarmState.ALARM if alarmed else AlarmState.SUSPECT if reason else AlarmState.NORMAL
        return AnomalyVerdict(self._score, state, reason, self._fall.state, self._minute.share)

    def _why_alarm(self) -> str:
        if self._fall_alarm.on and self._fall.lasts:
            return "lies still after a fall" if self._fall.state is FallState.FALLEN else "fall"
        if self._drowsy_alarm.on and self._minute.drowsy:
            return f"drowsy for {self._minute.share * MINUTE_S:.0f} s of the last minute"
        return "held until acknowledgement"

    def _why_suspect(self) -> str:
        """Return why there is at least suspicion; empty where there is none."""
        if self._fall.lasts:
            return f"{self._fall.state}, {'acknowledged' if self._fall_alarm.acknowledged else 'not yet an alarm'}"
        if self._fall.doubted:
            return "looks like a fall that the accelerometer does not bear out"
        if self._fall.unsettled:
            return "may have been a fall, and nothing normal was seen since"
        if self._minute.drowsy:
            return "drowsy, not yet an alarm"
        return "raised score" if self._score >= self._policy.suspect_score else ""
