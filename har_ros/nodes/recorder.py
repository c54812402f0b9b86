"""The recorder node: labelled captures of the live camera and accelerometer, each whole or not at all."""

from __future__ import annotations

import sys
import time
from datetime import datetime
from functools import partial

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from numpy.typing import NDArray
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter as RosParameter
from rclpy.qos import ReliabilityPolicy
from rclpy.task import Future
from sensor_msgs.msg import Image
from std_srvs.srv import SetBool, Trigger

from har_ros.core.errors import HarError
from har_ros.core.freshness import CAMERA, IMU
from har_ros.core.labels import parse_activity
from har_ros.core.mount import rotation_matrix
from har_ros.core.resources import user_path
from har_ros.core.windows import MAX_GAP_S
from har_ros.dataset.capture import SOURCES, CaptureMeta
from har_ros.link.session import StampedReading
from har_ros.nodes import qos
from har_ros.nodes.base import HarNode, Health
from har_ros.nodes.capture_builder import CaptureBuilder, Sample
from har_ros.nodes.capture_queue import CaptureQueue, Job, Outcome
from har_ros.nodes.images import to_bgr
from har_ros.nodes.paired_inputs import InputSettings, PairedInputs
from har_ros.nodes.parameters import Parameter
from har_ros.nodes.running import run_node

_LOOK_S = 0.1
_IMAGE_DEPTH = 30  # a second of pictures: in a recording, late is better than lost
_MAX_WAIT_S = 1.0
_LEAST_HZ = 4.5  # pictures further apart than MAX_GAP_S make no capture, and a measured rate wavers
_META = {"label", "subject", "session", "mount", "mount_rotation", "origin"}


