"""Listens to the result topics of one namespace as any consumer would: for the demo's view and score."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node
from rclpy.qos import QoSProfile
from std_msgs.msg import String

from har_ros.core.decision import AlarmState
from har_ros.core.labels import parse_activity
from har_ros.evaluation.timeline import Timeline
from har_ros.nodes.participant import Participant

RATE_SPAN_S = 3.0
_ALARM_STATES = {state.value for state in AlarmState}
LEVELS = {
    DiagnosticStatus.OK: "OK",
    DiagnosticStatus.WARN: "WARN",
    DiagnosticStatus.ERROR: "ERROR",
    DiagnosticStatus.STALE: "STALE",
}


@dataclass(frozen=True)
class Status:
    """One received status: its level in words, its message, its key-value pairs, its header's stamp."""

    level: str
    message: str
    values: dict[str, str]
    stamp_ns: int
    received_ns: int


@dataclass
class Heard:
    """The newest of everything, and how often results and fresh results came."""

    activity: Status | None = None
    anomaly: Status | None = None
    truth: str = ""
    diagnostics: dict[str, Status] = field(default_factory=dict)
    activity_hz: float = 0.0
    fresh_results: int = 0


class Monitor(Participant):
    """Listens to results, truth and diagnostics, between `start` and `stop`."""

    NAME = "har_monitor"

    def __init__(self, namespace: str) -> None:
        super().__init__(namespace)
        self._heard = Heard()
        self._arrivals_s: deque[float] = deque()
        self.timeline = Timeline()

    def listen(self, node: Node) -> None:
        """Subscribe to all of them."""
        newest = QoSProfile(depth=1)
        node.create_subscription(DiagnosticArray, "activity", self._on_activity, newest)
        node.create_subscription(DiagnosticArray, "anomaly", self._on_anomaly, newest)
        node.create_subscription(String, "ground_truth", self._on_truth, QoSProfile(depth=10))
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, QoSProfile(depth=20))

    def heard(self) -> Heard:
        """Return a copy of what was heard so far."""
        with self._lock:
            self._forget_old_arrivals()
            copy = Heard(**vars(self._heard))
            copy.diagnostics = dict(self._heard.diagnostics)
            copy.activity_hz = len(self._arrivals_s) / RATE_SPAN_S
            return copy

    def _on_activity(self, message: DiagnosticArray) -> None:
        status = _status(message)
        with self._lock:
            self._heard.activity = status
            self._heard.fresh_results += status.level in ("OK", "WARN")
            self._arrivals_s.append(time.monotonic())
            self._forget_old_arrivals()
            self.timeline.note_label(status.received_ns, status.message)

    def _on_anomaly(self, message: DiagnosticArray) -> None:
        status = _status(message)
        with self._lock:
            self._heard.anomaly = status
            if status.message in _ALARM_STATES:  # a verdict, not STALE or failed
                self.timeline.note_alarm(status.received_ns, status.message == "alarm")

    def _on_truth(self, message: String) -> None:
        try:
            label = parse_activity(message.data).value
        except ValueError:  # whatever else somebody publishes there
            return
        with self._lock:
            self._heard.truth = label
            self.timeline.note_truth(time.time_ns(), label)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        with self._lock:
            for index in range(len(message.status)):
                status = _status(message, index)
                self._heard.diagnostics[message.status[index].name] = status

    def _forget_old_arrivals(self) -> None:
        while self._arrivals_s and time.monotonic() - self._arrivals_s[0] > RATE_SPAN_S:
            self._arrivals_s.popleft()


def _status(message: DiagnosticArray, index: int = 0) -> Status:
    status = message.status[index]
    stamp = message.header.stamp
    return Status(
        level=LEVELS.get(status.level, "?"),
        message=status.message,
        values={pair.key: pair.value for pair in status.values},
        stamp_ns=stamp.sec * 1_000_000_000 + stamp.nanosec,
        received_ns=time.time_ns(),
    )
