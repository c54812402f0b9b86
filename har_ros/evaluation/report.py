"""Shows evaluation results: a table for the terminal, a picture of the confusion matrix."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from har_ros.core.errors import HarError
from har_ros.core.model_card import ModelCard
from har_ros.dataset.reader import passed_over


def model_detail(card: ModelCard) -> dict[str, Any]:
    """Return what results say about the model they are of."""
    return {
        "name": card.name,
        "profile": card.profile,
        "identity": card.identity,
        "sha256": dict(card.sha256),
        "thresholds": dict(card.thresholds),
    }


def print_scores(console: Console, report: dict[str, Any]) -> None:
    """Print accuracy, macro-F1 and loss with their intervals, the table of classes and the confusion."""
    intervals = report["dataset"]["intervals"]
    classes = Table("activity", title=f"{report['model']['name']} on {report['dataset']['path']}")
    for heading in ("n", "precision, %", "recall, %", "F1, %"):
        classes.add_column(heading, justify="right")
    for label, figures in report["per_class"].items():
        cells = (_cell(figures[key], figures[f"{key}_ci"]) for key in ("precision", "recall", "f1"))
        classes.add_row(label, str(figures["n"]), *cells)
    confusion = Table("true \\ predicted", title="confusion")
    for label in report["labels"]:
        confusion.add_column(label[:7], justify="right")
    for label, row in zip(report["labels"], report["confusion"]):
        if any(row):
            confusion.add_row(label, *map(str, row))
    console.print(classes)
    console.print(confusion)
    console.print(f"accuracy {_with_interval(report['accuracy'], report['accuracy_ci'])} of {report['n']}")
    console.print(f"  the interval is {intervals['accuracy_ci']}; those below are of {intervals['bootstrap']}")
    console.print(f"macro-F1 {_with_interval(report['macro_f1'], intervals['macro_f1'])}")
    if report["loss"] is not None:
        console.print(
            f"log loss {report['loss']:.4f} [{intervals['loss'][0]:.4f}, {intervals['loss'][1]:.4f}]", markup=False
        )


def warn_of_seen(seen: list[str] | None) -> None:
    """Say on stderr that people were scored whom the model was trained on, if any were."""
    if seen:
        print(
            f"har: warning: the model was trained on {len(seen)} of the scored subjects, such as {seen[0]}, so the "
            "scores tell nothing about other people; score it on people it has not seen",
            file=sys.stderr,
        )


def warn_of_passed_over(root: Path) -> None:
    """Say on stderr which folders of a dataset name no activity, so that nothing in them counts."""
    for sentence in passed_over(root):
        print(f"har: warning: {sentence}", file=sys.stderr)


def confusion_title(report: dict[str, Any]) -> str:
    """Return what a confusion matrix's picture says above it: the model and its accuracy."""
    return f"{report['model']['name']}: accuracy {_with_interval(report['accuracy'], report['accuracy_ci'])}"


def plot_confusion(confusion: Sequence[Sequence[int]], labels: Sequence[str], title: str, path: Path) -> None:
    """Draw a confusion matrix, true activities in rows, as a PNG; makes the folder. Raises HarError."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from sklearn.metrics import ConfusionMatrixDisplay

    figure = Figure(figsize=(8, 7), layout="constrained")
    axes = FigureCanvasAgg(figure).figure.add_subplot()
    display = ConfusionMatrixDisplay(np.array(confusion), display_labels=list(labels))
    display.plot(ax=axes, cmap="Blues", xticks_rotation=45, colorbar=False)
    axes.set_title(title)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=120)
    except OSError as error:
        raise HarError(f"can't write '{path}' ({error.strerror}); give another folder") from None


def _cell(value: float | None, interval: list[float] | None) -> str:
    if value is None or interval is None:
        return "-"
    return f"{100 * value:.1f} ({100 * interval[0]:.0f} to {100 * interval[1]:.0f})"


def _with_interval(value: float | None, interval: list[float] | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} % {_interval(interval)}"


def _interval(interval: list[float] | None) -> str:
    return "" if interval is None else f"({100 * interval[0]:.1f} to {100 * interval[1]:.1f})"
