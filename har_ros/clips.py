"""`har clips`: what a model says of your own videos and recordings, with or without labels."""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from har_ros.core.errors import HarError
from har_ros.core.labels import parse_activity
from har_ros.core.resources import DEFAULT_MODEL, find_model
from har_ros.dataset.json_file import require_place, write_json
from har_ros.evaluation.clips import Clip, Stretch, UnusableClipError, score_clips, watch
from har_ros.evaluation.report import model_detail
from har_ros.evaluation.settings import load_settings
from har_ros.inference.model import HarModel
from har_ros.link.protocol import UNITS_MPS2
from har_ros.link.recording import read_recording

_VIDEOS = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v")
_READINGS = ".csv"
_EXAMPLE = """examples:
  har clips walk.mp4 walk.csv --model models/mine     a video and the accelerometer's readings of the same time
  har clips my_clips --model models/mine --json clips.json
  har clips my_clips --model models/mine --labels labels.csv
A video and a CSV of one name belong together and begin at the same moment; either alone will do for a model that goes
without the other. The CSV has columns such as t,ax,ay,az, in m/s^2 or g, as for har fake-imu. The labels are lines of
clip,label or clip,label,start_s,end_s under such a heading; clip is the files' name without its ending.
It is a look at a few clips, not a test: a test needs people whom the model hasn't seen, and many of them.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's options."""
    parser.epilog = _EXAMPLE
    parser.add_argument("path", type=Path, nargs="+", help="videos, CSVs, or folders of them")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a model's name or folder (default %(default)s)")
    parser.add_argument("--labels", type=Path, metavar="CSV", help="what the clips show: clip,label[,start_s,end_s]")
    parser.add_argument("--rate", type=float, metavar="HZ", help="readings a second, where the CSVs don't tell")
    parser.add_argument("--units", choices=sorted(UNITS_MPS2), help="of the readings, where they are not told rightly")
    parser.add_argument("--params-file", type=Path, metavar="FILE", help="parameters of the fusion node, for its alarm")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")


def run(args: argparse.Namespace) -> int:
    """Watch the clips and print what was said of each. Raises HarError."""
    require_place(args.json)
    files = _find(args.path, args.labels)
    stretches = _read_labels(args.labels, set(files)) if args.labels else []
    model, settings = HarModel(find_model(args.model)), load_settings(args.params_file)
    said, clips, left_out = {}, {}, {}
    for name, (video, readings) in files.items():
        try:
            clip, notes = _open(name, video, readings, args)
            said[name], clips[name] = watch(model, settings, clip)
        except UnusableClipError as error:
            left_out[name] = str(error)
            continue
        clips[name]["assumptions"] = notes
    if not clips:
        raise HarError(next(iter(left_out.values())))
    stretches = [stretch for stretch in stretches if stretch.clip in clips]
    report = {
        "model": model_detail(model.card),
        "clips": clips,
        "left_out": left_out,
        "scores": score_clips(said, stretches, model.card.labels) if stretches else None,
        "claim": f"These are figures of {len(clips)} clip{'s' * (len(clips) > 1)}. "
        "Nothing is claimed of other people, places or sensors.",
    }
    _print(Console(soft_wrap=True, highlight=False, markup=False), report)
    if args.json:
        write_json(args.json, report)
    return 0


def _find(paths: Sequence[Path], labels: Path | None) -> dict[str, tuple[Path | None, Path | None]]:
    """Return the video and the readings of each clip, by name. Raises HarError."""
    files = []
    for path in paths:
        if path.is_dir():
            files += sorted(entry for entry in path.iterdir() if entry.suffix.lower() in (*_VIDEOS, _READINGS))
        elif not path.is_file():
            raise HarError(f"there is no '{path}'; give videos, CSVs, or folders of them")
        elif path.suffix.lower() not in (*_VIDEOS, _READINGS):
            raise HarError(f"'{path}' is neither a video ({', '.join(_VIDEOS)}) nor a CSV; convert it")
        else:
            files.append(path)
    pairs: dict[str, tuple[Path | None, Path | None]] = {}
    for file in files:
        if labels is not None and file.resolve() == labels.resolve():
            continue
        video, readings = pairs.get(file.stem, (None, None))
        is_readings = file.suffix.lower() == _READINGS
        held = readings if is_readings else video
        if held is not None and held.resolve() != file.resolve():
            raise HarError(f"'{file}' and '{held}' have the same name; rename one of them")
        pairs[file.stem] = (video, file) if is_readings else (file, readings)
    if not pairs:
        raise HarError(f"'{paths[0]}' holds no clips; give videos ({', '.join(_VIDEOS)}) or CSVs of readings")
    return pairs


