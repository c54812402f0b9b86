"""`har train` on the networks after the paper's: compressed in all steps, calibrated, scored by folds, adapted."""

# ruff: noqa: E402 - without torch there is nothing to import
from __future__ import annotations

import resource
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import yaml
from capture_maker import write_dataset
from onnx import numpy_helper

torch = pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("torch_pruning", reason="needs the extra train")

from har_ros.cli import main
from har_ros.core.errors import HarError
from har_ros.core.imu_steps import IMU_STATISTICS
from har_ros.core.labels import LABELS
from har_ros.core.model_card import ENCODER_FILE, NOVELTIES, ModelCard, load_card
from har_ros.core.resources import find_resource
from har_ros.dataset.reader import find_captures, read_capture
from har_ros.evaluation.classify import classify_capture
from har_ros.inference.model import HarModel
from har_ros.training.ablation import CONDITIONS
from har_ros.training.backbone import load_mobilenet
from har_ros.training.fit import load_state

CASES = ("camera+imu", "camera", "imu")
STAGES = ("dense", "structured", "sparse", "int8")
PEOPLE = ("one", "two", "three")


def write_profile(path: Path, **changes: object) -> Path:
    """Write the profile `edge` for tiny runs."""
    values = yaml.safe_load(find_resource("config/profiles/edge.yaml").read_text())
    values["pictures"] |= {"frame_size_px": 64, "views": 2}
    values["tuning"] |= {"epochs": 1, "first_block": 16, "batch_size": 4, "pictures": 2}
    values["learning"] |= {"batch_size": 4, "passes": 1, "max_epochs": 2}
    values["compression"] |= {"steps": list(STAGES[1:]), "finetune_epochs": 1, "recovery_steps": 2, "recovery_batch": 2}
    path.write_text(yaml.safe_dump({**values, "name": "tiny", **changes}))
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a dataset, which also shows other things than the six, a test set and a profile."""
    folder = tmp_path_factory.mktemp("edge")
    write_dataset(folder / "dataset", PEOPLE, (*LABELS, "OTHER"))
    write_dataset(folder / "test", ("other",), (*LABELS, "OTHER"))
    write_profile(folder / "tiny.yaml")
    return folder


def train(place: Path, name: str, *more: str) -> int:
    places = ("--out", str(place / name), "--run-dir", str(place / f"run_{name}"), "--cache", str(place / "cache"))
    options = ("--profile", str(place / "tiny.yaml"), "--threads", "1", *places, *more)
    return main(["train", str(place / "dataset"), *options])


@pytest.fixture(scope="module")
def finished(place: Path) -> Path:
    try:
        load_mobilenet(None)
    except HarError as error:
        pytest.skip(str(error))
    assert train(place, "model", "--test", str(place / "test"), "--folds", "3", "--other-seeds", "1") == 0
    return place


@pytest.fixture(scope="module")
def card(finished: Path) -> ModelCard:
    return load_card(finished / "model")


@pytest.mark.timeout(600)
def test_every_step_has_its_line_with_accuracy_size_and_speed(card: ModelCard) -> None:
    rows = card.metrics["compression"]
    assert [row["step"] for row in rows] == list(STAGES)
    for row in rows:
        low, high = row["test"]["accuracy_ci"]
        assert low <= row["test"]["accuracy"] <= high and row["test"]["n"] == 6
        assert row["bytes"] > row["bytes_zstd"] > 0 and row["encoder_ms"] > 0 and row["head_ms"] > 0
    dense, structured, sparse, int8 = rows
    assert structured["bytes"] < 0.75 * dense["bytes"], "channels are gone"
    assert sparse["bytes"] == pytest.approx(structured["bytes"], rel=0.01), "zeros take their place"
    assert sparse["bytes_zstd"] < 0.75 * structured["bytes_zstd"], "but not when they are packed"
    assert int8["bytes"] < 0.5 * sparse["bytes"]


@pytest.mark.timeout(600)
def test_each_stage_is_a_model_and_the_last_one_is_published(finished: Path, card: ModelCard) -> None:
    for stage in STAGES:
        model = HarModel(finished / "run_model" / stage)
        assert model.card.novelty.keys() == set(NOVELTIES)
        distance = model.card.novelty["distance"]
        assert min(distance["camera+imu"], distance["imu"]) > 0 == distance["camera"], "of what is felt"
        assert tuple(model.card.temperature) == CASES and model.card.imu_channels == IMU_STATISTICS
    assert card.identity == model.card.identity
    graph = onnx.load(finished / "model" / ENCODER_FILE).graph
    assert sum(numpy_helper.to_array(entry).dtype == np.int8 for entry in graph.initializer) > 50


@pytest.mark.timeout(600)
def test_the_published_model_scores_as_its_card_says_in_every_case(finished: Path, card: ModelCard) -> None:
    model = HarModel(finished / "model")
    captures = [read_capture(folder) for folder in find_captures(finished / "test") if folder.parent.name != "OTHER"]
    answers = [classify_capture(model, capture) for capture in captures]
    truth = [LABELS.index(capture.label) for capture in captures]
    probabilities = np.stack([answer.probabilities for answer in answers])
    assert -np.log(probabilities[range(6), truth]).mean() == pytest.approx(card.metrics["test"]["loss"], abs=2e-3)
    for case in CASES:
        answer = classify_capture(model, captures[0], case)
        assert answer.probabilities.sum() == pytest.approx(1, abs=1e-4) and np.isfinite(answer.novelty).all()


@pytest.mark.timeout(600)
def test_the_card_says_how_well_it_knows_itself(finished: Path, card: ModelCard) -> None:
    for case in CASES:
        figures = card.metrics["calibration"][case]
        assert {"ece", "nll", "brier", "ece_ci"} <= figures["temperature_1"].keys()
        assert figures["calibrated"] is None and card.temperature[case] >= 1, "one person alone validates"
        assert figures["others"] == 1 and 0 <= figures["unknown_of_others"] <= 1
    assert card.training["captures"] == {"train": 12, "validation": 6, "test": 6}
    assert card.training["captures_of_none"] == {"train": 2, "validation": 1, "test": 1}
    assert set(card.metrics["ablations"]["conditions"]) == set(CONDITIONS) - {"background only"}
    judged = card.metrics["cross_validation"]
    assert (judged["folds"], judged["subjects"], judged["n"]) == (3, 3, 18)
    assert (finished / "run_model/folds_3").is_dir(), "other folds must not meet these networks"
    assert judged["worst_subject"]["accuracy"] == min(judged["fold_accuracies"])
    published = card.metrics["test"]["published"]
    assert published["accuracy"] <= card.metrics["test"]["accuracy"] and 0 <= published["unknown"] <= 6
    (other,) = card.metrics["other_seeds"]
    assert other["seed"] == 1 and other["test"]["n"] == other["validation"]["n"] == 6
    assert 0 <= other["test"]["accuracy"] <= 1


@pytest.mark.timeout(600)
def test_a_model_is_adapted_to_new_captures(
    finished: Path, card: ModelCard, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(finished, "adapted", "--warm-start", str(finished / "model")) == 0
    said = capsys.readouterr().out
    assert "of the validation's people" not in said, "who validates now did so then"
    assert "fewer than 4 people validate (1)" in said and "where `unknown` counts as wrong" in said
    adapted = load_card(finished / "adapted")
    for case in CASES:
        assert adapted.temperature[case] >= card.temperature[case]
        assert adapted.least_confidence(case) <= card.least_confidence(case)
        assert all(adapted.novelty[name][case] >= card.novelty[name][case] for name in NOVELTIES)
    record = {key: card.training[key] for key in ("dataset", "test_set", "command")}
    record |= {key: card.metrics[key] for key in ("compression", "other_seeds")}
    assert adapted.training["base"] == {"name": "model", "identity": card.identity, **record}
    fitted, tuned_by = (card.training[use] for use in ("train_subjects", "validation_subjects"))
    assert (adapted.training["base_fitted_to"], adapted.training["base_tuned_by"]) == (fitted, tuned_by)
    assert train(finished, "again", "--warm-start", str(finished / "adapted")) == 0
    assert "of the validation's people" not in capsys.readouterr().out
    again = load_card(finished / "again")
    assert (again.fitted_people, again.people) == (set(fitted), set(PEOPLE))
    assert list(adapted.training["epochs"]) == ["adapted"] and adapted.identity != card.identity
    first, second = (onnx.load(finished / name / ENCODER_FILE).graph for name in ("model", "adapted"))
    frozen = {entry.name: entry for entry in first.initializer if not entry.name.startswith("frame/")}
    assert len(frozen) > 100
    assert all(frozen[entry.name] == entry for entry in second.initializer if entry.name in frozen)


@pytest.mark.timeout(600)
def test_whom_the_beginning_was_fitted_to_can_not_validate_unsaid(
    finished: Path, card: ModelCard, capsys: pytest.CaptureFixture[str]
) -> None:
    other_split = write_profile(finished / "other_split.yaml", seed=2)
    warm = ("--warm-start", str(finished / "model"), "--profile", str(other_split))
    assert train(finished, "split_anew", *warm) == 0
    assert load_card(finished / "split_anew").training["validation_subjects"] != card.training["validation_subjects"]
    assert "model' was trained on 1 of the validation's people" in capsys.readouterr().out


@pytest.mark.timeout(600)
def test_fine_tuning_that_only_makes_it_worse_changes_nothing(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wild = yaml.safe_load((finished / "tiny.yaml").read_text())
    wild["learning"]["learning_rate"] = 1.0
    (finished / "wild.yaml").write_text(yaml.safe_dump(wild))
    warm = ("--warm-start", str(finished / "model"), "--profile", str(finished / "wild.yaml"))
    assert train(finished, "worse", *warm) == 0
    assert "fine-tuning made it no better" in capsys.readouterr().out
    assert load_card(finished / "worse").training["epochs"] == {"adapted": 0}
    before, after = (load_state(finished / name / "heads.pt") for name in ("model", "worse"))
    assert before.keys() == after.keys() and all(torch.equal(before[key], after[key]) for key in before)


@pytest.mark.timeout(600)
def test_a_trained_model_is_made_smaller_still(finished: Path, card: ModelCard) -> None:
    more = ("--structured", "0.5", "--sparsity", "0.4")  # the model has 50 % of zeros already
    assert train(finished, "leaner", "--warm-start", str(finished / "model"), *more) == 0
    leaner = load_card(finished / "leaner")
    assert list(leaner.training["epochs"]) == ["adapted", "structured", "sparse", "int8"]
    sizes = [(finished / name / ENCODER_FILE).stat().st_size for name in ("leaner", "model")]
    assert sizes[0] < 0.75 * sizes[1]
    HarModel(finished / "leaner")


@pytest.mark.timeout(600)
def test_a_trained_model_is_made_smaller_behind_the_heads_that_it_has(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = finished / "run_model/dense"
    more = ("--structured", "0.5", "--int8", "--keep-heads", "--other-seeds", "1")
    assert train(finished, "thinner", "--warm-start", str(whole), *more) == 0
    assert "fine-tuning" not in capsys.readouterr().out
    thinner = load_card(finished / "thinner")
    assert thinner.training["epochs"] == {"adapted": 0, "structured": 0, "int8": 0}
    assert "--other-seeds 1 --int8 --keep-heads" in thinner.training["command"]
    (other,) = thinner.metrics["other_seeds"]
    assert other["seed"] == 1 and other["validation"]["n"] == 6
    assert (finished / "thinner" / ENCODER_FILE).stat().st_size < 0.3 * (whole / ENCODER_FILE).stat().st_size
    before, after = (load_state(folder / "heads.pt") for folder in (whole, finished / "thinner"))
    assert before.keys() == after.keys() and all(torch.equal(before[key], after[key]) for key in before)


@pytest.mark.timeout(600)
def test_who_trained_the_beginning_can_not_test_the_end(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dataset(finished / "new", ("four", "five"))
    places = ("--out", str(finished / "leaky"), "--run-dir", str(finished / "run_leaky"))
    plain = ("--profile", str(finished / "tiny.yaml"))
    warm = ("--warm-start", str(finished / "model"), "--test", str(finished / "dataset"))
    assert main(["train", str(finished / "new"), *places, *plain, *warm]) == 1
    assert "shows people of" in capsys.readouterr().err and not (finished / "leaky").exists()


@pytest.mark.timeout(600)
def test_what_does_not_fit_is_refused_in_one_sentence(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    warm = ("--warm-start", str(finished / "model"))
    names = ("mixed", "damaged", "refused")
    mixed, damaged, _ = (shutil.copytree(finished / "model", finished / name) for name in names)
    shutil.copy(finished / "run_model/dense/heads.pt", mixed)
    (damaged / "heads.pt").write_bytes(b"PK")
    heads = yaml.safe_load((finished / "tiny.yaml").read_text())["heads"]
    other_heads = write_profile(finished / "other_heads.yaml", heads={**heads, "difference_steps": 1})
    for options, words in (
        ((*warm, "--int8"), "is in 8-bit integers already; leave out --int8"),
        ((*warm, "--structured", "0.5"), "has weights of zero, which --structured alone would fill; add --sparsity"),
        ((*warm, "--size", "96"), "differ in their pictures' size"),
        (("--warm-start", str(finished / "refused")), "refused', which it begins with; give another folder"),
        (("--warm-start", str(mixed)), "answer as window_head.onnx does; give the profile that it was trained with"),
        (("--warm-start", str(damaged)), "is damaged; copy the model's whole folder again"),
        (("--keep-heads",), "--keep-heads keeps those of a trained model; give it with --warm-start"),
        ((*warm, "--keep-heads"), "--keep-heads alone changes nothing; add --structured or --int8"),
        ((*warm, "--keep-heads", "--sparsity", "0.6"), "--sparsity sets weights of the heads to zero, too, which"),
        ((*warm, "--folds", "3"), "--folds trains heads anew, which --warm-start doesn't; leave one of them out"),
        ((*warm, "--other-seeds", "1"), "leave one out, or add --keep-heads"),
        ((*warm, "--profile", str(other_heads)), "with profile 'tiny' the heads.pt in"),
        (("--folds", "1"), "--folds is 1; give 2 or more"),
        (("--out", str(finished / "dataset")), "dataset' is a folder of captures; give one for the model"),
        (("--out", str(finished / "model")), "model' holds a model; delete it, or give another folder with --out"),
        (("--folds", "2"), "1 subjects can't be split"),
        (("--sparsity", "1.5"), "compression.sparsity is 1.5; give a value from 0.0 to 0.99"),
        (("--warm-start", "nowhere"), "there is no model 'nowhere'"),
    ):
        assert train(finished, "refused", *options) == 1
        said = capsys.readouterr().err
        assert said.startswith("har: ") and words in said and said.count("\n") == 1


@pytest.mark.timeout(600)
def test_a_broken_capture_of_the_test_is_named_before_the_work(
    finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = finished / "broken_test"
    write_dataset(broken, ("other",))
    picture = find_captures(broken)[-1] / "frames/frame_9.jpg"
    picture.write_bytes(picture.read_bytes()[:100])
    assert train(finished, "stopped", "--test", str(broken)) == 1
    said = capsys.readouterr().err
    assert said.startswith("har: ") and "frame_9.jpg' is cut off" in said
    assert not (finished / "run_stopped").exists()


@pytest.mark.timeout(600)
def test_a_full_disk_is_one_sentence(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))  # as if no more were free
    try:
        assert train(finished, "full") == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    said = capsys.readouterr().err
    assert said.startswith("har: can't write '") and "run_full' (File too large); free space" in said
