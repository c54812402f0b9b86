"""How well predictions fit the truth, each figure with its interval.

Captures of one person resemble each other, and so do the seconds of one stretch of a bag. Where the groups are known
the interval of the accuracy allows for that, and the bootstrap draws whole groups. Precision and recall of a class get
Wilson's interval, which takes every item for itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t
from sklearn.metrics import confusion_matrix

LEVEL = 0.95
_RESAMPLES = 1000
_TAILS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
_LIKENESS, _LIKENESS_GROUPS = 0.2, 10  # what few groups say of their likeness is averaged with this, as so many would
_SMALLEST = 1e-7  # a probability of 0 for what came true counts as this
Interval = list[float] | None


def score(
    truth: Sequence[str],
    predicted: Sequence[str],
    labels: Sequence[str],
    probabilities: NDArray[np.floating] | None = None,
    groups: Sequence[Any] | None = None,
    group_name: str = "subjects",
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the figures, and the intervals that have no place beside them; both ready for JSON.

    truth, predicted: (n,) of `labels`, n at least 1.
    probabilities:    (n, len(labels)), for the log loss; without them `loss` is None.
    groups:           (n,) where each item belongs; without them, or with a single one, the bootstrap draws items.
    `accuracy_ci` of the intervals says in words what the interval of the accuracy is.
    Figures of a label that never occurs are None; the macro-F1 is the mean over the labels that do.
    """
    counts = confusion_matrix(truth, predicted, labels=labels)
    losses = None if probabilities is None else _losses(truth, labels, probabilities)
    items = groups is None or len(set(groups)) == 1
    units = units_of(range(len(truth)) if groups is None else groups)
    confusions, unit_losses = _by_unit(units, truth, predicted, labels, losses)
    count = len(confusions)
    weights = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), _RESAMPLES)
    drawn = np.tensordot(weights, confusions, axes=1)
    if groups is None:
        accuracy_ci, basis = wilson(np.trace(counts), len(truth)), "Wilson's, every item for itself"
    else:
        accuracy_ci = accuracy_interval(np.equal(truth, predicted), groups)
        basis = f"Wilson's, widened for the likeness within {len(set(groups))} {group_name}"
    figures = {
        "n": len(truth),
        "accuracy": _rounded(np.trace(counts) / counts.sum()),
        "accuracy_ci": accuracy_ci,
        "macro_f1": _rounded(_macro_f1(counts)),
        "loss": None if losses is None else _rounded(losses.mean()),
        "per_class": _per_class(counts, drawn, labels),
        "confusion": counts.tolist(),
        "labels": list(labels),
    }
    intervals = {
        "level": LEVEL,
        "accuracy_ci": basis,
        "bootstrap": f"{_RESAMPLES} draws of {count} {'items' if items else group_name}",
        "accuracy": _spread(np.trace(drawn, axis1=1, axis2=2) / drawn.sum(axis=(1, 2))),
        "macro_f1": _spread(_macro_f1(drawn)),
        "loss": None if losses is None else _spread(weights @ unit_losses / drawn.sum(axis=(1, 2))),
        "confusion_share": [[wilson(cell, row.sum()) for cell in row] for row in counts],
    }
    return figures, intervals


def as_published(right: NDArray[np.bool_], unknown: NDArray[np.bool_], groups: Sequence[Any]) -> dict[str, Any]:
    """Return how many items (n,) were answered `unknown`, and the accuracy where such an answer is none.

    The other figures are of the likeliest label, whatever a robot would have been told.
    """
    told = right & ~unknown
    return {
        "unknown": int(unknown.sum()),
        "accuracy": _rounded(told.mean()),
        "accuracy_ci": accuracy_interval(told, groups),
    }


def by_subject(hits: NDArray[np.bool_], subjects: Sequence[str]) -> dict[str, Any]:
    """Return how far the people differ: the worst, mean and standard deviation of their accuracies, and each one's.

    hits:     (n,) whether each item was answered right
    subjects: (n,) whose it is
    The worst of many is low by chance, too, where each has few captures: its interval is Wilson's.
    """
    names = np.array(subjects)
    each = {str(name): hits[names == name] for name in np.unique(names)}
    accuracies = {name: _rounded(right.mean()) for name, right in each.items()}
    worst = min(accuracies, key=lambda name: (accuracies[name], name))
    return {
        "worst": {
            "subject": worst,
            "accuracy": accuracies[worst],
            "captures": len(each[worst]),
            "accuracy_ci": wilson(each[worst].sum(), len(each[worst])),
        },
        "mean": _rounded(np.mean(list(accuracies.values()))),
        "std": _rounded(np.std(list(accuracies.values()), ddof=1)) if len(each) > 1 else None,
        "each": {name: {"captures": len(each[name]), "accuracy": accuracies[name]} for name in each},
    }


def difference(before: NDArray[np.bool_], after: NDArray[np.bool_], groups: Sequence[Any]) -> dict[str, Any]:
    """Return by how many points the accuracy fell on the same items (n,), and the interval.

    The bootstrap draws whole groups, each with both of its answers, so that what is hard about an item cancels out;
    of a single group it draws items.
    """
    ids = units_of(groups)
    fallen, sizes = np.bincount(ids, before.astype(float) - after), np.bincount(ids)
    count = len(sizes)
    weights = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), _RESAMPLES)
    points = 100 * fallen.sum() / len(ids)
    return {"points": _rounded(points), "ci": _spread(100 * (weights @ fallen) / (weights @ sizes))}


