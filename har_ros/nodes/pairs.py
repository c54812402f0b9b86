"""Pairs of a picture and an accelerometer sample, by message_filters' rule."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.time import Time
from sensor_msgs.msg import Imu
from std_msgs.msg import Header

from har_ros.nodes.message_filters import ApproximateTimeSynchronizer, SimpleFilter


@dataclass
class _Waiting:
    """Stands for an image in the synchroniser's queue; the image itself goes when its time is over."""

    header: Header
    stamp_ns: int
    image: Any


class Pairs:
    """Hands on every image that has a sample close in time: on_pair(image, sample), which must not raise.

    The synchroniser's queue is as long for images as for samples: hundreds of megabytes once the samples stay
    away. So an image is let go when one that is `max_wait_s` newer has come, and then counts as unpaired.
    """

    def __init__(
        self, queue_size: int, slop_s: float, max_wait_s: float, on_pair: Callable[[Any, Imu], None]
    ) -> None:
        self._queue_size = queue_size
        self._slop_s = slop_s
        self._max_wait_ns = int(max_wait_s * 1e9)
        self._on_pair = on_pair
        self._waiting: deque[_Waiting] = deque()
        self.paired = 0
        self.unpaired = 0
        self.restart()

    def restart(self) -> None:
        """Forget what waits for a partner, as after a jump of time."""
        while self._waiting:
            self._let_go()
        self._images, self._samples = SimpleFilter(), SimpleFilter()
        synchroniser = ApproximateTimeSynchronizer([self._images, self._samples], self._queue_size, self._slop_s)
        synchroniser.registerCallback(self._take)

    def add_image(self, image: Any) -> None:
        """Take one image message."""
        waiting = _Waiting(image.header, stamp_ns_of(image), image)
        self._waiting.append(waiting)
        while (
            waiting.stamp_ns - self._waiting[0].stamp_ns > self._max_wait_ns or len(self._waiting) > self._queue_size
        ):
            self._let_go()
        self._images.signalMessage(waiting)

    def add_sample(self, sample: Imu) -> None:
        """Take one accelerometer message."""
        self._samples.signalMessage(sample)

    def _let_go(self) -> None:
        oldest = self._waiting.popleft()
        self.unpaired += oldest.image is not None
        oldest.image = None

    def _take(self, waiting: _Waiting, sample: Imu) -> None:
        image, waiting.image = waiting.image, None
        if image is not None:
            self.paired += 1
            self._on_pair(image, sample)


def stamp_ns_of(message: Any) -> int:
    """Return a message's stamp in ns."""
    return int(Time.from_msg(message.header.stamp).nanoseconds)
