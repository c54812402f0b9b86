"""Pairs of a picture and an accelerometer sample, by message_filters' rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from har_ros.core.errors import HarError
from har_ros.core.pairing import Waiting, WaitingRoom
from har_ros.nodes.message_filters import ApproximateTimeSynchronizer, SimpleFilter, Stamp


class _Header(NamedTuple):
    stamp: Stamp


class _Stamped(NamedTuple):
    """What message_filters takes for a message: it looks at the header's stamp alone."""

    header: _Header
    content: Any


class Pairs:
    """Hands on every image that has a sample close in time: on_pair(image, sample's stamp in ns); it must not raise.

    An image waits at most until one that is `max_wait_s` newer comes; see WaitingRoom.
    """

    def __init__(
        self, queue_size: int, slop_s: float, max_wait_s: float, on_pair: Callable[[Any, int], None]
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

    def let_go(self) -> None:
        """Let the images go that wait: one that is newer was handed on without a sample."""
        self._room.clear()

    def add_image(self, image: Any) -> None:
        """Take one image message."""
        stamp_ns = stamp_ns_of(image)
        self._images.signalMessage(_stamped(stamp_ns, self._room.enter(stamp_ns, image)))

    def add_sample(self, stamp_ns: int) -> None:
        """Take one accelerometer sample's stamp."""
        self._samples.signalMessage(_stamped(stamp_ns, stamp_ns))

    def _take(self, image: _Stamped, sample: _Stamped) -> None:
        waiting: Waiting = image.content
        claimed = self._room.claim(waiting)
        if claimed is not None:
            self._on_pair(claimed, sample.content)


def _stamped(stamp_ns: int, content: Any) -> _Stamped:
    return _Stamped(_Header(Stamp(nanoseconds=stamp_ns)), content)


def stamp_ns_of(message: Any) -> int:
    """Return a message's stamp in ns. Raises HarError for one before 1970, which ROS has no time for."""
    stamp = message.header.stamp
    return total_ns(stamp.sec, stamp.nanosec)


def total_ns(sec: int, nanosec: int) -> int:
    """Return a stamp in ns. Raises HarError for one before 1970."""
    if sec < 0:
        raise HarError(f"a message whose stamp is negative: {sec} s")
    return sec * 1_000_000_000 + nanosec
