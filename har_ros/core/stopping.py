"""How the user ends a program: Ctrl-C, SIGTERM, or closing its terminal."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


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

    before = {number: signal.signal(number, note) for number in stop_signals()}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
