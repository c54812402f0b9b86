"""A beat that goes on while the node's executor is busy with something else."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Beat:
    """Calls `callback` every `period_s` in a thread of its own.

    A timer's callback waits for whatever its executor is doing, such as loading the model of another node of the
    process: too long for a word that must come on time. What the callback raises ends the beat, as `failure`.
    """

    def __init__(self, period_s: float, callback: Callable[[], object]) -> None:
        self.failure: Exception | None = None
        self._period_s = period_s
        self._callback = callback
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="beat", daemon=True)

    def start(self) -> None:
        """Begin; the first call comes after one period."""
        self._thread.start()

    def stop(self) -> None:
        """End, after the call in work."""
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.wait(self._period_s):
            try:
                self._callback()
            except Exception as error:  # noqa: BLE001  whoever owns the beat must learn of it
                self.failure = error
                return
