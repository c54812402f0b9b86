"""Streaming recognition: frames and IMU samples in, one verdict for each full window out.

The live fusion node and the replay of bags both run this class, so that a recording gets the
verdicts that the robot got. A model that can go without the camera or without the accelerometer goes on with the
other one: a verdict says what it rests on. Readings that can't be a body's count as missing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from har_ros.core.body import BodyWatch
from har_ros.core.decision import (
    ActivityVerdict,
    AlarmMonitor,
    AnomalyVerdict,
    decide_activity,
)
from har_ros.core.errors import HarError
from har_ros.core.evidence import gather_evidence
from har_ros.core.freshness import BACKWARD_NS, SilenceWatch
from har_ros.core.model_card import CAMERA, IMU, MODALITIES, modalities_of
from har_ros.core.preprocess import normalise_imu
from har_ros.core.windows import LATEST_S, LOST_S, MAX_GAP_S, ImuTrack, StepGrid, WindowBuffer, WindowSpan
from har_ros.inference.model import HarModel
from har_ros.inference.motion_gate import MotionGate

_STRIDE_NS = round(MAX_GAP_S * 1e9)
_TWO_SLOW_FRAMES_S = 0.15  # frames have waited for lost samples, and are told so at 15 fps by the second one after


@dataclass(frozen=True)
class Recognition:
    """What one window says: its span in time, the activity and the anomaly.

    modalities: what the verdict rests on, `camera`, `imu` or both.
    novelty:    the model's scores by their names; empty for a model without.
    """

    span: WindowSpan
    activity: ActivityVerdict
    anomaly: AnomalyVerdict
    modalities: tuple[str, ...] = MODALITIES
    novelty: dict[str, float] = field(default_factory=dict)


class StreamingRecogniser:
    """Encodes each frame once and classifies the newest window after each step.

    Not thread-safe: feed it from one thread, in the order of arrival. Recognisers of several cameras may share a
    model, each in a thread of its own.
    """

    def __init__(self, model: HarModel, alarm: AlarmMonitor, gate: MotionGate | None = None) -> None:
        card = model.card
        self._card = card
        self._encoder = model.new_encoder()
        self._gate = gate
        self._mean = np.array(card.imu_mean, np.float32)
        self._std = np.array(card.imu_std, np.float32)
        self._period_ns = round(1e9 / card.step_rate_hz)
        self._goes_without = {each: card.goes_without(each) for each in MODALITIES}
        hole_s = MAX_GAP_S if not self._goes_without[IMU] else LOST_S + _TWO_SLOW_FRAMES_S
        self._grid = StepGrid(card.step_rate_hz, hole_s)
        self._imu = ImuTrack()
        self._body = BodyWatch()
        self._window = WindowBuffer(card.feature_size, len(card.imu_channels), card.steps)
        self._head = model.head_on(self._window)
        self._feature = np.zeros(card.feature_size, np.float32)  # of this camera's last encoded frame
        self._step_ns = 0  # the end of the newest step
        self._owned_ns = 0  # up to here every sample is in a step
        self._frame_ns: int | None = None  # of the newest frame, or of the restart after it
        self._camera = SilenceWatch(LATEST_S)
        self.alarm = alarm

    def add_imu(self, stamp_ns: int, accel_mps2: NDArray[np.float32]) -> Recognition | None:
        """Take one accelerometer sample (3,), m/s^2; see add_samples."""
        return self.add_samples([(stamp_ns, accel_mps2)])

    def add_samples(self, samples: Iterable[tuple[int, NDArray[np.float32]]]) -> Recognition | None:
        """Take accelerometer samples that came since the last call, as stamps, ns, and readings (3,), m/s^2.

        Returns a verdict where the camera is silent and the model can go without it: one on the newest window, however
        many samples have waited, or who is late would never catch up. A hole in the stream starts the window anew,
        unless the model can go without the accelerometer.
        """
        steps = sum(self._take_sample(stamp_ns, accel_mps2) for stamp_ns, accel_mps2 in samples)
        return self._recognise() if steps else None

    def add_frame(self, stamp_ns: int, image_bgr: NDArray[np.uint8]) -> Recognition | None:
        """Take one frame (H, W, 3) uint8 whose IMU samples are in; return a verdict on a full window.

        Returns None while the window fills, and for a frame that comes sooner than the next step.
        Raises HarError where the model gives NaN or infinity.
        """
        if len(self._imu) == 0 and not self._goes_without[IMU]:
            return None
        self._camera.note(stamp_ns)
        was_lost = self._grid.newest_ns != self._frame_ns
        self._frame_ns = stamp_ns
        if was_lost and self._is_behind(stamp_ns):
            return None  # it soon comes to steps that are not done without it
        return self._recognise() if self._advance(stamp_ns, image_bgr) else None

    def goes_without(self, modality: str) -> bool:
        """Return whether there are verdicts while `modality` is missing."""
        return self._goes_without[modality]

    def restart(self) -> None:
        """Forget the window and all samples, as after a jump of the clock."""
        self._forget_window()
        self._imu.clear()
        self._body = BodyWatch()
        self._frame_ns = self._grid.newest_ns
        self._camera = SilenceWatch(LATEST_S)

    def _is_behind(self, stamp_ns: int) -> bool:
        """Return whether a frame is of a time that is done, as one of a camera that comes back late is."""
        done_ns = self._grid.newest_ns
        return done_ns is not None and 0 <= done_ns - stamp_ns <= BACKWARD_NS

    def _forget_window(self) -> None:
        self._window.clear()
        self.alarm.restart()
        if self._gate is not None:
            self._gate.forget()

    def _take_sample(self, stamp_ns: int, accel_mps2: NDArray[np.float32]) -> int:
        """Take one sample, and return how many steps it ends that no frame will."""
        if not self._imu.add(stamp_ns, accel_mps2) and not self._goes_without[IMU]:
            self.restart()
        if self._imu.newest_ns == stamp_ns:  # the track leaves out what comes too late
            self._body.note(stamp_ns, accel_mps2)
        self._camera.wait_from(stamp_ns)
        if not self._goes_without[CAMERA] or not self._camera.is_lost(stamp_ns):
            return 0
        # What a late camera showed last may be further back than a hole; samples fill it.
        done_ns = self._grid.newest_ns
        begin_ns = stamp_ns if done_ns is None or self._imu.oldest_ns > done_ns else done_ns
        between_ns = range(begin_ns + _STRIDE_NS, stamp_ns, _STRIDE_NS)
        return sum(self._advance(at_ns, None) for at_ns in (*between_ns, stamp_ns))

    def _advance(self, stamp_ns: int, image_bgr: NDArray[np.uint8] | None) -> int:
        """Add the steps up to `stamp_ns`, and return how many these are."""
        steps = self._grid.advance(stamp_ns)
        if steps is None:
            self._forget_window()
            self._step_ns = self._owned_ns = stamp_ns - self._period_ns
            steps = 1
        if steps == 0:
            return 0
        if image_bgr is not None:
            self._encode(image_bgr)
        self._append(stamp_ns, steps, None if image_bgr is None else self._feature)
        return steps

    def _encode(self, image_bgr: NDArray[np.uint8]) -> None:
        self._encoder.put(image_bgr)
        if self._gate is None or not self._gate.still(self._encoder.frame):
            self._encoder.run()
            self._feature[:] = self._encoder.feature

    def _append(self, stamp_ns: int, steps: int, feature: NDArray[np.float32] | None) -> None:
        # A slow camera's frame stands for several steps, each with the IMU values of its own time.
        edges_ns = [self._step_ns + index * (stamp_ns - self._step_ns) // steps for index in range(steps + 1)]
        self._step_ns = stamp_ns
        if len(self._imu) == 0:
            for _ in range(steps):
                self._window.append(stamp_ns, feature, None, 0)
            return
        # Samples that came when the step of their time was done belong to the next one: none may be lost.
        edges_ns[0] = min(edges_ns[0], self._owned_ns)
        self._owned_ns = min(stamp_ns, self._imu.newest_ns)
        values, offsets_ns = self._imu.steps(self._card.imu_channels, edges_ns)
        for imu, offset_ns in zip(normalise_imu(values, self._mean, self._std), offsets_ns):
            self._window.append(stamp_ns, feature, imu if self._is_felt(offset_ns) else None, offset_ns)

    def _is_felt(self, offset_ns: int) -> bool:
        """Return whether a step's readings count: a body's, and near it in time unless nothing goes on without them."""
        return self._body.is_body and (abs(offset_ns) <= MAX_GAP_S * 1e9 or not self._goes_without[IMU])

    def _recognise(self) -> Recognition | None:
        """Return the verdict on the newest window, if it is full."""
        if not self._window.full:
            return None
        card = self._card
        modalities = tuple(each for each, there in zip(MODALITIES, self._window.present()) if there)
        case = card.case(modalities)
        if case is None:
            return None
        answer = self._head.classify(case)
        probabilities = answer.probabilities.copy()
        if not math.isfinite(sum(probabilities.tolist())):
            raise HarError(f"model '{card.name}' gave no numbers for the window; train or export it again")
        novelty = dict(zip(card.novelty, answer.novelty.tolist()))
        strange = card.is_strange(novelty, case)
        activity = decide_activity(probabilities, card.labels, card.least_confidence(case), strange)
        span = self._window.span()
        felt = IMU in modalities
        samples = self._imu.between(span.start_ns, span.end_ns) if felt else (np.zeros((0, 3), np.float32), 0.0)
        pictured = CAMERA in modalities
        evidence = gather_evidence(card, self._step_ns, probabilities, *samples, pictured, activity.label)
        anomaly = self.alarm.update(evidence)
        return Recognition(span, activity, anomaly, modalities_of(case), novelty)
