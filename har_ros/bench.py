"""`har bench`: measures the model, the ROS graph and several cameras on this machine, and writes one page."""

from __future__ import annotations

import argparse
import importlib
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import cv2
from rich.console import Console

from har_ros.benchmark.environment import environment
from har_ros.benchmark.inputs import benchmark_inputs
from har_ros.benchmark.model import benchmark_model
from har_ros.benchmark.page import make_page
from har_ros.benchmark.peers import benchmark_peers, open_tflite
from har_ros.benchmark.profile import step_profile
from har_ros.benchmark.streaming import camera_pictures
from har_ros.core.errors import HarError
from har_ros.core.labels import Activity
from har_ros.core.model_card import load_card
from har_ros.core.resources import DEFAULT_MODEL, find_model
from har_ros.dataset.capture import Capture
from har_ros.dataset.frames import spread, spread_frames
from har_ros.dataset.json_file import require_place, write_json, write_text
from har_ros.dataset.reader import activity_of, find_captures, read_capture
from har_ros.processes import node_environment

_EXAMPLE = f"""examples:
  har bench --page docs/benchmarks.md              everything, as a page
  har bench --only model --json bench.json         the model alone; the figures for a program
  har bench --only model --captures TestSet        on your own captures in place of simulated ones
  har bench --only cameras --model {DEFAULT_MODEL}            how many people this machine has room for
"""
_MODEL, _GRAPH, _CAMERAS = _PARTS = ("model", "graph", "cameras")
_FLOAT_MODEL = "paper"  # what is compared needs a float network to begin with
_FLOAT, _INT8 = "fp32", "int8"  # what that one and its int8 version are called
_CAPTURES, _CALIBRATION_FRAMES = 24, 120
_SIMULATED_A_CLASS, _SIMULATED_SEED = 4, 77
_COMPARED_S = 60.0  # the longest time of each run that the deployed model's is compared with
_PLACES = ("json", "page")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's options."""
    parser.epilog = _EXAMPLE
    parser.add_argument("--only", choices=_PARTS, help="one part alone; all three take about twelve minutes")
    parser.add_argument(
        "--model", help="a model's name or folder; for the part `model` a float one, which is compared with the naive "
        f"way and with its own int8 version (default {_FLOAT_MODEL})"
    )  # fmt: skip
    parser.add_argument(
        "--also", nargs="*", metavar="MODEL", help="other models to stream, by name or folder; the last one, or else "
        f"that of --model, is the graph's and the cameras' (default {DEFAULT_MODEL}, or none where --model is given)"
    )  # fmt: skip
    parser.add_argument("--captures", type=Path, metavar="DATASET", help="whose pictures to show (default: simulated)")
    parser.add_argument("--rounds", type=int, default=15, metavar="N", help="turns of each case (default 15)")
    parser.add_argument("--tflite", type=Path, metavar="FILE", help="the same network for LiteRT, where installed")
    parser.add_argument(
        "--seconds",
        type=float,
        default=60.0,
        metavar="S",
        help="time of the deployed model's run of the graph; the others take a minute at most (default 60)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures, each part's when it is measured")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write the page as Markdown, besides printing it")


@dataclass(frozen=True)
class _Models:
    """What is measured.

    folders:  by short names; where models are compared, the float one first and then its int8 version, yet to be made.
    deployed: the name of the one that is the graph's and the cameras'.
    """

    folders: dict[str, Path]
    deployed: str


def run(args: argparse.Namespace) -> int:
    """Measure what the options ask for, print the page and write the files. Raises HarError."""
    _check(args)
    cv2.setNumThreads(1)  # as the fusion node does
    parts = (args.only,) if args.only else _PARTS
    figures: dict[str, Any] = {"environment": environment()}
    with tempfile.TemporaryDirectory() as scratch:
        models = _models(args, Path(scratch, _INT8) if _MODEL in parts else None)
        with _dataset(args.captures) as dataset:
            shown = [folder for folder in find_captures(dataset) if activity_of(folder.parent) is not Activity.OTHER]
            captures = [read_capture(folder) for folder in spread(shown, _CAPTURES, dataset)]
            if _MODEL in parts:
                _quantise(models, dataset)
            identities = (f"{name} {load_card(folder).identity}" for name, folder in models.folders.items())
            figures["environment"]["models"] = ", ".join(identities)
            for measured in chain.from_iterable(_MEASURE[part](args, models, captures) for part in parts):
                figures |= measured
                if args.json is not None:
                    write_json(args.json, figures)  # by and by: what fails later shall not cost an hour's figures
    page = make_page(figures, shlex.join(["har", "bench", *_told(args)]))
    print(page)
    if args.page is not None:
        write_text(args.page, page)
    return 0


