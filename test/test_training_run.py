"""`har train` on a tiny dataset: a whole run, stopping and going on, the split, refusals."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest
import yaml
from capture_maker import make_capture, write_dataset

pytest.importorskip("torch", reason="needs the extra train")

from har_ros.cli import main
from har_ros.core.errors import HarError
from har_ros.core.labels import LABELS
from har_ros.core.model_card import load_card
from har_ros.core.resources import find_resource
from har_ros.dataset.reader import find_captures, read_capture
from har_ros.dataset.writer import write_capture
from har_ros.evaluation.classify import classify_capture
from har_ros.evaluation.reliability import ece
from har_ros.inference.model import HarModel
from har_ros.training.backbone import load_mobilenet
from har_ros.training.data import list_clips

ALLOWED = ("--allow-unknown-subjects",)


@pytest.fixture(scope="module")
def weights() -> None:
    try:
        load_mobilenet(None)
    except HarError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("train") / "dataset")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_profile(tmp_path_factory.mktemp("profile") / "tiny.yaml")


def write_profile(path: Path, base: str = "paper", **changes: object) -> Path:
    """Write a profile for tiny runs; `changes` name a key, or a section's with a dot as two underscores."""
    values = yaml.safe_load(find_resource(f"config/profiles/{base}.yaml").read_text())
    tiny = {
        "name": "tiny",
        "pictures__frame_size_px": 64,
        "pictures__train_positions": 3,
        "learning__batch_size": 2,
        "learning__passes": 2,
        "learning__max_epochs": 3,
        "learning__stop_patience": 9,
        "compression__finetune_epochs": 1,
        "compression__recovery_steps": 2,
        **({"pictures__trainable_blocks": 1} if base == "paper" else {}),
    }
    for key, value in {**tiny, **changes}.items():
        *section, name = key.split("__")
        (values[section[0]] if section else values)[name] = value
    path.write_text(yaml.safe_dump(values))
    return path


def command(dataset: Path, profile: Path, cache: Path, folder: Path, *more: str) -> list[str]:
    return [
        *("train", str(dataset), "--profile", str(profile), "--threads", "1", "--out", str(folder / "model")),
        *("--run-dir", str(folder / "run"), "--cache", str(cache), *more),
    ]


