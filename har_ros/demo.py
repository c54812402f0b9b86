"""`har demo`: the whole system at work, on a simulated person or on the user's own video and recording."""

from __future__ import annotations

import argparse
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from pathlib import Path

from rich.console import Console
from rich.live import Live

from har_ros.core.errors import HarError
from har_ros.core.model_card import IMU, load_card
from har_ros.core.resources import DEFAULT_MODEL, find_model, user_path
from har_ros.core.stopping import stop_event
from har_ros.demo_view import line, panel, summary
from har_ros.graph import LOCAL_HOST, NAMESPACE, Plan, commands, free_port, make_plan
from har_ros.link.protocol import UNITS_MPS2
from har_ros.link.recording import read_recording
from har_ros.nodes.camera_sources import is_address
from har_ros.nodes.monitor import Heard, Monitor
from har_ros.processes import NodeProcesses
from har_ros.simulation.scenario import load_scenario

EXAMPLES = """examples:
  har demo                                       a simulated person, for ever; Ctrl-C ends it
  har demo --seconds 20 --headless               one line a second, then a summary
  har demo --video walk.mp4 --imu walk.csv       a video and a recording, each at its own rate
  har demo --camera 0 --no-fake-imu              a webcam, and a real ESP32 on TCP port 5005

Meanwhile the topics are there for everybody: ros2 topic echo /har/anomaly
"""
LOOK_S = 0.1
START_S = 30.0  # a busy machine may take so much longer than --seconds to publish anything
KEPT_LINES = 12
_REMEDY = "give the video's own recording with --imu, or --no-fake-imu for a real ESP32."


