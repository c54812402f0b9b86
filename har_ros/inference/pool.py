"""Models that several recognisers of one process share: loaded once, and used in turn."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from har_ros.core.model_card import load_card
from har_ros.inference.model import HarModel
from har_ros.inference.sessions import CPU


class Turns:
    """Lets `at_once` threads work at a time and the others wait in the order they came.

    A thread that comes again stands behind those that wait: where there is too much to do, all get equally much of it.
    """

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn, and hold it within the block."""
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            self._changed.wait_for(lambda: self._free > 0 and self._waiting[0] is ticket)
            self._waiting.popleft()
            self._free -= 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                self._changed.notify_all()


class ModelPool:
    """The models of one process, and the turns of those who use them.

    One core is left to what brings the pictures; a batch of several people's pictures would gain nothing, since
    processors are no faster with one.
    """

    def __init__(self) -> None:
        self.turns = Turns(max(1, len(os.sched_getaffinity(0)) - 1))
        self._models: dict[tuple[object, ...], HarModel] = {}

    def load(self, folder: Path, threads: int = 1, providers: Sequence[str] = CPU) -> HarModel:
        """Return the model of a folder, loaded where it is not here yet or was changed. Raises HarError as HarModel."""
        key = (folder.resolve(), load_card(folder).identity, threads, tuple(providers))
        if key not in self._models:
            self._models[key] = HarModel(folder, threads, providers)
        return self._models[key]
