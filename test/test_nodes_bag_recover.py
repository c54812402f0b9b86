"""What a kill, a closed terminal or a full disk leaves of a bag is completed, and nothing secured of it is lost."""

from __future__ import annotations

import os
import pty
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2, or the extra ros-jazzy")
pytest.importorskip("rosbags", reason="needs the extra evaluate")

from bag_maker import COLOURS, write_bag
from ros_helpers import NodeProcess, RosTest
from rosbags.highlevel import AnyReader
from sensor_msgs.msg import Image

from har_ros.cli import main

WAIT_S = 60.0
TOPIC = "/har/camera/image_raw"
BOTH = pytest.mark.parametrize("storage", ["mcap", "sqlite3"])


def wait_until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def seconds_of(bag: Path) -> list[int]:
    """Return the stamps of the bag's pictures, which the tests number by the second."""
    with AnyReader([bag]) as reader:
        messages = [
            reader.deserialize(data, each.msgtype) for each, _, data in reader.messages() if each.topic == TOPIC
        ]
        assert sum(each.msgcount for each in reader.connections if each.topic == TOPIC) == len(messages)
        return [message.header.stamp.sec for message in messages]


def record(ros: RosTest, bag: Path, storage: str, *prefix: str) -> tuple[NodeProcess, Callable[[int, int], None]]:
    """Start recording; return the process and a function that publishes a picture of a number and a size in bytes."""
    images = ros.publisher(Image, TOPIC, 100)
    process = ros.run([*prefix, "-m", "har_ros.cli", "record", str(bag), "--storage", storage, "--topics", TOPIC])
    wait_until(lambda: images.get_subscription_count() == 1)

    def publish(number: int, size: int) -> None:
        message = Image(height=1, width=size, encoding="mono8", step=size, data=bytes(size))
        message.header.stamp.sec = number
        images.publish(message)

    return process, publish


@BOTH
def test_a_killed_recording_is_recovered(
    ros: RosTest, tmp_path: Path, capsys: pytest.CaptureFixture[str], storage: str
) -> None:
    bag = tmp_path / "bag"
    recorder, publish = record(ros, bag, storage)
    for number in range(30):
        publish(number, 9000)
        time.sleep(0.02)
    file = bag / ("bag.mcap" if storage == "mcap" else "bag.db3")
    wait_until(  # within a second, though all of it would fit into memory; a journal stands beside a half-made commit
        lambda: file.stat().st_size > 30 * 9000 and not Path(f"{file}-journal").exists()
    )
    assert main(["recover", str(bag)]) == 1
    assert "is being recorded; end the recording first" in capsys.readouterr().err
    assert recorder.end(signal.SIGKILL) == -9
    assert main(["play", str(bag)]) == 1
    assert "har recover" in capsys.readouterr().err
    assert main(["recover", str(bag)]) == 0
    assert capsys.readouterr().out == f"{bag} is complete: 30 messages\n"
    assert seconds_of(bag) == list(range(30))


@BOTH
def test_a_full_disk_ends_the_recording_in_order(ros: RosTest, tmp_path: Path, storage: str) -> None:
    bag = tmp_path / "bag"
    recorder, publish = record(ros, bag, storage)
    resource.prlimit(recorder.pid, resource.RLIMIT_FSIZE, (8 << 20, 8 << 20))
    number = 0
    while recorder.popen.poll() is None and number < 1000:
        publish(number, 400_000)
        number += 1
        time.sleep(0.1)
    assert recorder.wait() == 1
    assert "har: recording ended: " in recorder.output
    assert "Traceback" not in recorder.output
    found = seconds_of(bag)
    assert f"'{bag}' holds the {len(found)} messages until then" in recorder.output
    assert found == list(range(len(found)))
    assert len(found) > 5


def test_a_disk_that_is_full_from_the_start_leaves_no_bag(ros: RosTest, tmp_path: Path) -> None:
    bag = tmp_path / "bag"
    recorder, publish = record(ros, bag, "sqlite3")
    resource.prlimit(recorder.pid, resource.RLIMIT_FSIZE, (4096, 4096))
    publish(0, 4_000_000)
    assert recorder.wait() == 1
    assert "har: nothing was recorded: " in recorder.output
    assert "Traceback" not in recorder.output
    assert not bag.exists()


