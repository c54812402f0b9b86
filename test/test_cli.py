"""What the `har` command says when something is missing, and how its programs end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from har_ros.cli import main

WAIT_S = 60.0


def har_without(modules: Sequence[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `har` where these modules can't be imported."""
    script = f"import sys; sys.modules |= dict.fromkeys({modules}); from har_ros.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=False)


@pytest.mark.parametrize(
    ("command", "module", "remedy"),
    [
        ("play", "rosbags", f"{sys.executable} -m pip install -e '.[evaluate]'"),
        ("record", "rclpy", f"{sys.executable} -m pip install -e '.[ros-jazzy]'"),
        ("quantise paper --calibrate set --out small", "onnx", f"{sys.executable} -m pip install -e '.[quantise]'"),
        ("train set --out mine", "torch", "make setup-train"),
    ],
)
def test_a_missing_extra_is_named_with_the_command_that_brings_it(command: str, module: str, remedy: str) -> None:
    ended = har_without((module,), *command.split())
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"har: this needs '{module}")
    assert ended.stderr.endswith(f"; in your clone of har_ros, run: {remedy}\n")
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["train", "ablate", "quantise"])
def test_help_does_without_what_make_setup_leaves_out(command: str) -> None:
    ended = har_without(("torch", "torch_pruning", "onnx"), command, "--help")
    assert ended.returncode == 0 and "example" in ended.stdout and ended.stderr == ""


def test_too_many_words_are_told_with_the_commands_own_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["predict", "one", "two"])
    said = capsys.readouterr().err
    assert said.startswith("usage: har predict ") and "unrecognized arguments: two" in said


@pytest.mark.parametrize("command", ["evaluate", "clips", "check"])
def test_a_path_that_the_system_denies_is_told_in_a_sentence(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "long" * 100]) == 1
    said = capsys.readouterr().err
    assert said.startswith("har: ") and "File name too long" in said and said.count("\n") == 1


@pytest.mark.parametrize("words", ["demo --headless --seconds 1", "record {folder}/bag", "capture WALK"])
@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("ROS_DOMAIN_ID", "abc", "ROS can't start: failed to initialize rcl: ROS_DOMAIN_ID is not an integral number"),
        ("ROS_LOG_DIR", "/proc/no", "can't write logs to '/proc/no'; set ROS_LOG_DIR to a folder that you may write"),
    ],
)
def test_commands_that_can_not_start_ros_say_why_in_a_sentence(
    name: str, value: str, sentence: str, words: str, tmp_path: Path
) -> None:
    pytest.importorskip("rclpy", reason="needs ROS 2, or the extra ros-jazzy")
    pytest.importorskip("rosbags", reason="needs the extra evaluate")
    command = [sys.executable, "-m", "har_ros.cli", *words.format(folder=tmp_path).split()]
    environment = {**os.environ, "ROS_LOG_DIR": str(tmp_path / "log"), name: value}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert (ended.returncode, ended.stderr) == (1, f"har: {sentence}\n")


def fake_imu(*prefix: str) -> tuple[subprocess.Popen[str], Callable[[], bytes]]:
    """Start a fake ESP32 that sends datagrams; return it and a function that waits for the next one."""
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 0))
    receiver.settimeout(WAIT_S)
    words = ["fake-imu", "--sine", "--mode", "udp", "--port", str(receiver.getsockname()[1])]
    command = [*prefix, sys.executable, "-m", "har_ros.cli", *words]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    return process, lambda: receiver.recv(1024)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_program_ends_in_order_on_each_signal(number: signal.Signals) -> None:
    process, receive = fake_imu("env", "--default-signal=HUP")  # whatever these tests were started under
    receive()
    process.send_signal(number)
    _, errors = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0
    assert errors.endswith("samples sent\n")


def test_under_nohup_a_program_outlives_its_terminal() -> None:
    process, receive = fake_imu("nohup")
    receive()
    process.send_signal(signal.SIGHUP)
    for _ in range(30):
        receive()
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=WAIT_S)
    assert process.returncode == 0
