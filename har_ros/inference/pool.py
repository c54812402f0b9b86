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
        self._at_once = at_once
        self._waiting: deque[object] = deque()
        self._working: set[object] = set()
        self._changed = threading.Condition()

    @contextmanager
    def turn(self, owner: object) -> Iterator[None]:
        """Wait for a turn, and hold it within the block. An owner has one at a time."""
        with self._changed:
            self._waiting.append(owner)
            self._changed.wait_for(lambda: len(self._working) < self._at_once and self._waiting[0] is owner)
            self._working.add(self._waiting.popleft())
            self._changed.notify_all()
        try:
            yield
        finally:
            self.take_back(owner)

    def take_back(self, owner: object) -> None:
        """End an owner's turn, also one that hangs in it and is given up: the others go on."""
        with self._changed:
            self._working.discard(owner)
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
        key = (folder.resolve(), threads, tuple(providers))  # an older model of the folder goes with its last user
        model = self._models.get(key)
        if model is None or model.card.identity != load_card(folder).identity:
            model = self._models[key] = HarModel(folder, threads, providers)
        return model
