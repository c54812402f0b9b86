"""Results as messages: the one place that knows how a verdict looks on a topic.

`activity` and `anomaly` are DiagnosticArrays of one status, with the same keys in the same order in every
message. Numbers that a message can't know, such as the confidence of a STALE one, are `nan`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.time import Time
from std_msgs.msg import Bool, Float32, String

from har_ros.core.decision import UNKNOWN, AlarmState
from har_ros.core.model_card import NOVELTIES, ModelCard
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
_WINDOW_KEYS = ("window_start_ns", "window_end_ns", "steps", "max_gap_ms", "max_sync_offset_ms")
_NO_SPAN = WindowSpan(start_ns=0, end_ns=0, max_gap_ms=math.nan, max_sync_offset_ms=math.nan)


@dataclass(frozen=True)
class Report:
    """What the fusion node says at one moment.

    stamp_ns, frame_id: of the newest image in the window, or the newest sample's stamp alone while the camera is done
                        without; without a window, the time of this verdict.
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


class _Result:
    """The message of one topic. It is kept, and each report writes what it changes: building one anew costs more."""

    def __init__(self, name: str, keys: Sequence[str], fixed: Mapping[str, str], hardware_id: str) -> None:
        values = [KeyValue(key=key, value=fixed.get(key, "")) for key in keys]
        self._changing = [value for value in values if value.key not in fixed]
        self._status = DiagnosticStatus(name=name, hardware_id=hardware_id, values=values)
        self._array = DiagnosticArray(status=[self._status])

    def filled(self, report: Report, level: bytes, message: str, texts: Iterable[str]) -> DiagnosticArray:
        """Return the message of `report`; `texts` are the values of the keys that aren't fixed, in their order."""
        header = self._array.header
        header.stamp.sec, header.stamp.nanosec = divmod(report.stamp_ns, 1_000_000_000)
        header.frame_id = report.frame_id
        self._status.level, self._status.message = level, message
        for value, text in zip(self._changing, texts, strict=True):
            value.value = text
        return self._array


class ResultMessages:
    """Makes the messages of one model's results; `hardware_id` says whose they are.

    `results` returns the same two messages with each report, so publish them before the next.
    """

    def __init__(self, card: ModelCard, hardware_id: str) -> None:
        self._card = card
        self._hardware_id = hardware_id
        shares = (f"p.{label}" for label in card.labels)
        common = (*shares, *_WINDOW_KEYS, "latency_ms", "modalities", "model_sha256", "reason")
        fixed = {"model_sha256": card.identity}
        self._activity = _Result(
            "har: activity", ("schema", "confidence", *common), {"schema": ACTIVITY_SCHEMA, **fixed}, hardware_id
        )
        self._anomaly = _Result(
            "har: anomaly",
            ("schema", "score", *common, "fall_state", "drowsiness", *NOVELTIES),
            {"schema": ANOMALY_SCHEMA, **fixed},
            hardware_id,
        )

    def results(self, report: Report) -> tuple[DiagnosticArray, DiagnosticArray]:
        """Return the messages for `activity` and `anomaly`."""
        common, recognition = self._common(report), report.recognition
        if recognition is None:
            said = (DiagnosticStatus.ERROR, FAILED) if report.failed else (DiagnosticStatus.STALE, STALE)
            texts = ("nan", *common, report.reason)
            return (
                self._activity.filled(report, *said, texts),
                self._anomaly.filled(report, *said, (*texts, "", "nan", *("nan" for _ in NOVELTIES))),
            )
        activity, anomaly = recognition.activity, recognition.anomaly
        return (
            self._activity.filled(
                report,
                DiagnosticStatus.WARN if activity.label == UNKNOWN else DiagnosticStatus.OK,
                activity.label,
                (f"{activity.confidence:.4f}", *common, activity.reason),
            ),
            self._anomaly.filled(
                report,
                _ALARM_LEVELS[anomaly.state],
                str(anomaly.state),
                (
                    f"{anomaly.score:.4f}",
                    *common,
                    anomaly.reason,
                    str(anomaly.fall),
                    f"{anomaly.drowsiness:.4f}",
                    *(f"{recognition.novelty.get(name, math.nan):.4f}" for name in NOVELTIES),
                ),
            ),
        )

    def model_info(self, stamp_ns: int) -> DiagnosticArray:
        """Return the message for `model_info`: which model speaks, and how well it did when measured."""
        card = self._card
        limits = ((f"{name}.{case}", value) for name, of in card.novelty.items() for case, value in of.items())
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
            *((f"limit.{name}", f"{value:g}") for name, value in limits),
            *((f"metric.{name}", str(value)) for name, value in card.metrics.items()),
        ]
        status = DiagnosticStatus(
            name="har: model",
            level=DiagnosticStatus.OK,
            message=card.name,
            hardware_id=self._hardware_id,
            values=[KeyValue(key=key, value=value) for key, value in pairs],
        )
        array = DiagnosticArray(status=[status])
        array.header.stamp = Time(nanoseconds=stamp_ns).to_msg()
        return array

    def _common(self, report: Report) -> tuple[str, ...]:
        """Return the values that both messages have in common but for the reason, in the order of their keys."""
        recognition, labels = report.recognition, self._card.labels
        span = recognition.span if recognition else _NO_SPAN
        shares = recognition.activity.probabilities.tolist() if recognition else [math.nan] * len(labels)
        return (
            *(f"{share:.4f}" for share in shares),
            str(span.start_ns),
            str(span.end_ns),
            str(self._card.steps if recognition else 0),
            f"{span.max_gap_ms:.1f}",
            f"{span.max_sync_offset_ms:.1f}",
            f"{report.latency_ms:.1f}",
            ",".join(recognition.modalities) if recognition else "",
        )


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
