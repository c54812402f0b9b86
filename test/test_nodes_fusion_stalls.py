"""A fusion node whose network hangs or is slow, or whose executor is busy, over real DDS: STALE comes all the same."""

from __future__ import annotations

import signal
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2, or the extra ros-jazzy")
pytest.importorskip("onnx", reason="needs onnx to write a model")
from diagnostic_msgs.msg import DiagnosticStatus
from fusion_rig import NAMESPACE, FusionRig, values
from ros_helpers import RosTest
from std_srvs.srv import Trigger
from tiny_model import write_tiny_model

OK, STALE = DiagnosticStatus.OK, DiagnosticStatus.STALE
WARN_NUMBER = 1  # as Status has it
TIMEOUT_S = 0.5

HANG = """
import time
from har_ros.inference.model import FrameEncoder

put = FrameEncoder.put


def hang(encoder, image):
    put(encoder, image)
    while encoder.frame.mean() < 20:
        time.sleep(0.1)


FrameEncoder.put = hang
"""


def test_a_network_that_hangs_makes_stale_and_holds_up_neither_services_nor_the_end(
    ros: RosTest, tmp_path: Path
) -> None:
    model = write_tiny_model(tmp_path / "model", favour="WALK")
    with FusionRig(ros, model, first=HANG) as rig:
        rig.until(OK)
        rig.sensors.picture = np.full((48, 64, 3), 5, np.uint8)
        rig.until(STALE, reason="complete window")
        answer = ros.call(Trigger, f"{NAMESPACE}/fusion/acknowledge", Trigger.Request(), timeout_s=10)
        assert (answer.success, answer.message) == (False, "there is no alarm")
        rig.until(STALE, reason="complete window")
        assert rig.process.end(signal.SIGTERM) == 0
        for topic in ("activity", "anomaly"):
            rig.heard[topic].wait_for(lambda array: values(array)["reason"] == "the node stops")
            assert rig.heard[topic].all()[-1].status[0].level == STALE


def test_a_node_whose_network_hung_works_again_once_it_is_activated_anew(ros: RosTest, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "model", favour="WALK")
    with FusionRig(ros, model, first=HANG) as rig:
        rig.until(OK)
        rig.sensors.picture = np.full((48, 64, 3), 5, np.uint8)
        rig.until(STALE, reason="complete window")
        rig.sensors.picture = np.full((48, 64, 3), 90, np.uint8)
        assert ros.change_state(f"{NAMESPACE}/fusion", "deactivate")
        assert ros.change_state(f"{NAMESPACE}/fusion", "activate")
        rig.until(OK)


BUSY = """
import time
from har_ros.core.errors import HarError
from har_ros.core.mount import LastReadings


def dawdle(*_):
    time.sleep(4)
    raise HarError("too late")


LastReadings.since = dawdle
"""


def test_stale_comes_while_the_executor_is_busy_with_something_else(ros: RosTest, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "model", favour="WALK")
    with FusionRig(ros, model, first=BUSY) as rig:
        rig.until(OK)
        asked = partial(ros.call, Trigger, f"{NAMESPACE}/fusion/calibrate_mount", Trigger.Request())
        asking = threading.Thread(target=asked)
        asking.start()
        rig.until(STALE)  # no callback of a sensor comes either
        assert asking.is_alive()
        asking.join()


SLOW = """
import time
from har_ros.inference.model import FrameEncoder

put = FrameEncoder.put


def dawdle(encoder, image):
    time.sleep(0.1)
    put(encoder, image)


FrameEncoder.put = dawdle
"""


def test_a_network_that_is_too_slow_leaves_pictures_out_and_says_so(ros: RosTest, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "model", favour="WALK")
    with FusionRig(ros, model, first=SLOW) as rig:
        status = ros.status("cell/fusion", lambda status: status.message.startswith("overloaded: recognises "))
        assert status.level == WARN_NUMBER and int(status.values["skipped"]) > 0
        assert float(values(rig.until(OK))["latency_ms"]) < 1000 * TIMEOUT_S, "they queue up"


SLOW_HEAD = """
import time
from har_ros.inference.model import WindowHead

classify = WindowHead.classify


def dawdle(head, case=None):
    time.sleep(0.1)
    return classify(head, case)


WindowHead.classify = dawdle
"""


def test_a_network_that_is_too_slow_keeps_up_without_the_camera(ros: RosTest, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "model", favour="WALK", cases=("camera+imu", "camera", "imu"))
    with FusionRig(ros, model, first=SLOW_HEAD) as rig:
        rig.until(OK)
        rig.sensors.camera_on = False
        for _ in range(20):  # two seconds
            rig.heard["activity"].wait_for(lambda array: values(array)["modalities"] == "imu")
            rig.heard["activity"].clear()
