"""How an active fusion node fares: what it judged, what is missing and why, and how late it is."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus

from har_ros.core.model_card import CAMERA, IMU, ModelCard
from har_ros.inference.model import HarModel
from har_ros.inference.motion_gate import MotionGate
from har_ros.nodes.base import Health
from har_ros.nodes.convert import Report
from har_ros.nodes.fusion_inputs import FusionInputs
from har_ros.nodes.fusion_worker import FusionWorker
from har_ros.nodes.rates import MissingWatch

_INPUTS = {CAMERA: "the camera", IMU: "the accelerometer"}
_MOST_SKIPPED = 0.1  # of the pictures; beyond it the processor is too slow for them


class FusionHealth:
    """Gathers what inputs, worker and model have to tell; `latencies_ms` are those of the newest verdicts."""

    def __init__(self, inputs: FusionInputs, worker: FusionWorker, gate: MotionGate | None, model: HarModel) -> None:
        self._inputs = inputs
        self._worker = worker
        self._gate = gate
        self._model = model
        self._missing = MissingWatch()
        self.latencies_ms: deque[float] = deque(maxlen=300)

    def of(self, report: Report) -> Health:
        """Return rates, losses, latencies and why there is no verdict in the last report, if so."""
        values, problem = self._values(), self._inputs.qos_problem
        sentences = (_without(self._model.card, report), self._overload(), self._missing_pictures())
        trouble = [sentence for sentence in sentences if sentence]
        if report.recognition is not None:
            return Health(DiagnosticStatus.WARN, "; ".join(trouble), values) if trouble else Health(values=values)
        level = DiagnosticStatus.ERROR if problem or report.failed else DiagnosticStatus.WARN
        return Health(level, "; ".join([problem or report.reason, *trouble]), values)

    def _values(self) -> dict[str, object]:
        inputs, worker, latencies = self._inputs, self._worker, list(self.latencies_ms) or [math.nan]
        return {
            "images": inputs.images.count,
            "images_hz": inputs.images.hz(),
            "imu_hz": inputs.samples.hz(),
            "paired": inputs.pairs.paired,
            "unpaired": inputs.pairs.unpaired,
            "images_before": inputs.images_before,
            "lost_images": inputs.lost_images,
            "lost_samples": inputs.lost_samples,
            "skipped": worker.skipped.count,
            "judged": worker.judged,
            "dropped": inputs.dropped_images,
            "dropped_samples": inputs.dropped_samples,
            "gated": self._gate.skipped if self._gate is not None else 0,
            "latency_p50_ms": float(np.percentile(latencies, 50)),
            "latency_p95_ms": float(np.percentile(latencies, 95)),
            "sync_offset_ms": inputs.sync_offset_ms,
            "provider": self._model.provider,
            "model": f"{self._model.card.name} {self._model.card.identity}",
        }

    def _overload(self) -> str:
        """Return what says that the processor is too slow; empty where it isn't."""
        images_hz, skipped_hz = self._inputs.images.hz(), self._worker.skipped.hz()
        if skipped_hz <= _MOST_SKIPPED * images_hz:
            return ""
        return f"overloaded: recognises {images_hz - skipped_hz:.1f} of {images_hz:.1f} pictures a second"

    def _missing_pictures(self) -> str:
        """Return what became of pictures that never got to the worker; empty while they are few."""
        inputs = self._inputs
        missing = {
            "never came": inputs.lost_images,
            "found no sample": inputs.pairs.unpaired,
            "were refused": inputs.dropped_images,
        }
        return self._missing.sentence(inputs.images.count + inputs.lost_images, missing)


def _without(card: ModelCard, report: Report) -> str:
    """Return which of the model's inputs the newest verdict does without; empty where it has all."""
    there = report.recognition.modalities if report.recognition else card.modalities
    missing = [_INPUTS[modality] for modality in card.modalities if modality not in there]
    return f"goes on without {missing[0]}, and is right less often" if missing else ""
