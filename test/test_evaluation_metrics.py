"""The figures agree with scikit-learn's and the intervals with published values."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sklearn_metrics = pytest.importorskip("sklearn.metrics", reason="needs the extra evaluate")

from har_ros.core.labels import LABELS  # noqa: E402
from har_ros.evaluation.metrics import accuracy_interval, score, wilson  # noqa: E402

label = st.sampled_from(LABELS)


@given(st.lists(st.tuples(label, label), min_size=1, max_size=40), st.integers(0, 2**31))
@settings(max_examples=15, deadline=None)
def test_figures_are_those_of_scikit_learn(pairs: list[tuple[str, str]], seed: int) -> None:
    truth, predicted = (list(side) for side in zip(*pairs))
    probabilities = np.random.default_rng(seed).dirichlet(np.ones(len(LABELS)), len(truth))
    figures, intervals = score(truth, predicted, LABELS, probabilities)
    present = sorted(set(truth))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn remarks on labels that nobody predicted
        precision, recall, f1, support = sklearn_metrics.precision_recall_fscore_support(
            truth, predicted, labels=LABELS, zero_division=np.nan
        )
        macro_f1 = sklearn_metrics.f1_score(truth, predicted, labels=present, average="macro", zero_division=0)
    assert figures["n"] == len(truth)
    assert figures["accuracy"] == pytest.approx(sklearn_metrics.accuracy_score(truth, predicted), abs=1e-6)
    assert figures["macro_f1"] == pytest.approx(macro_f1, abs=1e-6)
    assert figures["loss"] == pytest.approx(sklearn_metrics.log_loss(truth, probabilities, labels=LABELS), abs=1e-5)
    assert np.array_equal(figures["confusion"], sklearn_metrics.confusion_matrix(truth, predicted, labels=LABELS))
    for index, name in enumerate(LABELS):
        row = figures["per_class"][name]
        assert row["n"] == support[index]
        for key, expected in (("precision", precision[index]), ("recall", recall[index])):
            assert (row[key] is None) == bool(np.isnan(expected))
            assert row[key] is None or row[key] == pytest.approx(expected, abs=1e-6)
        if name in present:
            assert row["f1"] == pytest.approx(np.nan_to_num(f1[index]), abs=1e-6)
    for interval in (figures["accuracy_ci"], intervals["macro_f1"], intervals["loss"]):
        assert interval[0] <= interval[1]
    assert json.dumps(figures, allow_nan=False)
    assert (figures, intervals) == score(truth, predicted, LABELS, probabilities)  # the same every time


@pytest.mark.parametrize(
    ("right", "of", "low", "high"), [(27, 30, 74.4, 96.5), (28, 30, 78.7, 98.2), (4, 5, 37.6, 96.4)]
)
def test_wilsons_interval(right: int, of: int, low: float, high: float) -> None:
    interval = wilson(right, of)
    assert interval is not None
    assert [round(100 * bound, 1) for bound in interval] == [low, high]


def test_subjects_widen_the_interval_where_mistakes_cluster() -> None:
    subjects = [str(index // 20) for index in range(200)]
    truth = ["WALK"] * 200
    predicted = ["STAND" if subject in "05" else "WALK" for subject in subjects]  # two people always wrong
    by_items = score(truth, predicted, LABELS)[1]
    by_subject = score(truth, predicted, LABELS, groups=subjects)[1]
    assert "10 subjects" in by_subject["bootstrap"]
    width = {name: found["accuracy"][1] - found["accuracy"][0] for name, found in (("i", by_items), ("s", by_subject))}
    assert width["s"] > 3 * width["i"]


def simulated_people(rng: np.random.Generator, sizes: list[int], share: float) -> np.ndarray:
    """Return which captures are told right, one person's after the other's: some people are harder than others."""
    likeness = 1 / 0.2 - 1
    return rng.beta(share * likeness, (1 - share) * likeness, len(sizes)).repeat(sizes) > rng.random(sum(sizes))


EVEN = [
    ([each] * people, share)
    for each in (10, 120)
    for people, share in ((3, 0.95), (4, 0.9), (12, 0.9), (24, 0.9), (24, 0.95), (10, 0.99))
]
UNEVEN = [([100] + [10] * 9, 0.9), ([200] + [5] * 19, 0.9), ([400] + [1] * 20, 0.9), ([60, 60] + [3] * 10, 0.8)]


@pytest.mark.parametrize(("sizes", "share"), EVEN + UNEVEN)
def test_the_interval_of_the_accuracy_holds_what_is_true_of_other_people(sizes: list[int], share: float) -> None:
    rng, subjects = np.random.default_rng(7), np.arange(len(sizes)).repeat(sizes)
    held = {"subjects": 0, "items": 0}
    for _ in range(300):
        right = simulated_people(rng, sizes, share)
        for name, interval in (
            ("subjects", accuracy_interval(right, subjects)),
            ("items", wilson(right.sum(), len(right))),
        ):
            assert interval is not None
            held[name] += interval[0] <= share <= interval[1]
    assert held["subjects"] >= 0.9 * 300
    assert held["subjects"] >= held["items"]


def test_many_captures_of_one_person_tell_little_of_others() -> None:
    friends = [f"friend {number}" for number in range(20)]

    def low(subjects: list[str]) -> float:
        return score(["WALK"] * len(subjects), ["WALK"] * len(subjects), LABELS, groups=subjects)[0]["accuracy_ci"][0]

    assert low(["one"] * 400 + friends) < low(friends * 2) < low(friends * 21)


@pytest.mark.parametrize("people", [1, 3, 20])
def test_all_right_is_no_certainty(people: int) -> None:
    subjects = [str(index % people) for index in range(60)]
    figures, intervals = score(["WALK"] * 60, ["WALK"] * 60, LABELS, groups=subjects)
    low, high = figures["accuracy_ci"]
    assert low < 0.93
    assert (low < wilson(60, 60)[0] < 1, high) == (True, 1)  # type: ignore[index]
    assert intervals["accuracy_ci"] == f"Wilson's, widened for the likeness within {people} subjects"


def test_the_interval_says_what_it_is() -> None:
    truth, predicted = ["WALK"] * 4, ["WALK", "WALK", "WALK", "STAND"]
    figures, intervals = score(truth, predicted, LABELS)
    assert figures["accuracy_ci"] == wilson(3, 4)
    assert intervals["accuracy_ci"] == "Wilson's, every item for itself"


def test_what_never_occurs_has_no_figures() -> None:
    figures, _ = score(["WALK", "WALK"], ["WALK", "unknown"], [*LABELS, "unknown"])
    assert figures["macro_f1"] == pytest.approx(2 / 3, abs=1e-6)
    assert figures["per_class"]["STAND"] == {
        "n": 0,
        "precision": None,
        "precision_ci": None,
        "recall": None,
        "recall_ci": None,
        "f1": None,
        "f1_ci": None,
    }
    assert figures["loss"] is None
