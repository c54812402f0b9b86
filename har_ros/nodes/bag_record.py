"""`har record`: record topics into a bag, for where there is no `ros2 bag record`."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rclpy.exceptions import InvalidTopicNameException
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.validate_full_topic_name import validate_full_topic_name
from rich.console import Console
from rosbags.interfaces import Connection
from rosbags.typesys import TypesysError

from har_ros.core.errors import HarError
from har_ros.dataset.bag_writer import STORAGES, BagWriter
from har_ros.nodes.bag_common import common_profile, message_class, participant, to_bag

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
_SECURE_S = 1.0
_EXAMPLE = """examples:
  har record recordings/monday
  har record small --topics camera/image_raw/compressed imu/data_raw ground_truth
Ctrl-C ends the recording and completes the bag; topics that appear later are recorded, too. Raw pictures take
about 28 MB a second at 640 x 480. `har evaluate` scores the bag, `har play` and `ros2 bag play` play it. A recording
that was killed lacks its last second and its end; `har recover` completes it.
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
    parser.add_argument("--storage", choices=STORAGES, default="mcap", help="the bag's format (default mcap)")


def run(args: argparse.Namespace) -> int:
    """Record until a signal or a full disk ends it and print what came. Raises HarError."""
    wanted = _full_names(args.topics, args.namespace)
    console = Console(soft_wrap=True, highlight=False)
    with participant("bag_recorder") as (node, stopping):
        writer = BagWriter(args.bag, args.storage)
        try:
            recorder = BagRecorder(node, writer, wanted)
            executor = SingleThreadedExecutor()
            executor.add_node(node)
            with console.status("waiting for topics; Ctrl-C ends") as status:
                node.create_timer(1.0, lambda: status.update(f"{recorder.counts.total()} messages; Ctrl-C ends"))
                while not stopping.is_set() and not writer.failure:
                    executor.spin_once(timeout_sec=0.1)
            executor.shutdown()
        finally:
            held = writer.close()
    if not held:
        writer.discard()
        raise HarError(f"nothing was recorded: {writer.failure or 'nobody published ' + ', '.join(sorted(wanted))}")
    if writer.failure:
        raise HarError(
            f"recording ended: {writer.failure}; '{args.bag}' holds the {held} messages until then; free space for more"
        )
    for topic in sorted(wanted):
        console.print(f"{recorder.counts[topic]:8}  {topic}", markup=False)
    console.print(f"wrote {args.bag}: {held} messages", markup=False)
    return 0


def _full_names(topics: Sequence[str], namespace: str) -> set[str]:
    """Return the topics' full names. Raises HarError for one that ROS does not allow."""
    names = {topic if topic.startswith("/") else f"{namespace.rstrip('/')}/{topic}" for topic in topics}
    for name in sorted(names):
        try:
            validate_full_topic_name(name)
        except InvalidTopicNameException as error:
            reason = " ".join(str(error).splitlines()[0].split())
            raise HarError(f"'{name}' is no topic ({reason}); correct --topics or --namespace") from None
    return names


class BagRecorder:
    """Writes what comes on the wanted topics, as the bytes that came."""

    def __init__(self, node: Node, writer: BagWriter, wanted: set[str]) -> None:
        self._node = node
        self._writer = writer
        self._waiting_for = set(wanted)
        self.counts: Counter[str] = Counter()
        self._look()
        node.create_timer(_LOOK_S, self._look)
        node.create_timer(_SECURE_S, writer.secure)

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
        connection = self._writer.add(topic, msgtype, to_bag(profile))
        if connection is not None:
            self._node.create_subscription(message_type, topic, partial(self._write, connection), profile, raw=True)

    def _write(self, connection: Connection, data: bytes) -> None:
        if self._writer.write(connection, data, time.time_ns()):
            self.counts[connection.topic] += 1
