"""Calibration: measures that know the right answer, and temperatures that are found again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the extra evaluate")

from har_ros.core.errors import HarError
from har_ros.core.labels import LABELS
from har_ros.evaluation.reliability import (
    brier,
    calibration,
    ece,
    nll,
    plot_precision_recall,
    plot_reliability,
)


def drawn(count: int, sharpness: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return logits, probabilities and truths drawn from the probabilities: calibrated by construction."""
    rng = np.random.default_rng(seed)
    logits = sharpness * rng.normal(size=(count, len(LABELS)))
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    truth = np.array([rng.choice(len(LABELS), p=row) for row in probabilities])
    return logits, probabilities, truth


def test_honest_probabilities_have_no_calibration_error() -> None:
    _, probabilities, truth = drawn(20_000, 2.0)
    assert ece(probabilities, truth) < 0.015
    boastful = probabilities**3 / (probabilities**3).sum(1, keepdims=True)
    assert ece(boastful, truth) > 0.1
    assert nll(boastful, truth) > nll(probabilities, truth)
    assert brier(boastful, truth) > brier(probabilities, truth)


def test_measures_of_a_few_known_answers() -> None:
    probabilities = np.array([[0.8, 0.2], [0.6, 0.4]])
    truth = np.array([0, 1])
    assert nll(probabilities, truth) == pytest.approx(-(np.log(0.8) + np.log(0.4)) / 2)
    assert brier(probabilities, truth) == pytest.approx((2 * 0.2**2 + 2 * 0.6**2) / 2)
    assert ece(probabilities, truth) == pytest.approx((abs(0.6 - 0) + abs(0.8 - 1)) / 2)


def test_the_interval_draws_whole_subjects() -> None:
    _, probabilities, truth = drawn(600, 2.0)
    twins = calibration(np.repeat(probabilities, 4, 0), np.repeat(truth, 4), np.repeat(np.arange(600), 4))
    alone = calibration(probabilities, truth, np.arange(600))
    assert twins["groups"] == alone["groups"] == 600
    for measure in ("nll", "brier"):
        assert twins[measure] == pytest.approx(alone[measure], abs=1e-6)
        widths = [np.diff(each[f"{measure}_ci"])[0] for each in (twins, alone)]
        assert widths[0] == pytest.approx(widths[1], rel=0.01), "copies of a capture tell nothing new"
    low, high = alone["ece_ci"]
    assert 0 <= low <= alone["ece"] <= high


def test_the_interval_of_one_person_alone_draws_captures() -> None:
    _, probabilities, truth = drawn(200, 2.0)
    alone, apart = (calibration(probabilities, truth, groups) for groups in (["one"] * 200, range(200)))
    assert (alone.pop("groups"), apart.pop("groups")) == (1, 200)
    assert alone == apart and alone["nll_ci"][0] < alone["nll"] < alone["nll_ci"][1]


def test_the_interval_of_honest_probabilities_holds_their_calibration_error() -> None:
    for size in (150, 300, 600):
        _, probabilities, truth = drawn(size, 1.0)
        found = calibration(probabilities, truth, np.arange(size))
        assert found["ece_ci"][0] < found["ece"] < found["ece_ci"][1]


def test_the_temperature_is_found_again_and_helps() -> None:
    pytest.importorskip("torch", reason="needs the extra train")
    from har_ros.training.calibrate import best_temperature, softened

    logits, probabilities, truth = drawn(8000, 2.0)
    for temperature in (0.5, 1.0, 2.5):
        found = best_temperature((logits * temperature).astype(np.float32), truth)
        assert found == pytest.approx(temperature, rel=0.06)
        assert ece(softened((logits * temperature).astype(np.float32), found), truth) < 0.02
    np.testing.assert_allclose(softened(logits.astype(np.float32), 1.0), probabilities, atol=1e-5)


def test_the_plots_are_pictures(tmp_path: Path) -> None:
    _, probabilities, truth = drawn(200, 2.0)
    plot_reliability(probabilities, truth, "title", tmp_path / "plots" / "reliability.png")
    plot_precision_recall(probabilities, truth, LABELS, "title", tmp_path / "plots" / "pr.png")
    for path in sorted((tmp_path / "plots").iterdir()):
        assert path.read_bytes().startswith(b"\x89PNG")
    (tmp_path / "file").touch()
    with pytest.raises(HarError, match="give another folder"):
        plot_reliability(probabilities, truth, "title", tmp_path / "file" / "reliability.png")
