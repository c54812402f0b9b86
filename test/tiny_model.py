"""A small random model for tests: the two networks and the card of a real one, in a few kilobytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from har_ros.core.labels import LABELS
from har_ros.core.model_card import ENCODER_FILE, HEAD_FILE, ModelCard, file_sha256

STEPS = 30
IMU_CHANNELS = 3
FRAME_SIZE_PX = 32
FEATURE_SIZE = 8


def write_tiny_model(
    folder: Path, favour: str | None = None, favour_dark: str | None = None, seed: int = 0
) -> Path:
    """Write a random model into `folder` and return it.

    Its probabilities depend on every frame and every sample; with `favour`, that label gets nearly all, and with
    `favour_dark` that one does while the pictures are darker than a level of about 30.
    A window of pure white frames makes it give NaN, as a broken network would.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=(3, FEATURE_SIZE)).astype(np.float32)
    _save(folder / ENCODER_FILE, _encoder(weight))
    darkness = weight.sum(axis=0) / (weight.sum(axis=0) ** 2).sum()  # features @ this: a grey picture's, 0 to 1
    _save(folder / HEAD_FILE, _head(rng, favour, favour_dark, darkness))
    card = ModelCard(
        name="tiny",
        profile="test",
        steps=STEPS,
        step_rate_hz=30.0,
        frame_size_px=FRAME_SIZE_PX,
        feature_size=FEATURE_SIZE,
        imu_mean=(0.0, 0.0, 9.8),
        imu_std=(3.0, 3.0, 3.0),
        sha256={name: file_sha256(folder / name) for name in (ENCODER_FILE, HEAD_FILE)},
    )
    card.save(folder)
    return folder


def _encoder(weight: np.ndarray) -> onnx.GraphProto:
    """Frames (N, S, S, 3) uint8 -> features (N, F); the first is NaN for a white frame."""
    nodes = [
        helper.make_node("Cast", ["frames"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["means"], axes=[1, 2], keepdims=0),
        helper.make_node("Sub", ["almost_white", "means"], ["darkness"]),
        helper.make_node("Sqrt", ["darkness"], ["roots"]),
        helper.make_node("Div", ["roots", "scale"], ["scaled"]),
        helper.make_node("MatMul", ["scaled", "weight"], ["output"]),
    ]
    constants = {"almost_white": np.float32(254.9), "scale": np.float32(16), "weight": weight}
    size = FRAME_SIZE_PX
    return _graph(
        nodes, [("frames", TensorProto.UINT8, ["N", size, size, 3])], ["N", FEATURE_SIZE], constants
    )


def _head(
    rng: np.random.Generator, favour: str | None, favour_dark: str | None, darkness: np.ndarray
) -> onnx.GraphProto:
    """Features (1, 30, F) and imu (1, 30, C) -> probabilities (1, 6)."""
    channels = FEATURE_SIZE + IMU_CHANNELS
    weight = rng.normal(size=(STEPS * channels, len(LABELS))).astype(np.float32) / channels
    bias = np.zeros(len(LABELS), np.float32)
    if favour is not None:
        bias[LABELS.index(favour)] = 100
    if favour_dark is not None:  # its logit passes 100 where the darkness of the window passes 0.94
        steps = weight.reshape(STEPS, channels, len(LABELS))
        steps[:, :FEATURE_SIZE, LABELS.index(favour_dark)] += 2000 * darkness[:, None].T / STEPS
        bias[LABELS.index(favour_dark)] = 100 - 2000 * 0.94
    nodes = [
        helper.make_node("Concat", ["features", "imu"], ["window"], axis=2),
        helper.make_node("Flatten", ["window"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weight", "bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["output"], axis=1),
    ]
    inputs = [
        ("features", TensorProto.FLOAT, [1, STEPS, FEATURE_SIZE]),
        ("imu", TensorProto.FLOAT, [1, STEPS, IMU_CHANNELS]),
    ]
    return _graph(nodes, inputs, [1, len(LABELS)], {"weight": weight, "bias": bias})


def _graph(
    nodes: list[onnx.NodeProto],
    inputs: list[tuple[str, int, list[str | int]]],
    output_shape: list[str | int],
    constants: dict[str, np.ndarray],
) -> onnx.GraphProto:
    return helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(*entry) for entry in inputs],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, output_shape)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )


def _save(path: Path, graph: onnx.GraphProto) -> None:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