def _open(name: str, video: Path | None, readings: Path | None, args: argparse.Namespace) -> tuple[Clip, list[str]]:
    """Return a clip with its readings, and what had to be assumed of it. Raises UnusableClipError."""
    if readings is None:
        return Clip(name, video), []
    try:
        recording = read_recording(readings, args.rate, args.units)
    except HarError as error:
        raise UnusableClipError(str(error)) from None
    notes = list(recording.assumptions)
    if video is not None:
        notes.append("the video and the readings begin at the same moment")
    return Clip(name, video, recording.times_s, recording.accel_mps2), notes


def _read_labels(path: Path, names: set[str]) -> list[Stretch]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise HarError(f"'{path}' can't be read ({error}); give a CSV with the heading clip,label") from None
    stretches: list[Stretch] = []
    for number, row in enumerate(rows, 2):
        where = f"'{path}' line {number}"
        if row.get("clip") not in names:
            found = ", ".join(sorted(names))
            raise HarError(f"{where}: there is no clip '{row.get('clip')}' but {found}; the heading is clip,label")
        try:
            label = parse_activity(row.get("label") or "")
            start_s, end_s = float(row.get("start_s") or 0.0), float(row.get("end_s") or math.inf)
        except ValueError as error:
            raise HarError(f"{where}: {error}") from None
        if not 0 <= start_s < end_s:
            raise HarError(f"{where}: from {start_s:g} to {end_s:g} s is no stretch; give 0 or more, and then more")
        stretch = Stretch(str(row["clip"]), start_s, end_s, label)
        if any(stretch.overlaps(other) for other in stretches):
            raise HarError(f"{where}: part of it has a label already; give each second of a clip one label")
        stretches.append(stretch)
    if not stretches:
        raise HarError(f"'{path}' has no lines of labels; write clip,label and one line for each clip")
    return stretches


def _print(console: Console, report: dict[str, Any]) -> None:
    table = Table("clip", "rests on", title=f"{report['model']['name']}, second by second")
    for heading in ("seconds", "unknown,\n%", "alarm,\n%", "confi-\ndence, %"):
        table.add_column(heading, justify="right")
    table.add_column("verdicts, s")
    for name, clip in report["clips"].items():
        verdicts = ", ".join(f"{count} {label}" for label, count in clip["verdicts"].items())
        shares = (f"{100 * clip[key]:.0f}" for key in ("unknown_share", "alarm_share", "mean_confidence"))
        table.add_row(name, ", ".join(clip["rests_on"]), str(clip["seconds"]), *shares, verdicts)
    console.print(table)
    for name, clip in report["clips"].items():
        for note in clip["assumptions"]:
            console.print(f"{name}: {note}")
    for reason in report["left_out"].values():
        console.print(f"left out: {reason}", style="yellow")
    if report["scores"]:
        _print_scores(console, report["scores"])
    console.print(report["claim"])


def _print_scores(console: Console, scores: dict[str, Any]) -> None:
    if scores["n"]:
        low, high = scores["accuracy_ci"]
        right = round(scores["accuracy"] * scores["n"])
        console.print(
            f"{right} of {scores['n']} labelled seconds right: {100 * scores['accuracy']:.1f} % "
            f"({100 * low:.1f} to {100 * high:.1f}; {scores['accuracy_is']})"
        )
        for name, clip in scores["each_clip"].items():
            console.print(f"  {name}: {clip['count']} of {clip['seconds']} {_percent(clip['share_ci'])}")
    others = scores["others"]
    if others["unknown"]["seconds"]:
        console.print(
            f"{others['unknown']['seconds']} seconds of OTHER: {others['unknown']['count']} answered `unknown` "
            f"{_percent(others['unknown']['share_ci'])}, {others['alarm']['count']} with an alarm "
            f"{_percent(others['alarm']['share_ci'])}"
        )


def _percent(interval: list[float]) -> str:
    return f"({100 * interval[0]:.0f} to {100 * interval[1]:.0f} %)"
