"""`har predict`: say what a recorded capture shows; without one, let the user pick from the recordings."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.prompt import Prompt
from rich.table import Table

from har_ros.core.errors import HarError
from har_ros.core.parameters import load_defaults
from har_ros.core.resources import DEFAULT_MODEL, find_model, user_path
from har_ros.dataset.capture import FRAMES_FOLDER
from har_ros.dataset.reader import activity_of, find_captures, read_capture, read_meta
from har_ros.evaluation.classify import classify_capture, decide
from har_ros.inference.model import HarModel

_EXAMPLE = """examples:
  har predict Dataset/WALK/capture_20240506_070809
  har predict Dataset          pick captures from a list
  har predict                  the same, from where the recorder node writes
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's options."""
    parser.epilog = _EXAMPLE
    parser.add_argument("capture", type=Path, nargs="?", help="a capture's folder, or a dataset's to pick from")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a model's name or folder (default %(default)s)")


def run(args: argparse.Namespace) -> int:
    """Predict one capture, or those that the user picks. Raises HarError."""
    folder = args.capture or _recorders_dataset()
    console = Console(soft_wrap=True, highlight=False)
    captures = find_captures(folder) or _on_shelf(folder)
    if not captures:
        console.print(describe(HarModel(find_model(args.model)), folder), markup=False)
        return 0
    if not sys.stdin.isatty():
        raise HarError(f"'{folder}' holds {len(captures)} captures; name one of them, or pick one in a terminal")
    model = HarModel(find_model(args.model))
    while (picked := _pick(console, captures)) is not None:
        try:
            console.print(describe(model, picked), style="bold", markup=False)
        except HarError as error:  # the others may be whole
            console.print(str(error), style="red", markup=False)
    return 0


def describe(model: HarModel, folder: Path) -> str:
    """Return what the model says of a capture: label, confidence, normal or anomaly. Raises HarError."""
    capture = read_capture(folder)
    answer, card = classify_capture(model, capture), model.card
    verdict = decide(card, answer)
    score = card.anomaly_score(answer.probabilities)
    state = "anomaly" if score >= card.thresholds["suspect_score"] else "normal"
    likeliest = card.labels[int(answer.probabilities.argmax())]
    why = f" ({verdict.reason}; likeliest {likeliest})" if verdict.reason else ""
    lines = [
        f"{folder.name}: {verdict.label}{why}, confidence {100 * verdict.confidence:.1f} %, "
        f"{state} (anomaly score {score:.3f}); recorded as {capture.label}",
        *(f"assumed: {note}" for note in capture.assumptions),
    ]
    return "\n".join(lines)


def _recorders_dataset() -> Path:
    folder = user_path(load_defaults("recorder")["dataset"])
    if not folder.is_dir():
        raise HarError(f"nothing is recorded in '{folder}' yet; name a capture or a dataset")
    return folder


def _on_shelf(folder: Path) -> list[Path]:
    """Return the captures of a dataset's folder of one activity; none where the folder is something else."""
    shelf = folder.resolve()
    if not shelf.is_dir() or activity_of(shelf) is None or (shelf / FRAMES_FOLDER).is_dir():
        return []
    return [capture for capture in find_captures(shelf.parent) if capture.parent == shelf]


def _pick(console: Console, captures: list[Path]) -> Path | None:
    """Ask for an activity, then for one of its captures; an empty answer goes back, or ends."""
    shelves = sorted({capture.parent for capture in captures})
    while True:
        for number, shelf in enumerate(shelves, 1):
            console.print(f"{number:3}  {activity_of(shelf)}", markup=False)
        chosen_shelf = _ask(console, "activity", len(shelves))
        if chosen_shelf is None:
            return None
        shown = [capture for capture in captures if capture.parent == shelves[chosen_shelf]]
        console.print(_listing(shown))
        chosen = _ask(console, "capture", len(shown))
        if chosen is not None:
            return shown[chosen]


def _listing(captures: list[Path]) -> Table:
    table = Table("", "capture", "subject", "session", "source")
    for number, folder in enumerate(captures, 1):
        try:
            meta = read_meta(folder)
            table.add_row(str(number), folder.name, meta.subject, meta.session, meta.source)
        except HarError:
            table.add_row(str(number), folder.name, "", "", "broken")
    return table


def _ask(console: Console, what: str, count: int) -> int | None:
    """Return the chosen place in a list, from 0; None for an empty answer or the end of input."""
    while True:
        try:
            answer = Prompt.ask(
                f"{what} 1 to {count}, or Enter to go back", console=console, default="", show_default=False
            )
        except EOFError:
            return None
        if not answer:
            return None
        if answer.isdecimal() and 1 <= int(answer) <= count:
            return int(answer) - 1
