"""The recorder node: labelled captures of the live camera and accelerometer, each whole or not at all."""

from __future__ import annotations

import sys
import time
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.parameter import Parameter as RosParameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.task import Future
from sensor_msgs.msg import Image, Imu
from std_srvs.srv import SetBool, Trigger

from har_ros.core.errors import HarError
from har_ros.core.freshness import StampWatch
from har_ros.core.labels import parse_activity
from har_ros.core.mount import rotation_matrix
from har_ros.dataset.capture import SOURCES, CaptureMeta
from har_ros.nodes import qos
from har_ros.nodes.base import HarNode, Health, run_node
from har_ros.nodes.capture_builder import CaptureBuilder, Sample
from har_ros.nodes.capture_queue import CaptureQueue, Job, Outcome
from har_ros.nodes.images import to_bgr
from har_ros.nodes.message_filters import Subscriber
from har_ros.nodes.pairs import Pairs, stamp_ns_of
from har_ros.nodes.parameters import Parameter
from har_ros.nodes.rates import RateMeter

_LOOK_S = 0.1
_IMAGE_DEPTH = 30  # a second of pictures: in a recording, late is better than lost
_MAX_WAIT_S = 1.0
_META = {"label", "subject", "session", "mount", "mount_rotation", "origin"}


class RecorderNode(HarNode):
    """Serves ~/capture (one capture) and ~/record (capture after capture)."""

    NAME = "recorder"
    PARAMETERS = (
        Parameter("dataset", str, "Folder of the dataset", live=True),
        Parameter("label", str, "Activity that is being recorded", check=parse_activity, live=True),
        Parameter("subject", str, "Who is recorded, by a pseudonym such as P07", live=True),
        Parameter("session", str, "Which session of that person this is", live=True),
        Parameter("mount", str, "Where on the body the sensor is worn", live=True),
        Parameter(
            "mount_rotation",
            list,
            "Rotation from the sensor's axes to the body's, a quaternion x, y, z, w; give the fusion node's",
            check=rotation_matrix,
            live=True,
        ),
        Parameter("origin", str, "Where the data come from", choices=SOURCES, live=True),
        Parameter("consent", bool, "The recorded people have agreed to be recorded", live=True),
        Parameter("capture_timeout_s", float, "Longest wait for one capture", "s", 1.5, 600, live=True),
        Parameter("slop_s", float, "A picture and a sample must be less than this apart to pair", "s", 0.001, 1),
        Parameter(
            "input_reliability",
            str,
            "What to ask of the publishers; best_effort fits all of them",
            choices=("reliable", "best_effort"),
        ),
    )

    def __init__(self) -> None:
        super().__init__()
        self._builder = CaptureBuilder()
        self._queue: CaptureQueue | None = None
        self._subscribers: list[Subscriber] = []
        self._asked: Future | None = None
        self._recording = False
        self.add_post_set_parameters_callback(self._after_change)
        apart = ReentrantCallbackGroup()  # in the common group, a request that waits would block all else
        self.create_service(Trigger, "~/capture", self._on_capture, callback_group=apart)
        self.create_service(SetBool, "~/record", self._on_record)

    def open(self) -> None:
        """Prepare the pairing."""
        self._images, self._samples = RateMeter(), RateMeter()
        self._pairs = Pairs(qos.IMU.depth, self.value("slop_s"), _MAX_WAIT_S, self._take_pair)
        self._dropped = self._written = 0
        self._last_path, self._trouble = "", ""

    def start(self) -> None:
        """Subscribe, and start the thread that writes."""
        reliability = ReliabilityPolicy[self.value("input_reliability").upper()]
        self._begin_anew()
        images = self._subscribe(Image, "camera/image_raw", _IMAGE_DEPTH, reliability)
        samples = self._subscribe(Imu, "imu/data_raw", qos.IMU.depth, reliability)
        images.registerCallback(self._take_image)
        samples.registerCallback(self._take_sample)
        self._queue = CaptureQueue()

    def stop(self) -> None:
        """Unsubscribe; what is complete is still written, what is not is dropped."""
        self._recording = False
        self._answer(Outcome(False, "the recorder was stopped before the capture was complete"))
        for subscriber in self._subscribers:
            self.destroy_subscription(subscriber.sub)
        self._subscribers.clear()
        if self._queue is not None:
            self._queue.stop()
            self._queue = None

    def health(self) -> Health:
        """Say whether the inputs come and what was written."""
        values = {
            "recording": self._recording,
            "label": self.value("label"),
            "image_hz": self._images.hz(),
            "imu_hz": self._samples.hz(),
            "paired": self._pairs.paired,
            "unpaired": self._pairs.unpaired,
            "dropped": self._dropped,
            "written": self._written,
            "last_capture": self._last_path,
        }
        missing = self._missing_input()
        if self._trouble:
            return Health(DiagnosticStatus.ERROR, self._trouble, values)
        if missing:
            return Health(DiagnosticStatus.WARN, missing, values)
        return Health(DiagnosticStatus.OK, "recording" if self._recording else "ready", values)

    async def _on_capture(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Answer once the capture is on the disk; the executor goes on meanwhile."""
        refusal = self._refusal()
        if refusal:
            response.success, response.message = False, refusal
            return response
        asked = self._asked = Future()
        self._builder.restart()
        deadline_s = time.monotonic() + self.value("capture_timeout_s")
        timer = self.every(_LOOK_S, lambda: self._give_up_after(asked, deadline_s))
        outcome: Outcome = await asked
        self.destroy_timer(timer)
        response.success, response.message = outcome.success, outcome.message
        return response

    def _on_record(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        """Begin or end recording capture after capture."""
        refusal = self._refusal() if request.data and not self._recording else ""
        if refusal:
            response.success, response.message = False, refusal
            return response
        if request.data and not self._recording:
            self._builder.restart()
            self._trouble = ""
        self._recording = request.data
        verb = "recording" if self._recording else f"stopped; {self._written} captures written so far"
        response.success, response.message = True, verb
        return response

    def _refusal(self) -> str:
        """Why no recording can begin now; empty if it can."""
        if self.state != "active":
            return f"the recorder is {self.state}; activate it first"
        if not self.value("consent"):
            return "people are recorded only with their consent; once you have it, set the parameter 'consent'"
        if self._asked is not None or self._recording:
            return "a recording is going on already; wait for its end, or stop it with record false"
        return ""

    def _give_up_after(self, asked: Future, deadline_s: float) -> None:
        if self._asked is asked and time.monotonic() > deadline_s:
            missing = self._missing_input() or "pictures and samples do not pair for a whole second"
            timeout_s = self.value("capture_timeout_s")
            self._answer(Outcome(False, f"no complete capture in {timeout_s:g} s: {missing}"))

    def _missing_input(self) -> str:
        for meter, topic in ((self._images, "camera/image_raw"), (self._samples, "imu/data_raw")):
            if not meter.hz():
                return f"nothing comes on {topic}; look at the diagnostics of its node"
        return ""

    def _answer(self, outcome: Outcome) -> None:
        asked, self._asked = self._asked, None
        if asked is not None:
            asked.set_result(outcome)

    def _subscribe(
        self, message_type: type, topic: str, depth: int, reliability: ReliabilityPolicy
    ) -> Subscriber:
        profile = QoSProfile(depth=depth, reliability=reliability)
        subscriber = Subscriber(self, message_type, topic, qos_profile=profile)
        self._subscribers.append(subscriber)
        return subscriber

    def _begin_anew(self) -> None:
        self._watch = StampWatch()
        self._pairs.restart()
        self._builder.forget()

    def _after_change(self, changes: list[RosParameter]) -> None:
        """A capture belongs to one label, person and mount: begin another one where they change."""
        if any(change.name in _META for change in changes):
            self._builder.restart()

    def _take_image(self, message: Image) -> None:
        self._images.note()
        self._watch_time("camera", message)
        self._pairs.add_image(message)

    def _take_sample(self, message: Imu) -> None:
        self._samples.note()
        self._watch_time("imu", message)
        sample = _sample(message)
        if sample.is_finite:
            self._builder.add_sample(sample)
            self._pairs.add_sample(message)
        else:
            self._drop("a sample that is not finite")

    def _watch_time(self, name: str, message: Image | Imu) -> None:
        if self._watch.went_back(name, stamp_ns_of(message)):
            self.get_logger().warning("the stamps jumped back: starting anew", throttle_duration_sec=5.0)
            self._begin_anew()

    def _take_pair(self, image: Image, _imu: Imu) -> None:
        """Take a pair; nothing may be raised here: the filter that calls would stay locked."""
        if not self._recording and self._asked is None:
            return
        try:
            picture = to_bgr(image)
        except HarError as error:
            self._drop(str(error))
            return
        steps = self._builder.add_picture(stamp_ns_of(image), picture)
        if steps is None or self._queue is None:
            return
        root = Path(self.value("dataset")).expanduser()
        tell = partial(self._note_outcome, self._asked)
        rotation = self.value("mount_rotation")
        if self._queue.put(Job(steps, self._meta(), rotation, root, datetime.now().astimezone(), tell)):
            self._asked = None
        else:
            self._drop(f"a capture was left out: '{root}' is slower than the camera; record to a faster disk")

    def _meta(self) -> CaptureMeta:
        return CaptureMeta(
            label=parse_activity(self.value("label")),
            subject=self.value("subject"),
            session=self.value("session"),
            mount=self.value("mount"),
            source=self.value("origin"),
        )

    def _note_outcome(self, asked: Future | None, outcome: Outcome) -> None:
        """Note what became of a capture; runs in the writing thread."""
        if outcome.success:
            self._written += 1
            self._last_path, self._trouble = outcome.message, ""
        else:
            self._recording, self._trouble = False, outcome.message
            self.get_logger().error(outcome.message)
        if asked is not None:
            asked.set_result(outcome)

    def _drop(self, reason: str) -> None:
        self._dropped += 1
        self.get_logger().warning(reason, throttle_duration_sec=5.0)


def _sample(message: Imu) -> Sample:
    accel, gyro = message.linear_acceleration, message.angular_velocity
    has_gyro = message.angular_velocity_covariance[0] != -1
    return Sample(
        stamp_ns=stamp_ns_of(message),
        accel_mps2=np.array((accel.x, accel.y, accel.z), np.float32),
        gyro_radps=np.array((gyro.x, gyro.y, gyro.z), np.float32) if has_gyro else None,
    )


def main() -> int:
    """Run the recorder node."""
    return run_node(RecorderNode)


if __name__ == "__main__":
    sys.exit(main())
