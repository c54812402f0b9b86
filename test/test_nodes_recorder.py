"""The recorder as a process, fed with pictures and samples over DDS; what it wrote is read from the disk."""

from __future__ import annotations

import json
import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2, or the extra ros-jazzy")

from rclpy.qos import QoSProfile, ReliabilityPolicy
from ros_helpers import RosTest, Status
from sensor_msgs.msg import Image, Imu
from std_srvs.srv import SetBool, Trigger

OK, WARN, ERROR = 0, 1, 2
SLOPE_MPS2 = 1 / 32  # from sample to sample; by x a picture's sample is known
FAR_NS = 2 * 10**18  # 63 years


class Feeder:
    """Publishes a grey picture at 30 Hz and a sample at 90 Hz, in a thread, until told to pause or to be odd."""

    def __init__(self, ros: RosTest, reliability: ReliabilityPolicy = ReliabilityPolicy.RELIABLE) -> None:
        self._images = ros.publisher(Image, "/har/camera/image_raw", QoSProfile(depth=100, reliability=reliability))
        self._samples = ros.publisher(Imu, "/har/imu/data_raw", QoSProfile(depth=300, reliability=reliability))
        self.shift_ns = 0  # of all stamps
        self.samples_late_ns = 0
        self.samples_per_picture = 3
        self.encoding = "bgr8"
        self._ending = threading.Event()
        self.paused = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        image = Image(height=48, width=64, encoding="bgr8", step=192)
        sample = Imu()
        sample.angular_velocity.z = 0.3
        index = 0
        begun_ns = time.time_ns()
        while not self._ending.is_set():
            stamp_ns = begun_ns + index * 11_111_111
            time.sleep(max(0.0, (stamp_ns - time.time_ns()) / 1e9))
            index += 1
            if self.paused.is_set():
                continue
            stamp(sample, stamp_ns + self.shift_ns - self.samples_late_ns)
            sample.linear_acceleration.z = 9.8
            sample.linear_acceleration.x = index * SLOPE_MPS2
            self._samples.publish(sample)
            if index % self.samples_per_picture == 0:
                image.encoding = self.encoding
                stamp(image, stamp_ns + self.shift_ns)
                image.data = bytes([index % 256]) * (48 * 192)
                self._images.publish(image)


def stamp(message: Image | Imu, stamp_ns: int) -> None:
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp_ns, 1_000_000_000)


@pytest.fixture
def feeder(ros: RosTest) -> Iterator[Feeder]:
    feeder = Feeder(ros)
    yield feeder
    feeder.stop()


def start(ros: RosTest, dataset: Path, *options: str) -> object:
    ros.diagnostics.clear()
    process = ros.start("recorder", f"dataset:={dataset}", "label:=walking", "subject:=P07", *options)
    ros.status("har/recorder", lambda status: status.values["state"] == "active")
    return process


def capture(ros: RosTest) -> Trigger.Response:
    return ros.call(Trigger, "/har/recorder/capture", Trigger.Request())


def written(status: Status) -> int:
    return int(status.values.get("written", 0))


def record(ros: RosTest, on: bool) -> SetBool.Response:
    return ros.call(SetBool, "/har/recorder/record", SetBool.Request(data=on))


def test_a_capture_is_one_whole_second_in_the_papers_layout(ros: RosTest, feeder: Feeder, tmp_path: Path) -> None:
    node = start(ros, tmp_path, "consent:=true", "session:=2")
    answer = capture(ros)
    assert answer.success, answer.message
    folder = Path(answer.message)
    assert folder.parent == tmp_path / "WALK"
    assert {path.name for path in folder.iterdir()} == {"capture.json", "frames", "readings"}
    assert len(list((folder / "frames").iterdir())) == 30
    readings = np.loadtxt(folder / "readings" / "esp.txt", delimiter=",")
    assert readings.shape == (30, 3)
    steps_mps2 = np.diff(readings[1:-1, 0])  # the ends may lack their nearest sample
    np.testing.assert_allclose(steps_mps2, 3 * SLOPE_MPS2, atol=1e-3)
    first = cv2.imread(str(folder / "frames" / "frame_0.jpg"))
    assert first.shape == (48, 64, 3)
    assert abs(float(first.mean()) - readings[0, 0] / SLOPE_MPS2 % 256) < 2
    stamps_ns = json.loads((folder / "capture.json").read_text())["frame_stamps_ns"]
    assert (np.diff(stamps_ns) > 30_000_000).all()
    meta = json.loads((folder / "capture.json").read_text())
    assert (meta["subject"], meta["session"], meta["source"]) == ("P07", "2", "real")
    samples = np.loadtxt(folder / "readings" / "imu.csv", delimiter=",", skiprows=1)
    assert samples.shape[1] == 7
    assert len(samples) > 85
    assert node.end() == 0


def test_nobody_is_recorded_without_consent(ros: RosTest, feeder: Feeder, tmp_path: Path) -> None:
    start(ros, tmp_path)
    for answer in (capture(ros), record(ros, True)):
        assert not answer.success
        assert "consent" in answer.message
    assert not list(tmp_path.rglob("*.jpg"))
    assert ros.set_parameter("/har/recorder", "consent", True) == (True, "")
    assert capture(ros).success


