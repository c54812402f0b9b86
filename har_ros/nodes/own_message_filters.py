"""The part of message_filters' Python API that this package uses, for where message_filters is missing.

Same names, arguments and results as the package of ROS 2 Jazzy. One thing is better: a callback that
raises does not leave the filter locked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from rclpy.clock import ROSClock
from rclpy.duration import Duration
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.time import Time

from har_ros.core.pairing import ApproximateTimePairer


class Stamp(NamedTuple):
    """A time that a header may carry instead of a message's."""

    nanoseconds: int


class SimpleFilter:
    """Something that hands messages on to the callbacks registered with it."""

    def __init__(self) -> None:
        self.callbacks: dict[int, tuple[Callable[..., Any], tuple[Any, ...]]] = {}

    def registerCallback(self, callback: Callable[..., Any], *args: Any) -> int:  # noqa: N802
        """Call `callback(*messages, *args)` on each output; returns the connection's number."""
        connection = len(self.callbacks)
        self.callbacks[connection] = (callback, args)
        return connection

    def signalMessage(self, *messages: Any) -> None:  # noqa: N802
        """Hand messages to all callbacks, in the order of their registration."""
        for callback, args in self.callbacks.values():
            callback(*messages, *args)


class Subscriber(SimpleFilter):
    """A subscription as the source of a chain of filters; arguments as Node.create_subscription's."""

    def __init__(self, node: Node, message_type: type, topic: str, **options: Any) -> None:
        super().__init__()
        self.node = node
        self.topic = topic
        options.setdefault("qos_profile", 10)
        self.sub = node.create_subscription(message_type, topic, self.signalMessage, **options)

    def getTopic(self) -> str:  # noqa: N802
        """Return the topic's name as it was given."""
        return self.topic


class Cache(SimpleFilter):
    """Keeps the newest `cache_size` messages, in the order of their arrival, and hands each on."""

    def __init__(self, source: Any, cache_size: int = 1, allow_headerless: bool = False) -> None:
        super().__init__()
        self.cache_size = cache_size
        self.allow_headerless = allow_headerless
        self._entries: deque[tuple[Time, Any]] = deque(maxlen=cache_size)
        source.registerCallback(self.add)

    def add(self, message: Any) -> None:
        """Take one message."""
        stamp = _stamp(message, self.allow_headerless)
        if stamp is not None:
            self._entries.append((stamp, message))
            self.signalMessage(message)

    def getInterval(self, from_stamp: Time, to_stamp: Time) -> list[Any]:  # noqa: N802
        """Return the messages stamped from `from_stamp` to `to_stamp`, both included."""
        return [message for stamp, message in self._entries if from_stamp <= stamp <= to_stamp]

    def getElemAfterTime(self, stamp: Time) -> Any:  # noqa: N802
        """Return the first message stamped at `stamp` or later, or None."""
        return next((message for found, message in self._entries if found >= stamp), None)

    def getElemBeforeTime(self, stamp: Time) -> Any:  # noqa: N802
        """Return the last message stamped at `stamp` or earlier, or None."""
        return next((message for found, message in reversed(self._entries) if found <= stamp), None)

    def getLastestTime(self) -> Time | None:  # noqa: N802 (the name that message_filters gave it)
        """Return the stamp of the newest arrival, or None."""
        return self._entries[-1][0] if self._entries else None

    def getOldestTime(self) -> Time | None:  # noqa: N802
        """Return the stamp of the oldest arrival kept, or None."""
        return self._entries[0][0] if self._entries else None

    def getLast(self) -> Any:  # noqa: N802
        """Return the first message that is no older than the newest arrival, or None."""
        newest = self.getLastestTime()
        return None if newest is None else self.getElemAfterTime(newest)


class ApproximateTimeSynchronizer(SimpleFilter):
    """Hands on groups of messages, one from each source, whose stamps are less than `slop` seconds apart."""

    def __init__(
        self, sources: Sequence[Any], queue_size: int, slop: float, allow_headerless: bool = False
    ) -> None:
        super().__init__()
        self.allow_headerless = allow_headerless
        self._pairer = ApproximateTimePairer(
            len(sources), queue_size, Duration(seconds=slop).nanoseconds, self.signalMessage
        )
        for topic, source in enumerate(sources):
            source.registerCallback(self._add, topic)

    def _add(self, message: Any, topic: int) -> None:
        stamp = _stamp(message, self.allow_headerless)
        if stamp is not None:
            self._pairer.add(topic, stamp.nanoseconds, message)


class TimeSynchronizer(ApproximateTimeSynchronizer):
    """Hands on groups of messages, one from each source, of the very same stamp."""

    def __init__(self, sources: Sequence[Any], queue_size: int) -> None:
        super().__init__(sources, queue_size, slop=1e-9)


def _stamp(message: Any, allow_headerless: bool) -> Time | None:
    stamp = getattr(getattr(message, "header", None), "stamp", None)
    if stamp is not None:
        return stamp if hasattr(stamp, "nanoseconds") else Time.from_msg(stamp)
    if allow_headerless:
        return ROSClock().now()
    get_logger("message_filters").warning(
        f"a {type(message).__name__} without a header can't be filtered by time; see allow_headerless"
    )
    return None
