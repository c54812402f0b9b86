"""Timing of several cases against each other, fairly on a machine that others use, too."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

_SLICE_S = 0.05  # a case's turn in a round; a slower one has a single call
_SCHEDSTAT = Path("/proc/thread-self/schedstat")


@dataclass(frozen=True)
class Timing:
    """The calls of one case.

    median_ms: of their times, less what the calling thread waited for a processor that others used.
    least_ms:  of their whole times.
    waited:    share of the whole time that was spent waiting; the figures mean little where it is large.
    """

    median_ms: float
    least_ms: float
    calls: int
    waited: float


def interleave(cases: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Timing]:
    """Call each case once to warm up, then all of them in turn, `rounds` times; return what each call took."""
    calls: dict[str, list[_Call]] = {name: [] for name in cases}
    for call in cases.values():
        call()
    for _ in range(rounds):
        for name, call in cases.items():
            turn_ends_s = time.perf_counter() + _SLICE_S
            while True:
                calls[name].append(_timed(call))
                if time.perf_counter() >= turn_ends_s:
                    break
    return {name: _summary(each) for name, each in calls.items()}


class _Call(NamedTuple):
    elapsed_ms: float
    waited_ms: float


def _timed(call: Callable[[], object]) -> _Call:
    waited_ns, begun_s = _waited_ns(), time.perf_counter()
    call()
    elapsed_ms = (time.perf_counter() - begun_s) * 1e3
    return _Call(elapsed_ms, min((_waited_ns() - waited_ns) / 1e6, elapsed_ms))


def _summary(calls: list[_Call]) -> Timing:
    return Timing(
        median_ms=statistics.median(call.elapsed_ms - call.waited_ms for call in calls),
        least_ms=min(call.elapsed_ms for call in calls),
        calls=len(calls),
        waited=sum(call.waited_ms for call in calls) / sum(call.elapsed_ms for call in calls),
    )


def _waited_ns() -> int:
    """Return how long this thread has waited for a processor so far; 0 where the kernel doesn't tell."""
    try:
        return int(_SCHEDSTAT.read_text().split()[1])
    except (OSError, IndexError):
        return 0
