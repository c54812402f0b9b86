"""`har evaluate DATASET` and `har predict`, on real files with a real, small model."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
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
from har_ros.core.labels import LABELS
from har_ros.core.model_card import load_card
from har_ros.dataset.writer import write_capture

TAKEN_AT = datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone.utc)
FIGURES = ["n", "accuracy", "accuracy_ci", "macro_f1", "loss", "per_class", "confusion", "labels"]
TOP_KEYS = [*FIGURES, "model", "dataset", "without"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_colour_model(tmp_path / "model")


def write_coloured(root: Path, label: str, shown: str, seed: int = 0, subject: str | None = None) -> Path:
    """Write a capture of `label` that looks like `shown` to the model."""
    capture = make_capture(label, seed, **({} if subject is None else {"subject": subject}))
    capture.frames[:] = COLOURS[shown]
    return write_capture(root, capture, TAKEN_AT)


def test_a_dataset_is_scored_whole(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, out = tmp_path / "data", tmp_path / "out.json"
    for index, label in enumerate(LABELS):
        for seed in range(3):
            write_coloured(data, label, label, 10 * index + seed)
    wrong = write_coloured(data, "WALK", "STAND", 99)
    write_coloured(data, "OTHER", "STAND", 100)
    arguments = ["evaluate", str(data), "--model", str(model), "--json", str(out), "--plots", str(tmp_path / "plots")]
    assert main(arguments) == 0
    report = json.loads(out.read_text())
    assert list(report) == TOP_KEYS
    assert report["n"] == 19
    assert report["accuracy"] == pytest.approx(18 / 19, abs=1e-6)
    assert report["confusion"][LABELS.index("WALK")][LABELS.index("STAND")] == 1
    assert np.array(report["confusion"]).sum() == 19
    assert report["per_class"]["WALK"]["recall"] == 0.75
    assert report["dataset"]["listed"] == 20
    assert report["dataset"]["published"]["unknown"] == 0
    assert report["dataset"]["others"] == {"captures": 1, "answers": {"STAND": 1}}
    assert report["dataset"]["calibration"]["n"] == 19
    assert {path.stem for path in (tmp_path / "plots").iterdir()} == {"confusion", "reliability", "precision_recall"}
    assert report["dataset"]["mistakes"] == {str(wrong): "STAND"}
    assert report["dataset"]["sources"] == {"simulated": 19}
    assert report["model"]["name"] == "colour"
    assert (tmp_path / "plots/confusion.png").read_bytes().startswith(b"\x89PNG")
    said = capsys.readouterr().out
    assert "accuracy 94.7 % (37.1 to 99.8) of 19" in said
    assert "the interval is Wilson's, widened for the likeness within 4 subjects" in said
    first = out.read_bytes()
    assert main(arguments) == 0
    assert out.read_bytes() == first


@pytest.mark.parametrize(("without", "alike"), [("camera", True), ("imu", False)])
def test_a_missing_input_is_not_looked_at(tmp_path: Path, without: str, alike: bool) -> None:
    model = write_tiny_model(tmp_path / "model", cases=("camera+imu", "camera", "imu"))
    losses = []
    for shown in ("WALK", "STAND"):
        data, out = tmp_path / shown, tmp_path / f"{shown}.json"
        for seed in range(3):
            write_coloured(data, "WALK", shown, seed)
        assert main(["evaluate", str(data), "--model", str(model), "--without", without, "--json", str(out)]) == 0
        losses.append(json.loads(out.read_text())["loss"])
    assert (losses[0] == losses[1]) == alike


def test_people_that_the_model_was_trained_on_are_told(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, out = tmp_path / "data", tmp_path / "out.json"
    for subject in ("Ada", "Bea"):
        write_coloured(data, "WALK", "WALK", subject=subject)
    arguments = ["evaluate", str(data), "--model", str(model), "--json", str(out)]

    def seen(**training: list[str]) -> tuple[list[str] | None, str]:
        replace(load_card(model), training=dict(training)).save(model)
        assert main(arguments) == 0
        return json.loads(out.read_text())["dataset"]["subjects_seen_in_training"], capsys.readouterr().err

    assert seen() == (None, "")
    assert seen(train_subjects=["Cid"], validation_subjects=["Dan"]) == ([], "")
    for training in ({"train_subjects": ["Bea", "Cid"]}, {"validation_subjects": ["Bea"]}):
        names, said = seen(**training)
        assert names == ["Bea"]
        assert "warning: the model was trained on 1 of the scored subjects, such as Bea" in said


@pytest.mark.parametrize("option", [("--params-file", "robot.yaml"), ("--namespace", "/har")])
def test_what_is_for_bags_is_refused_for_a_dataset(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str], option: tuple[str, str]
) -> None:
    write_coloured(tmp_path / "data", "WALK", "WALK")
    assert main(["evaluate", str(tmp_path / "data"), "--model", str(model), *option]) == 1
    assert "--params-file and --namespace are for bags" in capsys.readouterr().err


def test_a_place_for_no_json_is_refused_before_the_work(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    write_coloured(data, "WALK", "WALK")
    (tmp_path / "a_file").touch()
    assert main(["evaluate", str(data), "--model", str(model), "--json", str(tmp_path / "a_file/out.json")]) == 1
    said = capsys.readouterr()
    assert (said.out, "can't write" in said.err, said.err.count("\n")) == ("", True, 1)


def test_broken_captures_are_left_out_by_name(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, out = tmp_path / "data", tmp_path / "out.json"
    whole = write_coloured(data, "WALK", "WALK")
    broken = write_coloured(data, "STAND", "STAND")
    (broken / "readings/esp.txt").unlink()
    assert main(["evaluate", str(data), "--model", str(model), "--json", str(out)]) == 0
    report = json.loads(out.read_text())
    assert (report["n"], report["dataset"]["listed"]) == (1, 2)
    assert list(report["dataset"]["left_out"]) == [str(broken)]
    assert f"left out {broken}" in capsys.readouterr().out

    (whole / "frames/frame_0.jpg").unlink()
    assert main(["evaluate", str(data), "--model", str(model)]) == 1
    assert "none of the 2 captures can be scored" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("path", "sentence"),
    [("nowhere", "can't be listed"), (".", "holds no captures; give a dataset's folder, or a bag")],
)
def test_evaluate_refuses_what_is_no_data(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str], path: str, sentence: str
) -> None:
    assert main(["evaluate", str(tmp_path / path), "--model", str(model)]) == 1
    assert sentence in capsys.readouterr().err


def test_a_missing_model_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_coloured(tmp_path / "data", "WALK", "WALK")
    assert main(["evaluate", str(tmp_path / "data"), "--model", "nosuch"]) == 1
    assert "there is no model 'nosuch'" in capsys.readouterr().err


def test_a_failing_model_is_never_flattered_by_leaving_out(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_coloured(tmp_path / "data", "WALK", "WALK")
    white = make_capture("STAND")
    white.frames[:] = 255  # NaN from this model
    folder = write_capture(tmp_path / "data", white, TAKEN_AT)
    assert main(["evaluate", str(tmp_path / "data"), "--model", str(model)]) == 1
    assert f"'{folder}': model 'colour' gave no numbers" in capsys.readouterr().err


@pytest.mark.parametrize(("label", "state"), [("WALK", "normal"), ("FALL_OR_COLLAPSE", "anomaly")])
def test_predict_says_label_confidence_and_state(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str], label: str, state: str
) -> None:
    folder = write_coloured(tmp_path, "STAND", label)
    assert main(["predict", str(folder), "--model", str(model)]) == 0
    said = capsys.readouterr().out
    assert f"{folder.name}: {label}, confidence 100.0 %, {state} (anomaly score" in said
    assert "recorded as STAND" in said


def test_predict_says_why_something_is_unknown(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_coloured(tmp_path, "STAND", "STAND")
    card = load_card(model)
    wary = tmp_path / "wary"
    shutil.copytree(model, wary)
    replace(card, thresholds={**card.thresholds, "min_confidence": 1.0}).save(wary)
    assert main(["predict", str(folder), "--model", str(wary)]) == 0
    assert f"{folder.name}: unknown (low confidence; likeliest STAND), confidence" in capsys.readouterr().out


def test_plots_go_into_a_folder(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_coloured(tmp_path / "data", "STAND", "STAND").parent.parent
    (tmp_path / "file").touch()
    assert main(["evaluate", str(folder), "--model", str(model), "--plots", str(tmp_path / "file")]) == 1
    assert "file' is a file; give --plots a folder" in capsys.readouterr().err
    out = tmp_path / "plots"
    (folder / "DANCING").mkdir()
    assert main(["evaluate", str(folder), "--model", str(model), "--plots", str(out)]) == 0
    said, warned = capsys.readouterr()
    assert "har: warning: folder 'DANCING' is no activity and left out" in warned
    assert {path.name for path in out.iterdir()} == {"confusion.png", "reliability.png", "precision_recall.png"}
    assert all(f"wrote {path}" in said for path in out.iterdir())


def test_predict_lets_the_user_pick(tmp_path: Path, model: Path) -> None:
    data = tmp_path / "data"
    for seed in range(2):
        write_coloured(data, "JOGGING", "JOGGING", seed, subject=f"person{seed}")
    write_coloured(data, "WALK", "SITTING")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "har_ros.cli", "predict", str(data), "--model", str(model)]
    process = subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    os.close(theirs)
    os.write(ours, b"1\n9\n2\n2\n1\n\n")  # JOGGING, no such capture, its second; WALK, its first; end
    try:
        said, _ = process.communicate(timeout=60)
    finally:
        os.close(ours)
    assert process.returncode == 0, said
    assert "person1" in said
    assert "capture_20240506_070809_2: JOGGING" in said
    assert "capture_20240506_070809: SITTING" in said
    assert said.count("recorded as") == 2


def test_predict_without_a_terminal_asks_for_a_name(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_coloured(tmp_path / "data", "WALK", "WALK")
    for given in (tmp_path / "data", tmp_path / "data" / "WALK"):
        assert main(["predict", str(given), "--model", str(model)]) == 1
        assert f"'{given}' holds 1 captures; name one of them" in capsys.readouterr().err
