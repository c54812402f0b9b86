"""`har evaluate`: score a model on a dataset of captures or on a recorded bag."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from har_ros.core.errors import HarError
from har_ros.core.model_card import CAMERA, IMU, MODALITIES, ModelCard, case_of
from har_ros.core.resources import DEFAULT_MODEL, find_model
from har_ros.dataset.json_file import require_place, write_json
from har_ros.evaluation.alarms import print_alarm_rates
from har_ros.evaluation.bag import Input, is_bag
from har_ros.evaluation.bag_report import UNSCORED, Circumstances, print_timeline, replay_bag, replay_bags
from har_ros.evaluation.capture_report import print_details
from har_ros.evaluation.captures import judge, predict_dataset
from har_ros.evaluation.prediction import Prediction, known, stacked
from har_ros.evaluation.reliability import plot_precision_recall, plot_reliability
from har_ros.evaluation.report import confusion_title, plot_confusion, print_scores, warn_of_passed_over, warn_of_seen
from har_ros.inference.model import HarModel

_INPUTS = {CAMERA: Input.IMAGE, IMU: Input.IMU}
_EXAMPLE = """examples:
  har evaluate Dataset --model paper --json out.json --plots plots
  har evaluate recordings/monday --model models/mine --json out.json
  har evaluate recordings/* --model models/mine
  har evaluate recordings/* --without camera      what the accelerometer alone is worth
A dataset is scored capture by capture. A bag (a folder with metadata.yaml, an .mcap or a .db3 file) is replayed
through the code of the fusion node, by the times at which its messages arrived, and scored second by second against
its topic ground_truth; a second in which the robot would have said stale is wrong, and those within 2 s of a change
are left out. Several bags give the alarms of all together: falls detected and missed, false alarms an hour and, where
the bags have the topic hard_negative, of each thing that only looks like a fall.
The same bags give the same JSON every time.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's options."""
    parser.epilog = _EXAMPLE
    parser.add_argument("path", type=Path, nargs="+", help="a dataset's folder, or one or more bags")
    parser.add_argument("--model", default=DEFAULT_MODEL, help="a model's name or folder (default %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    parser.add_argument(
        "--plots", type=Path, metavar="DIR", help="write confusion and, of a dataset, reliability and precision there"
    )
    parser.add_argument("--without", choices=MODALITIES, help="as if this input were missing, if the model can go on")
    parser.add_argument("--namespace", metavar="NS", help="of a bag with several: whose topics, such as /har")
    parser.add_argument(
        "--params-file", type=Path, metavar="FILE", help="for a bag: the parameters that the robot's fusion node had"
    )


def run(args: argparse.Namespace) -> int:
    """Score, print, write what was asked for. Raises HarError where nothing could be scored."""
    _check(args)
    require_place(args.json)
    console = Console(soft_wrap=True, highlight=False, markup=False)
    model = HarModel(find_model(args.model))
    if args.without and not model.card.goes_without(args.without):
        raise HarError(f"'{args.model}' can't go without {args.without}; give a model that can, as {DEFAULT_MODEL} can")
    if args.without:  # whatever is printed or drawn must not be taken for the whole model's
        model = model.with_card(replace(model.card, name=f"{model.card.name} without {args.without}"))
    if len(args.path) > 1:
        report = _evaluate_bags(console, model, args)
    elif is_bag(args.path[0]):
        report = _evaluate_bag(console, model, args)
    else:
        report = _evaluate_dataset(console, model, args)
    if args.json:
        write_json(args.json, {**report, "without": args.without})
        console.print(f"wrote {args.json}")
    return 0


def _check(args: argparse.Namespace) -> None:
    captures = [path for path in args.path if not is_bag(path)]
    if captures and (args.params_file or args.namespace):
        raise HarError(f"--params-file and --namespace are for bags, and '{captures[0]}' is none; leave them out")
    if captures and len(args.path) > 1:
        raise HarError(f"several paths must be bags, and '{captures[0]}' is none; score datasets one by one")
    if args.plots and len(args.path) > 1:
        raise HarError("--plots draws a single bag or dataset; leave it out")
    if args.plots and args.plots.exists() and not args.plots.is_dir():
        raise HarError(f"'{args.plots}' is a file; give --plots a folder")


def _evaluate_bags(console: Console, model: HarModel, args: argparse.Namespace) -> dict[str, Any]:
    report = replay_bags(args.path, model, _circumstances(args))
    for path, each in report["bags"].items():
        right = f"accuracy {100 * each['accuracy']:.1f} % of {each['n']} seconds" if each["n"] else UNSCORED
        console.print(f"{model.card.name} on {path}: {right}")
    print_alarm_rates(console, report["alarm_rates"])
    return report


def _evaluate_bag(console: Console, model: HarModel, args: argparse.Namespace) -> dict[str, Any]:
    report = replay_bag(args.path[0], model, _circumstances(args))
    print_timeline(console, report)
    if report["n"]:
        print_scores(console, report)
    if args.plots:
        console.print(_plot(args.plots / "confusion.png", report))
    return report


def _evaluate_dataset(console: Console, model: HarModel, args: argparse.Namespace) -> dict[str, Any]:
    (root,) = args.path
    case = case_of([each for each in model.card.modalities if each != args.without])
    predictions = predict_dataset(root, model, case)
    warn_of_passed_over(root)
    report = judge(root, model.card, predictions)
    warn_of_seen(report["dataset"]["subjects_seen_in_training"])
    print_scores(console, report)
    print_details(console, report["dataset"])
    if args.plots:
        _plot_trust(console, args.plots, model.card, predictions)
        console.print(_plot(args.plots / "confusion.png", report))
    return report


def _circumstances(args: argparse.Namespace) -> Circumstances:
    return Circumstances(args.params_file, args.namespace, _INPUTS.get(args.without))


def _plot(path: Path, report: dict[str, Any]) -> str:
    """Draw the confusion matrix, if there is one, and return what was done in words."""
    if not report["n"]:
        return "no plot is written: without a second that is scored there is no confusion matrix"
    plot_confusion(report["confusion"], report["labels"], confusion_title(report), path)
    return f"wrote {path}"


def _plot_trust(console: Console, folder: Path, card: ModelCard, predictions: Sequence[Prediction]) -> None:
    """Draw how far confidences can be trusted, and precision over recall."""
    probabilities, truth = stacked(card, known(card, predictions))
    reliability, precision = folder / "reliability.png", folder / "precision_recall.png"
    plot_reliability(probabilities, truth, card.name, reliability)
    plot_precision_recall(probabilities, truth, card.labels, card.name, precision)
    console.print(f"wrote {reliability}\nwrote {precision}")


