"""`har evaluate`: score a model on a dataset of captures or on a recorded bag."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from har_ros.core.decision import UNKNOWN
from har_ros.core.errors import HarError
from har_ros.core.labels import Activity
from har_ros.core.model_card import ModelCard
from har_ros.core.resources import find_model
from har_ros.dataset.capture import CaptureMeta
from har_ros.dataset.json_file import require_place, write_json
from har_ros.dataset.parallel import for_each_capture
from har_ros.dataset.reader import find_captures, read_capture
from har_ros.evaluation.bag import is_bag
from har_ros.evaluation.bag_report import print_timeline, replay_bag
from har_ros.evaluation.classify import classify_capture, decide
from har_ros.evaluation.metrics import score
from har_ros.evaluation.reliability import calibration, plot_precision_recall, plot_reliability
from har_ros.evaluation.report import confusion_title, model_detail, plot_confusion, print_scores
from har_ros.inference.model import HarModel

_EXAMPLE = """examples:
  har evaluate Dataset --model paper --json out.json --plots plots
  har evaluate recordings/monday --model models/mine --json out.json
A dataset is scored capture by capture. A bag (a folder with metadata.yaml, an .mcap or a .db3 file) is replayed
through the code of the fusion node, by the times at which its messages arrived, and scored second by second against
its topic ground_truth; a second in which the robot would have said stale is wrong, and those within 2 s of a change
are left out. The same bag gives the same JSON every time.
"""


@dataclass(frozen=True)
class Prediction:
    """What became of one capture: its probabilities (6,) and the label or `unknown`, or why it was left out."""

    folder: Path
    meta: CaptureMeta | None = None
    probabilities: NDArray[np.float32] | None = None
    label: str = ""
    assumptions: tuple[str, ...] = ()
    left_out: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's options."""
    parser.epilog = _EXAMPLE
    parser.add_argument("path", type=Path, help="a dataset's folder, or a bag")
    parser.add_argument("--model", default="paper", help="a model's name or folder (default paper)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    parser.add_argument(
        "--plots", type=Path, metavar="DIR", help="write confusion and, of a dataset, reliability and precision there"
    )
    parser.add_argument("--namespace", metavar="NS", help="of a bag with several: whose topics, such as /har")
    parser.add_argument(
        "--params-file", type=Path, metavar="FILE", help="for a bag: the parameters that the robot's fusion node had"
    )


def run(args: argparse.Namespace) -> int:
    """Score, print, write what was asked for. Raises HarError where nothing could be scored."""
    bag = is_bag(args.path)
    if not bag and (args.params_file or args.namespace):
        raise HarError(f"--params-file and --namespace are for bags, and '{args.path}' is none; leave them out")
    require_place(args.json)
    console = Console(soft_wrap=True, highlight=False)
    model = HarModel(find_model(args.model))
    if bag:
        report = replay_bag(args.path, model, args.params_file, args.namespace)
        print_timeline(console, report)
    else:
        report = evaluate_dataset(args.path, model, args.plots)
        _warn_of_seen(report)
    if report["n"]:
        print_scores(console, report)
        others = report["dataset"].get("others", {})
        if others.get("captures"):
            answers = ", ".join(f"{count} {label}" for label, count in others["answers"].items())
            console.print(f"not scored: {others['captures']} captures of none of the six; the answers: {answers}")
        for folder, reason in report["dataset"].get("left_out", {}).items():
            console.print(f"left out {folder}: {reason}", style="yellow", markup=False)
    if args.plots:
        console.print(_plot(args.plots / "confusion.png", report), markup=False)
    if args.json:
        write_json(args.json, report)
    return 0


def _plot(path: Path, report: dict[str, Any]) -> str:
    """Draw the confusion matrix, if there is one, and return what was done in words."""
    if not report["n"]:
        return "no plot is written: without ground_truth there is no confusion matrix"
    plot_confusion(report["confusion"], report["labels"], confusion_title(report), path)
    return f"wrote {path}"


