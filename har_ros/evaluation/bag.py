"""Reads the inputs of the fusion node, and the truth, out of a rosbag2 (sqlite3 or mcap)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rosbags.highlevel import AnyReader
from rosbags.interfaces import Connection
from rosbags.typesys import Stores, get_typestore

from har_ros.core.errors import HarError
from har_ros.core.pictures import decompress, raw_to_bgr

_FILE_SUFFIXES = (".mcap", ".db3")
_RESCUE = "if its recording was cut off, complete it with `har recover`"


class Input(Enum):
    """What a message is for."""

    IMAGE = auto()
    IMU = auto()
    TRUTH = auto()
    HARD_NEGATIVE = auto()


# What to take: message type and how the topic ends; where both images are there, the raw ones serve.
_WANTED = (
    (Input.IMAGE, "sensor_msgs/msg/Image", "camera/image_raw"),
    (Input.IMAGE, "sensor_msgs/msg/CompressedImage", "camera/image_raw/compressed"),
    (Input.IMU, "sensor_msgs/msg/Imu", "imu/data_raw"),
    (Input.TRUTH, "std_msgs/msg/String", "ground_truth"),
    (Input.HARD_NEGATIVE, "std_msgs/msg/String", "hard_negative"),
)


@dataclass(frozen=True)
class Bag:
    """An open bag.

    namespace: of its topics, such as /har.
    topics:   the topic of each input that it has.
    count:    number of messages that `messages` gives.
    messages: iterates in the recorded order over (input, recorded time in ns, decoded message); raises HarError
              where the bag is broken.
    """

    namespace: str
    topics: dict[Input, str]
    count: int
    messages: Callable[[], Iterator[tuple[Input, int, Any]]]


def is_bag(path: Path) -> bool:
    """Return whether `path` looks like a bag: its file, its folder, or a folder that one was begun in."""
    if path.is_dir():
        return (path / "metadata.yaml").exists() or any(entry.suffix in _FILE_SUFFIXES for entry in path.iterdir())
    return path.suffix in _FILE_SUFFIXES


@contextmanager
def open_bag(path: Path, namespace: str | None = None, without: Input | None = None) -> Iterator[Bag]:
    """Open a bag and find its topics, in whatever namespace they are; one input may be left out.

    Raises HarError for a broken bag, for one without images or accelerometer (but that left out), and for several
    namespaces where none is named.
    """
    try:
        reader = AnyReader([path], default_typestore=get_typestore(Stores.ROS2_JAZZY))
        reader.open()
    except Exception as error:  # noqa: BLE001  a broken file makes the library raise anything
        raise _broken(path, error) from None
    try:
        chosen = _choose(path, reader.connections, namespace, without)

        def messages() -> Iterator[tuple[Input, int, Any]]:
            kinds = {connection.topic: kind for kind, connection in chosen.items()}
            try:
                for connection, recorded_ns, data in reader.messages(list(chosen.values())):
                    yield kinds[connection.topic], recorded_ns, reader.deserialize(data, connection.msgtype)
            except Exception as error:  # noqa: BLE001  see above
                raise _broken(path, error) from None

        count = sum(connection.msgcount for connection in chosen.values())
        topics = {kind: connection.topic for kind, connection in chosen.items()}
        yield Bag(_namespace_of(topics), topics, count, messages)
    finally:
        reader.close()


def stamp_ns(message: Any) -> int:
    """Return the stamp of a message with a header, in ns."""
    return int(message.header.stamp.sec) * 1_000_000_000 + int(message.header.stamp.nanosec)


def picture(message: Any) -> NDArray[np.uint8]:
    """Return an Image's or CompressedImage's pixels as (H, W, 3) uint8 BGR. Raises HarError where it is broken."""
    return decompress(message) if hasattr(message, "format") else raw_to_bgr(message)


def _broken(path: Path, error: Exception) -> HarError:
    reason = next(iter(str(error).splitlines()), "") or type(error).__name__
    return HarError(f"'{path}' can't be read as a bag ({reason}); {_RESCUE}")


def _namespace_of(topics: dict[Input, str]) -> str:
    kind, topic = next(iter(topics.items()))
    fitting = (topic.removesuffix(f"/{ending}") for each, _, ending in _WANTED if each is kind)
    return min(fitting, key=len)


def _choose(
    path: Path, connections: list[Connection], namespace: str | None, without: Input | None
) -> dict[Input, Connection]:
    connections = [each for each in connections if each.msgcount]  # a recorder notes silent publishers' topics, too
    chosen: dict[Input, Connection] = {}
    for kind, msgtype, ending in _WANTED:
        if kind in chosen or kind is without:
            continue
        fitting = [c for c in connections if c.msgtype == msgtype and f"/{c.topic}".endswith(f"/{ending}")]
        if namespace is not None:
            wanted = f"{namespace.rstrip('/')}/{ending}"
            fitting = [connection for connection in fitting if connection.topic == wanted]
        if len({connection.topic for connection in fitting}) > 1:
            found = ", ".join(sorted({connection.topic.removesuffix(f"/{ending}") for connection in fitting}))
            raise HarError(f"'{path}' holds several namespaces; choose one of {found} with --namespace")
        if fitting:
            chosen[kind] = fitting[0]
    for kind, what in ((Input.IMAGE, "images (camera/image_raw)"), (Input.IMU, "accelerometer (imu/data_raw)")):
        if kind not in chosen and kind is not without:
            topics = ", ".join(sorted({connection.topic for connection in connections})) or "nothing"
            raise HarError(f"'{path}' has no {what}, but {topics}; record these topics, or name the right --namespace")
    return chosen
