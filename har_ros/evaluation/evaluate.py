"""`har evaluate`: score a model on a dataset of captures or on a recorded bag."""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from har_ros.core.errors import HarError
from har_ros.core.resources import find_model
from har_ros.dataset.capture import CaptureMeta
from har_ros.dataset.json_file import write_json
from har_ros.dataset.parallel import for_each_capture
from har_ros.dataset.reader import find_captures, read_capture
from har_ros.evaluation.bag import is_bag
from har_ros.evaluation.classify import classify_capture
from har_ros.evaluation.metrics import score
from har_ros.evaluation.replay import print_timeline, replay_bag
from har_ros.evaluation.report import model_detail, plot_confusion, print_scores
from har_ros.evaluation.settings import load_settings
from har_ros.inference.model import HarModel

SUMMARY = "score a model on a dataset or on a recorded bag"
_EXAMPLE = """examples:
  har evaluate Dataset --model paper --json out.json --plots plots
  har evaluate recordings/monday --model models/mine --json out.json
A dataset is scored capture by capture. A bag (a folder with metadata.yaml, an .mcap or a .db3 file) is replayed
on its own stamps through the code of the fusion node and scored second by second against its topic
ground_truth; seconds within 2 s of a change are left out. The same bag gives the same JSON every time.
"""


@dataclass(frozen=True)
class Prediction:
    """What became of one capture: its probabilities (6,), or why it was left out."""

    folder: Path
    meta: CaptureMeta | None = None
    probabilities: NDArray[np.float32] | None = None
    assumptions: tuple[str, ...] = ()
    left_out: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's options."""
    parser.epilog = _EXAMPLE
    parser.add_argument("path", type=Path, help="a dataset's folder, or a bag")
    parser.add_argument("--model", default="paper", help="a model's name or folder (default paper)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="write the confusion matrix there as PNG")
    parser.add_argument("--namespace", metavar="NS", help="of a bag with several: whose topics to take, such as /har")
    parser.add_argument("--params-file", type=Path, metavar="FILE", help="the parameters the robot's fusion node had")


def run(args: argparse.Namespace) -> int:
    """Score, print, write what was asked for. Raises HarError where nothing could be scored."""
    console = Console(soft_wrap=True, highlight=False)
    bag = is_bag(args.path)
    model = HarModel(find_model(args.model))
    if bag:
        report = replay_bag(args.path, model, load_settings(args.params_file), args.namespace)
        print_timeline(console, report)
    else:
        report = evaluate_dataset(args.path, model)
    if report["n"]:
        print_scores(console, report)
        for folder, reason in report["dataset"].get("left_out", {}).items():
            console.print(f"left out {folder}: {reason}", style="yellow", markup=False)
        if args.plots:
            console.print(f"wrote {plot_confusion(args.plots, report)}", markup=False)
    if args.json:
        write_json(args.json, report)
    return 0


def evaluate_dataset(root: Path, model: HarModel) -> dict[str, Any]:
    """Classify every capture under `root` and return the scores, ready for JSON.

    Captures that can't be read are left out and named in `dataset`. Raises HarError where none remains, and
    where the model fails on one.
    """
    folders = find_captures(root)
    if not folders:
        raise HarError(f"'{root}' holds no captures; give a dataset's folder, or a bag")
    predictions = for_each_capture(partial(_predict, model), folders, "classifying")
    left_out = {str(entry.folder): entry.left_out for entry in predictions if entry.left_out}
    scored = [(entry.folder, entry.meta, entry.probabilities) for entry in predictions]
    kept = [(folder, meta, p) for folder, meta, p in scored if meta is not None and p is not None]
    if not kept:
        raise HarError(f"none of the {len(folders)} captures can be scored; the first: {next(iter(left_out.values()))}")
    labels = model.card.labels
    truth = [meta.label.value for _, meta, _ in kept]
    probabilities = np.stack([entry for _, _, entry in kept])
    predicted = [labels[index] for index in probabilities.argmax(axis=1)]
    subjects = [meta.subject for _, meta, _ in kept]
    figures, intervals = score(truth, predicted, labels, probabilities, subjects if all(subjects) else None)
    if figures["n"] + len(left_out) != len(folders):
        raise AssertionError("every capture is either scored or left out by name")
    return {
        **figures,
        "model": model_detail(model.card),
        "dataset": {
            "kind": "captures",
            "path": str(root),
            "listed": len(folders),
            "left_out": left_out,
            "subjects": len({subject for subject in subjects if subject}),
            "sources": dict(Counter(meta.source for _, meta, _ in kept)),
            "assumptions": dict(Counter(note for entry in predictions for note in entry.assumptions)),
            "mistakes": {str(f): guess for (f, meta, _), guess in zip(kept, predicted) if guess != meta.label.value},
            "intervals": intervals,
        },
    }


def _predict(model: HarModel, folder: Path) -> Prediction:
    try:
        capture = read_capture(folder)
    except HarError as error:
        return Prediction(folder, left_out=str(error))
    try:
        return Prediction(folder, capture.meta, classify_capture(model, capture), capture.assumptions)
    except HarError as error:  # never left out: that would flatter the model
        raise HarError(f"'{folder}': {error}") from None
