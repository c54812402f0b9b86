"""A model folder is run only when its card and its networks fit together; else one sentence says what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

pytest.importorskip("onnx", reason="needs onnx to write a model")
import onnx
from onnx import TensorProto, helper
from tiny_model import FEATURE_SIZE, FRAME_SIZE_PX, STEPS, write_tiny_model

from har_ros.core.errors import HarError
from har_ros.core.labels import LABELS
from har_ros.core.model_card import CARD_FILE, ENCODER_FILE, HEAD_FILE, file_sha256
from har_ros.inference.model import HarModel


def change_card(folder: Path, **changes: Any) -> None:
    path = folder / CARD_FILE
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **changes}))


def replace_network(folder: Path, name: str, content: bytes) -> None:
    """Put another file in a network's place, with a card that knows it."""
    (folder / name).write_bytes(content)
    change_card(folder, sha256={each: file_sha256(folder / each) for each in (ENCODER_FILE, HEAD_FILE)})


def refusal(folder: Path) -> str:
    with pytest.raises(HarError) as caught:
        HarModel(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"thresholds": {}}, "thresholds must be min_confidence, suspect_score, alarm_score"),
        ({"thresholds": {"min_confidence": "low", "suspect_score": 0.5, "alarm_score": 0.7}}, "thresholds must be"),
        ({"thresholds": {"min_confidence": 0.5, "suspect_score": 0.5, "alarm_score": 7}}, "thresholds must be"),
        ({"min_confidence": {"imu": 0.5}}, "min_confidence must have a number from 0 to 1 for cases that it can do"),
        ({"min_confidence": {"camera+imu": 2}}, "min_confidence must have"),
        ({"min_confidence": 0.5}, "min_confidence must have"),
        ({"thresholds": None}, "thresholds must be"),
        ({"sha256": ["x"]}, "sha256 must name frame_encoder.onnx and window_head.onnx"),
        ({"sha256": {}}, "sha256 must name frame_encoder.onnx and window_head.onnx"),
        ({"sha256": {ENCODER_FILE: "0"}}, "sha256 must name frame_encoder.onnx and window_head.onnx"),
        ({"sha256": {ENCODER_FILE: 1, HEAD_FILE: 2}}, "sha256 must name frame_encoder.onnx and window_head.onnx"),
        ({"imu_mean": ["a", "b", "c"]}, "imu_mean must have a number for each IMU channel"),
        ({"imu_mean": [0.0, 0.0]}, "imu_mean must have a number for each IMU channel"),
        ({"imu_mean": [0.0, 0.0, float("nan")]}, "imu_mean must have a number for each IMU channel"),
        ({"imu_std": [1.0, 1.0, 0.0]}, "imu_std must have a number above 0"),
        ({"step_rate_hz": 0}, "step_rate_hz must be a number from 1"),
        ({"step_rate_hz": True}, "step_rate_hz must be a number from 1"),
        ({"steps": 29}, "steps must be 30"),
        ({"feature_size": None}, "feature_size must be a whole number from 1"),
        ({"frame_size_px": 32.5}, "frame_size_px must be a whole number from 1"),
        ({"labels": ["A", "B", "C", "D", "E", "F"]}, "labels must be DRIVERS_DROWSINESS, FALL_OR_COLLAPSE"),
        ({"labels": list(reversed(LABELS))}, "in this order"),
        ({"anomaly_labels": [["WALK"]]}, "anomaly_labels must be one or more of the labels"),
        ({"anomaly_labels": []}, "anomaly_labels must be one or more of the labels"),
        ({"modalities": ["imu", "camera"]}, "modalities must be camera, imu or one of them"),
        ({"modalities": None}, "modalities must be camera, imu or one of them"),
        ({"temperature": {"camera+imu": 0}}, "temperature must have a number from 0.1 to 10 for each case"),
        ({"temperature": {"camera": 1.0}}, "temperature must have a number from 0.1 to 10 for each case"),
        ({"modalities": ["imu"], "temperature": {"camera": 1.0, "imu": 1.0}}, "temperature must have a number"),
        ({"temperature": 1.0}, "temperature must have a number"),
        ({"imu_channels": ["ax", "ay"]}, "imu_channels must be ax, ay, az or ax, ay, az, peak, dip"),
        ({"novelty": {"oddness": {"camera+imu": 1.0}}}, "novelty must have for energy, reconstruction, distance"),
        ({"novelty": {"energy": {"camera": 1.0}}}, "novelty must have for energy, reconstruction, distance"),
        ({"metrics": "good"}, "metrics must be a table"),
        ({"name": 7}, "name must be a text"),
        ({"colour": "red", 5: 6}, "unknown keys ['5', 'colour']"),
    ],
)
def test_a_card_that_could_not_be_run_with_is_refused(tmp_path: Path, changes: dict[Any, Any], sentence: str) -> None:
    folder = write_tiny_model(tmp_path / "model")
    path = folder / CARD_FILE
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changes))
    said = refusal(folder)
    assert sentence in said
    assert str(path) in said