def _warn_of_seen(report: dict[str, Any]) -> None:
    seen = report["dataset"]["subjects_seen_in_training"]
    if seen:
        print(
            f"har: warning: the model was trained on {len(seen)} of the scored subjects, such as {seen[0]}, so the "
            "scores tell nothing about other people; score it on people it has not seen",
            file=sys.stderr,
        )


def evaluate_dataset(root: Path, model: HarModel, plots: Path | None = None) -> dict[str, Any]:
    """Classify every capture under `root` and return the scores, ready for JSON.

    plots: folder for pictures of how far confidences can be trusted, and of precision over recall.
    Captures that can't be read are left out and named in `dataset`. Raises HarError where none remains, and
    where the model fails on one.
    """
    folders = find_captures(root)
    if not folders:
        raise HarError(f"'{root}' holds no captures; give a dataset's folder, or a bag")
    predictions = for_each_capture(partial(_predict, model), folders, "classifying")
    left_out = {str(entry.folder): entry.left_out for entry in predictions if entry.left_out}
    scored = [(entry.folder, entry.meta, entry.probabilities) for entry in predictions]
    known = [(folder, meta, p) for folder, meta, p in scored if meta is not None and p is not None]
    kept = [entry for entry in known if entry[1].label is not Activity.OTHER]
    if not kept:
        why = next(iter(left_out.values()), "all show something else than the six activities")
        raise HarError(f"none of the {len(folders)} captures can be scored; the first: {why}")
    labels = model.card.labels
    truth = [meta.label.value for _, meta, _ in kept]
    probabilities = np.stack([entry for _, _, entry in kept])
    predicted = [labels[index] for index in probabilities.argmax(axis=1)]
    subjects = [meta.subject for _, meta, _ in kept]
    figures, intervals = score(truth, predicted, labels, probabilities, subjects if all(subjects) else None)
    others = [entry for entry in predictions if entry.meta is not None and entry.meta.label is Activity.OTHER]
    unknown = [entry.meta.label for entry in predictions if entry.meta is not None and entry.label == UNKNOWN]
    columns = np.array([labels.index(label) for label in truth])
    if plots:
        plot_reliability(probabilities, columns, model.card.name, plots / "reliability.png")
        plot_precision_recall(probabilities, columns, labels, model.card.name, plots / "precision_recall.png")
    if figures["n"] + len(left_out) + len(others) != len(folders):
        raise AssertionError("every capture is either scored or left out by name")
    return {
        **figures,
        "model": model_detail(model.card),
        "dataset": {
            "kind": "captures",
            "path": str(root),
            "listed": len(folders),
            "left_out": left_out,
            "others": {"captures": len(others), "answers": dict(Counter(entry.label for entry in others))},
            "subjects": len({subject for subject in subjects if subject}),
            "subjects_seen_in_training": _seen_in_training(model.card, subjects),
            "sources": dict(Counter(meta.source for _, meta, _ in kept)),
            "assumptions": dict(Counter(note for entry in predictions for note in entry.assumptions)),
            "mistakes": {str(f): guess for (f, meta, _), guess in zip(kept, predicted) if guess != meta.label.value},
            "calibration": calibration(probabilities, columns, subjects if all(subjects) else range(len(subjects))),
            "unknown": sum(label is not Activity.OTHER for label in unknown),
            "intervals": intervals,
        },
    }


def _seen_in_training(card: ModelCard, subjects: list[str]) -> list[str] | None:
    """Return the scored subjects that the model was fitted or tuned on; None where its card doesn't say enough."""
    used = {name for key in ("train_subjects", "validation_subjects") for name in card.training.get(key, ())}
    seen = sorted(used.intersection(subjects))
    return seen if seen or "train_subjects" in card.training else None


def _predict(model: HarModel, folder: Path) -> Prediction:
    try:
        capture = read_capture(folder)
    except HarError as error:
        return Prediction(folder, left_out=str(error))
    try:
        answer = classify_capture(model, capture)
        label = decide(model.card, answer).label
        return Prediction(folder, capture.meta, answer.probabilities, label, capture.assumptions)
    except HarError as error:  # never left out: that would flatter the model
        raise HarError(f"'{folder}': {error}") from None
