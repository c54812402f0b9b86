"""What the benchmarks of the running system share: nodes apart from all others, their inputs, and a look at them."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from har_ros.benchmark.usage import Usage, usage_of
from har_ros.core.errors import HarError
from har_ros.graph import LOCAL_HOST, Plan, free_port, make_plan
from har_ros.processes import NodeProcesses

IMU_HZ = 100.0
SETTLE_S = 2.0  # before measuring: memory is touched for the first time
START_S = 30.0
_LOOK_S = 0.02


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
    return {name: usage_of(pid) for name, pid in processes.pids().items()}


def percentiles(latencies_ms: list[float]) -> dict[str, float | None]:
    """Return p50, p95, p99 and the number of latencies; None where the machine was too slow for any."""
    shares = (50, 95, 99)
    found = {f"p{share}": float(np.percentile(latencies_ms, share)) if latencies_ms else None for share in shares}
    return {**found, "verdicts": len(latencies_ms)}


def listener(said: deque[str]) -> Callable[[str, str], None]:
    """Return what keeps the lines that nodes print."""
    return lambda name, line: said.append(f"[{name}] {line}")


def await_condition(
    condition: Callable[[], bool], up: NodeProcesses, said: deque[str], patience_s: float = START_S
) -> None:
    """Wait until `condition` holds. Raises HarError with the nodes' last words where it takes too long."""
    until_s = time.monotonic() + patience_s
    while not condition():
        if not up.watch() or time.monotonic() > until_s:
            words = "; ".join(said) or "they said nothing"
            raise HarError(f"the nodes did not come up or ended early ({words}); run `har up` to see why")
        time.sleep(_LOOK_S)
