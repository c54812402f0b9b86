"""Streaming recognition: frames and IMU samples in, one verdict for each full window out.

The live fusion node and the replay of bags both run this class, so that a recording gets the
verdicts that the robot got.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from har_ros.core.decision import (
    ActivityVerdict,
    AlarmMonitor,
    AnomalyVerdict,
    decide_activity,
)
from har_ros.core.errors import HarError
from har_ros.core.evidence import gather_evidence
from har_ros.core.preprocess import normalise_imu
from har_ros.core.windows import ImuTrack, StepGrid, WindowBuffer, WindowSpan
from har_ros.inference.model import HarModel
from har_ros.inference.motion_gate import MotionGate


@dataclass(frozen=True)
class Recognition:
    """What one window says: its span in time, the activity and the anomaly."""

    span: WindowSpan
    activity: ActivityVerdict
    anomaly: AnomalyVerdict


class StreamingRecogniser:
    """Encodes each frame once and classifies the newest window after each step.

    Not thread-safe: feed it from one thread, in the order of arrival. Recognisers of several cameras may
    share a model where one thread feeds them all.
    """

    def __init__(self, model: HarModel, alarm: AlarmMonitor, gate: MotionGate | None = None) -> None:
        card = model.card
        self._card = card
        self._encoder = model.encoder
        self._gate = gate
        self._mean = np.array(card.imu_mean, np.float32)
        self._std = np.array(card.imu_std, np.float32)
        self._grid = StepGrid(card.step_rate_hz)
        self._imu = ImuTrack()
        self._window = WindowBuffer(card.feature_size, len(card.imu_channels), card.steps)
        self._head = model.head_on(self._window)
        self._feature = np.zeros(card.feature_size, np.float32)  # of this camera's last encoded frame
        self._last_frame_ns = 0
        self.alarm = alarm

    def add_imu(self, stamp_ns: int, accel_mps2: NDArray[np.float32]) -> None:
        """Take one accelerometer sample (3,), m/s^2; a hole in the stream starts the window anew."""
        if not self._imu.add(stamp_ns, accel_mps2):
            self.restart()

    def add_frame(self, stamp_ns: int, image_bgr: NDArray[np.uint8]) -> Recognition | None:
        """Take one frame (H, W, 3) uint8 whose IMU samples are in; return a verdict on a full window.

        Returns None while the window fills, and for a frame that comes sooner than the next step.
        Raises HarError where the model gives NaN or infinity.
        """
        if len(self._imu) == 0:
            return None
        steps = self._grid.advance(stamp_ns)
        if steps is None:
            self._forget_window()
            self._last_frame_ns = stamp_ns
            steps = 1
        if steps == 0:
            return None
        self._encode(image_bgr)
        self._append(stamp_ns, steps)
        return self._recognise(stamp_ns) if self._window.full else None

    def restart(self) -> None:
        """Forget the window and all samples, as after a jump of the clock."""
        self._forget_window()
        self._imu.clear()

    def _forget_window(self) -> None:
        self._window.clear()
        self.alarm.restart()
        if self._gate is not None:
            self._gate.forget()

    def _encode(self, image_bgr: NDArray[np.uint8]) -> None:
        self._encoder.put(image_bgr)
        if self._gate is None or not self._gate.still(self._encoder.frame):
            self._encoder.run()
            self._feature[:] = self._encoder.feature

    def _append(self, stamp_ns: int, steps: int) -> None:
        # A slow camera's frame stands for several steps, each with the IMU sample of its own time.
        since_last_ns = stamp_ns - self._last_frame_ns
        for step in range(1, steps + 1):
            accel, offset_ns = self._imu.nearest(self._last_frame_ns + step * since_last_ns // steps)
            self._window.append(stamp_ns, self._feature, normalise_imu(accel, self._mean, self._std), offset_ns)
        self._last_frame_ns = stamp_ns

    def _recognise(self, stamp_ns: int) -> Recognition:
        card = self._card
        probabilities = self._head.classify().copy()
        if not np.isfinite(probabilities).all():
            raise HarError(f"model '{card.name}' gave no numbers for the window; train or export it again")
        activity = decide_activity(probabilities, card.labels, card.thresholds["min_confidence"])
        span = self._window.span()
        accel_mps2 = self._imu.between(span.start_ns, span.end_ns)
        anomaly = self.alarm.update(gather_evidence(card, stamp_ns, probabilities, accel_mps2))
        return Recognition(span, activity, anomaly)
