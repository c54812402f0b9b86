"""`har fake-imu`: a stand-in for the ESP32, with a recording, a sine or a simulated person behind it."""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from har_ros.core.errors import HarError
from har_ros.core.stopping import stop_event
from har_ros.link.fake_esp32 import DEVICE_MODES, FakeDevice, play
from har_ros.link.protocol import UNITS_MPS2
from har_ros.link.recording import Sample, read_recording, sine, vector

EXAMPLES = """examples:
  har fake-imu --csv walk.csv --units g --loop     a recording, to the bridge on this machine
  har fake-imu --scenario all_six --seed 3         the simulated person's waist
  har fake-imu --scenario short --rate 50 --loss 0.05   a slow sensor on a bad radio
  har fake-imu --sine --mode udp --port 6000       a test signal in datagrams
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EXAMPLES
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--csv", type=Path, metavar="FILE", help="a recording: ax,ay,az[,gx,gy,gz], times optional")
    source.add_argument("--scenario", metavar="NAME", help="a simulated person doing this scenario (name or file)")
    source.add_argument("--sine", action="store_true", help="a sensor that bobs at 1 Hz")
    parser.add_argument(
        "--rate", type=float, metavar="HZ",
        help="sampling rate, where the recording doesn't tell; a simulated person's is 50, 60 ... 200 (default 100)",
    )  # fmt: skip
    parser.add_argument("--units", choices=sorted(UNITS_MPS2), help="units of the recording (default: guessed)")
    parser.add_argument("--loop", action="store_true", help="play the recording again and again")
    parser.add_argument("--seed", type=int, default=0, help="which simulated person (default: %(default)s)")
    parser.add_argument("--start-ns", type=int, default=0, metavar="NS", help="host time of the scenario's beginning")
    parser.add_argument("--mode", choices=DEVICE_MODES, default="tcp_connect", help="default: %(default)s")
    parser.add_argument("--host", default="127.0.0.1", help="where the bridge is (default: %(default)s)")
    parser.add_argument("--port", type=int, default=5005, help="default: %(default)s")
    parser.add_argument("--id", default="fake-esp32", help="the device's name (default: %(default)s)")
    parser.add_argument("--token", default="", help="the secret that the bridge asks for, if any")
    parser.add_argument("--paper-form", action="store_true", help="send plain ax,ay,az, without number and time")
    parser.add_argument("--loss", type=float, default=0.0, metavar="P", help="share of samples lost, such as 0.02")
    parser.add_argument("--drift", type=float, default=0.0, help="relative error of the device's clock, such as 5e-5")


def run(options: argparse.Namespace) -> int:
    """Send until the recording ends or a signal comes."""
    device = FakeDevice(
        options.id, options.mode, options.host, options.port, options.token, options.rate,
        boot_us=123_456_789, drift=options.drift, paper_form=options.paper_form,
        loss=options.loss,
    )  # fmt: skip
    with stop_event() as ended:
        samples, rate_hz, start_s = _source(options)
        print(f"{options.mode} {options.host}:{options.port}, {rate_hz:g} Hz", file=sys.stderr)
        sent = play(replace(device, rate_hz=rate_hz), samples, start_s, ended.is_set)
    print(f"{sent} samples sent", file=sys.stderr)
    return 0


def _source(options: argparse.Namespace) -> tuple[Iterator[Sample], float, float]:
    """Return the samples, their rate, and when the first one's time 0 is on the monotonic clock."""
    now_s = time.monotonic()
    if options.sine:
        rate_hz = 100.0 if options.rate is None else options.rate
        return sine(rate_hz), rate_hz, now_s
    if options.csv:
        recording = read_recording(options.csv, options.rate, options.units)
        for said in recording.assumptions:
            print(f"{options.csv.name}: {said}", file=sys.stderr)
        return recording.samples(options.loop), recording.rate_hz, now_s
    return _simulated(options, now_s)


def _simulated(options: argparse.Namespace, now_s: float) -> tuple[Iterator[Sample], float, float]:
    from har_ros.simulation.live import SimulatedPerson
    from har_ros.simulation.scenario import load_scenario

    rate_hz = 100.0 if options.rate is None else options.rate
    person = SimulatedPerson(load_scenario(options.scenario), options.seed, rate_hz)
    start_s = now_s + (options.start_ns - time.time_ns()) / 1e9 if options.start_ns else now_s
    begun_s = max(now_s - start_s, 0.0)
    samples = ((t_s, vector(accel), vector(gyro)) for t_s, accel, gyro in person.imu(begun_s))
    first = next(samples, None)
    if first is None:
        raise HarError(f"scenario '{person.scenario.name}' is over since --start-ns; give a later one, or repeat: true")
    return itertools.chain([first], samples), rate_hz, start_s
