"""`har bench`: measures the model, the ROS graph and several cameras on this machine, and writes one page."""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
from rich.console import Console

from har_ros.benchmark.environment import environment
from har_ros.benchmark.inputs import benchmark_inputs
from har_ros.benchmark.model import benchmark_model, camera_pictures
from har_ros.benchmark.page import make_page
from har_ros.benchmark.peers import benchmark_peers
from har_ros.core.errors import HarError
from har_ros.core.labels import Activity
from har_ros.core.model_card import load_card
from har_ros.core.resources import find_model
from har_ros.dataset.capture import Capture
from har_ros.dataset.frames import spread, spread_frames
from har_ros.dataset.json_file import write_json
from har_ros.dataset.reader import activity_of, find_captures, read_capture
from har_ros.inference.quantise import is_float, quantise_model

_EXAMPLE = """examples:
  har bench --also edge --page docs/benchmarks.md  everything, as a page
  har bench --only model --json bench.json         the model alone; the figures for a program
  har bench --only model --captures TestSet        on your own captures in place of simulated ones
  har bench --only cameras --model edge            how many people this machine has room for
"""
_FLOAT_MODEL = "paper"  # what is compared needs a float network to begin with
_CAPTURES, _CALIBRATION_FRAMES = 24, 120
_SIMULATED_A_CLASS, _SIMULATED_SEED = 4, 77


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's options."""
    parser.epilog = _EXAMPLE
    parser.add_argument("--only", choices=("model", "graph", "cameras"), help="one part alone")
    parser.add_argument(
        "--model", default=_FLOAT_MODEL, help="a model's name or folder; a float one has its int8 version measured, "
        "too (default %(default)s)"
    )  # fmt: skip
    parser.add_argument("--also", nargs="*", default=[], metavar="MODEL", help="other models to stream, by their names")
    parser.add_argument("--captures", type=Path, metavar="DATASET", help="whose pictures to show (default: simulated)")
    parser.add_argument("--rounds", type=int, default=15, metavar="N", help="turns of each case (default 15)")
    parser.add_argument("--tflite", type=Path, metavar="FILE", help="the same network for LiteRT, where installed")
    parser.add_argument(
        "--seconds", type=float, default=60.0, metavar="S", help="time of each run of the graph (default 60)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write the page as Markdown, besides printing it")


def run(args: argparse.Namespace) -> int:
    """Measure what the options ask for, print the page and write the files. Raises HarError."""
    if not 1 <= args.rounds <= 1000:
        raise HarError(f"--rounds is {args.rounds}; give a number from 1 to 1000")
    if not 5 <= args.seconds <= 3600:
        raise HarError(f"--seconds is {args.seconds:g}; give a time from 5 to 3600")
    cv2.setNumThreads(1)  # as the fusion node does
    figures: dict[str, Any] = {"environment": environment()}
    with _dataset(args.captures) as dataset, tempfile.TemporaryDirectory() as scratch:
        folders = _models(args, dataset, Path(scratch, "int8"))
        shown = [folder for folder in find_captures(dataset) if activity_of(folder.parent) is not Activity.OTHER]
        captures = [read_capture(folder) for folder in spread(shown, _CAPTURES, dataset)]
        if args.only in (None, "model"):
            figures |= _measure_model(args, folders, captures)
        if args.only in (None, "graph"):
            figures["graph"] = _measure_graph(args, folders, captures)
        if args.only in (None, "cameras"):
            figures |= _measure_cameras(args, folders, captures)
    page = make_page(figures, shlex.join(["har", "bench", *_told(args)]))
    try:
        if args.json is not None:
            write_json(args.json, figures)
        if args.page is not None:
            args.page.write_text(page, encoding="utf-8")
    except OSError as error:
        raise HarError(f"'{error.filename}' can't be written ({error.strerror}); give another file") from None
    print(page)
    return 0


def _models(args: argparse.Namespace, dataset: Path, int8: Path) -> dict[str, Path]:
    """Return the folders to measure by their short names: the float model, its int8 version, and the user's.

    A model that is int8 already stands alone, where none is compared with it.
    """
    model, others = find_model(args.model), {folder.name: folder for folder in map(find_model, args.also)}
    if args.only in ("graph", "cameras") and not is_float(model):
        return {model.name: model, **others}
    _say("quantising")
    frames = spread_frames(dataset, _CALIBRATION_FRAMES, load_card(model).frame_size_px)
    quantise_model(model, int8, frames, dataset.name)
    return {"fp32": model, "int8": int8, **others}


def _measure_graph(args: argparse.Namespace, folders: dict[str, Path], captures: list[Capture]) -> dict[str, Any]:
    from har_ros.bench_graph import benchmark_graph, first_verdict_s

    pictures = camera_pictures(captures[0])
    runs = {}
    for name, model in folders.items():
        _say(f"measuring the ROS graph with {name} for {args.seconds:g} s")
        runs[name] = benchmark_graph(model, pictures, args.seconds)
    latencies_ms = {each: run["latency_ms"] for each, run in runs.items()}
    return {
        "model": name,  # the fastest comes last
        **runs[name],
        "latency_ms_of_models": latencies_ms,
        "first_verdict_s": first_verdict_s(model, pictures),
    }


def _measure_cameras(args: argparse.Namespace, folders: dict[str, Path], captures: list[Capture]) -> dict[str, Any]:
    from har_ros.bench_cameras import benchmark_cameras

    name, model = list(folders.items())[-1]  # the fastest comes last
    _say(f"measuring several cameras with {name}, {args.seconds:g} s each")
    return {"cameras_model": name, "cameras": benchmark_cameras(model, camera_pictures(captures[0]), args.seconds)}


def _measure_model(args: argparse.Namespace, folders: dict[str, Path], captures: list[Capture]) -> dict[str, Any]:
    size_px = load_card(folders["fp32"]).frame_size_px
    _say("measuring the model")
    model_figures, peak = benchmark_model(folders, captures, args.rounds)
    _say("measuring its inputs and its peers")
    return {
        "model": model_figures,
        "peak": peak,
        "inputs": benchmark_inputs(size_px, args.rounds),
        "peers": benchmark_peers(folders, args.tflite, args.rounds),
    }


@contextmanager
def _dataset(given: Path | None) -> Iterator[Path]:
    """Hold the captures to show: the user's, or simulated ones."""
    if given is not None:
        yield given
        return
    _say("simulating people")
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch, "simulated")
        words = ["--out", out, "--per-class", _SIMULATED_A_CLASS, "--seed", _SIMULATED_SEED]
        command = [sys.executable, "-m", "har_ros.cli", "simulate", *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise HarError(f"no pictures to show: simulating failed ({reason}); give captures with --captures")
        yield out


def _told(args: argparse.Namespace) -> list[str]:
    """Return the options that decide what is measured."""
    words = ["--model", args.model, *(["--also", *args.also] if args.also else [])]
    words += ["--only", args.only] if args.only else []
    return words + (["--captures", args.captures.name] if args.captures else [])


def _say(what: str) -> None:
    Console(stderr=True).print(f"har bench: {what} ...", style="dim")
