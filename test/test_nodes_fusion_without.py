"""A fusion node that lacks an input, over real DDS: it goes on where the model can, and says why."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2, or the extra ros-jazzy")
pytest.importorskip("onnx", reason="needs onnx to write a model")
from diagnostic_msgs.msg import DiagnosticStatus
from fusion_rig import FusionRig, values
from rclpy.qos import ReliabilityPolicy
from ros_helpers import RosTest
from tiny_model import write_tiny_model

STALE = DiagnosticStatus.STALE
WARN_NUMBER, ERROR_NUMBER = 1, 2  # as Status has it
NODE = "cell/fusion"
CASES = ("camera+imu", "camera", "imu")


def test_a_best_effort_camera_is_named_in_diagnostics(ros: RosTest, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "model")
    with FusionRig(ros, model, reliability=ReliabilityPolicy.BEST_EFFORT):
        found = ros.status(NODE, lambda status: status.level == ERROR_NUMBER)
        assert "input_reliability" in found.message


def test_a_best_effort_camera_is_named_though_the_verdicts_go_on_without_it(ros: RosTest, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "model", cases=CASES)
    sensors = {"reliability": ReliabilityPolicy.BEST_EFFORT, "imu_reliability": ReliabilityPolicy.RELIABLE}
    with FusionRig(ros, model, **sensors) as rig:
        status = ros.status(NODE, lambda status: "goes on without the camera" in status.message)
        problem = "a publisher of camera/image_raw offers less than input_reliability asks for"
        assert status.level == WARN_NUMBER and status.message.startswith(problem)
        assert rig.process.output.count(problem) == 1


def test_best_effort_is_taken_when_asked_for(ros: RosTest, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "model")
    reliability = ReliabilityPolicy.BEST_EFFORT
    with FusionRig(ros, model, "input_reliability:=best_effort", reliability=reliability) as rig:
        rig.heard["activity"].wait_for(lambda array: values(array)["steps"] == "30")


def test_a_model_that_can_goes_on_without_a_silent_sensor(ros: RosTest, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "model", favour="WALK", cases=CASES)
    with FusionRig(ros, model) as rig:
        for camera, imu, modalities in (
            (True, True, "camera,imu"),
            (False, True, "imu"),
            (True, True, "camera,imu"),
            (True, False, "camera"),
            (True, True, "camera,imu"),
        ):
            rig.sensors.camera_on, rig.sensors.imu_on = camera, imu
            assert rig.until_on(modalities).status[0].message == "WALK"
        rig.heard["activity"].clear()
        rig.sensors.camera_on = rig.sensors.imu_on = False
        assert values(rig.until(STALE))["reason"].startswith("no complete window for")


def test_readings_of_no_body_are_named_and_done_without(ros: RosTest, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "model", favour="WALK", cases=CASES)
    with FusionRig(ros, model) as rig:
        rig.until_on("camera,imu")
        for accel in ((0.0, 0.0, 0.0), (0.0, 0.0, 1.0)):  # a broken wire; readings in g
            rig.sensors.accel = accel
            rig.until_on("camera")
            told = rf"goes on without the accelerometer.*readings are of {accel[2]:.1f} m/s\^2, and gravity"
            status = ros.status(NODE, lambda status, told=told: re.search(told, status.message) is not None)
            assert status.level == WARN_NUMBER
            rig.sensors.reset()
            rig.until_on("camera,imu")


def test_a_sensor_of_another_clock_is_named_and_done_without(ros: RosTest, tmp_path: Path) -> None:
    def shifted(seconds: float) -> Callable[[], int]:
        return lambda: time.time_ns() + int(seconds * 1e9)

    model = write_tiny_model(tmp_path / "model", favour="WALK", cases=CASES)
    with FusionRig(ros, model) as rig:
        for sensor, clock_ns, modalities, told in (
            ("imu", lambda: 0, "camera", "accelerometer sample has no stamp: its driver must set header.stamp"),
            ("imu", shifted(5), "camera", "accelerometer sample is stamped 5.0 s in the future: set the clocks"),
            ("imu", shifted(-0.6), "camera", "accelerometer sample is stamped 0.6 s ago: see what delays it, set"),
            ("camera", shifted(-5), "imu", "camera image is stamped 5.0 s ago: "),
            ("camera", shifted(3600), "imu", "camera image is stamped 3600.0 s in the future: "),
        ):
            rig.until_on("camera,imu")
            setattr(rig.sensors, f"{sensor}_clock_ns", clock_ns)
            rig.until_on(modalities)
            status = ros.status(NODE, lambda status, told=told: status.message.startswith(told))
            assert status.level == WARN_NUMBER and "; goes on without the " in status.message
            assert int(status.values["dropped" if sensor == "camera" else "dropped_samples"]) > 0
            rig.sensors.reset()
        rig.until_on("camera,imu")
        rig.sensors.clock_ns = shifted(-5)
        stale = rig.until(STALE, reason="no complete window")
        assert "; camera image is stamped 5." in values(stale)["reason"]
        assert "; accelerometer sample is stamped 5." in values(stale)["reason"]
        ros.status(NODE, lambda status: re.match("no complete window.*image.*sample is stamped 5", status.message))


def test_what_comes_too_seldom_is_told_from_what_is_silent(ros: RosTest, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "model", favour="WALK", cases=CASES)
    with FusionRig(ros, model) as rig:
        rig.until_on("camera,imu")
        rig.sensors.image_hz = 4.0
        rig.until_on("imu")
        told = r"a camera image comes [345]\.\d times a second, which is too seldom; goes on without the camera, "
        assert ros.status(NODE, lambda status: re.match(told, status.message)).level == WARN_NUMBER
        rig.sensors.camera_on = False
        ros.status(NODE, lambda status: status.message.startswith("goes on without the camera"))


@pytest.mark.parametrize(
    ("imu_hz", "camera_late_s", "parameters", "told"),
    [
        (20.0, 0.0, (), r"\d+ found no sample; there are \d\d of them a second, and \d+ samples"),
        (100.0, 0.3, ("imu_rate_hz:=1.0",), r"found no sample; \d+ samples a second come: set imu_rate_hz to"),
    ],
    ids=["slow accelerometer", "short queue"],
)
def test_pictures_without_a_sample_are_explained_by_the_rates(
    ros: RosTest, tmp_path: Path, imu_hz: float, camera_late_s: float, parameters: tuple[str, ...], told: str
) -> None:
    model = write_tiny_model(tmp_path / "model", favour="WALK", cases=CASES)
    with FusionRig(ros, model, *parameters) as rig:
        rig.sensors.imu_hz = imu_hz
        rig.sensors.camera_clock_ns = lambda: time.time_ns() - int(camera_late_s * 1e9)
        ros.status(NODE, lambda status: re.search(told, status.message))
