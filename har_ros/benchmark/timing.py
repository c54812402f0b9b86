"""Timing of several cases against each other, fairly on a machine that others use, too."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

_SLICE_S = 0.05  # a case's turn in a round; a slower one has a single call
_MOST_WAITING = 0.03  # of a call's time that its thread may have waited for a processor
_FEWEST_KEPT = 3
_SCHEDSTAT = Path("/proc/thread-self/schedstat")


@dataclass(frozen=True)
class Timing:
    """The calls of one case.

    kept: calls whose thread had its processor nearly all the time; the others are left out, unless that
          leaves fewer than three.
    """

    median_ms: float
    least_ms: float
    calls: int
    kept: int


def interleave(cases: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Timing]:
    """Call each case once to warm up, then all of them in turn, `rounds` times; return what each call took."""
    taken_ms: dict[str, list[float]] = {name: [] for name in cases}
    undisturbed_ms: dict[str, list[float]] = {name: [] for name in cases}
    for call in cases.values():
        call()
    for _ in range(rounds):
        for name, call in cases.items():
            turn_ends_s = time.perf_counter() + _SLICE_S
            while True:
                waited_ns, begun_s = _waited_ns(), time.perf_counter()
                call()
                ended_s = time.perf_counter()
                taken_ms[name].append((ended_s - begun_s) * 1e3)
                if _waited_ns() - waited_ns <= _MOST_WAITING * (ended_s - begun_s) * 1e9:
                    undisturbed_ms[name].append(taken_ms[name][-1])
                if ended_s >= turn_ends_s:
                    break
    return {name: _summary(taken_ms[name], undisturbed_ms[name]) for name in cases}


def _summary(taken_ms: list[float], undisturbed_ms: list[float]) -> Timing:
    used = undisturbed_ms if len(undisturbed_ms) >= _FEWEST_KEPT else taken_ms
    return Timing(statistics.median(used), min(used), len(taken_ms), len(undisturbed_ms))


def _waited_ns() -> int:
    """Return how long this thread has waited for a processor so far; 0 where the kernel doesn't tell."""
    try:
        return int(_SCHEDSTAT.read_text().split()[1])
    except (OSError, IndexError):
        return 0
