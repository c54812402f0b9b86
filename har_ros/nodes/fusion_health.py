"""How an active fusion node fares: what it judged, what is missing and why, and how late it is."""

from __future__ import annotations

import math
import time
from collections import deque

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus

from har_ros.core.body import why_no_body
from har_ros.core.freshness import CAMERA as IMAGES
from har_ros.core.freshness import IMU as SAMPLES
from har_ros.core.model_card import CAMERA, IMU
from har_ros.core.mount import CALIBRATION_S, LastReadings
from har_ros.core.windows import LOST_S, MAX_GAP_S
from har_ros.inference.model import HarModel
from har_ros.inference.motion_gate import MotionGate
from har_ros.nodes.base import Health
from har_ros.nodes.convert import Report
from har_ros.nodes.fusion_inputs import FusionInputs
from har_ros.nodes.fusion_worker import FusionWorker
from har_ros.nodes.rates import MissingWatch

_INPUTS = {CAMERA: ("the camera", IMAGES), IMU: ("the accelerometer", SAMPLES)}
_MOST_SKIPPED = 0.1  # of the pictures; beyond it the processor is too slow for them
_UNPAIRED = "found no sample"
_SLOWER = 0.9  # times another rate is no mere wavering


class FusionHealth:
    """Gathers what inputs, worker and model have to tell; `latencies_ms` are those of the newest verdicts."""

    def __init__(
        self,
        inputs: FusionInputs,
        readings: LastReadings,
        worker: FusionWorker,
        gate: MotionGate | None,
        model: HarModel,
        imu_rate_hz: float,
    ) -> None:
        self._inputs = inputs
        self._readings = readings
        self._worker = worker
        self._gate = gate
        self._model = model
        self._imu_rate_hz = imu_rate_hz
        self._missing = MissingWatch()
        self.latencies_ms: deque[float] = deque(maxlen=300)

    def of(self, report: Report) -> Health:
        """Return rates, losses, latencies, what is wrong, and why there is no verdict in the last report, if so."""
        values, problem = self._values(), self._inputs.qos_problem
        used = report.recognition.modalities if report.recognition else ()
        pictures = (self._overload(), self._missing_pictures())
        sentences = (problem, report.reason, self._without(used), self._no_body(), *pictures)
        trouble = [sentence for sentence in sentences if sentence]
        if not trouble:
            return Health(values=values)
        fails = report.recognition is None and (problem or report.failed)
        return Health(DiagnosticStatus.ERROR if fails else DiagnosticStatus.WARN, "; ".join(trouble), values)

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
            _UNPAIRED: inputs.pairs.unpaired,
            "were refused": inputs.dropped_images,
        }
        told = self._missing.sentence(inputs.images.count + inputs.lost_images, missing)
        return f"{told}{self._by_rates()}" if _UNPAIRED in told else told

    def _by_rates(self) -> str:
        """Return what the inputs' rates have to do with pictures that find no sample; empty where it is nothing."""
        images_hz, samples_hz = self._inputs.images.hz(), self._inputs.samples.hz()
        if samples_hz < _SLOWER * images_hz:
            return f"; there are {images_hz:.0f} of them a second, and {samples_hz:.0f} samples"
        if samples_hz > self._imu_rate_hz / _SLOWER:
            return f"; {samples_hz:.0f} samples a second come: set imu_rate_hz to it, in place of {self._imu_rate_hz:g}"
        return ""

    def _without(self, used: tuple[str, ...]) -> str:
        """Return which input a verdict that rests on those `used` does without, and why; empty where it has all."""
        missing = [each for each in self._model.card.modalities if each not in used] if used else []
        if not missing:
            return ""
        spoken, name = _INPUTS[missing[0]]
        why = self._inputs.refusals.of(name, time.monotonic()) or self._too_seldom(name)
        return (f"{why}; " if why else "") + f"goes on without {spoken}, and is right less often"

    def _too_seldom(self, name: str) -> str:
        """Return what tells a slow input from a silent one; empty for all others."""
        meter = {IMAGES: self._inputs.images, SAMPLES: self._inputs.samples}[name]
        hz = meter.hz()
        slow = hz < 1 / LOST_S and meter.silent_s() < MAX_GAP_S + LOST_S
        return f"a {name} comes {hz:.1f} times a second, which is too seldom" if slow else ""

    def _no_body(self) -> str:
        """Return what is wrong with the readings that come; empty where they can be a body's, or none is wanted."""
        come = self._inputs.samples.silent_s() < CALIBRATION_S and IMU in self._model.card.modalities
        why = why_no_body(self._readings.size_mps2()) if come else ""
        return why and f"{why}: imu/data_raw must be in m/s^2 and hold gravity (REP-145)"
