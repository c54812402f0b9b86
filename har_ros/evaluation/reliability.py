"""Whether probabilities mean what they say: calibration errors with their intervals, and pictures of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from har_ros.core.errors import HarError
from har_ros.evaluation.metrics import units_of

_BINS, _RESAMPLES, _TAILS = 15, 500, (0.025, 0.975)
_SMALLEST = 1e-7
Floats = NDArray[np.floating[Any]]
Indices = NDArray[np.int64]


def ece(probabilities: Floats, truth: Indices) -> float:
    """Return the expected calibration error of the top label, in bins that hold equally many items.

    Guo et al., "On Calibration of Modern Neural Networks", 2017; equal counts as in Nixon et al., 2019.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    parts = np.array_split(np.argsort(confidence, kind="stable"), min(_BINS, len(truth)))
    gaps = [len(part) * abs(confidence[part].mean() - right[part].mean()) for part in parts]
    return float(sum(gaps) / len(truth))


def nll(probabilities: Floats, truth: Indices) -> float:
    """Return the mean negative logarithm of what was given to the truth."""
    return float(-np.log(np.maximum(probabilities[np.arange(len(truth)), truth], _SMALLEST)).mean())


def brier(probabilities: Floats, truth: Indices) -> float:
    """Return the mean squared distance from the truth, summed over the labels: 0 to 2."""
    return float(np.square(probabilities - np.eye(probabilities.shape[1])[truth]).sum(axis=1).mean())


MEASURES: dict[str, Callable[[Floats, Indices], float]] = {"ece": ece, "nll": nll, "brier": brier}


def calibration(probabilities: Floats, truth: Indices, groups: Sequence[Any]) -> dict[str, Any]:
    """Return each measure and its interval, by a bootstrap that draws whole groups, of a single one items; for JSON.

    Drawing again adds noise, which the calibration error takes for error; so the draws are brought down to have the
    measure itself for their mean.

    probabilities: (n, labels)
    truth:         (n,) the index of the true label
    groups:        (n,) to which subject, say, each item belongs
    """
    ids = units_of(groups)
    members = [np.flatnonzero(ids == unit) for unit in range(ids.max() + 1)]
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(_RESAMPLES):
        drawn = np.concatenate([members[unit] for unit in rng.integers(len(members), size=len(members))])
        draws.append([measure(probabilities[drawn], truth[drawn]) for measure in MEASURES.values()])
    figures: dict[str, Any] = {"n": len(truth), "groups": len(set(groups))}
    for (name, measure), drawn_values in zip(MEASURES.items(), np.transpose(draws)):
        value = measure(probabilities, truth)
        bounds = np.quantile(drawn_values, _TAILS) - drawn_values.mean() + value
        figures[name] = round(value, 6)
        figures[f"{name}_ci"] = [round(max(float(bound), 0.0), 6) for bound in bounds]
    return figures


def plot_reliability(probabilities: Floats, truth: Indices, title: str, path: Path) -> None:
    """Draw how often answers of each confidence are right, as a PNG. Raises HarError."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    parts = np.array_split(np.argsort(confidence, kind="stable"), min(_BINS, len(truth)))
    points = [(confidence[part].mean(), right[part].mean()) for part in parts]
    axes, save = _figure(title)
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":", label="as it should be")
    label = f"{len(parts)} bins of equally many, ECE {ece(probabilities, truth):.3f}"
    axes.plot(*zip(*points), marker="o", label=label)
    axes.set(xlabel="confidence", ylabel="share of right answers", xlim=(0, 1.02), ylim=(0, 1.02))
    axes.legend()
    save(path)


def plot_precision_recall(probabilities: Floats, truth: Indices, labels: Sequence[str], title: str, path: Path) -> None:
    """Draw precision over recall of each label that occurs, as a PNG. Raises HarError."""
    from sklearn.metrics import average_precision_score, precision_recall_curve

    axes, save = _figure(title)
    for index, label in enumerate(labels):
        wanted = truth == index
        if wanted.any():
            precision, recall, _ = precision_recall_curve(wanted, probabilities[:, index])
            area = average_precision_score(wanted, probabilities[:, index])
            axes.plot(recall, precision, label=f"{label} {area:.3f}")
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.02))
    axes.legend(title="average precision")
    save(path)


def _figure(title: str) -> tuple[Any, Callable[[Path], None]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 6), layout="constrained")
    axes = FigureCanvasAgg(figure).figure.add_subplot()
    axes.set_title(title)
    axes.grid(alpha=0.3)

    def save(path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path, dpi=120)
        except OSError as error:
            raise HarError(f"can't write '{path}' ({error.strerror}); give another folder") from None

    return axes, save