def test_a_card_without_a_needed_key_is_refused(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "model")
    path = folder / CARD_FILE
    path.write_text("".join(line for line in path.open() if not line.startswith("feature_size")))
    assert "is incomplete: missing 1 required positional argument: 'feature_size'" in refusal(folder)


def test_a_changed_or_missing_network_is_refused(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "model")
    head = folder / HEAD_FILE
    head.write_bytes(head.read_bytes() + b"\0")
    assert "is not the file its card describes" in refusal(folder)
    head.unlink()
    assert "is missing" in refusal(folder)


@pytest.mark.parametrize("name", [ENCODER_FILE, HEAD_FILE])
@pytest.mark.parametrize("content", [np.random.default_rng(0).bytes(5000), b""])
def test_a_file_that_is_no_network_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    folder = write_tiny_model(tmp_path / "model")
    replace_network(folder, name, content)
    assert f"{name}' can't be loaded" in refusal(folder)


def test_networks_of_other_shapes_or_types_are_refused(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "model")
    change_card(folder, feature_size=FEATURE_SIZE + 1)
    assert f"{ENCODER_FILE}: 'output' has shape Nx8, but its card asks for Nx9" in refusal(folder)
    change_card(folder, feature_size=FEATURE_SIZE)
    encoder, head = (folder / ENCODER_FILE).read_bytes(), (folder / HEAD_FILE).read_bytes()
    replace_network(folder, ENCODER_FILE, head)
    assert f"{ENCODER_FILE} takes ['features', 'imu'], but a HAR model takes ['frames']" in refusal(folder)
    replace_network(folder, ENCODER_FILE, encoder)
    replace_network(folder, HEAD_FILE, head_of_doubles())
    assert "model 'tiny' can't be run" in refusal(folder)


def head_of_doubles() -> bytes:
    """Return a head that takes the right shapes as float64."""
    nodes = [
        helper.make_node("Concat", ["features", "imu"], ["window"], axis=2),
        helper.make_node("ReduceSum", ["window"], ["sum"], keepdims=0),
        helper.make_node("Expand", ["sum", "shape"], ["output"]),
    ]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.DOUBLE, [1, STEPS, size])
        for name, size in (("features", FEATURE_SIZE), ("imu", 3))
    ]
    outputs = [helper.make_tensor_value_info("output", TensorProto.DOUBLE, [1, len(LABELS)])]
    shape = onnx.numpy_helper.from_array(np.array([1, len(LABELS)], np.int64), "shape")
    graph = helper.make_graph(nodes, "doubles", inputs, outputs, [shape])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3])
def test_the_temperature_sharpens_or_softens(tmp_path: Path, temperature: float) -> None:
    folder = write_tiny_model(tmp_path / "model")
    rng = np.random.default_rng(1)
    frames = rng.integers(0, 230, (STEPS, FRAME_SIZE_PX, FRAME_SIZE_PX, 3), np.uint8)
    imu = rng.normal(size=(STEPS, 3)).astype(np.float32)
    plain = HarModel(folder).classify_frames(frames, imu).probabilities
    change_card(folder, temperature={"camera+imu": temperature})
    logits = np.log(plain.astype(np.float64)) / temperature
    expected = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(HarModel(folder).classify_frames(frames, imu).probabilities, expected, rtol=1e-4)
