"""The camera node: pictures of a device, a stream, a file, a folder or the simulator, stamped as taken."""

from __future__ import annotations

import math
import os
import re
import sys
import time
from collections.abc import Sequence
from typing import Any

import cv2
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header, String

from har_ros.core.errors import HarError
from har_ros.core.preprocess import resize
from har_ros.core.resources import user_path
from har_ros.nodes import qos
from har_ros.nodes.base import HarNode, Health
from har_ros.nodes.camera_info import Calibration
from har_ros.nodes.camera_reader import CameraReader
from har_ros.nodes.camera_sources import (
    CaptureSource,
    FolderSource,
    Frame,
    Source,
    VideoSource,
    Wish,
    is_address,
)
from har_ros.nodes.images import compress, fill_image
from har_ros.nodes.neighbours import LocalImage, Neighbours
from har_ros.nodes.parameters import Parameter
from har_ros.nodes.rates import MissingWatch, RateMeter
from har_ros.nodes.running import run_node
from har_ros.nodes.simulator_source import SimulatorSource

IMAGES = "camera/image_raw"
SIMULATOR = "simulator"
TRUTH_PERIOD_S = 1.0
_QUIET_S = 1.2  # without a picture, unless the wanted rate is slower


class CameraNode(HarNode):
    """Publishes camera/image_raw and, while somebody listens, its JPEG."""

    NAME = "camera"
    PARAMETERS = (
        Parameter("source", str, "Device index, stream URL, video file, folder of pictures, or 'simulator'"),
        Parameter("rate_hz", float, "Most pictures a second; 0 as the source gives", "Hz", 0, 240),
        Parameter("width", int, "Width of the published picture; 0 as the source gives", "px", 0, 7680),
        Parameter("height", int, "Height of the published picture; 0 as the source gives", "px", 0, 4320),
        Parameter("loop", bool, "Begin a video or folder again at its end"),
        Parameter("frame_id", str, "Frame of the published pictures"),
        Parameter("camera_info_file", str, "Calibration YAML; empty for none"),
        Parameter("jpeg_quality", int, "Quality of the compressed pictures", "", 1, 100, live=True),
        Parameter("read_timeout_s", float, "Longest wait for a stream before connecting again", "s", 0.5, 60),
        Parameter("simulation_scenario", str, "Scenario of the simulated person: a name or a YAML file"),
        Parameter("simulation_seed", int, "Seed of the simulated person", low=0),
        Parameter("simulation_start_ns", int, "When the simulated person begins; 0 for now", "ns", 0),
    )

    def __init__(self, arguments: Sequence[str] | None = None, neighbours: Neighbours | None = None) -> None:
        super().__init__(arguments)
        self._shares_process = neighbours is not None
        self._neighbours = neighbours or Neighbours()
        self._topic = self.resolve_topic_name(IMAGES)
        self._neighbours.offer(self._topic)
        self._reader: CameraReader | None = None
        self._publishers_opened: list[Any] = []

    @staticmethod
    def prepare() -> None:
        """Silence OpenCV: the node itself says in words what goes wrong."""
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

    def open(self) -> None:
        """Check the source and the calibration, and create the publishers."""
        if self._shares_process and self.value("source") == SIMULATOR:  # its renderer is for one thread of a process
            raise HarError("a simulated camera needs a process of its own; use simulation:=true, or start it apart")
        self._size = self._wanted_size()
        self._make_source(self.value("source")).check()
        info_file = self.value("camera_info_file")
        self._calibration = Calibration(user_path(info_file)) if info_file else None
        self._image = Image()
        self._shape: tuple[int, ...] = (0, 0)
        self._raw = self._publisher(Image, IMAGES, qos.IMAGE)
        self._jpeg = self._publisher(CompressedImage, "camera/image_raw/compressed", qos.IMAGE)
        self._info_out = self._publisher(CameraInfo, "camera/camera_info", qos.IMAGE) if self._calibration else None
        self._truth_out = None
        if self.value("source") == SIMULATOR:
            self._truth_out = self._publisher(String, "ground_truth", qos.EVENT)
        self._truth, self._truth_said_s = "", 0.0

    def start(self) -> None:
        """Begin to read."""
        self._published = RateMeter()
        self._missing = MissingWatch()
        # A source of its own: the last reader's thread may still hang in a read of its source, and will close it.
        source = self._make_source(self.value("source"))
        self._reader = CameraReader(source, self.value("rate_hz"), self._publish, self._say)
        self._reader.start()

    def stop(self) -> None:
        """End reading."""
        if self._reader is not None:
            self._reader.stop()
            self._reader = None

    def close(self) -> None:
        """Destroy the publishers."""
        for publisher in self._publishers_opened:
            self.destroy_lifecycle_publisher(publisher)
        self._publishers_opened.clear()

    def health(self) -> Health:
        """Say what the source does, and how fast."""
        reader = self._reader
        assert reader is not None, "active without a reader"
        values = {
            "source": _without_password(self.value("source")),
            "source_state": reader.state,
            "read_hz": reader.read_rate.hz(),
            "published_hz": self._published.hz(),
            "published": self._published.count,
            "dropped": reader.dropped,
            "unreadable": reader.unreadable,
            "reconnects": reader.reconnects,
            "width": self._shape[1],
            "height": self._shape[0],
        }
        missing = self._missing.sentence(self._published.count + reader.dropped, {"were dropped": reader.dropped})
        silent_s = reader.read_rate.silent_s()
        if reader.state == "running" and silent_s > max(_QUIET_S, 2 / (self.value("rate_hz") or math.inf)):
            return Health(DiagnosticStatus.ERROR, f"no picture for {silent_s:.1f} s", values)
        if reader.state == "running" and self._calibration is not None and self._calibration.misfit:
            return Health(DiagnosticStatus.WARN, f"running without camera_info: {self._calibration.misfit}", values)
        if reader.state == "running" and missing:
            return Health(DiagnosticStatus.WARN, f"{missing}: sending takes longer than reading", values)
        level = {
            "running": DiagnosticStatus.OK,
            "opening": DiagnosticStatus.WARN,
            "ended": DiagnosticStatus.STALE,
        }.get(reader.state, DiagnosticStatus.ERROR)
        return Health(level, f"{reader.state}: {reader.reason}" if reader.reason else reader.state, values)

    def _publish(self, frame: Frame) -> None:
        """Publish one picture; runs in the reader's delivering thread."""
        picture = frame.picture
        if self._size and picture.shape[1::-1] != self._size:
            picture = resize(picture, *self._size)
        header = Header(stamp=Time(nanoseconds=frame.stamp_ns).to_msg(), frame_id=self.value("frame_id"))
        self._shape = picture.shape
        handed_on = self._neighbours.hand_on(self._topic, lambda: LocalImage(header, picture))
        if not handed_on or self._raw.get_subscription_count():
            self._image.header = header
            fill_image(self._image, picture)
            self._raw.publish(self._image)
        self._published.note()
        if self._jpeg.get_subscription_count():
            message = compress(picture, self.value("jpeg_quality"))
            message.header = header
            self._jpeg.publish(message)
        if self._calibration is not None and self._info_out is not None:
            info = self._calibration.info_for(picture.shape[1], picture.shape[0])
            if info is not None:
                info.header = header
                self._info_out.publish(info)
        self._publish_truth(frame.truth)

    def _publish_truth(self, truth: str) -> None:
        """Say what the simulated person does: at each change and once a second."""
        due = truth != self._truth or time.monotonic() - self._truth_said_s >= TRUTH_PERIOD_S
        if self._truth_out is not None and due:
            self._truth_out.publish(String(data=truth))
            self._truth, self._truth_said_s = truth, time.monotonic()

    def _publisher(self, message_type: type, topic: str, profile: Any) -> Any:
        publisher = self.create_lifecycle_publisher(message_type, topic, profile)
        self._publishers_opened.append(publisher)
        return publisher

    def _say(self, sentence: str) -> None:
        if self._reader is not None and self._reader.state == "lost":
            self.get_logger().warning(sentence)
        else:
            self.get_logger().info(sentence)

    def _now_ns(self) -> int:
        return self.get_clock().now().nanoseconds

    def _wanted_size(self) -> tuple[int, int] | None:
        width, height = self.value("width"), self.value("height")
        if bool(width) != bool(height):
            raise HarError("parameters 'width' and 'height' go together; give both, or 0 for both")
        return (width, height) if width else None

    def _make_source(self, text: str) -> Source:
        """Return the source that `text` names; raises HarError where it names none."""
        wish = Wish(self.value("width"), self.value("height"), self.value("rate_hz"))
        path = user_path(text)
        if text == SIMULATOR:
            scenario, seed = self.value("simulation_scenario"), self.value("simulation_seed")
            return SimulatorSource(scenario, seed, self.value("simulation_start_ns"), wish, self._now_ns)
        if is_address(text):
            return CaptureSource(text, wish, self.value("read_timeout_s"), self._now_ns)
        if path.is_dir():
            return FolderSource(path, wish.rate_hz, self.value("loop"), self._now_ns)
        if path.is_file():
            return VideoSource(path, self.value("loop"), self._now_ns)
        raise HarError(
            f"camera source '{text}' is neither there as a file or folder, nor a device, a URL or "
            f"'{SIMULATOR}'; correct the parameter 'source'"
        )


def _without_password(source: str) -> str:
    return re.sub(r"//[^/@]*@", "//***@", source)


def main() -> int:
    """Run the camera node."""
    return run_node(CameraNode)


if __name__ == "__main__":
    sys.exit(main())
