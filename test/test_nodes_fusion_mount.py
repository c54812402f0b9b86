"""How the sensor is mounted reaches the model, also where it changes while the node runs."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2, or the extra ros-jazzy")
pytest.importorskip("onnx", reason="needs onnx to write a model")
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from fusion_rig import NAMESPACE, FusionRig, values
from ros_helpers import RosTest
from tiny_model import write_tiny_model

AS_IT_IS, UPSIDE_DOWN = [0.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, 0.0]
ENERGIES = {False: 1.0, True: 1.0 - 2 * 9.8 / 3 / 5}  # the tiny model's: 1 and the mean of five values, one turned


def test_readings_are_turned_by_the_mount_of_the_moment(ros: RosTest, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "model", favour="WALK", cases=("camera+imu", "camera", "imu"))
    with FusionRig(ros, model) as rig:
        inbox = rig.heard["anomaly"]
        for turned in (False, True, False, True):
            taken, reason = ros.set_parameter(
                f"{NAMESPACE}/fusion", "mount_rotation", UPSIDE_DOWN if turned else AS_IT_IS
            )
            assert taken, reason
            inbox.wait_for(lambda array, wanted=ENERGIES[turned]: rests_on_both(array) and energy(array) == wanted)
            told = {energy(array) for array in inbox.all() if rests_on_both(array)}
            assert told <= set(ENERGIES.values()), "a window of both mounts"
            inbox.clear()


def rests_on_both(array: DiagnosticArray) -> bool:
    return array.status[0].level != DiagnosticStatus.STALE and values(array)["modalities"] == "camera,imu"


def energy(array: DiagnosticArray) -> float:
    """Return the energy told, or the one expected that is next to it."""
    told = float(values(array)["energy"])
    return next((each for each in ENERGIES.values() if abs(told - each) < 0.01), told)
