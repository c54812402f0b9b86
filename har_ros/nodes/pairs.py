"""Pairs of a picture and an accelerometer sample, by message_filters' rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sensor_msgs.msg import Imu
from std_msgs.msg import Header

from har_ros.core.errors import HarError
from har_ros.core.pairing import Waiting, WaitingRoom
from har_ros.nodes.message_filters import ApproximateTimeSynchronizer, SimpleFilter


@dataclass
class _Stamped:
    """A waiting image as message_filters takes it."""

    header: Header
    waiting: Waiting


class Pairs:
    """Hands on every image that has a sample close in time: on_pair(image, sample), which must not raise.

    An image waits at most until one that is `max_wait_s` newer comes; see WaitingRoom.
    """

    def __init__(
        self, queue_size: int, slop_s: float, max_wait_s: float, on_pair: Callable[[Any, Imu], None]
    ) -> None:
        self._queue_size = queue_size
        self._slop_s = slop_s
        self._on_pair = on_pair
        self._room = WaitingRoom(queue_size, int(max_wait_s * 1e9))
        self.restart()

    @property
    def paired(self) -> int:
        """Images that were handed on."""
        return self._room.paired

    @property
    def unpaired(self) -> int:
        """Images that were let go without a sample."""
        return self._room.unpaired

    def restart(self) -> None:
        """Forget what waits for a partner, as after a jump of time."""
        self._room.clear()
        self._images, self._samples = SimpleFilter(), SimpleFilter()
        synchroniser = ApproximateTimeSynchronizer([self._images, self._samples], self._queue_size, self._slop_s)
        synchroniser.registerCallback(self._take)

    def add_image(self, image: Any) -> None:
        """Take one image message."""
        self._images.signalMessage(_Stamped(image.header, self._room.enter(stamp_ns_of(image), image)))

    def add_sample(self, sample: Imu) -> None:
        """Take one accelerometer message."""
        self._samples.signalMessage(sample)

    def _take(self, stamped: _Stamped, sample: Imu) -> None:
        image = self._room.claim(stamped.waiting)
        if image is not None:
            self._on_pair(image, sample)


def stamp_ns_of(message: Any) -> int:
    """Return a message's stamp in ns. Raises HarError for one before 1970, which ROS has no time for."""
    stamp = message.header.stamp
    if stamp.sec < 0:
        raise HarError(f"a message whose stamp is negative: {stamp.sec} s")
    return int(stamp.sec * 1_000_000_000 + stamp.nanosec)
