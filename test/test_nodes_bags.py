"""`har record` and `har play` over real DDS: what was published is in the bag, and comes out of it again."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2, or the extra ros-jazzy")
pytest.importorskip("rosbags", reason="needs the extra evaluate")

from bag_maker import COLOURS, START_NS, write_bag, write_colour_model
from diagnostic_msgs.msg import DiagnosticArray
from fusion_rig import is_status
from process_helpers import children_of
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.serialization import deserialize_message
from ros_helpers import RosTest, stamp_ns
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image, Imu
from std_msgs.msg import String

WAIT_S = 60.0
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def wait_until(condition: Any, timeout_s: float = WAIT_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def contents(bag: Path) -> dict[str, list[Any]]:
    """Return the messages of each topic; their bytes may differ in padding, which no standard fixes."""
    types = {"String": String, "Image": Image, "Imu": Imu, "DiagnosticArray": DiagnosticArray}
    with AnyReader([bag]) as reader:
        found: dict[str, list[Any]] = {connection.topic: [] for connection in reader.connections}
        for connection, _, data in reader.messages():
            reader.deserialize(data, connection.msgtype)  # other tools can, too
            found[connection.topic].append(deserialize_message(bytes(data), types[connection.msgtype.split("/")[-1]]))
        return found


def image(number: int) -> Image:
    message = Image(height=48, width=64, encoding="bgr8", step=192)
    message.header.stamp.sec = number
    message.data = bytes([number % 256]) * (48 * 192)
    return message


@pytest.mark.parametrize(("storage", "ending"), [("mcap", signal.SIGINT), ("sqlite3", signal.SIGTERM)])
def test_everything_published_is_recorded(ros: RosTest, tmp_path: Path, storage: str, ending: signal.Signals) -> None:
    bag = tmp_path / "bags/one"
    images = ros.publisher(Image, "/har/camera/image_raw", 2)
    info = ros.publisher(DiagnosticArray, "/har/model_info", LATCHED)
    info.publish(DiagnosticArray())  # before anybody listens
    other = ros.publisher(String, "/har/private")
    recorder = ros.run(["-m", "har_ros.cli", "record", str(bag), "--storage", storage])
    wait_until(lambda: images.get_subscription_count() == 1)
    pictures = [image(number) for number in range(30)]
    for picture in pictures:
        images.publish(picture)
        other.publish(String(data="not asked for"))
        time.sleep(0.02)
    late = ros.publisher(String, "/har/ground_truth")  # comes up while it records
    wait_until(lambda: late.get_subscription_count() == 1)
    late.publish(String(data="WALK"))
    time.sleep(0.5)
    assert recorder.end(ending) == 0, recorder.output
    found = contents(bag)
    assert found["/har/camera/image_raw"] == pictures
    assert found["/har/ground_truth"] == [String(data="WALK")]
    assert len(found["/har/model_info"]) == 1
    assert "/har/private" not in found
    assert "30  /har/camera/image_raw" in recorder.output
    assert f"wrote {bag}" in recorder.output


def test_recording_refuses_what_it_must(ros: RosTest, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "precious").write_text("data")
    refused = ros.run(["-m", "har_ros.cli", "record", str(taken)])
    wait_until(lambda: refused.popen.poll() is not None)
    assert refused.popen.returncode == 1
    assert "exists already" in refused.output
    assert (taken / "precious").read_text() == "data"
    odd = ros.run(["-m", "har_ros.cli", "record", str(tmp_path / "what?"), "--storage", "sqlite3"])
    assert odd.wait() == 1
    assert "has a ?, # or %; name an sqlite3 bag without" in odd.output
    silent = ros.run(["-m", "har_ros.cli", "record", str(tmp_path / "new"), "--topics", "/nobody"])
    wait_until((tmp_path / "new").exists)
    time.sleep(1.0)
    assert silent.end() == 1
    assert "nothing was recorded: nobody published /nobody" in silent.output
    assert {path.name for path in tmp_path.iterdir()} <= {"taken", "log"}
    for process in (refused, odd, silent):
        assert "Traceback" not in process.output


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (["--topics", "bad topic"], "/har/bad topic"),
        (["--topics", "imu/data_raw", ""], "/har/"),
        (["--namespace", "a b"], "a b/activity"),
        (["--namespace", "/a//b"], "/a//b/activity"),
    ],
)
def test_recording_refuses_names_that_ros_does_not_allow(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], name: str
) -> None:
    from har_ros.cli import main

    assert main(["record", str(tmp_path / "new"), *options]) == 1
    said = capsys.readouterr().err
    assert f"har: '{name}' is no topic (" in said
    assert said.endswith("correct --topics or --namespace\n")
    assert not (tmp_path / "new").exists()


def test_a_topic_of_a_type_that_is_not_installed_is_left_out(ros: RosTest, tmp_path: Path) -> None:
    types = get_typestore(Stores.EMPTY)
    types.register(get_types_from_msg("int32 size", "strange_msgs/msg/Thing"))
    types.register(get_types_from_msg("string data", "std_msgs/msg/String"))
    with Writer(tmp_path / "bag", version=9) as writer:
        strange = writer.add_connection("/har/strange", "strange_msgs/msg/Thing", typestore=types)
        truth = writer.add_connection("/har/ground_truth", "std_msgs/msg/String", typestore=types)
        for number in range(3):
            thing, string = types.types["strange_msgs/msg/Thing"](number), types.types["std_msgs/msg/String"]("WALK")
            writer.write(strange, number + 1, types.serialize_cdr(thing, "strange_msgs/msg/Thing"))
            writer.write(truth, number + 1, types.serialize_cdr(string, "std_msgs/msg/String"))
    truths = ros.listen(String, "/har/ground_truth", 10)
    player = ros.run(["-m", "har_ros.cli", "play", str(tmp_path / "bag")])
    assert player.wait() == 0, player.output
    assert "/har/strange is not played: message type strange_msgs/msg/Thing is not installed here" in player.output
    assert "played 3 messages" in player.output
    assert truths.wait(3) == [String(data="WALK")] * 3
    nothing = ros.run(["-m", "har_ros.cli", "play", str(tmp_path / "bag"), "--topics", "/har/strange"])
    assert nothing.wait() == 1
    assert "can be played here; install the packages named above" in nothing.output
    assert "Traceback" not in nothing.output


def test_a_bag_is_played_as_it_was_recorded(ros: RosTest, tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", [(2.0, COLOURS["WALK"], "WALK")])
    pictures = ros.listen(Image, "/har/camera/image_raw", 200)
    samples = ros.listen(Imu, "/har/imu/data_raw", 500)
    clock = ros.listen(Clock, "/clock", 2000)
    player = ros.run(["-m", "har_ros.cli", "play", str(bag), "--clock"])
    wait_until(lambda: player.popen.poll() is not None)
    assert player.popen.returncode == 0, player.output
    assert "played 280 messages" in player.output
    recorded = contents(bag)
    assert pictures.wait(60) == recorded["/har/camera/image_raw"]
    assert samples.wait(200) == recorded["/har/imu/data_raw"]
    times = [message.clock.sec * 10**9 + message.clock.nanosec for message in clock.wait(100)]
    first, last = (stamp_ns(samples.all()[index].header) for index in (0, -1))
    assert times == sorted(times)
    assert (times[0], times[-1]) == (first, last)


def test_the_explained_replay_has_the_played_inputs_judged_and_no_live_ones(ros: RosTest, tmp_path: Path) -> None:
    model = write_colour_model(tmp_path / "model")
    bag = write_bag(tmp_path / "bag", [(4.0, COLOURS["WALK"], "WALK")])
    explained = ros.run(["-m", "har_ros.cli", "play", "--help"])
    assert explained.wait() == 0
    up_words, play_words = (
        line.split() for line in explained.output.splitlines() if re.match("  har .*_(time|raw)", line)
    )
    results = ros.listen(DiagnosticArray, "/har/activity", 200)
    up = ros.run(["-m", "har_ros.cli", *up_words[1:-1], f"model:={model}"])
    results.wait_for(is_status(b"\x03", "no camera image yet"))
    assert len(children_of(up.pid)) == 1, "fusion alone"
    player = ros.run(["-m", "har_ros.cli", "play", str(bag), *play_words[3:]])
    assert player.wait() == 0, player.output
    verdict = results.wait_for(lambda array: array.status[0].message == "WALK")
    assert 0 <= stamp_ns(verdict.header) - START_NS < 4_000_000_000
    assert up.end() == 0


def test_playing_loops_until_it_is_told_to_end(ros: RosTest, tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", [(0.5, COLOURS["WALK"], "WALK")])
    truths = ros.listen(String, "/har/ground_truth", 100)
    player = ros.run(["-m", "har_ros.cli", "play", str(bag), "--loop", "--rate", "2", "--topics", "ground_truth"])
    assert len(truths.wait(11)) >= 11  # 5 in the bag
    assert player.end() == 0, player.output
    assert "Traceback" not in player.output


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--topics", "/nobody"], "has no /nobody; it holds /har/camera/image_raw"),
        (["--topics", "truth"], "has no truth; it holds /har/camera/image_raw"),
        (["--rate", "0"], "--rate is 0; give a number from 0.01 to 100"),
    ],
)
def test_playing_refuses_what_it_must(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], sentence: str
) -> None:
    from har_ros.cli import main

    bag = write_bag(tmp_path / "bag", [(0.5, COLOURS["WALK"], "WALK")])
    assert main(["play", str(bag), *options]) == 1
    assert sentence in capsys.readouterr().err
    file = next(bag.glob("*.mcap"))
    file.write_bytes(file.read_bytes()[:2000])
    assert main(["play", str(bag)]) == 1
    assert "can't be read as a bag" in capsys.readouterr().err
