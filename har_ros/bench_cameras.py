"""The benchmark of several cameras: people of as many namespaces in one process that shares a model."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from har_ros.bench_rig import (
    SETTLE_S,
    START_S,
    await_condition,
    graph_plan,
    listener,
    own_graph,
    percentiles,
    picture_folder,
    usages,
)
from har_ros.benchmark.usage import share
from har_ros.graph import COMPOSED, commands
from har_ros.nodes.probe import Probe
from har_ros.processes import NodeProcesses

COUNTS = (1, 2, 4, 8)
CAMERA_HZ = 15.0


def benchmark_cameras(
    model: Path, pictures: list[NDArray[np.uint8]], seconds: float, counts: Sequence[int] = COUNTS
) -> list[dict[str, float | None]]:
    """Return latency, rate and cost of 1, 2, 4 and 8 cameras of 15 Hz, or as many as told, `seconds` for each count.

    Latencies in ms are those of all cameras' verdicts together; `rate` is the verdicts a second of one camera, in the
    mean and of the slowest; processor (percent of one core) and memory are those of the one process with all nodes;
    `first_verdicts_s` is the time from its start until all have a verdict, of which the window takes one second.
    Raises HarError where a node can't start.
    """
    with own_graph(), tempfile.TemporaryDirectory() as scratch:
        source = picture_folder(Path(scratch), pictures, round((seconds + START_S + SETTLE_S) * CAMERA_HZ))
        return [_measure(model, source, count, seconds) for count in counts]


def _measure(model: Path, source: Path, count: int, seconds: float) -> dict[str, float | None]:
    cells = [f"cell{number + 1}" for number in range(count)]
    plans = [graph_plan(cell, model, source, CAMERA_HZ, composed=True) for cell in cells]
    said: deque[str] = deque(maxlen=12)
    with Probe(*cells) as probe, NodeProcesses(commands(*plans), listener(said)) as up:
        started_s = time.monotonic()
        await_condition(lambda: all(probe.latencies_ms(cell) for cell in cells), up, said)
        first_verdicts_s = time.monotonic() - started_s
        time.sleep(SETTLE_S)
        begun_s, begun_ns, before = time.monotonic(), time.time_ns(), usages(up)
        time.sleep(seconds)
        elapsed_s, after = time.monotonic() - begun_s, usages(up)
        latencies_ms = [probe.latencies_ms(cell, begun_ns) for cell in cells]
    rates = [len(each) / elapsed_s for each in latencies_ms]
    return {
        "n": count,
        **percentiles([latency_ms for each in latencies_ms for latency_ms in each]),
        "rate": statistics.mean(rates),
        "least_rate": min(rates),
        "cpu_percent": share(before[COMPOSED], after[COMPOSED], elapsed_s),
        "rss_mb": after[COMPOSED].rss_mb,
        "first_verdicts_s": first_verdicts_s,
    }