def _check(args: argparse.Namespace) -> None:
    """Refuse now what could only fail once all is measured."""
    if not 1 <= args.rounds <= 1000:
        raise HarError(f"--rounds is {args.rounds}; give a number from 1 to 1000")
    if not 5 <= args.seconds <= 3600:
        raise HarError(f"--seconds is {args.seconds:g}; give a time from 5 to 3600")
    for name in _PLACES:
        require_place(getattr(args, name))
    if args.tflite is not None:
        if not args.tflite.is_file():
            raise HarError(f"there is no file '{args.tflite}'; give one with --tflite that LiteRT reads")
        with suppress(ModuleNotFoundError):
            open_tflite(args.tflite)
    if args.only != _MODEL:
        importlib.import_module("har_ros.bench_cameras")  # without ROS it is told now


def _models(args: argparse.Namespace, int8: Path | None) -> _Models:
    """Find the models. With a place for it they are compared with the first one and with its int8 version."""
    first = find_model(args.model or _FLOAT_MODEL)
    named = args.also if args.also is not None else [] if args.model else [DEFAULT_MODEL]
    folders = {first.resolve().name: first} if int8 is None else {_FLOAT: first, _INT8: int8}
    deployed = next(iter(folders))
    for folder in map(find_model, named):
        deployed = folder.resolve().name
        if deployed in folders:
            raise HarError(f"two models are called '{deployed}' here; copy one to a folder of another name")
        load_card(folder)
        folders[deployed] = folder
    load_card(first)
    if int8 is not None:
        from har_ros.inference.quantise import is_float

        if not is_float(first):
            raise HarError(f"'{first}' is no float model, which comparing begins with; use --also, or --only")
    return _Models(folders, deployed)


def _quantise(models: _Models, dataset: Path) -> None:
    """Make the int8 version of the first model."""
    from har_ros.inference.quantise import quantise_model

    _say("quantising")
    source = models.folders[_FLOAT]
    frames = spread_frames(dataset, _CALIBRATION_FRAMES, load_card(source).frame_size_px)
    quantise_model(source, models.folders[_INT8], frames, dataset.name)


def _measure_graph(args: argparse.Namespace, models: _Models, captures: list[Capture]) -> Iterator[dict[str, Any]]:
    from har_ros.bench_graph import benchmark_graph, first_verdict_s

    pictures = camera_pictures(captures[0])
    runs, compared_s = {}, min(args.seconds, _COMPARED_S)
    for name, model in models.folders.items():
        seconds = args.seconds if name == models.deployed else compared_s
        _say(f"measuring the ROS graph with {name} for {seconds:g} s")
        runs[name] = benchmark_graph(model, pictures, seconds)
    deployed = models.folders[models.deployed]
    latencies_ms = {name: run["latency_ms"] for name, run in runs.items()}
    graph = {"model": models.deployed, **runs[models.deployed], "latency_ms_of_models": latencies_ms}
    yield {"graph": graph}
    _say(f"measuring it with {models.deployed} in one process for {compared_s:g} s")
    graph["composed"] = benchmark_graph(deployed, pictures, compared_s, composed=True)
    yield {"graph": graph}
    graph["first_verdict_s"] = first_verdict_s(deployed, pictures)
    yield {"graph": graph}


def _measure_cameras(args: argparse.Namespace, models: _Models, captures: list[Capture]) -> Iterator[dict[str, Any]]:
    from har_ros.bench_cameras import benchmark_cameras

    _say(f"measuring several cameras with {models.deployed}, {args.seconds:g} s each")
    pictures = camera_pictures(captures[0])
    cameras = benchmark_cameras(models.folders[models.deployed], pictures, args.seconds)
    yield {"cameras_model": models.deployed, "cameras": cameras}


def _measure_model(args: argparse.Namespace, models: _Models, captures: list[Capture]) -> Iterator[dict[str, Any]]:
    _say("measuring the model")
    model_figures, peak = benchmark_model(models.folders, captures, args.rounds)
    _say("measuring a step's parts")
    model_figures["step_us"] = step_profile(models.folders, camera_pictures(captures[0]), args.rounds)
    yield {"model": model_figures, "peak": peak}
    _say("measuring its inputs and its peers")
    yield {
        "inputs": benchmark_inputs(load_card(models.folders[_FLOAT]).frame_size_px, args.rounds),
        "peers": benchmark_peers(models.folders, args.tflite, args.rounds),
    }


_MEASURE = {_MODEL: _measure_model, _GRAPH: _measure_graph, _CAMERAS: _measure_cameras}


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
        environment = {**os.environ, **node_environment()}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
            raise HarError(f"no pictures to show: simulating failed ({reason}); give captures with --captures")
        yield out


def _told(args: argparse.Namespace) -> list[str]:
    """Return the options that are not their default and decide what is measured; of files the name alone."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    words = []
    for name, default in vars(parser.parse_args([])).items():
        value = getattr(args, name)
        if value != default and name not in _PLACES:
            values = value if isinstance(value, list) else [value]
            words += [f"--{name}", *(each.name if isinstance(each, Path) else str(each) for each in values)]
    return words


def _say(what: str) -> None:
    Console(stderr=True).print(f"har bench: {what} ...", style="dim")
