"""Nodes of one process hand each other what they would publish, without copies and without the middleware."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from std_msgs.msg import Header

from har_ros.core.pictures import Picture


@dataclass(frozen=True)
class LocalImage:
    """A camera's picture (H, W, 3) uint8 BGR; nobody changes it."""

    header: Header
    picture: Picture


class Neighbours:
    """The topics that nodes of one process offer each other, by their full names.

    Nodes offer topics when they are made, and listen when they are active. A node alone has no neighbours, and
    whoever is elsewhere hears of it by ROS as ever; what neighbours got and nobody else wants is not published.
    """

    def __init__(self) -> None:
        self._offered: set[str] = set()
        self._takers: defaultdict[str, tuple[Callable[[Any], None], ...]] = defaultdict(tuple)
        self._lock = threading.Lock()

    def offer(self, topic: str) -> None:
        """Say that a node of this process sends this topic."""
        self._offered.add(topic)

    def offers(self, topic: str) -> bool:
        """Return whether a node of this process sends this topic."""
        return topic in self._offered

    def listen(self, topic: str, take: Callable[[Any], None]) -> None:
        """Have `take` called with each message, in the sender's thread; it must not raise."""
        with self._lock:
            self._takers[topic] += (take,)

    def leave(self, topic: str, take: Callable[[Any], None]) -> None:
        """End listening."""
        with self._lock:
            self._takers[topic] = tuple(each for each in self._takers[topic] if each is not take)

    def hand_on(self, topic: str, make: Callable[[], Any]) -> bool:
        """Give everybody who listens the message that `make` returns; return whether anybody does."""
        takers = self._takers[topic]
        if takers:
            message = make()
            for take in takers:
                take(message)
        return bool(takers)
