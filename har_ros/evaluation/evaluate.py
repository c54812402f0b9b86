"""`har evaluate`: score a model on a dataset of captures or on a recorded bag."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
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

    @property
    def truth(self) -> Activity | None:
        """What the capture shows; None where it was left out."""
        return None if self.meta is None else self.meta.label


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
        predictions = predict_dataset(args.path, model)
        report = judge(args.path, model.card, predictions)
        _warn_of_seen(report)
        if args.plots:
            _plot_trust(args.plots, model.card, predictions)
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


def predict_dataset(root: Path, model: HarModel) -> list[Prediction]:
    """Classify every capture under `root`. Raises HarError where there is none, and where the model fails on one."""
    folders = find_captures(root)
    if not folders:
        raise HarError(f"'{root}' holds no captures; give a dataset's folder, or a bag")
    return for_each_capture(partial(_predict, model), folders, "classifying")


def judge(root: Path, card: ModelCard, predictions: Sequence[Prediction]) -> dict[str, Any]:
    """Return the scores of what was predicted of the captures under `root`, ready for JSON.

    Captures that can't be read are left out and named in `dataset`; those of none of the six activities are counted
    there by the answers to them. Raises HarError where none remains.
    """
    left_out = {str(entry.folder): entry.left_out for entry in predictions if entry.left_out}
    kept, others = _kept(predictions), [entry for entry in predictions if entry.truth is Activity.OTHER]
    if not kept:
        why = next(iter(left_out.values()), "all show something else than the six activities")
        raise HarError(f"none of the {len(predictions)} captures can be scored; the first: {why}")
    probabilities, truth = _stacked(card, kept)
    true_names, guesses = ([card.labels[index] for index in each] for each in (truth, probabilities.argmax(axis=1)))
    metas = [entry.meta for entry in kept if entry.meta is not None]
    subjects = [meta.subject for meta in metas]
    figures, intervals = score(
        true_names, guesses, card.labels, probabilities, subjects if all(subjects) else None
    )
    if figures["n"] + len(left_out) + len(others) != len(predictions):
        raise AssertionError("every capture is scored, left out by name, or none of the six activities")
    mistakes = zip(kept, true_names, guesses)
    return {
        **figures,
        "model": model_detail(card),
        "dataset": {
            "kind": "captures",
            "path": str(root),
            "listed": len(predictions),
            "left_out": left_out,
            "others": {"captures": len(others), "answers": dict(Counter(entry.label for entry in others))},
            "subjects": len({subject for subject in subjects if subject}),
            "subjects_seen_in_training": _seen_in_training(card, subjects),
            "sources": dict(Counter(meta.source for meta in metas)),
            "assumptions": dict(Counter(note for entry in predictions for note in entry.assumptions)),
            "mistakes": {str(entry.folder): guess for entry, name, guess in mistakes if guess != name},
            "calibration": calibration(probabilities, truth, subjects if all(subjects) else range(len(subjects))),
            "unknown": sum(entry.label == UNKNOWN for entry in kept),
            "intervals": intervals,
        },
    }


def _kept(predictions: Sequence[Prediction]) -> list[Prediction]:
    """Return the predictions that are scored: those of captures of the six activities."""
    return [entry for entry in predictions if entry.truth not in (None, Activity.OTHER)]


def _stacked(card: ModelCard, kept: Sequence[Prediction]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the probabilities (n, 6) and the indices (n,) of the true labels."""
    probabilities = np.stack([entry.probabilities for entry in kept if entry.probabilities is not None])
    return probabilities, np.array([card.labels.index(str(entry.truth)) for entry in kept])


def _plot_trust(folder: Path, card: ModelCard, predictions: Sequence[Prediction]) -> None:
    """Draw how far confidences can be trusted, and precision over recall."""
    probabilities, truth = _stacked(card, _kept(predictions))
    plot_reliability(probabilities, truth, card.name, folder / "reliability.png")
    plot_precision_recall(probabilities, truth, card.labels, card.name, folder / "precision_recall.png")


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