def units_of(groups: Sequence[Any]) -> NDArray[np.int64]:
    """Return the number of the unit that a bootstrap draws each item (n,) with.

    That is its group, or, where there is one group alone, itself: a single group always drawn would have no width.
    """
    members = groups if len(set(groups)) > 1 else range(len(groups))
    units: NDArray[np.int64] = np.unique(np.array(members), return_inverse=True)[1]
    return units


def accuracy_interval(hits: NDArray[np.bool_], groups: Sequence[Any]) -> list[float]:
    """Return Wilson's interval of the share of `hits` (n,), for as many independent items as the groups (n,) are worth.

    That many are the items over the design effect (Kish, "Survey Sampling", 1965): 1 + (m - 1) r for groups of m
    items that are alike by r, the intraclass correlation; where they are uneven m is the mean over the items of how
    large their groups are. Three people without a mistake look like no likeness at all, and yet the fourth may be told
    wrong throughout; so a usual likeness is mixed into what few groups show.
    Student's quantile allows for the few groups it is taken from; one group alone is worth one item.
    A bootstrap of groups would have no width where all is right, and too little of it where the groups are few.
    """
    ids = np.unique(np.array(groups), return_inverse=True)[1]
    sizes, right = np.bincount(ids), np.bincount(ids, hits)
    count, share = len(sizes), hits.mean()
    if count == 1:
        return _wilson(share, 1, norm.ppf(_TAILS[1]))
    variance = count / (count - 1) * ((right - share * sizes) ** 2).sum() / len(hits) ** 2
    independent = share * (1 - share) / len(hits)
    seen = max(variance / independent - 1, 0.0) if independent else 0.0
    size = (sizes**2).sum() / len(hits)
    as_many = len(hits) / size  # even groups that would tell as much
    more = (size - 1) * _LIKENESS  # than an effect of 1
    effect = 1 + (as_many * seen + _LIKENESS_GROUPS * more) / (as_many + _LIKENESS_GROUPS)
    return _wilson(share, len(hits) / effect, t.ppf(_TAILS[1], max(as_many - 1, 1)))


def _losses(truth: Sequence[str], labels: Sequence[str], probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    columns = [labels.index(label) for label in truth]
    return -np.log(np.maximum(probabilities[np.arange(len(truth)), columns].astype(np.float64), _SMALLEST))


def _by_unit(
    units: NDArray[np.int64],
    truth: Sequence[str],
    predicted: Sequence[str],
    labels: Sequence[str],
    losses: NDArray[np.float64] | None,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the confusion matrix (units, labels, labels) and the summed loss (units,) of each unit."""
    index = {label: number for number, label in enumerate(labels)}
    rows = np.array([index[label] for label in truth])
    columns = np.array([index[label] for label in predicted])
    confusions = np.zeros((units.max() + 1, len(labels), len(labels)), np.int64)
    np.add.at(confusions, (units, rows, columns), 1)
    unit_losses = np.zeros(len(confusions))
    np.add.at(unit_losses, units, 0.0 if losses is None else losses)
    return confusions, unit_losses


def _f1(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return F1 (..., labels) of confusion matrices (..., truth, predicted); NaN where a label never occurs."""
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    actual, claimed = confusion.sum(axis=-1), confusion.sum(axis=-2)
    with np.errstate(invalid="ignore"):
        f1: NDArray[np.float64] = np.where(actual > 0, 2 * right / (actual + claimed), np.nan)
    return f1


def _macro_f1(confusion: NDArray[np.int64]) -> NDArray[np.float64]:
    mean: NDArray[np.float64] = np.nanmean(_f1(confusion), axis=-1)
    return mean


def _per_class(counts: NDArray[np.int64], drawn: NDArray[np.int64], labels: Sequence[str]) -> dict[str, Any]:
    f1, drawn_f1 = _f1(counts), _f1(drawn)
    table = {}
    for index, label in enumerate(labels):
        right, actual, claimed = counts[index, index], counts[index].sum(), counts[:, index].sum()
        table[label] = {
            "n": int(actual),
            "precision": _rounded(right / claimed) if claimed else None,
            "precision_ci": wilson(right, claimed),
            "recall": _rounded(right / actual) if actual else None,
            "recall_ci": wilson(right, actual),
            "f1": _rounded(f1[index]) if actual else None,
            "f1_ci": _spread(drawn_f1[:, index]),
        }
    return table


def wilson(right: int, of: int) -> Interval:
    """Return Wilson's 95 % interval of the share `right` / `of`, or None where `of` is 0."""
    if not of:
        return None
    return _wilson(right / of, of, norm.ppf(_TAILS[1]))


def _wilson(share: float, of: float, quantile: float) -> list[float]:
    ratio = quantile**2 / of
    middle = (share + ratio / 2) / (1 + ratio)
    half = np.sqrt(ratio * share * (1 - share) + ratio**2 / 4) / (1 + ratio)
    return [_rounded(middle - half), _rounded(middle + half)]


def _spread(values: NDArray[np.float64]) -> Interval:
    """Return the middle 95 % of the drawn values that exist."""
    existing = values[np.isfinite(values)]
    if not len(existing):
        return None
    return [_rounded(bound) for bound in np.quantile(existing, _TAILS)]


def _rounded(value: Any) -> float:
    return round(float(value), 6)
