"""`har stress`: what a model is still worth in bad light, behind an obstacle, with another sensor, or without one."""

from __future__ import annotations

import argparse
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from har_ros.core.decision import UNKNOWN
from har_ros.core.errors import HarError
from har_ros.core.imu_steps import imu_steps, step_edges
from har_ros.core.labels import Activity
from har_ros.core.model_card import MODALITIES, ModelCard
from har_ros.core.resources import DEFAULT_MODEL, find_model
from har_ros.core.windows import STEP_RATE_HZ
from har_ros.dataset.capture import Capture
from har_ros.dataset.frames import spread
from har_ros.dataset.json_file import require_place, write_json
from har_ros.dataset.parallel import for_each_capture
from har_ros.dataset.reader import activity_of, find_captures, read_capture
from har_ros.dataset.sensing import Samples
from har_ros.evaluation.classify import classify_encoded, decide, encode
from har_ros.evaluation.metrics import by_subject, difference, score
from har_ros.evaluation.prediction import Prediction, known, seen_in_training, stacked, subjects_of
from har_ros.evaluation.report import model_detail, warn_of_passed_over, warn_of_seen
from har_ros.evaluation.stress_list import CONDITIONS, UNDISTURBED, Condition
from har_ros.inference.model import HarModel

_SEED = 20
_EXAMPLE = """examples:
  har stress TestSet --model models/mine --json stress.json
  har stress TestSet --model models/mine --captures 60      a look, on captures spread evenly over the set
Every capture meets every disturbance of one fixed, seeded list: light, blur, noise, occlusion, JPEG, crop, lost frames,
other camera and sensor rates, another mounting, bias, noise, clipping, clocks apart, a missing input. The same set and
model give the same figures. Those that change pictures take the longest, since each encodes 30 frames anew.
"""


@dataclass(frozen=True)
class Examined:
    """One capture under all conditions that the model can answer in, by their names; or why it was left out."""

    folder: Path
    predictions: dict[str, Prediction] = field(default_factory=dict)
    left_out: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's options."""
    parser.epilog = _EXAMPLE
    parser.add_argument("dataset", type=Path, help="a dataset of people whom the model hasn't seen")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a model's name or folder (default %(default)s)")
    parser.add_argument("--captures", type=int, metavar="N", help="take N of them, evenly spread (default all)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")


def run(args: argparse.Namespace) -> int:
    """Disturb, classify, print a line for each condition. Raises HarError."""
    if args.captures is not None and args.captures < 1:
        raise HarError(f"--captures is {args.captures}; give at least 1")
    require_place(args.json)
    report = stress(args.dataset, HarModel(find_model(args.model)), args.captures)
    print_stress(Console(soft_wrap=True, highlight=False, markup=False), report)
    if args.json:
        write_json(args.json, report)
    return 0


def stress(root: Path, model: HarModel, captures: int | None = None) -> dict[str, Any]:
    """Return the figures of each condition, ready for JSON, on all captures of the six or on so many of them.

    Raises HarError where no capture can be scored, and where the model fails on one.
    """
    folders = [folder for folder in find_captures(root) if activity_of(folder.parent) is not Activity.OTHER]
    folders = spread(folders, captures or len(folders), root)
    examined = for_each_capture(partial(_examine, model, root), folders, "disturbing")
    left_out = {str(entry.folder): entry.left_out for entry in examined if entry.left_out}
    card, whole = model.card, [entry for entry in examined if entry.predictions]
    plain = known(card, [entry.predictions[UNDISTURBED] for entry in whole])
    if not plain:
        why = next(iter(left_out.values()), "all show something else than the model's activities")
        raise HarError(f"none of the {len(folders)} captures can be scored; the first: {why}")
    seen = seen_in_training(card, plain)
    warn_of_passed_over(root)
    warn_of_seen(seen)
    table = {}
    for condition in CONDITIONS:
        met = known(card, [entry.predictions[condition.name] for entry in whole if condition.name in entry.predictions])
        figures = _figures(card, met, plain) if met else {"impossible": f"needs {condition.missing}"}
        table[condition.name] = {"group": condition.group, **figures}
    return {
        "model": model_detail(card),
        "dataset": {"path": str(root), "captures": len(plain), "left_out": left_out, "subjects_seen_in_training": seen},
        "seed": _SEED,
        "groups": _group_means(table),
        "conditions": table,
    }


def _group_means(table: dict[str, Any]) -> dict[str, float]:
    """Return the mean macro-F1 of each group's conditions, and of all `disturbed` ones that the model answers in."""
    scored = {name: figures for name, figures in table.items() if "macro_f1" in figures}
    groups: dict[str, list[float]] = {}
    for name, figures in scored.items():
        groups.setdefault(figures["group"], []).append(figures["macro_f1"])
        if name != UNDISTURBED:
            groups.setdefault("disturbed", []).append(figures["macro_f1"])
    return {group: round(float(np.mean(scores)), 6) for group, scores in groups.items()}


