"""Continuous recordings of a simulated person, with the truth: as a bag, or as a folder of pictures and tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from har_ros import __version__
from har_ros.core.errors import HarError
from har_ros.core.labels import Activity
from har_ros.core.windows import STEP_RATE_HZ
from har_ros.dataset.capture import FRAMES_FOLDER, IMU_HEADINGS
from har_ros.dataset.writer import encode_jpeg
from har_ros.simulation.live import SimulatedCamera, SimulatedPerson

BEGIN_NS = 1_735_718_400_000_000_000  # 2025-01-01 08:00 UTC, so that the same seed gives the same recording
LABELS_FILE, IMU_FILE, ABOUT_FILE = "labels.csv", "imu.csv", "recording.json"
_NAMESPACE = "/har"
_IMAGE, _IMU = "camera/image_raw/compressed", "imu/data_raw"
_TRUTH, _HARD_NEGATIVE = "ground_truth", "hard_negative"
_DEPTH = 10
_SECURED_EVERY = 300  # pictures: what a kill takes at most


@dataclass(frozen=True)
class Moment:
    """A picture (H, W, 3) uint8 BGR, its time, what the person does, and the readings since the one before.

    hard_negative: the act's name if it only looks or feels like an anomaly, or else "".
    readings: of each its time (s), acceleration (3,) m/s^2 and angular rate (3,) rad/s.
    """

    t_s: float
    picture: NDArray[np.uint8]
    label: Activity
    hard_negative: str
    readings: list[tuple[float, NDArray[np.float32], NDArray[np.float32]]]


def moments(person: SimulatedPerson, camera: SimulatedCamera, count: int) -> Iterator[Moment]:
    """Yield `count` moments of a person whom the camera sees, 30 a second, as fast as they can be made."""
    readings = person.imu()
    pending = next(readings, None)
    for number in range(count):
        t_s = number / STEP_RATE_HZ
        since = []
        while pending is not None and pending[0] <= t_s:
            since.append(pending)
            pending = next(readings, None)
        yield Moment(t_s, camera.frame(t_s), person.label(t_s), person.hard_negative(t_s), since)


class BagRecording:
    """A rosbag2 (mcap) with JPEG pictures, readings and the truth under /har, as a robot would record them.

    Closed, it is complete, however much it holds. Raises HarError where the disk takes no more.
    """

    def __init__(self, folder: Path, about: dict[str, Any]) -> None:
        from har_ros.dataset.bag_writer import BagWriter, bag_qos  # here: a folder needs no rosbags

        self._writer = BagWriter(folder, "mcap")
        self._types = self._writer.types.types
        self._count = 0
        self._topics = {
            topic: self._writer.add(f"{_NAMESPACE}/{topic}", msgtype, bag_qos(_DEPTH))
            for topic, msgtype in (
                (_IMAGE, "sensor_msgs/msg/CompressedImage"),
                (_IMU, "sensor_msgs/msg/Imu"),
                (_TRUTH, "std_msgs/msg/String"),
                (_HARD_NEGATIVE, "std_msgs/msg/String"),
            )
        }

    def add(self, moment: Moment) -> None:
        """Write a moment."""
        for t_s, accel, gyro in moment.readings:
            self._write(_IMU, _stamp_ns(t_s), self._imu(_stamp_ns(t_s), accel, gyro))
        stamp_ns = _stamp_ns(moment.t_s)
        for topic, text in ((_TRUTH, str(moment.label)), (_HARD_NEGATIVE, moment.hard_negative)):
            self._write(topic, stamp_ns, self._types["std_msgs/msg/String"](data=text))
        data = np.frombuffer(encode_jpeg(moment.picture), np.uint8)
        picture = self._types["sensor_msgs/msg/CompressedImage"](
            header=self._header(stamp_ns, "camera"), format="bgr8; jpeg compressed bgr8", data=data
        )
        self._write(_IMAGE, stamp_ns, picture)
        self._count += 1
        if self._count % _SECURED_EVERY == 0:
            self._writer.secure()

    def close(self) -> None:
        """Complete the recording."""
        self._writer.close()

    def _write(self, topic: str, stamp_ns: int, message: Any) -> None:
        connection = self._topics[topic]
        data = bytes(self._writer.types.serialize_cdr(message, message.__msgtype__))
        if connection is None or not self._writer.write(connection, data, stamp_ns):
            raise HarError(f"the recording ended: {self._writer.failure}; free space and record again")

    def _header(self, stamp_ns: int, frame_id: str) -> Any:
        time = self._types["builtin_interfaces/msg/Time"](sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
        return self._types["std_msgs/msg/Header"](stamp=time, frame_id=frame_id)

    def _imu(self, stamp_ns: int, accel: NDArray[np.float32], gyro: NDArray[np.float32]) -> Any:
        vector, quaternion = (self._types[f"geometry_msgs/msg/{name}"] for name in ("Vector3", "Quaternion"))
        unknown = np.array([-1.0, *[0.0] * 8])  # REP-145: there is no orientation
        return self._types["sensor_msgs/msg/Imu"](
            header=self._header(stamp_ns, "imu"), orientation=quaternion(x=0.0, y=0.0, z=0.0, w=1.0),
            orientation_covariance=unknown, angular_velocity=vector(*map(float, gyro)),
            angular_velocity_covariance=np.zeros(9), linear_acceleration=vector(*map(float, accel)),
            linear_acceleration_covariance=np.zeros(9),
        )  # fmt: skip


class FolderRecording:
    """The same as frames/frame_000000.jpg ..., labels.csv with stamp and truth of each, imu.csv and recording.json."""

    def __init__(self, folder: Path, about: dict[str, Any]) -> None:
        if folder.exists():
            raise HarError(f"'{folder}' exists already; give a new folder, since a recording never replaces another")
        self._frames = folder / FRAMES_FOLDER
        self._files = ExitStack()
        try:
            self._frames.mkdir(parents=True)
            (folder / ABOUT_FILE).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
            self._imu, self._labels = (self._opened(folder / name) for name in (IMU_FILE, LABELS_FILE))
            print(next(heading for heading, width in IMU_HEADINGS.items() if width == 6), file=self._imu)
            print("stamp_ns,frame,label", file=self._labels)
        except OSError as error:
            raise HarError(f"'{folder}' can't be written ({error.strerror}); give another folder") from None
        self._count = 0

    def _opened(self, path: Path) -> IO[str]:
        return self._files.enter_context(path.open("w", encoding="ascii"))

    def add(self, moment: Moment) -> None:
        """Write a moment."""
        try:
            for t_s, accel, gyro in moment.readings:
                print(_stamp_ns(t_s), *accel, *gyro, sep=",", file=self._imu)
            name = f"frame_{self._count:06d}.jpg"
            (self._frames / name).write_bytes(encode_jpeg(moment.picture))
            print(_stamp_ns(moment.t_s), name, moment.label, sep=",", file=self._labels)
        except OSError as error:
            raise HarError(f"the recording ended: {error.strerror}; free space and record again") from None
        self._count += 1

    def close(self) -> None:
        """Complete the recording. Raises HarError."""
        try:
            self._files.close()
        except OSError as error:
            raise HarError(f"the recording ended: {error.strerror}; free space and record again") from None


FORMS: dict[str, type[BagRecording] | type[FolderRecording]] = {"bag": BagRecording, "folder": FolderRecording}


def about(person: SimulatedPerson) -> dict[str, Any]:
    """Return what made a recording."""
    return {
        "schema": "har.recording/1", "version": __version__, "scenario": person.scenario.name, "seed": person.seed,
        "imu_rate_hz": person.imu_rate_hz, "rate_hz": STEP_RATE_HZ, "source": "simulated",
    }  # fmt: skip


def _stamp_ns(t_s: float) -> int:
    return BEGIN_NS + round(t_s * 1e9)