def test_withdrawn_consent_ends_a_recording_and_a_capture_that_waits(
    ros: RosTest, feeder: Feeder, tmp_path: Path
) -> None:
    start(ros, tmp_path, "consent:=true")
    assert record(ros, True).success
    ros.status("har/recorder", lambda status: written(status) >= 1)
    assert ros.set_parameter("/har/recorder", "consent", False) == (True, "")
    ros.diagnostics.clear()
    ros.status("har/recorder", lambda status: status.values["recording"] == "False")
    assert "consent" in record(ros, True).message
    time.sleep(1.0)  # for those that were complete
    whole = len(list(tmp_path.rglob("capture.json")))
    time.sleep(1.5)
    assert len(list(tmp_path.rglob("capture.json"))) == whole
    assert ros.set_parameter("/har/recorder", "consent", True) == (True, "")
    feeder.paused.set()
    answers: list[Trigger.Response] = []
    waiting = threading.Thread(target=lambda: answers.append(capture(ros)))
    waiting.start()
    time.sleep(1.0)  # of the ten that the capture waits
    assert ros.set_parameter("/har/recorder", "consent", False) == (True, "")
    waiting.join()
    assert (answers[0].success, answers[0].message) == (
        False, "the consent was withdrawn before the capture was complete"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ({"encoding": "odd"}, "(images of encoding|cv_bridge can't convert) 'odd'"),
        ({"samples_per_picture": 24}, r"[34]\.\d pictures a second are too few; each must follow the last one within"),
        ({"samples_late_ns": 5 * 10**9}, r"stamps of pictures and samples are (4\.9|5\.\d) s apart; set the clocks"),
    ],
)
def test_what_keeps_captures_from_being_made_is_told(
    ros: RosTest, feeder: Feeder, tmp_path: Path, fault: dict[str, object], cause: str
) -> None:
    for name, value in fault.items():
        setattr(feeder, name, value)
    start(ros, tmp_path, "consent:=true", "capture_timeout_s:=2.0")
    answer = capture(ros)
    assert not answer.success
    assert re.match(f"no complete capture in 2 s: {cause}", answer.message), answer.message
    assert record(ros, True).success
    ros.diagnostics.clear()
    status = ros.status("har/recorder", lambda status: re.search(cause, status.message))
    assert status.level == WARN and written(status) == 0


def test_recording_goes_on_until_it_is_ended(ros: RosTest, feeder: Feeder, tmp_path: Path) -> None:
    node = start(ros, tmp_path, "consent:=true")
    assert record(ros, True).success
    assert "going on already" in capture(ros).message
    ros.status("har/recorder", lambda status: written(status) >= 2)
    assert ros.set_parameter("/har/recorder", "label", "sit") == (True, "")
    assert not ros.set_parameter("/har/recorder", "label", "dancing")[0]
    ros.status("har/recorder", lambda status: "SITTING" in status.values.get("last_capture", ""))
    assert record(ros, False).success
    assert node.end() == 0  # by then all that was complete is written
    folders = [path.parent for path in tmp_path.rglob("capture.json")]
    assert {folder.parent.name for folder in folders} == {"WALK", "SITTING"}
    assert all(len(list(folder.glob("frames/*.jpg"))) == 30 for folder in folders)


def test_captures_are_in_the_bodys_axes_and_say_how_the_sensor_was_turned(
    ros: RosTest, feeder: Feeder, tmp_path: Path
) -> None:
    start(ros, tmp_path, "consent:=true")
    plain = Path(capture(ros).message)
    assert json.loads((plain / "capture.json").read_text())["extra"] == {}
    assert record(ros, True).success
    half = 0.5**0.5
    quarter_about_y = [0.0, half, 0.0, half]  # the sensor's z is the body's x, and its x points down
    assert ros.set_parameter("/har/recorder", "mount_rotation", quarter_about_y) == (True, "")
    ros.status("har/recorder", lambda status: written(status) >= 3)
    assert record(ros, False).success
    turned = max(path for path in tmp_path.glob("WALK/*") if not path.name.startswith("."))
    np.testing.assert_allclose(
        json.loads((turned / "capture.json").read_text())["extra"]["mount_rotation"], quarter_about_y
    )
    readings = np.loadtxt(turned / "readings" / "esp.txt", delimiter=",")
    np.testing.assert_allclose(readings[:, 0], 9.8, atol=1e-3)
    np.testing.assert_allclose(np.diff(readings[1:-1, 2]), -3 * SLOPE_MPS2, atol=1e-3)
    samples = np.loadtxt(turned / "readings" / "imu.csv", delimiter=",", skiprows=1)
    np.testing.assert_allclose(samples[:, 1], 9.8, atol=1e-3)
    np.testing.assert_allclose(samples[:, 4], 0.3, atol=1e-3)  # the gyro's z
    accepted, reason = ros.set_parameter("/har/recorder", "mount_rotation", [0.0, 0.0, 0.0, 0.0])
    assert not accepted
    assert "a rotation is a quaternion" in reason


