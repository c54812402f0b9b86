"""`har demo` as a process: what it says of a picture and an accelerometer that do not belong together."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2, or the extra ros-jazzy")
pytest.importorskip("onnx", reason="needs onnx to write a model")
from process_helpers import alive, children_of
from ros_helpers import NodeProcess, RosTest
from tiny_model import write_tiny_model

from har_ros.cli import main
from har_ros.graph import free_port
from har_ros.processes import node_environment

MADE_UP, CAMERA_ALONE = "This model can't go without an accelerometer", "There is no accelerometer"


@pytest.fixture
def material(tmp_path: Path) -> list[str]:
    """Return the options of a demo with a small model and a folder of pictures as its camera."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(30):
        cv2.imwrite(str(pictures / f"{number:02}.png"), np.full((48, 64, 3), number, np.uint8))
    model = write_tiny_model(tmp_path / "model", favour="WALK")
    return ["--headless", "--model", str(model), "--camera", str(pictures)]


def demo(ros: RosTest, *options: str) -> NodeProcess:
    return ros.run(["-m", "har_ros.cli", "demo", *options])


@pytest.mark.parametrize("alone", [False, True])
def test_a_lacking_accelerometer_is_told_of_at_the_start_and_at_the_end(
    ros: RosTest, material: list[str], tmp_path: Path, alone: bool
) -> None:
    if alone:
        write_tiny_model(tmp_path / "model", favour="WALK", cases=("camera+imu", "camera"))
    process = demo(ros, *material, "--seconds", "3")
    assert process.wait() == 0, process.output
    lines, note = process.output.splitlines(), CAMERA_ALONE if alone else MADE_UP
    assert [index for index, line in enumerate(lines) if line.startswith(note)] == [0, len(lines) - 1]
    assert "give the video's own recording with --imu" in lines[0]
    assert any("activity WALK" in line for line in lines)


def test_the_users_own_recording_is_not_called_made_up(ros: RosTest, material: list[str], tmp_path: Path) -> None:
    recording = tmp_path / "imu.csv"
    recording.write_text("ax,ay,az\n" + "0.1,0.2,9.8\n" * 100)
    process = demo(ros, *material, "--seconds", "1", "--imu", str(recording), "--imu-rate", "100")
    assert process.wait() == 0, process.output
    assert MADE_UP not in process.output


def test_a_closed_terminal_ends_the_demo_and_its_nodes(ros: RosTest, material: list[str]) -> None:
    process = demo(ros, *material)
    deadline = time.monotonic() + 60
    while "activity WALK" not in process.output:
        assert time.monotonic() < deadline, process.output
        time.sleep(0.1)
    children = children_of(process.pid)
    assert len(children) == 4
    assert process.end(signal.SIGHUP) == 0
    assert "fresh results were published" in process.output
    assert not any(alive(pid) for pid in children)


def test_who_ends_it_before_the_first_result_is_not_told_of_silence(ros: RosTest, material: list[str]) -> None:
    process = demo(ros, *material, "--no-fake-imu", "--imu-port", str(free_port()))
    deadline = time.monotonic() + 60
    while not re.search("waiting for the first result|STALE", process.output):  # a quick start skips the former
        assert time.monotonic() < deadline, process.output
        time.sleep(0.1)
    assert process.end(signal.SIGINT) == -signal.SIGINT
    assert process.output.splitlines()[-1] == "ended before the first result"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python has safe paths since 3.11")
def test_a_clone_in_the_folder_is_not_taken_for_the_package(tmp_path: Path) -> None:
    (tmp_path / "har_ros").mkdir()
    command = [sys.executable, "-m", "har_ros.cli", "--version"]
    environment = {**os.environ, **node_environment()}
    said = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (said.returncode, said.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--imu", "{plain}"], "plain--rate.csv' does not tell its sampling rate; give it with --imu-rate HZ"),
        (["--imu", "{plain}", "--imu-rate", "0"], "give one above 0 with --imu-rate HZ"),
        (["--imu", "{folder}/nowhere.csv"], "can't be read"),
        (["--imu-rate", "50"], "are of a recording; give one with --imu"),
        (["--camera", "{folder}", "--imu-port", "6000"], "--imu-port is of a real ESP32; wait for one with"),
        (["--video", "{folder}", "--scenario", "falls"], "are of the simulated person; leave them out, or --video"),
        (["--no-fake-imu", "--seed", "1"], "are of the simulated person; leave them out, or --video"),
        (["--video", "{folder}/nowhere.mp4"], "nowhere.mp4'; give a video, a folder of pictures, a device"),
        (["--camera", "~nosuchuser/x"], "the home folder of a user who isn't there; give the whole path"),
        (["--model", "nowhere"], "there is no model 'nowhere'; give a model folder, or the name of one"),
        (["--scenario", "nowhere"], "there is no scenario 'nowhere'; give a YAML file, or one of"),
    ],
)
def test_inputs_that_the_demo_can_not_use_are_refused_in_its_own_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    plain = tmp_path / "plain--rate.csv"
    plain.write_text("ax,ay,az\n" + "0,0,9.8\n" * 50)
    assert main(["demo", "--headless", *(word.format(plain=plain, folder=tmp_path) for word in words)]) == 1
    said = capsys.readouterr().err
    assert sentence in said and said.count("\n") == 1