class Accelerometer(Enum):
    """What plays the ESP32; its value is what the user must know of it."""

    AS_ASKED = ""
    NONE = f"There is no accelerometer, so the verdicts rest on the camera alone: {_REMEDY}"
    MADE_UP = (
        "This model can't go without an accelerometer, so it gets a made-up sine that has nothing to do with the "
        f"picture, and the verdicts mean nothing: {_REMEDY}"
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EXAMPLES
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end after so long (default: on Ctrl-C)")
    parser.add_argument("--headless", action="store_true", help="one line a second instead of the live view")
    parser.add_argument("--scenario", help="what the simulated person does: a name or a file (default: all_six)")
    parser.add_argument("--seed", type=int, help="which simulated person (default: 1)")
    camera = parser.add_mutually_exclusive_group()
    camera.add_argument("--video", metavar="FILE", help="a video, looped, instead of the simulated camera")
    camera.add_argument("--camera", metavar="SOURCE", help="device index, stream URL or folder of pictures")
    imu = parser.add_mutually_exclusive_group()
    imu.add_argument("--imu", type=Path, metavar="CSV", help="a recording, looped, through a fake ESP32")
    imu.add_argument("--no-fake-imu", action="store_true", help="wait for a real ESP32 (see --imu-port)")
    parser.add_argument("--imu-rate", type=float, metavar="HZ", help="rate of the recording, where it doesn't tell")
    parser.add_argument("--imu-units", choices=sorted(UNITS_MPS2), help="units of the recording (default: guessed)")
    parser.add_argument("--imu-port", type=int, help="port for the real ESP32 (default: as in config/har.yaml)")
    parser.add_argument("--model", default="", help="model folder or name (default: as in config/har.yaml)")


def run(options: argparse.Namespace) -> int:
    """Run until a signal, the time given or the end of a node; return 0 if any result was published."""
    if not options.seconds > 0:
        raise HarError(f"--seconds is {options.seconds:g}; give a time above 0")
    _refuse_idle(options)
    _refuse_unreadable(options)
    os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    accelerometer = _accelerometer(options)
    if accelerometer.value:
        print(accelerometer.value, flush=True)
    said: deque[str] = deque(maxlen=KEPT_LINES)
    monitor = Monitor(f"/{NAMESPACE}")
    with stop_event() as ending:
        monitor.start()
        try:
            wanted = commands(_plan(options, accelerometer))
            with NodeProcesses(wanted, lambda name, text: said.append(f"[{name}] {text}")) as processes:
                heard = _watch(options, monitor, processes, ending)
        finally:
            monitor.stop()
    if ending.is_set() and heard.fresh_results == 0:
        print("ended before the first result")
        return 130
    _refuse_silence(heard, processes.exit_code, said)
    print(summary(heard, monitor.timeline.score()))
    if accelerometer.value:
        print(accelerometer.value)
    return 0


def _refuse_idle(options: argparse.Namespace) -> None:
    """Refuse options that would have no effect. Raises HarError."""
    if options.imu is None and (options.imu_rate is not None or options.imu_units):
        raise HarError("--imu-rate and --imu-units are of a recording; give one with --imu, or leave them out")
    if not options.no_fake_imu and options.imu_port is not None:
        raise HarError("--imu-port is of a real ESP32; wait for one with --no-fake-imu, or leave it out")
    if not _simulated(options) and (options.scenario is not None or options.seed is not None):
        raise HarError(
            "--scenario and --seed are of the simulated person; leave them out, or --video, --camera, --imu and "
            "--no-fake-imu"
        )


def _refuse_unreadable(options: argparse.Namespace) -> None:
    """Refuse before any node starts what one of them would refuse. Raises HarError."""
    if options.model:
        load_card(find_model(options.model))
    if options.scenario is not None:
        load_scenario(options.scenario)
    source = options.video or options.camera
    if source and not (is_address(source) or user_path(source).exists()):
        raise HarError(f"there is no '{source}'; give a video, a folder of pictures, a device such as 0, or a URL")


def _simulated(options: argparse.Namespace) -> bool:
    """Return whether the simulated person is camera and ESP32, for want of any input of the user's."""
    return not (options.video or options.camera or options.imu or options.no_fake_imu)


def _accelerometer(options: argparse.Namespace) -> Accelerometer:
    """Return what plays the ESP32 beside the user's pictures, which may come without readings."""
    if not (options.video or options.camera) or options.imu or options.no_fake_imu:
        return Accelerometer.AS_ASKED
    card = load_card(find_model(options.model or DEFAULT_MODEL))
    return Accelerometer.NONE if card.goes_without(IMU) else Accelerometer.MADE_UP


def _plan(options: argparse.Namespace, accelerometer: Accelerometer) -> Plan:
    """Return which nodes to start."""
    texts = {"model": options.model}
    if _simulated(options):
        return make_plan({**texts, "simulation": "true", **_given(scenario=options.scenario, seed=options.seed)})
    texts["source"] = options.video or options.camera or "0"
    if options.no_fake_imu:
        return make_plan({**texts, **_given(imu_port=options.imu_port)})
    port = str(free_port())
    plan = make_plan({**texts, "imu_mode": "tcp_listen", "imu_host": LOCAL_HOST, "imu_port": port})
    if accelerometer is Accelerometer.NONE:
        return plan
    return replace(plan, fake_imu=(*_recording(options), "--host", LOCAL_HOST, "--port", port))


def _given(**values: object) -> dict[str, str]:
    """Return as texts those launch arguments that the user gave."""
    return {name: str(value) for name, value in values.items() if value is not None}


def _recording(options: argparse.Namespace) -> list[str]:
    """Return the options of `har fake-imu` that play the user's recording, or a still sensor's sine."""
    if options.imu is None:
        return ["--sine"]
    read_recording(options.imu, options.imu_rate, options.imu_units, rate_option="--imu-rate")
    words = ["--csv", str(options.imu), "--loop"]
    words += ["--rate", str(options.imu_rate)] if options.imu_rate is not None else []
    return words + (["--units", options.imu_units] if options.imu_units else [])


def _watch(
    options: argparse.Namespace, monitor: Monitor, processes: NodeProcesses, ending: threading.Event
) -> Heard:  # fmt: skip
    """Show what happens until the end; return what was heard by then, before the nodes take their leave."""
    show = _print_lines if options.headless or not Console().is_terminal else _show_live
    begun_s = time.monotonic()

    def going() -> bool:
        left_s = options.seconds - (time.monotonic() - begun_s)
        in_time = left_s > 0 or (monitor.heard().fresh_results == 0 and left_s > -START_S)
        return in_time and processes.watch() and not ending.wait(LOOK_S)

    show(monitor, begun_s, going)
    return monitor.heard()


def _print_lines(monitor: Monitor, begun_s: float, going: Callable[[], bool]) -> None:
    printed_s = 0
    while going():
        elapsed_s = time.monotonic() - begun_s
        if int(elapsed_s) > printed_s:
            printed_s = int(elapsed_s)
            print(line(monitor.heard(), elapsed_s), flush=True)


def _show_live(monitor: Monitor, begun_s: float, going: Callable[[], bool]) -> None:
    hint = "Ctrl-C ends it · ros2 topic echo /har/anomaly"
    with Live(refresh_per_second=5) as live:
        while going():
            live.update(panel(monitor.heard(), time.monotonic() - begun_s, hint))


def _refuse_silence(heard: Heard, exit_code: int | None, said: deque[str]) -> None:
    """Say what the nodes said, and raise HarError, where one of them refused or no result came."""
    if exit_code is not None or heard.fresh_results == 0:
        print("\n".join(said))
    if exit_code is not None:
        raise HarError("a node could not go on (its words stand above); the demo has ended")
    if heard.fresh_results == 0:
        reason = heard.activity.values.get("reason", "") if heard.activity else "the fusion node never spoke"
        raise HarError(f"no activity was published ({reason or 'no fresh window'}); give it more --seconds")