def test_a_broken_stream_gives_a_sentence_and_no_capture(ros: RosTest, feeder: Feeder, tmp_path: Path) -> None:
    feeder.paused.set()
    start(ros, tmp_path / "new", "consent:=true", "capture_timeout_s:=1.5")
    answer = capture(ros)
    assert not answer.success
    assert answer.message.startswith("no complete capture in 1.5 s: nothing comes on /har/camera/image_raw")
    assert not (tmp_path / "new").exists()
    feeder.paused.clear()
    assert ros.set_parameter("/har/recorder", "capture_timeout_s", 15.0) == (True, "")
    assert capture(ros).success


def test_after_a_jump_back_of_the_stamps_captures_hold_samples_of_the_new_time_alone(
    ros: RosTest, feeder: Feeder, tmp_path: Path
) -> None:
    start(ros, tmp_path, "consent:=true")
    assert capture(ros).success
    feeder.shift_ns = -3600 * 1_000_000_000  # as a looped recording does
    answer = capture(ros)
    assert answer.success, answer.message
    folder = Path(answer.message)
    stamps_ns = json.loads((folder / "capture.json").read_text())["frame_stamps_ns"]
    samples = (folder / "readings" / "imu.csv").read_text().splitlines()[1:]
    last_ns = int(samples[-1].split(",")[0])
    assert 85 < len(samples) < 150
    assert abs(last_ns - stamps_ns[-1]) < 1_000_000_000


@pytest.mark.parametrize(
    ("shift_ns", "samples_late_ns", "counted"),
    [(-FAR_NS, -FAR_NS, "dropped"), (0, FAR_NS, "dropped_samples")],
    ids=["pictures", "samples"],
)
def test_stamps_before_1970_are_dropped_and_captures_go_on_after_them(
    ros: RosTest, feeder: Feeder, tmp_path: Path, shift_ns: int, samples_late_ns: int, counted: str
) -> None:
    node = start(ros, tmp_path, "consent:=true")
    feeder.shift_ns, feeder.samples_late_ns = shift_ns, samples_late_ns
    ros.status("har/recorder", lambda status: int(status.values.get(counted, 0)) > 20)
    assert "stamp is negative" in node.output
    feeder.shift_ns = feeder.samples_late_ns = 0
    answer = capture(ros)
    assert answer.success, answer.message
    assert node.end() == 0


def test_a_picture_may_be_far_from_its_sample_where_the_slop_allows_it(
    ros: RosTest, feeder: Feeder, tmp_path: Path
) -> None:
    feeder.samples_per_picture, feeder.samples_late_ns = 18, 950_000_000  # 5 Hz: 0.8 s between first and last
    node = start(ros, tmp_path, "consent:=true", "slop_s:=1.0")
    assert record(ros, True).success
    ros.status("har/recorder", lambda status: written(status) >= 3)
    assert node.end() == 0


def test_best_effort_publishers_are_named_and_taken_when_asked_for(ros: RosTest, tmp_path: Path) -> None:
    feeder = Feeder(ros, ReliabilityPolicy.BEST_EFFORT)
    try:
        node = start(ros, tmp_path, "consent:=true", "capture_timeout_s:=1.5")
        cause = "offers less than input_reliability asks for; set that to best_effort"
        ros.status("har/recorder", lambda status: status.level == ERROR and cause in status.message)
        answer = capture(ros)
        assert not answer.success
        assert cause in answer.message
        assert node.end() == 0
        start(ros, tmp_path, "consent:=true", "input_reliability:=best_effort")
        answer = capture(ros)
        assert answer.success, answer.message
    finally:
        feeder.stop()


def test_an_unwritable_dataset_is_told_in_the_answer_and_the_node_lives(
    ros: RosTest, feeder: Feeder, tmp_path: Path
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder", encoding="utf-8")
    start(ros, blocked / "dataset", "consent:=true")
    answer = capture(ros)
    assert not answer.success
    assert "can't write a capture to" in answer.message
    ros.status("har/recorder", lambda status: status.level == ERROR and "can't write" in status.message)
    assert ros.set_parameter("/har/recorder", "dataset", str(tmp_path / "good")) == (True, "")
    assert capture(ros).success


def test_a_killed_recorder_leaves_whole_captures_only(ros: RosTest, feeder: Feeder, tmp_path: Path) -> None:
    node = start(ros, tmp_path, "consent:=true")
    assert record(ros, True).success
    ros.status("har/recorder", lambda status: written(status) >= 1)
    assert node.end(signal.SIGKILL) == -9
    again = start(ros, tmp_path, "consent:=true")
    assert capture(ros).success
    assert again.end(signal.SIGTERM) == 0
    visible = [path for path in (tmp_path / "WALK").iterdir() if not path.name.startswith(".")]
    assert len(visible) >= 2
    for folder in visible:
        assert len(list(folder.glob("frames/*.jpg"))) == 30
        assert (folder / "capture.json").is_file()