class RecorderNode(HarNode):
    """Serves ~/capture (one capture) and ~/record (capture after capture)."""

    NAME = "recorder"
    EXECUTOR = SingleThreadedExecutor  # whose services may wait: those on Jazzy's EventsExecutor can't
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
        Parameter("consent", bool, "The recorded people have agreed to be recorded; false ends a recording", live=True),
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
        self._builder: CaptureBuilder  # these two exist while the node is active
        self._inputs: PairedInputs
        self._queue: CaptureQueue | None = None
        self._asked: Future | None = None
        self._recording = False
        self._complete_s = 0.0  # when the newest capture was complete, or recording began
        self.add_post_set_parameters_callback(self._after_change)
        apart = ReentrantCallbackGroup()  # in the common group, a request that waits would block all else
        self.create_service(Trigger, "~/capture", self._on_capture, callback_group=apart)
        self.create_service(SetBool, "~/record", self._on_record)

    def open(self) -> None:
        """Begin to count."""
        self._written = 0
        self._last_path, self._trouble = "", ""

    def start(self) -> None:
        """Subscribe, and start the thread that writes."""
        settings = InputSettings(
            compressed=False,
            reliability=ReliabilityPolicy[self.value("input_reliability").upper()],
            image_depth=_IMAGE_DEPTH,
            queue_size=qos.IMU.depth,
            slop_s=self.value("slop_s"),
            max_wait_s=_MAX_WAIT_S,
        )
        self._builder = CaptureBuilder(settings.slop_s)
        self._inputs = PairedInputs(self, settings, self._take_sample, self._take_pair, self._restart)
        self._queue = CaptureQueue()

    def stop(self) -> None:
        """Unsubscribe; what is complete is still written, what is not is dropped."""
        self._recording = False
        self._answer(Outcome(False, "the recorder was stopped before the capture was complete"))
        if self._queue is not None:
            self._inputs.close()
            self._queue.stop()
            self._queue = None

    def health(self) -> Health:
        """Say whether the inputs come and what was written."""
        inputs = self._inputs
        values = {
            "recording": self._recording,
            "label": self.value("label"),
            "image_hz": inputs.images.hz(),
            "imu_hz": inputs.samples.hz(),
            "paired": inputs.pairs.paired,
            "unpaired": inputs.pairs.unpaired,
            "dropped": inputs.dropped_images,
            "dropped_samples": inputs.dropped_samples,
            "written": self._written,
            "last_capture": self._last_path,
        }
        trouble = self._trouble or inputs.qos_problem
        if trouble:
            return Health(DiagnosticStatus.ERROR, trouble, values)
        doubt = self._doubt()
        if doubt:
            return Health(DiagnosticStatus.WARN, doubt, values)
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
            self._trouble, self._complete_s = "", time.monotonic()
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
            self._answer(Outcome(False, self._no_capture()))

    def _doubt(self) -> str:
        """Return what keeps captures from being made, as far as is known now; empty while all goes well."""
        overdue = self._recording and time.monotonic() - self._complete_s > self.value("capture_timeout_s")
        return self._no_capture() if overdue else self._missing_input() or self._refused_input()

    def _no_capture(self) -> str:
        """Return what is said where no capture came in time, with the likeliest cause."""
        cause = self._missing_input() or self._refused_input() or self._why_unpaired()
        return f"no complete capture in {self.value('capture_timeout_s'):g} s: {cause}"

    def _why_unpaired(self) -> str:
        """Return why inputs that both come make no capture."""
        apart_s, hz = self._inputs.stamps_apart_s, self._inputs.images.hz()
        if apart_s > _MAX_WAIT_S:
            remedy = "set the clocks by NTP, or header.stamp in a driver that leaves it unset"
            return f"stamps of pictures and samples are {apart_s:.1f} s apart; {remedy}"
        if hz < _LEAST_HZ:
            return f"{hz:.1f} pictures a second are too few; each must follow the last one within {MAX_GAP_S:g} s"
        return "pictures and samples do not pair for a whole second"

    def _refused_input(self) -> str:
        """Return why what comes is not used; empty while it is."""
        refusals, steady_s = self._inputs.refusals, time.monotonic()
        return refusals.of(CAMERA, steady_s) or refusals.of(IMU, steady_s)

    def _missing_input(self) -> str:
        """Why an input does not come; empty while both do."""
        inputs = self._inputs
        for meter, topic in ((inputs.images, "camera/image_raw"), (inputs.samples, "imu/data_raw")):
            if not meter.hz():
                name = self.resolve_topic_name(topic)
                return inputs.qos_problem or f"nothing comes on {name}; look at the diagnostics of its node"
        return ""

    def _answer(self, outcome: Outcome) -> None:
        asked, self._asked = self._asked, None
        if asked is not None:
            asked.set_result(outcome)

    def _restart(self) -> None:
        """Begin anew after a jump of the stamps."""
        self._inputs.restart()
        self._builder.forget()

    def _after_change(self, changes: list[RosParameter]) -> None:
        """A capture belongs to one label, person and mount: begin another one where they change.

        Without consent none goes on; those that were complete with it are written.
        """
        if self.state != "active":
            return
        if any(change.name in _META for change in changes):
            self._builder.restart()
        if not self.value("consent") and (self._recording or self._asked is not None):
            self.get_logger().warning("the consent was withdrawn, so the recording ends")
            self._recording = False
            self._builder.forget()
            self._answer(Outcome(False, "the consent was withdrawn before the capture was complete"))

    def _take_sample(self, reading: StampedReading) -> None:
        accel_mps2 = np.array(reading.accel_mps2, np.float32)
        self._builder.add_sample(Sample(reading.stamp_ns, accel_mps2, _gyro_radps(reading)))

    def _take_pair(self, stamp_ns: int, image: Image) -> None:
        if not self._recording and self._asked is None:
            return
        steps = self._builder.add_picture(stamp_ns, to_bgr(image))
        if steps is None or self._queue is None:
            return
        self._complete_s = time.monotonic()
        root = user_path(self.value("dataset"))
        tell = partial(self._note_outcome, self._asked)
        rotation = self.value("mount_rotation")
        if not self._queue.put(Job(steps, self._meta(), rotation, root, datetime.now().astimezone(), tell)):
            raise HarError(f"'{root}' is slower than the camera, so a capture is lost; record to a faster disk")
        self._asked = None

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


def _gyro_radps(reading: StampedReading) -> NDArray[np.float32] | None:
    """Return the angular velocity, or None where the sensor has no gyro. Raises HarError for a broken one."""
    if reading.gyro_radps is None:
        return None
    gyro_radps = np.array(reading.gyro_radps, np.float32)
    if not np.isfinite(gyro_radps).all():
        raise HarError("a gyro's reading that is not finite")
    return gyro_radps


def main() -> int:
    """Run the recorder node."""
    return run_node(RecorderNode)


if __name__ == "__main__":
    sys.exit(main())
