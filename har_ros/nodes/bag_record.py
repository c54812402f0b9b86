"""`har record`: record topics into a bag, for where there is no `ros2 bag record`."""

from __future__ import annotations

import argparse
import os
import shutil
import time
from collections import Counter
from functools import partial
from pathlib import Path

from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rich.console import Console
from rosbags.interfaces import Connection
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, TypesysError, get_typestore

from har_ros.core.errors import HarError
from har_ros.nodes.bag_common import common_profile, message_class, participant, to_bag

SUMMARY = "record the topics into a bag"
# Inputs, truth and results. The compressed and annotated pictures are made only while somebody listens.
TOPICS = (
    "camera/image_raw",
    "camera/camera_info",
    "imu/data_raw",
    "ground_truth",
    "activity",
    "anomaly",
    "activity/label",
    "anomaly/score",
    "anomaly/active",
    "model_info",
    "/diagnostics",
)
_LOOK_S = 0.5  # how often to look for topics that came up meanwhile
_EXAMPLE = """examples:
  har record recordings/monday
  har record small --topics camera/image_raw/compressed imu/data_raw ground_truth
Ctrl-C ends the recording and completes the bag; topics that appear later are recorded, too. Raw pictures take
about 28 MB a second at 640 x 480. `har evaluate` scores the bag, `har play` and `ros2 bag play` play it.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's options."""
    parser.epilog = _EXAMPLE
    parser.add_argument("bag", type=Path, help="the folder to make")
    parser.add_argument(
        "--topics", nargs="+", default=TOPICS, metavar="TOPIC", help="what to record (default: inputs, truth, results)"
    )
    parser.add_argument(
        "--namespace", default="/har", metavar="NS", help="of the topics without a leading slash (default /har)"
    )
    parser.add_argument(
        "--storage", choices=("mcap", "sqlite3"), default="mcap", help="the bag's format (default mcap)"
    )


def run(args: argparse.Namespace) -> int:
    """Record until SIGINT or SIGTERM and print what came. Raises HarError."""
    writer = _new_bag(args.bag, args.storage)
    wanted = {topic if topic.startswith("/") else f"{args.namespace.rstrip('/')}/{topic}" for topic in args.topics}
    console = Console(soft_wrap=True, highlight=False)
    with participant("bag_recorder") as (node, stopping):
        recorder = BagRecorder(node, writer, wanted)
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        try:
            with console.status("waiting for topics; Ctrl-C ends") as status:
                node.create_timer(1.0, lambda: status.update(f"{recorder.counts.total()} messages; Ctrl-C ends"))
                while not stopping.is_set():
                    executor.spin_once(timeout_sec=0.1)
        except OSError as error:
            raise HarError(f"recording ended: {error.strerror or error}; free space, then record again") from None
        finally:
            executor.shutdown()
            writer.close()
    for topic in sorted(wanted):
        console.print(f"{recorder.counts[topic]:8}  {topic}", markup=False)
    if not recorder.counts:
        shutil.rmtree(args.bag)
        raise HarError(f"nothing was recorded: nobody published {', '.join(sorted(wanted))}")
    console.print(f"wrote {args.bag}: {recorder.counts.total()} messages", markup=False)
    return 0


class BagRecorder:
    """Writes what comes on the wanted topics, as the bytes that came, with the time of their arrival."""

    def __init__(self, node: Node, writer: Writer, wanted: set[str]) -> None:
        self._node = node
        self._writer = writer
        self._waiting_for = set(wanted)
        self._types = get_typestore(
            getattr(Stores, f"ROS2_{os.environ.get('ROS_DISTRO', '').upper()}", Stores.ROS2_JAZZY)
        )
        self.counts: Counter[str] = Counter()
        self._look()
        node.create_timer(_LOOK_S, self._look)

    def _look(self) -> None:
        """Subscribe to the wanted topics that have a publisher by now."""
        for topic in sorted(self._waiting_for):
            publishers = self._node.get_publishers_info_by_topic(topic)
            if not publishers:
                continue
            self._waiting_for.remove(topic)
            try:
                self._record(topic, publishers[0].topic_type, common_profile([each.qos_profile for each in publishers]))
            except (HarError, TypesysError) as error:  # the other topics go on
                self._node.get_logger().warning(f"{topic} is not recorded: {error}")

    def _record(self, topic: str, msgtype: str, profile: QoSProfile) -> None:
        message_type = message_class(msgtype)
        connection = self._writer.add_connection(
            topic, msgtype, typestore=self._types, offered_qos_profiles=[to_bag(profile)]
        )
        self._node.create_subscription(message_type, topic, partial(self._write, connection), profile, raw=True)

    def _write(self, connection: Connection, data: bytes) -> None:
        self._writer.write(connection, time.time_ns(), data)
        self.counts[connection.topic] += 1


def _new_bag(folder: Path, storage: str) -> Writer:
    if folder.exists():
        raise HarError(f"'{folder}' exists already; give a new folder, since a recording never replaces another")
    writer = Writer(folder, version=Writer.VERSION_LATEST, storage_plugin=StoragePlugin[storage.upper()])
    try:
        writer.open()
    except OSError as error:
        raise HarError(f"can't make '{folder}' ({error.strerror}); give another folder") from None
    return writer
