"""The ROS graph's benchmark: real nodes, a camera at 30 Hz and an accelerometer at 100 Hz, one verdict a picture."""

from __future__ import annotations

import tempfile
import time
from collections import deque
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from har_ros.bench_rig import (
    IMU_HZ,
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
from har_ros.benchmark.usage import Usage, share, thread_shares
from har_ros.graph import FAKE_IMU, commands
from har_ros.nodes.probe import Probe
from har_ros.processes import NodeProcesses

RATE_HZ = 30.0
_NAMESPACE, _FUSION = "har", "fusion"
_LEAD_S = 3.0  # from the first picture to the first verdict at the most: the window's second, and a slow machine's two
_LOOKS = 10  # at the memory: what is allocated once is there by the first one, and growth is counted from it
_DIAGNOSTICS_S = 2.0  # the last ones are out by then
_LEFT_OUT = ("images_before", "lost_images", "unpaired", "skipped", "dropped")


def benchmark_graph(
    model: Path, pictures: list[NDArray[np.uint8]], seconds: float, composed: bool = False
) -> dict[str, Any]:
    """Run the graph and return latency from a picture's stamp to its verdict's arrival, its cost, and more.

    It is measured for `seconds`, while pictures flow. Each of all pictures is accounted for: what the camera published
    and the fusion node neither judged nor counted as left out is lost.

    composed: whether all nodes share a process; else the fusion node's threads are told apart, too.

    Raises HarError where a node can't start.
    """
    with own_graph(), tempfile.TemporaryDirectory() as scratch:
        source = picture_folder(Path(scratch), pictures, round((_LEAD_S + SETTLE_S + seconds) * RATE_HZ))
        plan = graph_plan(_NAMESPACE, model, source, RATE_HZ, held_back=True, composed=composed)
        said: deque[str] = deque(maxlen=12)
        with Probe(_NAMESPACE) as probe, NodeProcesses(commands(plan), listener(said)) as up:
            await_condition(lambda: float(probe.diagnostics("har/fusion").get("imu_hz", 0)) > IMU_HZ / 2, up, said)
            probe.activate("/har/camera")
            await_condition(lambda: len(probe.latencies_ms(_NAMESPACE)) > 0, up, said)
            time.sleep(SETTLE_S)
            begun_s, begun_ns, before = time.monotonic(), time.time_ns(), usages(up)
            looks: list[dict[str, Usage]] = []
            while len(looks) < _LOOKS:
                due_s = begun_s + (len(looks) + 1) / _LOOKS * seconds
                await_condition(partial(_is_over, due_s), up, said, seconds + START_S)
                looks.append(usages(up))
            elapsed_s, early, after = time.monotonic() - begun_s, looks[0], looks[-1]
            latencies_ms = probe.latencies_ms(_NAMESPACE, begun_ns)
            await_condition(lambda: probe.diagnostics("har/camera").get("source_state") == "ended", up, said)
            time.sleep(_DIAGNOSTICS_S)
            return {
                "latency_ms": percentiles(latencies_ms),
                "cpu_percent": _with_sum({name: share(before[name], each, elapsed_s) for name, each in after.items()}),
                "seconds": elapsed_s,
                "rss_mb": _with_sum({name: usage.rss_mb for name, usage in after.items()}),
                "rss_mb_each_tenth": {name: [look[name].rss_mb for look in looks] for name in after},
                "rss_growth_mb": {name: usage.rss_mb - early[name].rss_mb for name, usage in after.items()},
                **({} if composed else {"threads_percent": thread_shares(before[_FUSION], after[_FUSION], elapsed_s)}),
                **_account(probe),
            }


def _is_over(due_s: float) -> bool:
    return time.monotonic() > due_s


def first_verdict_s(model: Path, pictures: list[NDArray[np.uint8]]) -> float:
    """Return the time from starting the nodes to the first verdict on pictures. Raises HarError where none comes."""
    with own_graph(), tempfile.TemporaryDirectory() as scratch:
        source = picture_folder(Path(scratch), pictures, round(START_S * RATE_HZ))
        plan = graph_plan(_NAMESPACE, model, source, RATE_HZ)
        said: deque[str] = deque(maxlen=12)
        with Probe(_NAMESPACE) as probe:
            begun_s = time.monotonic()
            with NodeProcesses(commands(plan), listener(said)) as up:
                await_condition(lambda: len(probe.latencies_ms(_NAMESPACE)) > 0, up, said)
                return time.monotonic() - begun_s


def _with_sum(of_processes: dict[str, float]) -> dict[str, float]:
    """Return the figures of processes, and those of the nodes together."""
    return {**of_processes, "all nodes": sum(figure for name, figure in of_processes.items() if name != FAKE_IMU)}


def _account(probe: Probe) -> dict[str, Any]:
    """Return what became of the camera's pictures; `frames_lost` are those of which nobody knows."""
    camera, fusion = probe.diagnostics("har/camera"), probe.diagnostics("har/fusion")
    reported = {name: int(fusion[name]) for name in _LEFT_OUT}
    judged, published = int(fusion["judged"]), int(camera["published"])
    return {
        "frames": published,
        "frames_judged": judged,
        "frames_reported": reported,
        "frames_lost": published - judged - sum(reported.values()),
    }
