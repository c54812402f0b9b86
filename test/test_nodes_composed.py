"""Two namespaces in one process: each has its own verdict, both share a model, and they live and die together."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2, or the extra ros-jazzy")
pytest.importorskip("onnx", reason="needs onnx to write a model")
import cv2
import numpy as np
import yaml
from diagnostic_msgs.msg import DiagnosticArray
from fusion_rig import is_status
from process_helpers import alive, children_of
from ros_helpers import RosTest
from sensor_msgs.msg import Image, Imu
from tiny_model import write_tiny_model

from har_ros.graph import free_port

OK, STALE = b"\x00", b"\x03"
ERROR_NUMBER = 2  # as Status has it
GREY_LEVELS = {"cell1": 5, "cell2": 200}  # the model takes darkness for a fall
VERDICTS = {"cell1": "FALL_OR_COLLAPSE", "cell2": "WALK"}
PATIENCE_S = 20.0

# A sitecustomize: in every process of the graph the network hangs at a dark picture while the file is there.
HANG = """
import time
from pathlib import Path
from har_ros.inference.model import FrameEncoder

put = FrameEncoder.put


def hang(encoder, image):
    put(encoder, image)
    while encoder.frame.mean() < 20 and Path({file!r}).exists():
        time.sleep(0.1)


FrameEncoder.put = hang
"""


def cells_file(folder: Path) -> tuple[Path, dict[str, int]]:
    """Write the parameters of both cells, each with its own pictures and port; return the file and the ports."""
    ports = {cell: free_port() for cell in GREY_LEVELS}
    sections = {}
    for cell, level in GREY_LEVELS.items():
        pictures = folder / cell
        pictures.mkdir()
        cv2.imwrite(str(pictures / "0.png"), np.full((48, 64, 3), level, np.uint8))
        sections[f"/{cell}/camera"] = {"ros__parameters": {"source": str(pictures)}}
        sections[f"/{cell}/imu_bridge"] = {"ros__parameters": {"host": "127.0.0.1", "port": ports[cell]}}
    file = folder / "cells.yaml"
    file.write_text(yaml.safe_dump(sections))
    return file, ports


def test_two_people_in_one_process(ros: RosTest, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "model", favour="WALK", favour_dark="FALL_OR_COLLAPSE")
    file, ports = cells_file(tmp_path)
    results = {cell: ros.listen(DiagnosticArray, f"/{cell}/activity") for cell in ports}
    asked = ("compose:=true", "namespace:=cell1,cell2", f"params_file:={file}", f"model:={model}")
    up = ros.run(["-m", "har_ros.cli", "up", *asked])
    for port in ports.values():
        ros.run(["-m", "har_ros.cli", "fake-imu", "--sine", "--port", str(port)])
    for cell, inbox in results.items():
        inbox.wait_for(lambda array, label=VERDICTS[cell]: array.status[0].message == label)
        assert {array.status[0].message for array in inbox.all()} <= {VERDICTS[cell], "stale"}
        assert {array.status[0].hardware_id for array in inbox.all()} == {f"/{cell}"}
    # Neighbours pass these by; who subscribes from elsewhere gets them all the same.
    pictures, samples = ros.listen(Image, "/cell2/camera/image_raw"), ros.listen(Imu, "/cell2/imu/data_raw", 200)
    assert {bytes(image.data[:3]) for image in pictures.wait(3)} == {bytes([GREY_LEVELS["cell2"]] * 3)}
    assert abs(np.mean([sample.linear_acceleration.z for sample in samples.wait(50)]) - 9.8) < 3
    # One loses the camera, the other does not notice; and the camera comes back.
    assert ros.change_state("/cell1/camera", "deactivate")
    results["cell1"].wait_for(is_status(STALE, "no camera image for"))
    results["cell2"].clear()
    results["cell2"].wait_for(lambda array: array.status[0].message == VERDICTS["cell2"])
    assert ros.change_state("/cell1/camera", "activate")
    results["cell1"].clear()
    results["cell1"].wait_for(lambda array: array.status[0].message == VERDICTS["cell1"])
    (composed,) = children_of(up.pid)
    os.kill(composed, signal.SIGKILL)
    until_s = time.monotonic() + PATIENCE_S
    while not (set(children_of(up.pid)) - {composed}):  # har up starts it again
        assert time.monotonic() < until_s
        time.sleep(0.05)
    for inbox in results.values():
        inbox.clear()
        inbox.wait_for(lambda array: array.status[0].level in (OK, b"\x01"))
    children = children_of(up.pid)
    assert len(children) == 1
    assert up.end(signal.SIGINT) == 0
    assert not any(alive(pid) for pid in children)
    assert "Traceback" not in up.output


def test_a_network_that_hangs_for_long_has_the_process_started_anew(ros: RosTest, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "model", favour="WALK", favour_dark="FALL_OR_COLLAPSE")
    file, ports = cells_file(tmp_path)
    hangs = tmp_path / "hangs"
    (tmp_path / "sitecustomize.py").write_text(HANG.format(file=str(hangs)))
    ros.environment["PYTHONPATH"] = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    results = {cell: ros.listen(DiagnosticArray, f"/{cell}/activity") for cell in ports}
    asked = ("compose:=true", "namespace:=cell1,cell2", f"params_file:={file}", f"model:={model}")
    up = ros.run(["-m", "har_ros.cli", "up", *asked])
    for port in ports.values():
        ros.run(["-m", "har_ros.cli", "fake-imu", "--sine", "--port", str(port)])
    for cell, inbox in results.items():
        inbox.wait_for(lambda array, label=VERDICTS[cell]: array.status[0].message == label)
    (stuck,) = children_of(up.pid)
    hangs.touch()
    sentence = "the network has hung for 10 s"
    results["cell1"].clear()
    results["cell1"].wait_for(is_status(STALE, "no complete window for"))
    ros.status("cell1/fusion", lambda status: status.level == ERROR_NUMBER and sentence in status.message)
    for inbox in results.values():
        inbox.wait_for(is_status(STALE, "the node stops"))
    until_s = time.monotonic() + PATIENCE_S
    while alive(stuck):  # it hangs to the end
        assert time.monotonic() < until_s
        time.sleep(0.05)
    hangs.unlink()
    for inbox in results.values():
        inbox.clear()
    for cell, inbox in results.items():
        inbox.wait_for(lambda array, label=VERDICTS[cell]: array.status[0].message == label)
    assert stuck not in children_of(up.pid)
    assert up.end(signal.SIGINT) == 0
    assert f"composed: /cell1/fusion: {sentence}" in up.output
    assert "ended by SIGABRT; starting it again" in up.output
    assert "Traceback" not in up.output


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (("imu:=false", "model:=/no/such/model"), "composed: /cell1/fusion: there is no model '/no/such/model'"),
        (("params_file:={folder}/cells.yaml",), "composed: /cell2/imu_bridge: parameter 'port' is 70000"),
    ],
)
def test_one_that_refuses_ends_the_process_and_is_named(
    ros: RosTest, tmp_path: Path, asked: tuple[str, ...], sentence: str
) -> None:
    (tmp_path / "cells.yaml").write_text(
        "/cell1/imu_bridge: {ros__parameters: {port: 0}}\n/cell2/imu_bridge: {ros__parameters: {port: 70000}}\n"
    )
    words = [word.format(folder=tmp_path) for word in asked]
    up = ros.run(["-m", "har_ros.cli", "up", "--compose", "namespace:=cell1,cell2", "camera:=false", *words])
    assert up.wait() == 1
    assert sentence in up.output
    assert "Traceback" not in up.output
