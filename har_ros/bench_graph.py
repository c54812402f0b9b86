"""The ROS graph's benchmark: real nodes, a camera at 30 Hz and an accelerometer at 100 Hz, one verdict a picture."""

from __future__ import annotations

import os
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from har_ros.core.errors import HarError
from har_ros.graph import FAKE_IMU, LOCAL_HOST, Plan, commands, free_port, make_plan
from har_ros.nodes.probe import Probe
from har_ros.processes import NodeProcesses

RATE_HZ, IMU_HZ = 30.0, 100.0
_NAMESPACE = "har"
SETTLE_S = 2.0  # of the measured time: filling the window and touching memory for the first time
_EARLY_SHARE = 0.1  # of the time: what is allocated once is there by then, and growth is counted from it
_START_S = 30.0
_LOOK_S = 0.02
_LEFT_OUT = ("lost_images", "unpaired", "skipped", "dropped")
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """What a process has used so far: processor time, and memory now."""

    cpu_s: float
    rss_mb: float


def benchmark_graph(model: Path, pictures: list[NDArray[np.uint8]], seconds: float) -> dict[str, Any]:
    """Run the graph for `seconds` and return latency from a picture's stamp to its verdict's arrival, and more.

    Every picture is accounted for: what the camera published and the fusion node neither judged nor counted as
    left out is lost. Raises HarError where a node can't start.
    """
    with own_graph(), tempfile.TemporaryDirectory() as scratch:
        source = picture_folder(Path(scratch), pictures, round(seconds * RATE_HZ))
        plan = graph_plan(_NAMESPACE, model, source, RATE_HZ, held_back=True)
        said: deque[str] = deque(maxlen=12)
        with Probe(_NAMESPACE) as probe, NodeProcesses(commands(plan), listener(said)) as up:
            await_condition(lambda: float(probe.diagnostics("har/fusion").get("imu_hz", 0)) > IMU_HZ / 2, up, said)
            probe.activate("/har/camera")
            await_condition(lambda: len(probe.latencies_ms(_NAMESPACE)) > 0, up, said)
            time.sleep(SETTLE_S)
            begun_s, begun_ns, before = time.monotonic(), time.time_ns(), usages(up)
            await_condition(lambda: time.monotonic() > begun_s + _EARLY_SHARE * seconds, up, said, seconds)
            early = usages(up)
            await_condition(
                lambda: probe.diagnostics("har/camera").get("source_state") == "ended", up, said, seconds + _START_S
            )
            elapsed_s, after = time.monotonic() - begun_s, usages(up)
            time.sleep(2.0)  # for the last diagnostics
            return {
                "latency_ms": percentiles(probe.latencies_ms(_NAMESPACE, begun_ns)),
                "cpu_percent": shares(before, after, elapsed_s),
                "seconds": elapsed_s,
                "rss_mb": {name: usage.rss_mb for name, usage in after.items()},
                "rss_growth_mb": {name: usage.rss_mb - early[name].rss_mb for name, usage in after.items()},
                **_account(probe),
            }


def first_verdict_s(model: Path, pictures: list[NDArray[np.uint8]]) -> float:
    """Return the time from starting the nodes to the first verdict. Raises HarError where none comes."""
    with own_graph(), tempfile.TemporaryDirectory() as scratch:
        source = picture_folder(Path(scratch), pictures, round(_START_S * RATE_HZ))
        plan = graph_plan(_NAMESPACE, model, source, RATE_HZ)
        said: deque[str] = deque(maxlen=12)
        with Probe(_NAMESPACE) as probe:
            begun_s = time.monotonic()
            with NodeProcesses(commands(plan), listener(said)) as up:
                await_condition(lambda: len(probe.latencies_ms(_NAMESPACE)) > 0, up, said)
                return time.monotonic() - begun_s


