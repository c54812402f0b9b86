"""Replays a bag's messages through the code of the fusion node and keeps what it would have published."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from har_ros.core.decision import AlarmMonitor, AlarmState
from har_ros.core.errors import HarError
from har_ros.core.freshness import (
    CAMERA,
    IMU,
    PAIR,
    WINDOW,
    Freshness,
    Refusals,
    SilenceWatch,
    StampWatch,
    needed_inputs,
)
from har_ros.core.fusion_settings import FusionSettings
from har_ros.core.labels import parse_activity
from har_ros.core.model_card import IMU as MODEL_IMU
from har_ros.core.mount import rotation_matrix
from har_ros.core.pairing import ApproximateTimePairer, Waiting, WaitingRoom
from har_ros.core.preprocess import check_reading
from har_ros.evaluation.bag import Input, picture, stamp_ns
from har_ros.evaluation.timeline import SECOND_NS, Timeline
from har_ros.inference.model import HarModel
from har_ros.inference.motion_gate import make_gate
from har_ros.inference.recogniser import Recognition, StreamingRecogniser

STALE, FAILED = "stale", "error"  # what the node's activity says without a verdict
_LONGEST_SILENCE_NS = 24 * 3600 * SECOND_NS
_IMAGE, _SAMPLE = 0, 1


@dataclass
class Second:
    """What was published in one second: how often each label, and what its verdicts say together."""

    labels: Counter[str] = field(default_factory=Counter)
    probabilities: NDArray[np.float64] | float = 0.0
    top_score: float = 0.0
    alarm: bool = False

    def add(self, label: str, recognition: Recognition | None, labels: int) -> None:
        """Take one result; without a verdict each of the `labels` is as probable as the others."""
        self.labels[label] += 1
        if recognition is None:
            self.probabilities = self.probabilities + np.full(labels, 1 / labels)
            return
        self.probabilities = self.probabilities + recognition.activity.probabilities.astype(np.float64)
        self.top_score = max(self.top_score, recognition.anomaly.score)
        self.alarm |= recognition.anomaly.state is AlarmState.ALARM


class Replay:
    """The fusion node without ROS: takes messages in their recorded order and publishes at the node's rate.

    The recorded time, that of arrival, is the node's clock: by it inputs are fresh or STALE and all that is published
    has its place in time, as has the truth. Recognition takes no time here. A live verdict is published at once;
    here it is seen at the next turn of the timer, so that seconds count by time and not by messages.
    """

    def __init__(self, model: HarModel, settings: FusionSettings) -> None:
        model = model.with_card(settings.overlay(model.card))
        self._labels = model.card.labels
        self._rotation = rotation_matrix(settings.mount_rotation)
        alarm = AlarmMonitor(settings.alarm_policy(model.card))
        self._recogniser = StreamingRecogniser(model, alarm, make_gate(settings.motion_gate_levels))
        self._room = WaitingRoom(settings.queue_size, int(settings.max_latency_s * 1e9))
        self._pairer = ApproximateTimePairer(2, settings.queue_size, int(settings.slop_s * 1e9), self._take_pair)
        self._watch = StampWatch()
        self._timeout_s, self._needed = settings.timeout_s, needed_inputs(model.card)
        self._samples = SilenceWatch()
        self._freshness = self._nothing_fresh()
        self._refusals = Refusals()
        self._outcome: Recognition | HarError | None = None
        self._period_ns = round(1e9 / settings.publish_rate_hz)
        self._now_ns = self._published_ns = 0
        self._counts = Counter[str]()
        self.timeline = Timeline()
        self.seconds: dict[int, Second] = {}
        self.stale_reasons = Counter[str]()
        self.first_failure = ""
        self.start_ns: int | None = None

    @property
    def counts(self) -> dict[str, int]:
        """How many messages came and what became of them."""
        dropped = ("dropped_images", "dropped_samples")
        names = ("images", "imu_samples", "windows", *dropped, "failed_frames", "restarts")
        pairs = {"paired": self._room.paired, "unpaired": self._room.unpaired}
        return {**{name: self._counts[name] for name in names}, **pairs}

    def take(self, kind: Input, recorded_ns: int, message: Any) -> None:
        """Take one message that arrived at `recorded_ns`. Raises HarError where the truth names no activity."""
        self._publish_until(recorded_ns)
        self._now_ns = recorded_ns
        if kind is Input.TRUTH:
            self._take_truth(message.data)
        elif kind is Input.HARD_NEGATIVE:
            self.timeline.note_hard_negative(self._now_ns, message.data)
        elif kind is Input.IMU:
            self._counts["imu_samples"] += 1
            self._guard(IMU, "dropped_samples", self._take_imu, message)
        else:
            self._counts["images"] += 1
            self._guard(CAMERA, "dropped_images", self._take_image, message)

    def _guard(self, name: str, counted: str, take: Callable[[Any], None], message: Any) -> None:
        """Take a message of an input, or count it as refused."""
        try:
            take(message)
        except HarError as error:
            self._counts[counted] += 1
            self._refusals.note(name, str(error), self._now_ns / 1e9)

    def _take_image(self, message: Any) -> None:
        stamp = stamp_ns(message)
        self._note(CAMERA, stamp)
        if self._recogniser.goes_without(MODEL_IMU) and self._samples.is_lost(stamp):
            self._room.clear()
            self._recognise(stamp, lambda: self._recogniser.add_frame(stamp, picture(message)))
        else:
            self._pairer.add(_IMAGE, stamp, self._room.enter(stamp, message))

    def _take_truth(self, text: str) -> None:
        try:
            self.timeline.note_truth(self._now_ns, parse_activity(text).value)
        except ValueError as error:
            raise HarError(f"the bag's ground_truth can't be scored: {error}") from None

    def _take_imu(self, message: Any) -> None:
        accel = (message.linear_acceleration.x, message.linear_acceleration.y, message.linear_acceleration.z)
        check_reading(accel)
        accel_mps2 = np.array(accel, np.float32)
        stamp = stamp_ns(message)
        self._note(IMU, stamp)
        self._samples.note(stamp)
        self._recognise(stamp, lambda: self._recogniser.add_imu(stamp, self._rotation @ accel_mps2))
        self._pairer.add(_SAMPLE, stamp, None)

    def _note(self, name: str, stamp: int) -> None:
        """Note a message before it is used; raises HarError to refuse it."""
        self._freshness.admit(name, stamp, self._now_ns, self._now_ns / 1e9)
        if self._watch.went_back(name, stamp):
            self._counts["restarts"] += 1
            self._room.clear()
            self._pairer.clear()
            self._samples = SilenceWatch()
            self._recogniser.restart()
            self._freshness = self._nothing_fresh()
            self._outcome = None
        self._note_fresh(name, stamp)

    def _nothing_fresh(self) -> Freshness:
        return Freshness(self._needed, self._timeout_s)

    def _note_fresh(self, name: str, stamp: int) -> None:
        self._freshness.note(name, stamp, self._now_ns / 1e9)

    def _take_pair(self, waiting: Waiting, _sample: None) -> None:
        image = self._room.claim(waiting)
        if image is None:
            return
        self._note_fresh(PAIR, waiting.stamp_ns)
        self._recognise(waiting.stamp_ns, lambda: self._recogniser.add_frame(waiting.stamp_ns, picture(image)))

    def _recognise(self, stamp: int, look: Callable[[], Recognition | None]) -> None:
        """Keep what becomes of a frame, or of a sample where the camera is silent."""
        try:
            outcome: Recognition | HarError | None = look()
        except HarError as error:
            self._counts["failed_frames"] += 1
            self.first_failure = self.first_failure or str(error)
            outcome = error
        if outcome is not None:
            self._counts["windows"] += isinstance(outcome, Recognition)
            self._outcome = outcome
            self._note_fresh(WINDOW, stamp)

    def _publish_until(self, end_ns: int) -> None:
        """Publish what the node's timer would have published since the last message."""
        if self.start_ns is None:
            self.start_ns = self._published_ns = self._now_ns = end_ns
        if end_ns - self._now_ns > _LONGEST_SILENCE_NS:
            raise HarError("the bag's recorded times leap by more than a day; record it again, or cut it in two")
        while self._published_ns + self._period_ns <= end_ns:
            self._published_ns += self._period_ns
            self._publish(self._published_ns)

    def _publish(self, now_ns: int) -> None:
        reason = self._refusals.explain(self._freshness.why_stale(now_ns, now_ns / 1e9), now_ns / 1e9)
        recognition = self._outcome if isinstance(self._outcome, Recognition) and reason is None else None
        if recognition is not None:
            label = recognition.activity.label
            self.timeline.note_alarm(now_ns, recognition.anomaly.state is AlarmState.ALARM)
        elif reason is None and self._outcome is not None:
            label = FAILED
        else:
            label = STALE
            self.stale_reasons[reason or "starting anew"] += 1
        self.timeline.note_label(now_ns, label)
        self.seconds.setdefault(now_ns // SECOND_NS, Second()).add(label, recognition, len(self._labels))
