"""`har stress`: each disturbance does what its name says, and costs the model what it really costs."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import onnx
import pytest
from capture_maker import make_capture
from onnx import numpy_helper

pytest.importorskip("rosbags", reason="needs the extra evaluate")

from bag_maker import COLOURS, write_colour_model
from tiny_model import write_tiny_model

from har_ros.cli import main
from har_ros.core.labels import LABELS
from har_ros.core.model_card import ENCODER_FILE, file_sha256, load_card
from har_ros.dataset.sensing import Samples
from har_ros.dataset.writer import write_capture
from har_ros.evaluation.stress_list import CONDITIONS, UNDISTURBED

TAKEN_AT = datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone.utc)
BY_NAME = {condition.name: condition for condition in CONDITIONS}
STAMPS_NS = np.arange(100) * 10_000_000
ACCEL = np.random.default_rng(0).normal((0, 0, 9.8), 2, (100, 3)).astype(np.float32)
FRAMES = np.random.default_rng(1).integers(0, 256, (30, 60, 80, 3), np.uint8)
FRAME_STAMPS_NS = np.arange(30) * 33_333_333


def sensed(name: str, seed: int = 0) -> Samples:
    """Return the samples in a condition."""
    change = BY_NAME[name].samples
    assert change is not None
    return change(Samples(STAMPS_NS, ACCEL), np.random.default_rng(seed))


def shown(name: str, seed: int = 0) -> np.ndarray:
    """Return which frame each step shows in a condition."""
    order = BY_NAME[name].order
    assert order is not None
    return order(FRAME_STAMPS_NS, np.random.default_rng(seed))


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Two captures of each activity in its colour, and one that isn't scored."""
    for index, label in enumerate(LABELS):
        for seed in range(2):
            capture = make_capture(label, 10 * index + seed)
            capture.frames[:] = COLOURS[label]
            write_capture(tmp_path / "data", capture, TAKEN_AT)
    write_capture(tmp_path / "data", make_capture("OTHER"), TAKEN_AT)
    return tmp_path / "data"


def unflinching(model: Path) -> Path:
    """Return the model, whose encoder now takes white, too."""
    card, encoder = load_card(model), onnx.load(str(model / ENCODER_FILE))
    for each in encoder.graph.initializer:
        if each.name == "almost_white":
            each.CopyFrom(numpy_helper.from_array(np.float32(255.1), each.name))
    onnx.save(encoder, str(model / ENCODER_FILE))
    replace(card, sha256={name: file_sha256(model / name) for name in card.sha256}).save(model)
    return model


def stressed(dataset: Path, model: Path, *options: str) -> dict:
    out = dataset.parent / "stress.json"
    assert main(["stress", str(dataset), "--model", str(model), "--json", str(out), *options]) == 0
    return json.loads(out.read_text())


