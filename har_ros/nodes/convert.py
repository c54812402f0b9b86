"""Results as messages: the one place that knows how a verdict looks on a topic.

`activity` and `anomaly` are DiagnosticArrays of one status, with the same keys in the same order in every
message. Numbers that a message can't know, such as the confidence of a STALE one, are `nan`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.time import Time
from std_msgs.msg import Bool, Float32, String

from har_ros.core.decision import UNKNOWN, AlarmState
from har_ros.core.model_card import ModelCard
from har_ros.core.windows import WindowSpan
from har_ros.inference.recogniser import Recognition

ACTIVITY_SCHEMA = "har.activity/1"
ANOMALY_SCHEMA = "har.anomaly/1"
MODEL_SCHEMA = "har.model_info/1"

STALE = "stale"
FAILED = "error"

_ALARM_LEVELS = {
    AlarmState.NORMAL: DiagnosticStatus.OK,
    AlarmState.SUSPECT: DiagnosticStatus.WARN,
    AlarmState.ALARM: DiagnosticStatus.ERROR,
}
Pairs = tuple[tuple[str, str], ...]
_NO_SPAN = WindowSpan(start_ns=0, end_ns=0, max_gap_ms=math.nan, max_sync_offset_ms=math.nan)


@dataclass(frozen=True)
class Report:
    """What the fusion node says at one moment.

    stamp_ns, frame_id: of the newest image in the window; without a window, the time of this verdict.
    recognition:        the window's verdict; None when there is none to trust.
    failed:             without a recognition: True where inference failed, False where data are not fresh.
    reason:             why there is no recognition.
    """

    stamp_ns: int
    frame_id: str = ""
    latency_ms: float = math.nan
    recognition: Recognition | None = None
    failed: bool = False
    reason: str = ""


class ResultMessages:
    """Makes the messages of one model's results; `hardware_id` says whose they are."""

    def __init__(self, card: ModelCard, hardware_id: str) -> None:
        self._card = card
        self._hardware_id = hardware_id

    def activity(self, report: Report) -> DiagnosticArray:
        """Return the message for `activity`."""
        if report.recognition is None:
            return self._without_verdict(report, "har: activity", ACTIVITY_SCHEMA, "confidence")
        activity = report.recognition.activity
        unknown = activity.label == UNKNOWN
        status = DiagnosticStatus(
            name="har: activity",
            level=DiagnosticStatus.WARN if unknown else DiagnosticStatus.OK,
            message=activity.label,
        )
        reason = "low confidence" if unknown else ""
        return self._array(report, status, ACTIVITY_SCHEMA, ("confidence", activity.confidence), reason)

    def anomaly(self, report: Report) -> DiagnosticArray:
        """Return the message for `anomaly`."""
        if report.recognition is None:
            events = (("fall_state", ""), ("drowsiness", str(math.nan)))
            return self._without_verdict(report, "har: anomaly", ANOMALY_SCHEMA, "score", events)
        anomaly = report.recognition.anomaly
        status = DiagnosticStatus(
            name="har: anomaly", level=_ALARM_LEVELS[anomaly.state], message=str(anomaly.state)
        )
        events = (("fall_state", str(anomaly.fall)), ("drowsiness", f"{anomaly.drowsiness:.4f}"))
        return self._array(report, status, ANOMALY_SCHEMA, ("score", anomaly.score), anomaly.reason, events)

    def model_info(self, stamp_ns: int) -> DiagnosticArray:
        """Return the message for `model_info`: which model speaks, and how well it did when measured."""
        card = self._card
        pairs = [
            ("schema", MODEL_SCHEMA),
            ("name", card.name),
            ("sha256", card.identity),
            ("labels", ",".join(card.labels)),
            ("anomaly_labels", ",".join(card.anomaly_labels)),
            ("profile", card.profile),
            ("modalities", ",".join(card.modalities)),
            ("steps", str(card.steps)),
            ("step_rate_hz", f"{card.step_rate_hz:g}"),
            *((f"threshold.{name}", f"{value:g}") for name, value in card.thresholds.items()),
            *((f"metric.{name}", str(value)) for name, value in card.metrics.items()),
        ]
        status = DiagnosticStatus(name="har: model", level=DiagnosticStatus.OK, message=card.name)
        return self._wrap(stamp_ns, "", status, pairs)

    def _without_verdict(
        self, report: Report, name: str, schema: str, number: str, events: Pairs = ()
    ) -> DiagnosticArray:
        status = DiagnosticStatus(
            name=name,
            level=DiagnosticStatus.ERROR if report.failed else DiagnosticStatus.STALE,
            message=FAILED if report.failed else STALE,
        )
        return self._array(report, status, schema, (number, math.nan), report.reason, events)

    def _array(
        self,
        report: Report,
        status: DiagnosticStatus,
        schema: str,
        number: tuple[str, float],
        reason: str,
        events: Pairs = (),
    ) -> DiagnosticArray:
        recognition, card = report.recognition, self._card
        span = recognition.span if recognition else _NO_SPAN
        shares = recognition.activity.probabilities if recognition else [math.nan] * len(card.labels)
        pairs = [
            ("schema", schema),
            (number[0], f"{number[1]:.4f}"),
            *((f"p.{label}", f"{share:.4f}") for label, share in zip(card.labels, shares)),
            ("window_start_ns", str(span.start_ns)),
            ("window_end_ns", str(span.end_ns)),
            ("steps", str(card.steps if recognition else 0)),
            ("max_gap_ms", f"{span.max_gap_ms:.1f}"),
            ("max_sync_offset_ms", f"{span.max_sync_offset_ms:.1f}"),
            ("latency_ms", f"{report.latency_ms:.1f}"),
            ("modalities", ",".join(card.modalities) if recognition else ""),
            ("model_sha256", card.identity),
            ("reason", reason),
            *events,
        ]
        return self._wrap(report.stamp_ns, report.frame_id, status, pairs)

    def _wrap(
        self, stamp_ns: int, frame_id: str, status: DiagnosticStatus, pairs: list[tuple[str, str]]
    ) -> DiagnosticArray:
        status.hardware_id = self._hardware_id
        status.values = [KeyValue(key=key, value=value) for key, value in pairs]
        array = DiagnosticArray(status=[status])
        array.header.stamp = Time(nanoseconds=stamp_ns).to_msg()
        array.header.frame_id = frame_id
        return array


def mirrors(report: Report) -> tuple[String, Float32, Bool]:
    """Return the unstamped mirrors: activity/label, anomaly/score, anomaly/active."""
    if report.recognition is None:
        return String(data=""), Float32(data=math.nan), Bool(data=False)
    anomaly = report.recognition.anomaly
    return (
        String(data=report.recognition.activity.label),
        Float32(data=anomaly.score),
        Bool(data=anomaly.state is AlarmState.ALARM),
    )