@contextmanager
def own_graph() -> Iterator[None]:
    """Keep what is started within away from other nodes, of this machine and of others.

    Linux has room for the domains 0 to 101, which people choose from, and 215 to 232, which nobody does.
    """
    own = {"ROS_DOMAIN_ID": str(215 + os.getpid() % 18), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
    before = {name: os.environ.get(name) for name in own}
    os.environ.update(own)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def picture_folder(folder: Path, pictures: list[NDArray[np.uint8]], count: int) -> Path:
    """Fill a folder with `count` pictures for a camera node: a few files, and links to them in turn."""
    originals = folder / "originals"
    originals.mkdir()
    for index, picture in enumerate(pictures):
        cv2.imwrite(str(originals / f"{index}.bmp"), picture)
    for number in range(count):
        (folder / f"{number}.bmp").symlink_to(originals / f"{number % len(pictures)}.bmp")
    return folder


def graph_plan(
    namespace: str, model: Path, source: Path, rate_hz: float, held_back: bool = False, composed: bool = False
) -> Plan:
    """Return a plan of camera, bridge, fusion and a fake ESP32; a camera that is held back waits to be activated."""
    port = free_port()
    texts = {"namespace": namespace, "model": str(model), "source": str(source), "compose": str(composed).lower()}
    plan = make_plan({**texts, "imu_mode": "tcp_listen", "imu_host": LOCAL_HOST, "imu_port": str(port)})
    camera = {"loop": False, "rate_hz": rate_hz, "autostart": not held_back}
    for node in plan.nodes:
        if node.name == "camera":
            node.parameters.update(camera)
    fake = ("--sine", "--rate", str(IMU_HZ), "--host", LOCAL_HOST, "--port", str(port))
    return replace(plan, fake_imu=fake)


def usages(processes: NodeProcesses) -> dict[str, Usage]:
    """Return what each process has used."""
    return {name: _usage(pid) for name, pid in processes.pids().items()}


def shares(before: dict[str, Usage], after: dict[str, Usage], elapsed_s: float) -> dict[str, float]:
    """Return the share of one core, in percent, that each process took, and the nodes together."""
    each = {name: 100 * (usage.cpu_s - before[name].cpu_s) / elapsed_s for name, usage in after.items()}
    return {**each, "all nodes": sum(share for name, share in each.items() if name != FAKE_IMU)}


def percentiles(latencies_ms: list[float]) -> dict[str, float | None]:
    """Return p50, p95, p99 and the number of latencies; None where the machine was too slow for any."""
    shares = (50, 95, 99)
    found = {f"p{share}": float(np.percentile(latencies_ms, share)) if latencies_ms else None for share in shares}
    return {**found, "verdicts": len(latencies_ms)}


def _usage(pid: int) -> Usage:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return Usage(ticks / _TICKS_A_SECOND, pages * os.sysconf("SC_PAGE_SIZE") / 1e6)


def _account(probe: Probe) -> dict[str, Any]:
    """Return what became of the camera's pictures; `frames_lost` are those of which nobody knows."""
    camera, fusion = probe.diagnostics("har/camera"), probe.diagnostics("har/fusion")
    reported = {name: int(fusion[name]) for name in ("images_before", *_LEFT_OUT)}
    known = int(fusion["images"]) + reported["images_before"] + reported["lost_images"]
    published = int(camera["published"])
    return {"frames": published, "frames_lost": published - known, "frames_reported": reported}


def listener(said: deque[str]) -> Callable[[str, str], None]:
    """Return what keeps the lines that nodes print."""
    return lambda name, line: said.append(f"[{name}] {line}")


def await_condition(
    condition: Callable[[], bool], up: NodeProcesses, said: deque[str], patience_s: float = _START_S
) -> None:
    """Wait until `condition` holds. Raises HarError with the nodes' last words where it takes too long."""
    until_s = time.monotonic() + patience_s
    while not condition():
        if not up.watch() or time.monotonic() > until_s:
            words = "; ".join(said) or "they said nothing"
            raise HarError(f"the nodes did not come up or ended early ({words}); run `har up` to see why")
        time.sleep(_LOOK_S)