def test_what_a_colour_model_loses_is_told(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = stressed(dataset, unflinching(write_colour_model(tmp_path / "model")))
    rows = report["conditions"]
    assert list(rows) == list(BY_NAME)
    assert report["dataset"]["captures"] == 12
    plain, dark, turned = (rows[name] for name in (UNDISTURBED, "dark, levels at a quarter", "sensor turned anyhow"))
    assert plain["accuracy"] == plain["macro_f1"] == 1 and plain["macro_f1_lost_points"] == 0
    assert dark["accuracy"] < 0.5  # it tells labels by colour, and all are dark now
    assert dark["accuracy_lost_points"] == pytest.approx(100 * (1 - dark["accuracy"]), abs=1e-3)
    assert dark["accuracy_lost_points_ci"][0] <= dark["accuracy_lost_points"] <= dark["accuracy_lost_points_ci"][1]
    assert dark["worst_subject"]["accuracy"] < 1
    assert turned["accuracy"] == 1, "it doesn't look at the sensor"
    assert rows["camera missing"] == {"group": "missing", "impossible": "needs camera"}
    light = [row["macro_f1"] for row in rows.values() if row["group"] == "light"]
    assert report["groups"]["light"] == pytest.approx(sum(light) / 5, abs=1e-6)
    scored = [row["macro_f1"] for name, row in rows.items() if name != UNDISTURBED and "macro_f1" in row]
    assert report["groups"]["disturbed"] == pytest.approx(sum(scored) / len(scored), abs=1e-6)
    said = capsys.readouterr().out
    table = said[: said.index("mean macro-F1")]
    low, high = (round(100 * bound) for bound in plain["accuracy_ci"])
    assert "undisturbed" in table and f"100.0 ({low} to {high})" in table and "needs" in table
    below_title = table[table.index("macro-") :]
    assert max(map(len, below_title.splitlines())) <= 80
    assert f"light {100 * report['groups']['light']:.1f}" in said
    first = (dataset.parent / "stress.json").read_bytes()
    stressed(dataset, tmp_path / "model")
    assert (dataset.parent / "stress.json").read_bytes() == first


def test_a_model_that_can_is_scored_without_an_input(dataset: Path, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "model", favour="WALK", cases=("camera+imu", "camera", "imu"))
    report = stressed(dataset, unflinching(model), "--captures", "5")
    assert report["dataset"]["captures"] == 5
    assert {row["n"] for row in report["conditions"].values()} == {5}


@pytest.mark.parametrize("condition", [each for each in CONDITIONS if each.pictures], ids=lambda each: each.name)
def test_pictures_are_changed_and_keep_their_shape(condition) -> None:
    before = FRAMES.copy()
    after = condition.pictures(FRAMES, np.random.default_rng(0))
    assert after.shape == FRAMES.shape and after.dtype == np.uint8
    assert (after != FRAMES).mean() > 0.2
    np.testing.assert_array_equal(FRAMES, before)
    np.testing.assert_array_equal(condition.pictures(FRAMES, np.random.default_rng(0)), after)


@pytest.mark.parametrize(("fps", "fewest", "most"), [(10, 9, 11), (15, 14, 16), (24, 22, 25), (60, 24, 30)])
def test_a_camera_of_another_rate_shows_so_many_pictures(fps: int, fewest: int, most: int) -> None:
    for seed in range(20):
        order = shown(f"camera of {fps} fps", seed)
        assert fewest <= len(set(order.tolist())) <= most
        ahead = order - np.arange(30)
        assert ahead.min() >= 0 and ahead.max() <= 30 / fps + 1


def test_lost_frames_are_stood_for_by_the_next() -> None:
    order = shown("6 frames in a row lost")
    gone = sorted(set(range(30)) - set(order.tolist()))
    assert gone == list(range(gone[0], gone[0] + 6))
    assert set(order[gone].tolist()) == {gone[-1] + 1}


@pytest.mark.parametrize("degrees", [8, 30, 90])
def test_a_tilt_turns_gravity_by_its_angle(degrees: int) -> None:
    turned = sensed(f"sensor tilted by {degrees} degrees").accel_mps2
    before, after = ACCEL.mean(0), turned.mean(0)
    cosine = before @ after / np.linalg.norm(before) / np.linalg.norm(after)
    assert np.degrees(np.arccos(cosine)) == pytest.approx(degrees, abs=0.1)
    np.testing.assert_allclose(np.linalg.norm(turned, axis=1), np.linalg.norm(ACCEL, axis=1), rtol=1e-5)


def test_any_rotation_covers_the_sphere() -> None:
    ups = np.array([sensed("sensor turned anyhow", seed).accel_mps2.mean(0) for seed in range(200)])
    ups /= np.linalg.norm(ups, axis=1, keepdims=True)
    assert np.abs(ups.mean(0)).max() < 0.15
    np.testing.assert_allclose((ups**2).mean(0), 1 / 3, atol=0.1)


@pytest.mark.parametrize("rate_hz", [25, 50, 100, 200])
def test_another_rate_gives_that_many_samples_on_the_same_curve(rate_hz: int) -> None:
    stamps_ns, accel = sensed(f"sensor of {rate_hz} Hz")
    assert len(stamps_ns) == pytest.approx(rate_hz * 0.99, abs=1)
    np.testing.assert_allclose(accel[:, 2], np.interp(stamps_ns, STAMPS_NS, ACCEL[:, 2]), rtol=1e-5)


def test_bias_noise_clipping_and_clocks_have_their_size() -> None:
    added = sensed("sensor bias of 1.5 m/s^2").accel_mps2 - ACCEL
    np.testing.assert_allclose(np.linalg.norm(added, axis=1), 1.5, rtol=1e-4)
    assert (sensed("sensor noise of 2 m/s^2").accel_mps2 - ACCEL).std() == pytest.approx(2, rel=0.15)
    hit = Samples(STAMPS_NS, ACCEL * 5)
    clip = BY_NAME["sensor clips at 2 g"].samples
    assert np.abs(clip(hit, np.random.default_rng(0)).accel_mps2).max() == pytest.approx(2 * 9.80665)
    np.testing.assert_array_equal(sensed("sensor -150 ms against camera").stamps_ns, STAMPS_NS - 150_000_000)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [(("--captures", "0"), "--captures is 0; give at least 1"), (("--json", "/nowhere/x.json"), "can't write")],
)
def test_stress_refuses_politely(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, str], sentence: str
) -> None:
    model = write_tiny_model(tmp_path / "model")
    assert main(["stress", str(dataset), "--model", str(model), *options]) == 1
    assert sentence in capsys.readouterr().err


def test_stress_refuses_a_set_without_captures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = write_tiny_model(tmp_path / "model")
    write_capture(tmp_path / "data", make_capture("OTHER"), TAKEN_AT)
    assert main(["stress", str(tmp_path / "data"), "--model", str(model)]) == 1
    assert "holds no captures" in capsys.readouterr().err
