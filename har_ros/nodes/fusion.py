"""The fusion node: pairs camera and accelerometer, recognises in a thread, and reports.

The worker's thread publishes a verdict as soon as it is there. A beat publishes where none is, so that the
topics turn STALE when an input dies and never fall silent, whatever other nodes of the process are at.
"""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rclpy.clock import JumpThreshold
from rclpy.duration import Duration
from rclpy.parameter import Parameter as RosParameter
from rclpy.qos import ReliabilityPolicy
from std_srvs.srv import Trigger

from har_ros.core.alarm_policy import AlarmPolicy
from har_ros.core.decision import AlarmMonitor
from har_ros.core.errors import HarError
from har_ros.core.freshness import WINDOW
from har_ros.core.fusion_parameters import PARAMETERS
from har_ros.core.fusion_settings import FusionSettings
from har_ros.core.mount import LastReadings, rotation_matrix, upright_rotation
from har_ros.core.pictures import decompress
from har_ros.core.preprocess import Vector
from har_ros.core.resources import find_model
from har_ros.inference.model import HarModel
from har_ros.inference.motion_gate import make_gate
from har_ros.inference.pool import ModelPool
from har_ros.inference.recogniser import StreamingRecogniser
from har_ros.inference.sessions import CPU
from har_ros.link.session import StampedReading
from har_ros.nodes import qos
from har_ros.nodes.base import HarNode, Health, MustRestartError, describe
from har_ros.nodes.beat import Beat
from har_ros.nodes.convert import Report
from har_ros.nodes.fusion_health import FusionHealth
from har_ros.nodes.fusion_inputs import FusionInputs
from har_ros.nodes.fusion_results import FusionResults
from har_ros.nodes.fusion_worker import Frame, FusionWorker, Outcome
from har_ros.nodes.images import to_bgr
from har_ros.nodes.neighbours import Neighbours
from har_ros.nodes.paired_inputs import InputSettings
from har_ros.nodes.running import run_node

_HANGS_S = 10.0  # a picture takes milliseconds, on a swapping machine seconds; STALE has been said long before


