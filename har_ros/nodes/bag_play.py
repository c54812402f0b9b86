"""`har play`: play a bag back onto its topics, for where there is no `ros2 bag play`."""

from __future__ import annotations

import argparse
import threading
import time
from pathlib import Path
from typing import Any

from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.time import Time
from rich.console import Console
from rich.progress import Progress
from rosbags.interfaces import Connection, ConnectionExtRosbag2
from rosbags.rosbag2 import Reader
from rosgraph_msgs.msg import Clock

from har_ros.core.errors import HarError
from har_ros.nodes.bag_common import DEPTH, from_bag, message_class, participant

_DISCOVERY_S = 1.0  # for the listeners to find the publishers
_CLOCK_S = 0.01
_ALL_HEARD_S = 5.0
_EXAMPLE = """examples:
  har up use_sim_time:=true camera:=false imu:=false &
  har play recordings/monday --clock --topics camera/image_raw imu/data_raw
  har play recordings/monday --rate 0.5 --loop
The messages keep their stamps. Nodes that judge how old data are must run on the bag's time: play with --clock
and start them with use_sim_time:=true, else they call all of it stale; and without camera and bridge, which would
publish live data among the played. Play only the inputs to nodes that publish the results themselves.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's options."""
    parser.epilog = _EXAMPLE
    parser.add_argument("bag", type=Path, help="the bag's folder, or its .mcap or .db3 file")
    parser.add_argument(
        "--topics",
        nargs="+",
        metavar="TOPIC",
        help="play only these, of any namespace where there is no leading slash (default: all)",
    )
    parser.add_argument("--clock", action="store_true", help="publish the recorded time on /clock")
    parser.add_argument("--rate", type=float, default=1.0, help="so many times as fast as recorded (default 1)")
    parser.add_argument("--loop", action="store_true", help="begin anew at the end, until Ctrl-C")


def run(args: argparse.Namespace) -> int:
    """Play the bag until its end, or until a signal. Raises HarError."""
    if not 0.01 <= args.rate <= 100:
        raise HarError(f"--rate is {args.rate:g}; give a number from 0.01 to 100")
    with BagFile(args.bag, args.topics) as bag, participant("bag_player") as (node, stopping):
        player = BagPlayer(node, args.clock, args.rate, stopping)
        playable = [connection for connection in bag.connections if player.offer(connection)]
        if not playable:
            raise HarError(f"nothing of '{args.bag}' can be played here; install the packages named above")
        stopping.wait(_DISCOVERY_S)
        with Progress(console=Console(stderr=True), transient=True) as progress:
            while True:
                count = sum(connection.msgcount for connection in playable)
                for connection, stamp_ns, data in progress.track(bag.messages(playable), count, description="playing"):
                    player.play(connection, stamp_ns, data)
                    if stopping.is_set():
                        break
                player.begin_anew()
                if stopping.is_set() or not args.loop:
                    break
        player.wait_until_heard()
        print(f"played {player.played} messages")
    return 0


class BagFile:
    """An open bag and the topics to play of it; any failure of the file becomes a HarError."""

    def __init__(self, path: Path, topics: list[str] | None) -> None:
        self._path = path
        try:
            self._reader = Reader(path)
            self._reader.open()
        except Exception as error:  # noqa: BLE001  a broken file makes the library raise anything
            raise self._broken(error) from None
        known = {connection.topic for connection in self._reader.connections}
        chosen = {name: {topic for topic in known if _means(name, topic)} for name in topics or known}
        missing = {name for name, found in chosen.items() if not found}
        if missing or not known:
            self._reader.close()
            held = ", ".join(sorted(known)) or "nothing"
            raise HarError(f"'{path}' has no {', '.join(sorted(missing)) or 'topics'}; it holds {held}")
        self.connections = [c for c in self._reader.connections if c.topic in set().union(*chosen.values())]

    def __enter__(self) -> BagFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()

    def messages(self, connections: list[Connection]) -> Any:
        """Iterate over (connection, recorded time in ns, bytes) of some connections in the recorded order."""
        try:
            yield from self._reader.messages(connections)
        except Exception as error:  # noqa: BLE001  see above
            raise self._broken(error) from None

    def _broken(self, error: Exception) -> HarError:
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        return HarError(f"'{self._path}' can't be read as a bag ({reason}); if it was cut off, try: har recover BAG")


class BagPlayer:
    """Publishes recorded bytes at their recorded pace, on a steady clock."""

    def __init__(self, node: Node, clock: bool, rate: float, stopping: threading.Event) -> None:
        self._node = node
        self._rate = rate
        self._stopping = stopping
        self._publishers: dict[int, Any] = {}
        self._clock = node.create_publisher(Clock, "/clock", DEPTH) if clock else None
        self._begin: tuple[int, float] | None = None  # the first message's time, and when it was played
        self.played = 0

    def offer(self, connection: Connection) -> bool:
        """Make ready to play a topic; returns False, with a warning, where its type is not installed."""
        try:
            message_type = message_class(connection.msgtype)
        except HarError as error:  # the other topics go on
            self._node.get_logger().warning(f"{connection.topic} is not played: {error}")
            return False
        profile = from_bag(_offered(connection))
        self._publishers[connection.id] = self._node.create_publisher(message_type, connection.topic, profile)
        return True

    def play(self, connection: Connection, stamp_ns: int, data: bytes) -> None:
        """Publish one message when its time has come; not at all when stopped before that."""
        if self._begin is None:
            self._begin = (stamp_ns, time.monotonic())
        self._wait_for(stamp_ns)
        if not self._stopping.is_set():
            self._publishers[connection.id].publish(data)
            self.played += 1

    def begin_anew(self) -> None:
        """Let the next message be the first one."""
        self._begin = None

    def wait_until_heard(self) -> None:
        """Give reliable listeners time to get the last messages."""
        for publisher in self._publishers.values():
            publisher.wait_for_all_acked(Duration(seconds=_ALL_HEARD_S))

    def _wait_for(self, stamp_ns: int) -> None:
        assert self._begin is not None
        first_ns, begun_s = self._begin
        while not self._stopping.is_set():
            left_s = (stamp_ns - first_ns) / 1e9 / self._rate - (time.monotonic() - begun_s)
            if self._clock is not None:
                now_ns = stamp_ns - max(int(left_s * 1e9 * self._rate), 0)
                self._clock.publish(Clock(clock=Time(nanoseconds=now_ns).to_msg()))
            if left_s <= 0:
                return
            self._stopping.wait(min(left_s, _CLOCK_S) if self._clock is not None else left_s)


def _means(name: str, topic: str) -> bool:
    """Return whether a topic has this name, which without a leading slash leaves the namespace open."""
    return topic == name or (not name.startswith("/") and topic.endswith(f"/{name}"))


def _offered(connection: Connection) -> list[Any]:
    assert isinstance(connection.ext, ConnectionExtRosbag2)
    return list(connection.ext.offered_qos_profiles)
