"""The beat behind STALE: it goes on by itself, ends when told, and its failure can be seen."""

from __future__ import annotations

import threading
import time

from har_ros.nodes.beat import Beat


def test_it_beats_until_it_is_stopped() -> None:
    calls: list[float] = []
    enough = threading.Event()

    def call() -> None:
        calls.append(time.monotonic())
        if len(calls) == 5:
            enough.set()

    begun_s = time.monotonic()
    beat = Beat(0.02, call)
    beat.start()
    assert enough.wait(10)
    beat.stop()
    assert calls[4] - begun_s >= 5 * 0.02
    count = len(calls)
    time.sleep(0.1)
    assert len(calls) == count and beat.failure is None


def test_what_it_calls_ends_it_by_an_error_that_can_be_seen() -> None:
    calls: list[int] = []

    def fail() -> None:
        calls.append(1)
        raise ValueError("no more")

    beat = Beat(0.01, fail)
    beat.start()
    until_s = time.monotonic() + 10
    while beat.failure is None and time.monotonic() < until_s:
        time.sleep(0.01)
    assert str(beat.failure) == "no more"
    beat.stop()
    assert calls == [1]