class FusionNode(HarNode):
    """Publishes what the person does and whether it is dangerous, or STALE and why."""

    NAME = "fusion"
    PARAMETERS = PARAMETERS

    def __init__(
        self,
        arguments: Sequence[str] | None = None,
        neighbours: Neighbours | None = None,
        models: ModelPool | None = None,
    ) -> None:
        """Begin; see HarNode for the arguments. Neighbours and models are those of the process, or the node's own."""
        self._neighbours = neighbours or Neighbours()
        self._models = models or ModelPool()
        self._inputs: FusionInputs  # these three exist while the node is active, as its beat does
        self._worker: FusionWorker
        self._health: FusionHealth
        self._beat: Beat | None = None
        self._results: FusionResults | None = None  # from configuring to cleaning up
        self._alarm = AlarmMonitor(AlarmPolicy())  # a new one at each configuration: deactivating releases no alarm
        self._report: Report  # the last one published
        self._published: Outcome | None = None
        self._published_steady_s = -math.inf
        self._reporting = threading.Lock()
        self._readings = LastReadings()
        super().__init__(arguments)
        self._rotation = rotation_matrix(self.value("mount_rotation"))
        self.add_post_set_parameters_callback(self._after_change)
        self.create_service(Trigger, "~/acknowledge", self._acknowledge)
        self.create_service(Trigger, "~/calibrate_mount", self._calibrate_mount)

    @staticmethod
    def prepare() -> None:
        """Let OpenCV use one thread: a picture is too small to share out, and threads of others are waited for."""
        cv2.setNumThreads(1)

    def open(self) -> None:
        """Load the model and offer the topics. Raises HarError."""
        self._model = self._load_model()
        self._alarm = AlarmMonitor(self._settings().alarm_policy(self._model.card))
        self._results = FusionResults(self, self._model.card, 1 / self.value("publish_rate_hz"))

    def start(self) -> None:
        """Listen, recognise and report."""
        self._report = Report(0, reason="starting")
        settings = self._input_settings()
        decode = decompress if settings.compressed else to_bgr
        gate = make_gate(self.value("motion_gate_levels"))
        recogniser = StreamingRecogniser(self._model, self._alarm, gate)
        self._worker = FusionWorker(recogniser, decode, self._to_body, self._tick, self._models.turns)
        timeout_s = self._settings().timeout_s
        self._inputs = FusionInputs(
            self,
            self._model.card,
            settings,
            timeout_s,
            self._take_imu,
            self._take_pair,
            self._restart,
            self._neighbours,
        )
        back_in_time = JumpThreshold(min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=True)
        self._jump_handle = self.get_clock().create_jump_callback(
            back_in_time, post_callback=lambda _jump: self._restart()
        )
        self._health = FusionHealth(
            self._inputs, self._readings, self._worker, gate, self._model, self.value("imu_rate_hz")
        )
        self._worker.start()
        self._out.introduce(self._now_ns())
        self._beat = Beat(1 / self.value("publish_rate_hz"), self._publish_if_silent)
        self._beat.start()

    def stop(self) -> None:
        """Stop listening and say so: one last STALE."""
        beat = self._beat
        if beat is None:
            return
        with self._reporting:
            self._beat = None
        beat.stop()
        self._jump_handle.unregister()
        self._inputs.close()
        self._publish(Report(self._now_ns(), reason="the node stops"))
        self._out.wait_for_readers()
        self._worker.stop()  # last: a network that hangs must not keep the STALE back

    def close(self) -> None:
        """Withdraw the topics."""
        if self._results is not None:
            self._results.withdraw()
            self._results = None

    def check(self) -> None:
        """Refuse to fall silent once the beat has died, and to wait for ever for a network that hangs."""
        if self._beat is None:
            return
        if self._beat.failure is not None:
            raise HarError(f"the beat of verdicts has ended: {describe(self._beat.failure)}")
        if self._worker.busy_s() > _HANGS_S:
            raise MustRestartError(f"the network has hung for {_HANGS_S:.0f} s; the process ends, to be started anew")

    def health(self) -> Health:
        """Return rates, losses, latencies and why there is no verdict, if so."""
        return self._health.of(self._report)

    @property
    def _out(self) -> FusionResults:
        assert self._results is not None, "active without topics"
        return self._results

    def _load_model(self) -> HarModel:
        provider = self.value("provider")
        providers = tuple(dict.fromkeys((provider, *CPU)))
        model = self._models.load(find_model(self.value("model")), self.value("threads"), providers)
        return model.with_card(self._settings().overlay(model.card))

    def _settings(self) -> FusionSettings:
        return FusionSettings(**{field.name: self.value(field.name) for field in fields(FusionSettings)})

    def _input_settings(self) -> InputSettings:
        settings = self._settings()
        return InputSettings(
            compressed=self.value("image_transport") == "compressed",
            reliability=ReliabilityPolicy[self.value("input_reliability").upper()],
            image_depth=qos.IMAGE.depth,
            queue_size=settings.queue_size,
            slop_s=settings.slop_s,
            max_wait_s=settings.max_latency_s,
        )

    def _take_imu(self, reading: StampedReading) -> None:
        self._readings.add(reading.stamp_ns, reading.accel_mps2)
        self._worker.add_imu(reading.stamp_ns, reading.accel_mps2)

    def _to_body(self, accel_mps2: Vector) -> NDArray[np.float32]:
        """Return a reading (3,) as the model knows it, its axes turned."""
        turned: NDArray[np.float32] = self._rotation @ np.array(accel_mps2, np.float32)
        return turned

    def _take_pair(self, stamp_ns: int, image: Any) -> None:
        self._worker.add_frame(Frame(stamp_ns, image.header.frame_id, image))

    def _restart(self) -> None:
        """Begin anew after a jump of the clock."""
        self._readings.clear()
        self._inputs.restart()
        self._worker.restart()

    def _publish_if_silent(self) -> None:
        """Publish where no verdict has been published for a period."""
        if time.monotonic() - self._published_steady_s >= 1 / self.value("publish_rate_hz"):
            self._tick()

    def _tick(self) -> None:
        """Publish what is to be said now; both the worker's thread and the beat's come here."""
        with self._reporting:
            if self._beat is not None:  # else the node is being stopped
                self._report_now()

    def _report_now(self) -> None:
        outcome = self._worker.latest()
        news = outcome if outcome is not self._published else None
        if news is not None:
            self._published = news
            self._inputs.freshness.note(WINDOW, news.frame.stamp_ns, news.done_steady_s)
        self._publish(self._judge(outcome))
        if news is not None:
            self._health.latencies_ms.append((self._now_ns() - news.frame.stamp_ns) / 1e6)
        self._worker.draws = self._out.watched
        if self._worker.draws:
            self._out.show(self._report, news.picture if news is not None else None)

    def _judge(self, outcome: Outcome | None) -> Report:
        now_ns = self._now_ns()
        reason = self._inputs.why_stale(now_ns)
        if reason is not None or outcome is None:
            return Report(now_ns, reason=reason or "starting anew")
        return Report(
            outcome.frame.stamp_ns,
            outcome.frame.frame_id,
            latency_ms=(now_ns - outcome.frame.stamp_ns) / 1e6,
            recognition=outcome.recognition,
            failed=bool(outcome.failure),
            reason=outcome.failure,
        )

    def _publish(self, report: Report) -> None:
        self._report = report
        self._published_steady_s = time.monotonic()
        self._out.publish(report)

    def _after_change(self, changes: list[RosParameter]) -> None:
        for change in changes:
            if change.name == "mount_rotation":
                self._rotation = rotation_matrix(change.value)
                if self._beat is not None:
                    self._worker.restart()

    def _acknowledge(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = self._alarm.acknowledge()
        response.message = "alarm released" if response.success else "there is no alarm"
        return response

    def _calibrate_mount(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        try:
            still = self._readings.since(self._now_ns(), self.value("input_timeout_s"))
            rotation = upright_rotation(still)
            self.set_parameters([RosParameter("mount_rotation", value=list(rotation))])
            response.success = True
            response.message = "mount_rotation is " + ", ".join(f"{number:.4f}" for number in rotation)
        except HarError as error:
            response.message = str(error)
        return response

    def _now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)


def main() -> int:
    """Run the fusion node."""
    return run_node(FusionNode)


if __name__ == "__main__":
    sys.exit(main())