@pytest.fixture(scope="module")
def finished(
    weights: None, dataset: Path, profile: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The folder of a whole run, with a test set of other people, none of whom walks."""
    folder = tmp_path_factory.mktemp("finished")
    some = tuple(label for label in LABELS if label != "WALK")
    test_set = write_dataset(folder / "test", ("other",), some, source="real")
    assert main(command(dataset, profile, cache, folder, "--test", str(test_set))) == 0
    return folder


@pytest.mark.timeout(400)
def test_the_card_says_what_was_done(finished: Path) -> None:
    card = load_card(finished / "model")
    assert card.training["captures"] == {"train": 6, "validation": 6, "test": 5}
    assert card.metrics["test"]["n"] == 5 and sum(card.metrics["test"]["confusion"][LABELS.index("WALK")]) == 0
    assert (card.training["sources"], card.training["synthetic"]) == (["simulated"], True), "nothing is of the test set"
    assert card.metrics["pruning"]["zeros_least"] == pytest.approx(0.5, abs=0.001)
    assert card.metrics["pruning"]["zeros_most"] == pytest.approx(0.5, abs=0.001)
    for figures in (card.metrics, card.metrics["before_compression"]):
        low, high = figures["test"]["accuracy_ci"]
        assert low <= figures["test"]["accuracy"] <= high
        assert set(figures["test"]["intervals"]) >= {"accuracy", "macro_f1", "loss"}
    assert card.training["train_subjects"] + card.training["validation_subjects"] in (["one", "two"], ["two", "one"])
    assert "--test" in card.training["command"]
    assert sum(path.stat().st_size for path in (finished / "model").iterdir()) < 20_000_000


@pytest.mark.timeout(400)
def test_the_model_loads_and_scores_as_its_card_says(finished: Path) -> None:
    model = HarModel(finished / "model")
    captures = [read_capture(folder) for folder in find_captures(finished / "test")]
    probabilities = np.stack([classify_capture(model, capture).probabilities for capture in captures])
    truth = [LABELS.index(capture.label) for capture in captures]
    figures = model.card.metrics["test"]
    assert np.mean(probabilities.argmax(1) == truth) == pytest.approx(figures["accuracy"], abs=1e-6)
    assert -np.log(probabilities[range(len(truth)), truth]).mean() == pytest.approx(figures["loss"], abs=1e-3)
    assert ece(probabilities, np.array(truth)) == pytest.approx(figures["ece"], abs=1e-3)
    assert HarModel(finished / "run" / "dense").card.identity != model.card.identity


@pytest.mark.timeout(400)
def test_the_run_leaves_its_curves(finished: Path) -> None:
    rows = list(csv.DictReader((finished / "run" / "log.csv").open()))
    assert [row["stage"] for row in rows] == ["dense"] * 3 + ["sparse"]
    of_a_set = ("confusion", "reliability", "precision_recall")
    for picture in ("curves", *(f"{kind}_{use}" for kind in of_a_set for use in ("validation", "test"))):
        assert (finished / "run" / f"{picture}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.timeout(400)
def test_a_finished_run_is_not_overwritten(
    finished: Path, dataset: Path, profile: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(dataset, profile, cache, finished)) == 1
    assert "--resume" in capsys.readouterr().err
    assert main(command(dataset, profile, cache, finished, "--resume")) == 1  # it had a test set
    assert "had another set of captures, or other contents (of the dataset or of --test)" in capsys.readouterr().err


@pytest.mark.timeout(400)
def test_a_stopped_run_goes_on_to_the_same_model(
    finished: Path, dataset: Path, profile: Path, cache: Path, tmp_path: Path
) -> None:
    arguments = command(dataset, profile, cache, tmp_path)
    assert run_until((tmp_path / "run" / "dense.pt").is_file, arguments) == 130
    assert not (tmp_path / "model").exists()
    assert main([*arguments, "--resume"]) == 0
    assert load_card(tmp_path / "model").identity == load_card(finished / "model").identity


@pytest.mark.timeout(400)
def test_a_run_does_not_go_on_with_captures_that_have_changed(
    finished: Path, dataset: Path, profile: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = command(dataset, profile, cache, finished, "--test", str(finished / "test"), "--resume")
    record = find_captures(finished / "test")[0] / "capture.json"
    before = record.read_text()
    record.write_text(before.replace('"mount": ""', '"mount": "waist"'))
    assert record.read_text() != before
    assert main(again) == 1 and "had another set of captures, or other contents" in capsys.readouterr().err
    record.write_text(before)
    assert main(again) == 0


@pytest.mark.timeout(400)
def test_an_activity_left_out_of_training_is_strange_to_the_model(
    weights: None, dataset: Path, cache: Path, tmp_path: Path
) -> None:
    profile = write_profile(tmp_path / "profile.yaml", base="attention", learning__max_epochs=1)
    assert main(command(dataset, profile, cache, tmp_path, "--leave-out", "WALK")) == 0
    card = load_card(tmp_path / "model")
    assert card.training["left_out"] == "WALK" and "--leave-out WALK" in card.training["command"]
    assert card.training["captures"] == {"train": 5, "validation": 5, "test": 0}
    assert main(["evaluate", str(dataset), "--model", str(tmp_path / "model"), "--json", str(tmp_path / "s.json")]) == 0
    report = json.loads((tmp_path / "s.json").read_text())
    assert report["n"] == 10 and report["per_class"]["WALK"]["n"] == 0
    rejection = report["dataset"]["rejection"]
    assert (rejection["known"], rejection["strange"]) == (10, 2)
    assert set(rejection["scores"]) == {"lack of confidence", "energy", "distance", "either"}
    abnormality = report["dataset"]["abnormality"]
    assert (abnormality["normal"], abnormality["anomalies"]) == (6, 4) and 0 <= abnormality["auroc"] <= 1
    for more in (("--folds", "2"), ("--warm-start", "paper")):  # neither would judge a model that never saw it
        assert main(command(dataset, profile, cache, tmp_path / "b", "--leave-out", "WALK", *more)) == 1


@pytest.mark.timeout(400)
def test_a_cache_that_is_deleted_while_it_trains_is_no_full_disk(
    weights: None, dataset: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    profile = write_profile(tmp_path / "profile.yaml", pictures__trainable_blocks=0, learning__max_epochs=200)
    arguments = command(dataset, profile, tmp_path / "cache", tmp_path)

    begun = (tmp_path / "run" / "dense.pt").is_file
    assert run_until(begun, arguments, lambda _process: shutil.rmtree(tmp_path / "cache")) == 1
    said = capfd.readouterr().err
    assert ".npy' (No such file or directory); leave its files alone" in said
    assert said.startswith("har: can't read '") and said.count("\n") == 1


def press_ctrl_c(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)


def run_until(
    happened: Callable[[], bool], arguments: list[str], then: Callable[[subprocess.Popen[bytes]], None] = press_ctrl_c
) -> int:
    """Run `har`, do something to it once `happened`, and return the exit code."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-m", "har_ros.cli", *arguments], env=environment)
    try:
        deadline = time.monotonic() + 200
        while not happened():
            assert process.poll() is None and time.monotonic() < deadline, "the run ended, or never came so far"
            time.sleep(0.005)
        then(process)
        return process.wait(60)
    finally:
        process.kill()
        process.wait()


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["train", *arguments]) == 1
    message = capsys.readouterr().err
    assert message.startswith("har: ") and message.count("\n") == 1
    return message


