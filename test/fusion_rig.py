"""A fusion node as a process of its own, with made-up sensors on its topics and an ear at its results."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from ros_helpers import Inbox, RosTest
from sensor_msgs.msg import Image, Imu
from std_msgs.msg import Bool, Float32, String

NAMESPACE = "/cell"
_STEP_HZ = 100.0
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
TOPICS = {
    "activity": DiagnosticArray,
    "anomaly": DiagnosticArray,
    "activity/label": String,
    "anomaly/score": Float32,
    "anomaly/active": Bool,
}


def values(array: DiagnosticArray) -> dict[str, str]:
    """Return the key-value pairs of an array's one status."""
    return {pair.key: pair.value for pair in array.status[0].values}


def is_status(level: bytes, reason: str = "") -> Callable[[DiagnosticArray], bool]:
    """Return a test for a level, and for a reason that contains a text."""
    return lambda array: array.status[0].level == level and reason in values(array).get("reason", "")


class Sensors:
    """Publishes a camera's pictures and an accelerometer's readings; both can be changed while it runs."""

    def __init__(
        self,
        ros: RosTest,
        reliability: ReliabilityPolicy = ReliabilityPolicy.RELIABLE,
        imu_reliability: ReliabilityPolicy | None = None,
    ) -> None:
        image_profile = QoSProfile(depth=5, reliability=reliability)
        imu_profile = QoSProfile(depth=5, reliability=imu_reliability or reliability)
        self._images = ros.publisher(Image, f"{NAMESPACE}/camera/image_raw", image_profile)
        self._imu = ros.publisher(Imu, f"{NAMESPACE}/imu/data_raw", imu_profile)
        self.image_stamps: set[int] = set()
        self.last_image_ns = self.last_imu_ns = 0
        self.reset()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def reset(self) -> None:
        """Make both sensors good again."""
        self.clock_ns: Callable[[], int] = time.time_ns
        self.camera_clock_ns: Callable[[], int] | None = None  # in place of the common one
        self.imu_clock_ns: Callable[[], int] | None = None
        self.picture = np.full((48, 64, 3), 90, np.uint8)
        self.accel = (0.0, 0.0, 9.8)
        self.shake = 0.0
        self.broken = False
        self.camera_on = self.imu_on = True
        self.image_hz, self.imu_hz = 30.0, _STEP_HZ

    def close(self) -> None:
        """Fall silent."""
        self._ending.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        step, begun_s = 0, time.monotonic()
        while not self._ending.wait(max(0.0, begun_s + step / _STEP_HZ - time.monotonic())):
            if self.imu_on and _is_due(step, self.imu_hz):
                self._publish_imu(step)
            if self.camera_on and _is_due(step, self.image_hz):
                self._publish_image()
            step += 1

    def _stamp(self, header: Any, frame_id: str, clock_ns: Callable[[], int] | None) -> int:
        now_ns = (clock_ns or self.clock_ns)()
        header.stamp.sec, header.stamp.nanosec = divmod(now_ns, 1_000_000_000)
        header.frame_id = frame_id
        return now_ns

    def _publish_imu(self, step: int) -> None:
        message = Imu()
        self.last_imu_ns = self._stamp(message.header, "imu_link", self.imu_clock_ns)
        acceleration = message.linear_acceleration
        acceleration.x, acceleration.y, acceleration.z = self.accel
        acceleration.x += self.shake * float(np.sin(step / 3))
        self._imu.publish(message)

    def _publish_image(self) -> None:
        height, width = self.picture.shape[:2]
        message = Image(height=height, width=width, encoding="bgr8", step=3 * width)
        message.data.frombytes(self.picture.tobytes()[: 7 if self.broken else None])
        self.last_image_ns = self._stamp(message.header, "camera_optical_frame", self.camera_clock_ns)
        self.image_stamps.add(self.last_image_ns)
        self._images.publish(message)


def _is_due(step: int, rate_hz: float) -> bool:
    return int(step * rate_hz / _STEP_HZ) != int((step - 1) * rate_hz / _STEP_HZ)


class FusionRig:
    """The fusion node and its sensors, running within a `with` block."""

    def __init__(self, ros: RosTest, model: Path, *parameters: str, first: str = "", **sensors: Any) -> None:
        self.ros = ros
        self.heard: dict[str, Inbox] = {
            topic: ros.listen(kind, f"{NAMESPACE}/{topic}") for topic, kind in TOPICS.items()
        }
        self.model_info = ros.listen(DiagnosticArray, f"{NAMESPACE}/model_info", LATCHED)
        self.process = ros.start("fusion", f"model:={model}", *parameters, namespace=NAMESPACE, first=first)
        self.sensors = Sensors(ros, **sensors)

    def __enter__(self) -> FusionRig:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.sensors.close()
        assert self.process.end(signal.SIGINT) == 0
        assert "Traceback" not in self.process.output, self.process.output

    def until(self, level: bytes, topic: str = "activity", reason: str = "") -> DiagnosticArray:
        """Wait for a new message of a level and, in part, a reason; return it."""
        self.heard[topic].clear()
        return self.heard[topic].wait_for(is_status(level, reason))

    def until_on(self, modalities: str) -> DiagnosticArray:
        """Wait for a new activity that rests on these modalities, and return it."""
        self.heard["activity"].clear()
        return self.heard["activity"].wait_for(
            lambda array: array.status[0].level == DiagnosticStatus.OK and values(array)["modalities"] == modalities
        )
