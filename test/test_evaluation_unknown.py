"""How well the strange is told from the known, and how far people differ: by hand, and through `har evaluate`."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest
from capture_maker import make_capture

pytest.importorskip("rosbags", reason="needs the extra evaluate")

from bag_maker import COLOURS, write_colour_model
from tiny_model import write_tiny_model

from har_ros.cli import main
from har_ros.core.model_card import load_card
from har_ros.dataset.writer import write_capture
from har_ros.evaluation.metrics import by_subject, difference
from har_ros.evaluation.prediction import Prediction
from har_ros.evaluation.unknown import rejection, told_apart

TAKEN_AT = datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone.utc)


def test_auroc_and_the_strange_that_pass() -> None:
    known = np.array([True] * 20 + [False] * 10)
    subjects = [f"s{index % 5}" for index in range(30)]
    apart = told_apart(np.concatenate([np.arange(20.0), np.arange(20.0, 30.0)]), known, subjects)
    assert (apart["auroc"], apart["fpr_at_95_tpr"], apart["auroc_ci"]) == (1.0, 0.0, [1.0, 1.0])
    # The limit that 19 of 20 known pass is 18: three of the ten strange, of 17.5 each, pass it, too.
    mixed = told_apart(np.concatenate([np.arange(20.0), [17.5] * 3, [30.0] * 7]), known, subjects)
    assert mixed["fpr_at_95_tpr"] == pytest.approx(0.3)
    assert mixed["auroc"] == pytest.approx((7 * 20 + 3 * 18) / 200)
    assert 0.5 < mixed["auroc_ci"][0] <= mixed["auroc"] <= mixed["auroc_ci"][1]


def test_either_score_finds_what_the_other_one_misses(tmp_path: Path) -> None:
    card = load_card(write_tiny_model(tmp_path / "model"))
    card = replace(card, novelty={name: {"camera+imu": 0.0} for name in ("energy", "reconstruction", "distance")})

    def predictions(energies: list[float], distances: list[float]) -> list[Prediction]:
        return [
            Prediction(tmp_path / str(number), None, np.full(6, 1 / 6, np.float32), "", {"energy": e, "distance": d})
            for number, (e, d) in enumerate(zip(energies, distances))
        ]

    # Of the strange, two are like the known in energy and far off, two are the other way round.
    usual = [float(number) for number in range(10)]
    found = rejection(card, predictions(usual, usual[::-1]), predictions([-5, -5, 99, 99], [5000, 5000, -5, -5]))
    assert found is not None
    scores = {name: figures["auroc"] for name, figures in found["scores"].items()}
    assert scores == {"lack of confidence": 0.5, "energy": 0.5, "distance": 0.5, "either": 1.0}


def test_the_worst_subject_and_the_spread() -> None:
    people = by_subject(np.array([True, True, True, False, False, True]), ["a", "a", "b", "b", "c", "c"])
    assert people["worst"]["subject"] == "b" and people["worst"]["accuracy"] == 0.5
    assert people["each"]["a"] == {"captures": 2, "accuracy": 1.0}
    assert people["mean"] == pytest.approx(2 / 3, abs=1e-6) and people["std"] == pytest.approx(0.288675, abs=1e-6)
    assert by_subject(np.array([True]), ["a"])["std"] is None


def test_what_is_lost_is_judged_on_the_same_items() -> None:
    before, after = np.array([True] * 8 + [False] * 2), np.array([True] * 6 + [False] * 4)
    lost = difference(before, after, list(range(10)))
    assert lost["points"] == 20 and 0 <= lost["ci"][0] <= 20 <= lost["ci"][1] <= 50
    assert difference(before, before, list(range(10))) == {"points": 0.0, "ci": [0.0, 0.0]}


def test_few_people_on_one_side_are_not_drawn_whole() -> None:
    rng = np.random.default_rng(1)
    known, subjects = np.arange(29) < 22, [f"s{index % 3}" for index in range(22)] + ["s0"] * 7
    hits = 0
    for _ in range(20):
        low, high = told_apart(rng.normal(size=29), known, subjects)["auroc_ci"]
        hits += low <= 0.5 <= high
    assert hits >= 16, "of noise the interval nearly always holds one half"


def test_one_person_alone_has_an_interval_of_their_captures() -> None:
    known, strangeness = np.arange(30) < 20, np.concatenate([np.arange(20.0), np.arange(15.0, 25.0)])
    low, high = told_apart(strangeness, known, ["a"] * 30)["auroc_ci"]
    assert low < high
    lost = difference(np.arange(10) < 8, np.arange(10) < 6, ["a"] * 10)
    assert lost["points"] == 20 and lost["ci"][0] < lost["ci"][1]


def test_strange_captures_and_acts_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, out = tmp_path / "data", tmp_path / "out.json"
    for seed, (label, shown, act) in enumerate(
        [("WALK", "WALK", "walk"), ("STAND", "STAND", "stand"), ("OTHER", "FALL_OR_COLLAPSE", "kneel")]
    ):
        for number in range(2):
            capture = make_capture(label, 10 * seed + number, subject=f"s{number}", extra={"act": act})
            capture.frames[:] = COLOURS[shown]
            write_capture(data, capture, TAKEN_AT)
    model = write_colour_model(tmp_path / "model")
    assert main(["evaluate", str(data), "--model", str(model), "--json", str(out)]) == 0
    detail = json.loads(out.read_text())["dataset"]
    assert detail["acts"]["kneel"]["answers"] == {"FALL_OR_COLLAPSE": 2} and detail["acts"]["kneel"]["alarm"] == 2
    assert detail["acts"]["walk"]["alarm"] == 0
    assert detail["rejection"]["unknown"]["strange"] == {"captures": 0, "share": 0.0, "share_ci": [0.0, 0.65762]}
    assert list(detail["rejection"]["scores"]) == ["lack of confidence"]
    assert detail["by_subject"]["worst"]["accuracy"] == 1
    said = capsys.readouterr().out
    assert "2 subjects: mean 100.0 %, standard deviation 0.0 points; worst s0 100.0 %" in said
    assert "answered `unknown`: 0 of 2 strange captures" in said and "kneel" in said

    scored = write_tiny_model(tmp_path / "flexible", cases=("camera+imu", "camera", "imu"))
    assert main(["evaluate", str(data), "--model", str(scored), "--json", str(out)]) == 0
    scores = json.loads(out.read_text())["dataset"]["rejection"]["scores"]
    assert set(scores) == {"lack of confidence", "energy"} and 0 <= scores["energy"]["auroc"] <= 1