def test_a_closed_terminal_ends_the_recording_in_order(ros: RosTest, tmp_path: Path) -> None:
    bag = tmp_path / "bag"
    images = ros.publisher(Image, TOPIC, 100)
    words = [sys.executable, "-m", "har_ros.cli", "record", str(bag), "--topics", TOPIC]
    child, terminal = pty.fork()
    if child == 0:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whatever these tests were started under
        os.execve(sys.executable, words, ros.environment)
    try:
        wait_until(lambda: images.get_subscription_count() == 1)
        for number in range(10):
            images.publish(Image(header=_header(number)))
            time.sleep(0.02)
        time.sleep(0.5)
    finally:
        os.close(terminal)
    wait_until(lambda: os.waitpid(child, os.WNOHANG)[0] == child)
    assert seconds_of(bag) == list(range(10))


def _header(second: int) -> Any:
    header = Image().header
    header.stamp.sec = second
    return header


KILLED = """
import os, signal, sys
from pathlib import Path
from har_ros.dataset.bag_writer import BagWriter, bag_qos

writer = BagWriter(Path(sys.argv[1]), "sqlite3")
connection = writer.add("/har/name", "std_msgs/msg/String", bag_qos(depth=1))
for number in range(10):
    writer.write(connection, bytes(1000), number)
writer.secure()
for number in range(1000):  # more than SQLite keeps in memory before the transaction's end
    writer.write(connection, bytes(10_000), number)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_transaction_that_was_cut_off_is_undone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bag = tmp_path / "bag"
    ended = subprocess.run([sys.executable, "-c", KILLED, str(bag)], timeout=WAIT_S, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert (bag / "bag.db3-journal").exists()
    assert main(["recover", str(bag)]) == 0
    assert "is complete: 10 messages" in capsys.readouterr().out
    with AnyReader([bag]) as reader:
        assert len(list(reader.messages())) == 10


def test_a_bag_cut_anywhere_is_recovered_up_to_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = write_bag(tmp_path / "whole", [(30.0, COLOURS["WALK"], "WALK")])
    with AnyReader([whole]) as reader:
        recorded = [(each.topic, stamp_ns, data) for each, stamp_ns, data in reader.messages()]
    content = (whole / "whole.mcap").read_bytes()
    kept = []
    for share in (0.2, 0.4, 0.5, 0.7, 0.9, 0.9999):
        bag = tmp_path / f"cut_{share}"
        bag.mkdir()
        (bag / "cut.mcap").write_bytes(content[: int(share * len(content))] + bytes(100))  # as after a power cut
        assert main(["recover", str(bag)]) == 0
        with AnyReader([bag]) as reader:
            found = [(each.topic, stamp_ns, data) for each, stamp_ns, data in reader.messages()]
        assert found == recorded[: len(found)]
        kept.append(len(found))
    assert kept == sorted(kept)
    assert kept[-1] == len(recorded)
    assert len(set(kept)) > 2


def test_a_whole_bag_is_left_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bag = write_bag(tmp_path / "bag", [(1.0, COLOURS["WALK"], "WALK")])
    before = {path.name: path.read_bytes() for path in bag.iterdir()}
    assert main(["recover", str(bag)]) == 0
    assert "is complete: 140 messages" in capsys.readouterr().out
    assert {path.name: path.read_bytes() for path in bag.iterdir()} == before
    (bag / "metadata.yaml").unlink()
    assert main(["recover", str(bag)]) == 0
    assert (bag / "bag.mcap").read_bytes() == before["bag.mcap"]  # with its index
    with AnyReader([bag]) as reader:
        assert len(list(reader.messages())) == 140


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("", b"", "No such file or directory"),
        ("other", b"", "holds 0 .mcap or .db3 files"),
        ("bag.mcap", b"", "is no MCAP file"),
        ("bag.mcap", b"\x89MCAP0\r\n" + bytes(1000), "is damaged"),
        ("bag.db3", b"not a database" * 100, "can't be completed"),
        ("bag.db3", b"", "is damaged"),
    ],
)
def test_recovering_refuses_what_is_no_recording(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes, sentence: str
) -> None:
    bag = tmp_path / "bag"
    if name:
        bag.mkdir()
        (bag / name).write_bytes(content)
    assert main(["recover", str(bag)]) == 1
    assert sentence in capsys.readouterr().err
