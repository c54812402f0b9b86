"""The whole live path: a video and an ESP32 as processes, results over DDS to a reader that shares no code."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2, or the extra ros-jazzy")
pytest.importorskip("onnx", reason="needs onnx to write a model")
import cv2
import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from fusion_rig import is_status
from ros_helpers import Inbox, NodeProcess, RosTest, own_domain, stamp_ns
from sensor_msgs.msg import Image, Imu
from tiny_model import write_tiny_model

OK, STALE = b"\x00", b"\x03"
TIMEOUT_S = 0.5  # input_timeout_s in config/har.yaml
LOAD_SLACK_S = 0.3  # a busy machine delivers and wakes late
BACK_WITHIN_S = 3.0
SECOND_NS = 1_000_000_000


@dataclass
class Live:
    """The running system and what it said."""

    ros: RosTest
    video: Path
    port: int
    camera: NodeProcess
    esp32: NodeProcess
    images: Inbox
    samples: Inbox
    results: dict[str, Inbox]

    def start_camera(self) -> None:
        """Start the camera node on the video."""
        self.camera = self.ros.start("camera", f"source:={self.video}")

    def start_esp32(self) -> None:
        """Start a device that sends to the bridge."""
        self.esp32 = self.ros.run(["-m", "har_ros.cli", "fake-imu", "--sine", "--port", str(self.port)])

    def until(self, level: bytes, topic: str, reason: str = "") -> DiagnosticArray:
        """Wait for a result of a level, and in part a reason, since the last `forget`."""
        return self.results[topic].wait_for(is_status(level, reason))

    def forget(self) -> None:
        """Forget all that was heard."""
        for inbox in (self.images, self.samples, *self.results.values()):
            inbox.clear()


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Run camera, bridge, fusion and a fake ESP32."""
    folder = tmp_path_factory.mktemp("live")
    model = write_tiny_model(folder / "model", favour="WALK")
    with pytest.MonkeyPatch.context() as patch, own_domain() as domain:
        patch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
        patch.setenv("ROS_LOG_DIR", str(folder / "log"))
        ros = RosTest(domain, folder / "log")
        try:
            ros.start("imu_bridge", "host:=127.0.0.1", "port:=0")
            ros.start("fusion", f"model:={model}")
            system = Live(
                ros,
                video=write_video(folder / "person.mp4"),
                port=ros.get_parameter("/har/imu_bridge", "bound_port"),
                camera=None,  # type: ignore[arg-type]
                esp32=None,  # type: ignore[arg-type]
                images=ros.listen(Image, "/har/camera/image_raw"),
                samples=ros.listen(Imu, "/har/imu/data_raw", 200),
                results={name: ros.listen(DiagnosticArray, f"/har/{name}") for name in ("activity", "anomaly")},
            )
            system.start_camera()
            system.start_esp32()
            yield system
        finally:
            ros.close()


def write_video(path: Path) -> Path:
    """Write two seconds of 640 x 480 in which something moves."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 30, (640, 480))
    for number in range(60):
        picture = np.full((480, 640, 3), 90, np.uint8)
        cv2.circle(picture, (100 + 7 * number, 240), 60, (40, 160, 220), cv2.FILLED)
        writer.write(picture)
    writer.release()
    return path


def test_both_results_come_with_the_stamp_of_a_published_image(live: Live) -> None:
    for topic, message in (("activity", "WALK"), ("anomaly", "normal")):
        array = live.until(OK, topic)
        values = {pair.key: pair.value for pair in array.status[0].values}
        assert array.status[0].message == message
        assert array.header.frame_id == "camera_optical_frame"
        assert 0 < float(values["latency_ms"]) < 1000 * TIMEOUT_S
        assert float(values["max_sync_offset_ms"]) < 20
        live.images.wait_for(lambda image, array=array: image.header.stamp == array.header.stamp)


@pytest.mark.parametrize("victim", ["camera", "esp32"])
def test_a_killed_input_turns_results_stale_in_time_and_its_return_turns_them_back(live: Live, victim: str) -> None:
    for topic in live.results:
        live.until(OK, topic)
    source: Inbox = {"camera": live.images, "esp32": live.samples}[victim]
    named = {"camera": "camera image", "esp32": "accelerometer sample"}[victim]
    process: NodeProcess = getattr(live, victim)
    live.forget()
    source.wait()
    process.end(signal.SIGKILL)
    for topic in live.results:
        stale_ns = stamp_ns(live.until(STALE, topic, named).header)
        assert stale_ns - stamp_ns(source.all()[-1].header) < (TIMEOUT_S + LOAD_SLACK_S) * SECOND_NS
    live.forget()
    getattr(live, f"start_{victim}")()
    back_ns = stamp_ns(source.wait()[0].header)
    for topic in live.results:
        assert stamp_ns(live.until(OK, topic).header) - back_ns < BACK_WITHIN_S * SECOND_NS