def test_refusals_are_one_sentence(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    out = ("--out", "model")
    assert "can't be listed" in refusal(capsys, "nowhere", *out)
    some = write_dataset(tmp_path / "some", labels=LABELS[:4])
    assert "no captures of STAND, WALK" in refusal(capsys, str(some), *out)
    others = write_dataset(tmp_path / "others", labels=("OTHER",))
    assert "others' has no captures of the 6 activ" in refusal(capsys, str(dataset), *out, "--test", str(others))
    assert "there is no weights" in refusal(capsys, str(dataset), *out, "--weights", "none.pth").replace("are", "is")
    assert "such as one" in refusal(capsys, str(dataset), *out, "--test", str(dataset))
    assert "--threads is 0" in refusal(capsys, str(dataset), *out, "--threads", "0")
    assert "no profile 'nothing'; choose one of att" in refusal(capsys, str(dataset), *out, "--profile", "nothing")
    for change, words in (
        ({"colour": 1}, "has the unknown keys colour;"),
        ({"learning__speed": 1}, "has the unknown keys learning.speed;"),
        ({"learning": 1}, "learning holds no keys"),
        ({"learning__batch_size": "four"}, "learning.batch_size is 'four'"),
        ({"compression__sparsity": 2.0}, "compression.sparsity is 2.0; give a value from 0.0 to 0.99"),
        ({"compression__steps": ["int8", "sparse"]}, "compression.steps is int8, sparse; give some of"),
        ({"augmentation__camera_withheld": 0.6, "augmentation__imu_withheld": 0.5}, "leave no clip whole"),
        ({"network": "none"}, "there is no network 'none'; choose one of paper, attention"),
    ):
        profile = write_profile(tmp_path / "changed.yaml", **change)
        assert words in refusal(capsys, str(dataset), *out, "--profile", str(profile))
    assert not (tmp_path / "model").exists() and not (tmp_path / "runs").exists()


def write_anonymous(root: Path, name: str = "{}") -> Path:
    """Write two captures of each activity that name no subject, as in the paper's layout."""
    for index, label in enumerate(LABELS * 2):
        taken_at = datetime(2026, 1, 1, 0, index, tzinfo=timezone.utc)
        folder = write_capture(root, make_capture(label, seed=index, subject=""), taken_at)
        folder.rename(folder.with_name(name.format(folder.name)))
    return root


def test_a_split_that_may_leak_is_refused_unless_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = write_anonymous(tmp_path / "dataset")
    assert len({clip.subject for clip in list_clips(dataset)}) == 12
    out = ("--out", str(tmp_path / "model"))
    assert "add --allow-unknown-subjects" in refusal(capsys, str(dataset), *out)
    again = write_anonymous(tmp_path / "again", "{}_renamed")
    assert "test on others" in refusal(capsys, str(dataset), *out, "--test", str(again), *ALLOWED)


@pytest.mark.timeout(400)
def test_an_adapted_model_keeps_its_scale_and_tells_what_is_in_it(
    weights: None, cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quick = {"pictures__trainable_blocks": 0, "learning__max_epochs": 1, "compression__steps": []}
    profile = write_profile(tmp_path / "profile.yaml", **quick)
    begin = command(write_anonymous(tmp_path / "anonymous"), profile, cache, tmp_path / "base", *ALLOWED)
    assert main(begin) == 0
    own = write_dataset(tmp_path / "own", source="real")
    (own / "DANCING").mkdir()
    warm = ("--warm-start", str(tmp_path / "base" / "model"))
    assert main(command(own, profile, cache, tmp_path / "adapted", *warm)) == 0
    assert "har: warning: folder 'DANCING' is no activity and left out" in capsys.readouterr().err
    base, adapted = (load_card(tmp_path / name / "model") for name in ("base", "adapted"))
    assert (adapted.imu_mean, adapted.imu_std) == (base.imu_mean, base.imu_std)
    assert adapted.training["sources"] == ["real", "simulated"] and adapted.training["synthetic"] is True
    assert adapted.training["captures_without_subject"] == base.training["captures_without_subject"] == 12


def test_a_damaged_record_and_an_unwritable_model_folder_are_refused_before_the_work(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "run").mkdir()
    places = ("--out", str(tmp_path / "model"), "--run-dir", str(tmp_path / "run"), "--resume")
    for text in ("", "[]"):
        (tmp_path / "run" / "run.json").write_text(text)
        assert "run.json' is damaged" in refusal(capsys, str(dataset), *places)
    (tmp_path / "file").touch()
    assert "another folder with --out" in refusal(capsys, str(dataset), "--out", str(tmp_path / "file" / "model"))
    for option in ("--run-dir", "--cache"):
        said = refusal(capsys, str(dataset), "--out", str(tmp_path / "new"), option, str(tmp_path / "file"))
        assert f"another folder with {option}" in said
    assert not (tmp_path / "new").exists()
