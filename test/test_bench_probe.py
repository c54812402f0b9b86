"""The benchmarks' probe on a real fusion node: it takes the time of verdicts on pictures, and of no others."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2, or the extra ros-jazzy")
pytest.importorskip("onnx", reason="needs onnx to write a model")
from fusion_rig import FusionRig, values
from ros_helpers import stamp_ns
from tiny_model import write_tiny_model

from har_ros.nodes.probe import Probe

if TYPE_CHECKING:
    from diagnostic_msgs.msg import DiagnosticArray
    from ros_helpers import RosTest


def rests_on(array: DiagnosticArray) -> str:
    return values(array)["modalities"]


def test_verdicts_from_the_accelerometer_alone_are_none_of_a_picture(
    ros: RosTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROS_DOMAIN_ID", str(ros.domain))
    model = write_tiny_model(tmp_path / "model", cases=("camera+imu", "camera", "imu"))
    with FusionRig(ros, model) as rig, Probe("cell") as probe:
        heard = rig.heard["activity"]
        heard.wait_for(lambda array: rests_on(array) == "camera,imu")
        rig.sensors.camera_on = False
        silent_ns = time.time_ns() + 100_000_000  # a picture may be on its way
        heard.wait_for(lambda array: rests_on(array) == "imu" and stamp_ns(array.header) > silent_ns + 1_000_000_000)
        rig.sensors.camera_on = True
        again_ns = time.time_ns()
        heard.wait_for(lambda array: rests_on(array) == "camera,imu" and stamp_ns(array.header) > again_ns)
        time.sleep(0.5)  # the probe has its own ears
        late = len(probe.latencies_ms("cell", silent_ns)) - len(probe.latencies_ms("cell", again_ns))
        assert late == 0, "verdicts that no picture has a part in"
        assert 0 < len(probe.latencies_ms("cell", again_ns)) < len(probe.latencies_ms("cell"))
        assert len(probe.latencies_ms("cell")) <= len(rig.sensors.image_stamps)
