"""What processes and their threads have used of the machine, as Linux tells it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

MAIN, WORKER, DDS, OTHERS = "main", "worker", "DDS", "others"
_DDS_PREFIX = "dds."  # of the names of Fast DDS's threads
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


class Thread(NamedTuple):
    """What a thread has used so far; `kind` is main, DDS or others: Python doesn't tell Linux its threads' names."""

    kind: str
    cpu_s: float


@dataclass(frozen=True)
class Usage:
    """What a process has used so far: processor time, that of its threads by their ids, and memory now."""

    cpu_s: float
    rss_mb: float
    threads: Mapping[int, Thread]


def usage_of(pid: int) -> Usage:
    """Return what a living process has used."""
    process = Path(f"/proc/{pid}")
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    pages = int((process / "statm").read_text().split()[1])
    threads = {}
    for task in (process / "task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread may end meanwhile
            on_cpu_ns = int((task / "schedstat").read_text().split()[0])
            threads[int(task.name)] = Thread(_kind(task, pid), on_cpu_ns / 1e9)
    return Usage(ticks / _TICKS_A_SECOND, pages * os.sysconf("SC_PAGE_SIZE") / 1e6, threads)


def share(before: Usage, after: Usage, elapsed_s: float) -> float:
    """Return the share of one core, in percent, that a process took between two looks at it."""
    return 100 * (after.cpu_s - before.cpu_s) / elapsed_s


def thread_shares(before: Usage, after: Usage, elapsed_s: float) -> dict[str, float]:
    """Return the shares of one core, in percent, of a process's threads: main, DDS, the busiest of the others, others.

    That busiest one stands under `worker`, which it is in a fusion node. Empty where Linux doesn't tell.
    """
    percent = {
        number: 100 * (thread.cpu_s - (before.threads[number].cpu_s if number in before.threads else 0)) / elapsed_s
        for number, thread in after.threads.items()
    }
    kinds = {number: thread.kind for number, thread in after.threads.items()}
    worker = max((number for number, kind in kinds.items() if kind == OTHERS), key=percent.__getitem__, default=None)
    if worker is not None:
        kinds[worker] = WORKER
    return {
        kind: sum(percent[number] for number, its in kinds.items() if its == kind)
        for kind in (MAIN, WORKER, DDS, OTHERS)
        if kinds
    }


def _kind(task: Path, pid: int) -> str:
    if task.name == str(pid):
        return MAIN
    return DDS if (task / "comm").read_text().startswith(_DDS_PREFIX) else OTHERS
