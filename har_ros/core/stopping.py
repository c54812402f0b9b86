"""How the user ends a program: Ctrl-C, SIGTERM, or closing its terminal."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


def stop_signals() -> tuple[signal.Signals, ...]:
    """Return the signals that ask for an end; SIGHUP, a closed terminal's, is none where `nohup` has it ignored."""
    asked = (signal.SIGINT, signal.SIGTERM)
    return asked if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else (*asked, signal.SIGHUP)


@contextmanager
def stop_event() -> Iterator[threading.Event]:
    """Give an event that the stop signals set, in the main thread; the handlers of before come back after it."""
    event = threading.Event()

    def note(*_: object) -> None:
        # Apart, since the interrupted thread may be just within event.wait and hold the event's lock.
        threading.Thread(target=event.set).start()

    with _handled(note):
        yield event


@contextmanager
def stop_as_interrupt() -> Iterator[None]:
    """Let each stop signal raise KeyboardInterrupt in the main thread, as Ctrl-C does by itself."""
    with _handled(signal.default_int_handler):
        yield


@contextmanager
def _handled(handler: Callable[..., Any]) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in stop_signals()}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)
