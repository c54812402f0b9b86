"""Pairing of stamped messages by message_filters' rule, and how long an image waits for its sample; without ROS."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any


@dataclass
class Waiting:
    """Stands for an image in a pairer's queue; the image itself goes when its time is over."""

    stamp_ns: int
    image: Any


class WaitingRoom:
    """Holds the images that have no sample yet, each until it is paired or too old.

    A pairer's queue is as long for images as for samples: hundreds of megabytes once the samples stay away. So an
    image is let go when one that is `max_wait_ns` newer has come, and then counts as unpaired.
    """

    def __init__(self, size: int, max_wait_ns: int) -> None:
        self._size = size
        self._max_wait_ns = max_wait_ns
        self._waiting: deque[Waiting] = deque()
        self.paired = 0
        self.unpaired = 0

    def enter(self, stamp_ns: int, image: Any) -> Waiting:
        """Take an image and return what stands for it in the pairer's queue."""
        newest = Waiting(stamp_ns, image)
        self._waiting.append(newest)
        while stamp_ns - self._waiting[0].stamp_ns > self._max_wait_ns or len(self._waiting) > self._size:
            self._let_go()
        return newest

    def claim(self, waiting: Waiting) -> Any:
        """Return the image whose sample has come, or None where it was let go."""
        image, waiting.image = waiting.image, None
        self.paired += image is not None
        return image

    def clear(self) -> None:
        """Let all images go, as after a jump of time."""
        while self._waiting:
            self._let_go()

    def _let_go(self) -> None:
        oldest = self._waiting.popleft()
        self.unpaired += oldest.image is not None
        oldest.image = None


class ApproximateTimePairer:
    """Groups one message of each topic whose stamps all lie less than `slop_ns` apart.

    The rule is that of message_filters' Python ApproximateTimeSynchronizer: every arriving message
    looks for partners at once, the nearest stamps first, and a group's messages are consumed. Each
    topic keeps its `queue_size` newest stamps.

    Raises ValueError for fewer than two topics, an empty queue or a negative slop.
    """

    def __init__(self, topics: int, queue_size: int, slop_ns: int, on_group: Callable[..., Any]) -> None:
        if topics < 2 or queue_size < 1 or slop_ns < 0:
            raise ValueError("pairing needs two topics or more, a queue of one or more, a slop of 0 or more")
        self._queues: list[dict[int, Any]] = [{} for _ in range(topics)]
        self._queue_size = queue_size
        self._slop_ns = slop_ns
        self._on_group = on_group

    def add(self, topic: int, stamp_ns: int, message: Any) -> None:
        """Take one message; calls `on_group(*messages)` in topic order where a group is complete."""
        queue = self._queues[topic]
        queue[stamp_ns] = message
        while len(queue) > self._queue_size:
            del queue[min(queue)]
        if stamp_ns in queue:
            self._pair(topic, stamp_ns)

    def clear(self) -> None:
        """Forget all waiting messages, as after a jump of the clock."""
        for queue in self._queues:
            queue.clear()

    def _pair(self, topic: int, stamp_ns: int) -> None:
        candidates = [
            [stamp_ns] if index == topic else self._near(queue, stamp_ns)
            for index, queue in enumerate(self._queues)
        ]
        for stamps in product(*candidates):
            if max(stamps) - min(stamps) < self._slop_ns:
                self._emit(stamps)
                return

    def _near(self, queue: dict[int, Any], stamp_ns: int) -> list[int]:
        within = [stamp for stamp in queue if abs(stamp - stamp_ns) < self._slop_ns]
        return sorted(within, key=lambda stamp: abs(stamp - stamp_ns))

    def _emit(self, stamps: Sequence[int]) -> None:
        messages = [queue.pop(stamp) for queue, stamp in zip(self._queues, stamps)]
        self._on_group(*messages)