def _examine(model: HarModel, root: Path, folder: Path) -> Examined:
    try:
        capture = read_capture(folder)
    except HarError as error:
        return Examined(folder, left_out=str(error))
    features = encode(model, capture.frames)
    predictions = {}
    for condition in CONDITIONS:
        case = model.card.case([each for each in MODALITIES if each != condition.missing])
        if case is not None:
            key = f"{condition.name}/{folder.relative_to(root).as_posix()}"
            rng = np.random.default_rng([_SEED, zlib.crc32(key.encode())])
            disturbed = _disturbed(model, capture, features, condition, rng)
            try:
                answer = classify_encoded(model, *disturbed, case)
            except HarError as error:  # never left out: that would flatter the model
                raise HarError(f"'{folder}', {condition.name}: {error}") from None
            label = decide(model.card, answer, case).label
            predictions[condition.name] = Prediction(folder, capture.meta, answer.probabilities, label)
    return Examined(folder, predictions)


def _disturbed(
    model: HarModel, capture: Capture, features: NDArray[np.float32], condition: Condition, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return features (30, F) and IMU steps (30, C) of a capture in a condition; `features` are undisturbed."""
    channels = model.card.imu_channels
    steps = capture.imu_steps(channels)
    if condition.pictures is not None:
        features = encode(model, condition.pictures(capture.frames, rng))
    if condition.order is not None:
        features = features[condition.order(capture.frame_stamps_ns, rng)]
    if condition.samples is not None:
        samples = condition.samples(Samples(capture.imu_stamps_ns, capture.imu_accel_mps2), rng)
        steps = imu_steps(channels, *samples, step_edges(capture.frame_stamps_ns, STEP_RATE_HZ))[0]
    return features, steps


def _figures(card: ModelCard, met: Sequence[Prediction], plain: Sequence[Prediction]) -> dict[str, Any]:
    """Return the figures of one condition, and what was lost against the undisturbed ones of the same captures."""
    probabilities, truth = stacked(card, met)
    names, guesses = ([card.labels[index] for index in each] for each in (truth, probabilities.argmax(1)))
    subjects = subjects_of(met)
    figures, intervals = score(names, guesses, card.labels, probabilities, subjects)
    before = stacked(card, plain)[0].argmax(1)
    before_figures, _ = score(names, [card.labels[index] for index in before], card.labels)
    lost = difference(before == truth, probabilities.argmax(1) == truth, subjects)
    return {
        **{key: figures[key] for key in ("n", "accuracy", "accuracy_ci", "macro_f1", "loss")},
        "macro_f1_ci": intervals["macro_f1"],
        "accuracy_lost_points": lost["points"],
        "accuracy_lost_points_ci": lost["ci"],
        "macro_f1_lost_points": round(100 * (before_figures["macro_f1"] - figures["macro_f1"]), 4),
        "worst_subject": by_subject(np.equal(names, guesses), subjects)["worst"],
        "unknown": sum(entry.label == UNKNOWN for entry in met),
        "recall": {label: row["recall"] for label, row in figures["per_class"].items()},
    }


def print_stress(console: Console, report: dict[str, Any]) -> None:
    """Print a line for each condition, a rule between groups."""
    table = Table(title=f"{report['model']['name']} on {report['dataset']['path']}", box=SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("condition")
    for heading in ("macro-\nF1", "accuracy", "lost", "worst\nsubject", "un-\nknown"):
        table.add_column(heading, justify="right", no_wrap=True)  # whole at 80 columns, where conditions take two lines
    rows = list(report["conditions"].items())
    for (name, figures), (_, following) in zip(rows, [*rows[1:], ("", {"group": ""})]):
        table.add_row(name, *_cells(figures), end_section=following["group"] != figures["group"])
    console.print(table)
    means = ", ".join(f"{group} {100 * mean:.1f}" for group, mean in report["groups"].items())
    console.print(f"mean macro-F1 of each group: {means}")
    console.print(
        f"{report['dataset']['captures']} captures; all in %; lost: points of accuracy against undisturbed; intervals "
        "are of 95 %: of accuracy Wilson's, widened for the likeness within subjects, of its loss by a bootstrap that "
        "draws whole subjects; a right label counts even where the answer was `unknown`"
    )
    for folder, reason in report["dataset"]["left_out"].items():
        console.print(f"left out {folder}: {reason}", style="yellow")


def _cells(figures: dict[str, Any]) -> list[str]:
    if "impossible" in figures:
        return ["-", "-", figures["impossible"]]
    low, high = figures["accuracy_ci"]
    lost_low, lost_high = figures["accuracy_lost_points_ci"]
    worst = figures["worst_subject"]
    return [
        f"{100 * figures['macro_f1']:.1f}",
        f"{100 * figures['accuracy']:.1f} ({100 * low:.0f} to {100 * high:.0f})",
        f"{figures['accuracy_lost_points']:.1f} ({lost_low:.0f} to {lost_high:.0f})",
        f"{100 * worst['accuracy']:.0f} of {worst['captures']}",
        f"{100 * figures['unknown'] / figures['n']:.0f}",
    ]
