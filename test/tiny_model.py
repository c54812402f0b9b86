"""A small random model for tests: the two networks and the card of a real one, in a few kilobytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from har_ros.core.imu_steps import IMU_READINGS, IMU_STATISTICS
from har_ros.core.labels import LABELS
from har_ros.core.model_card import ENCODER_FILE, HEAD_FILE, ModelCard, file_sha256

STEPS = 30
FRAME_SIZE_PX = 32
FEATURE_SIZE = 8


def write_tiny_model(
    folder: Path,
    favour: str | None = None,
    favour_dark: str | None = None,
    seed: int = 0,
    cases: tuple[str, ...] = ("camera+imu",),
) -> Path:
    """Write a random model into `folder` and return it.

    With further `cases` it goes without the camera or the IMU, takes the statistics of IMU steps, and its `energy`
    is 1 for a picture, plus the mean of the IMU values, each where it is there.

    Its probabilities depend on every frame and every sample; with `favour`, that label gets nearly all, and with
    `favour_dark` that one does while the pictures are darker than a level of about 30.
    A window of pure white frames makes it give NaN, as a broken network would.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=(3, FEATURE_SIZE)).astype(np.float32)
    _save(folder / ENCODER_FILE, _encoder(weight))
    darkness = weight.sum(axis=0) / (weight.sum(axis=0) ** 2).sum()  # features @ this: a grey picture's, 0 to 1
    flexible = len(cases) > 1
    imu_channels = IMU_STATISTICS if flexible else IMU_READINGS
    _save(folder / HEAD_FILE, _head(rng, favour, favour_dark, darkness, len(imu_channels), flexible))
    card = ModelCard(
        name="tiny",
        profile="test",
        steps=STEPS,
        step_rate_hz=30.0,
        frame_size_px=FRAME_SIZE_PX,
        feature_size=FEATURE_SIZE,
        imu_channels=imu_channels,
        imu_mean=(0.0, 0.0, 9.8, 9.8, 9.8)[: len(imu_channels)],
        imu_std=(3.0,) * len(imu_channels),
        temperature=dict.fromkeys(cases, 1.0),
        novelty={"energy": dict.fromkeys(cases, 50.0)} if flexible else {},
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
        nodes, [("frames", TensorProto.UINT8, ["N", size, size, 3])], [("output", ["N", FEATURE_SIZE])], constants
    )


def _head(
    rng: np.random.Generator,
    favour: str | None,
    favour_dark: str | None,
    darkness: np.ndarray,
    imu_channels: int,
    flexible: bool,
) -> onnx.GraphProto:
    """Features (1, 30, F) and imu (1, 30, C) -> probabilities (1, 6); flexible, with presence (1, 2) -> energy, too."""
    channels = FEATURE_SIZE + imu_channels
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
        ("imu", TensorProto.FLOAT, [1, STEPS, imu_channels]),
    ]
    constants = {"weight": weight, "bias": bias}
    outputs = [("output", [1, len(LABELS)])]
    if flexible:
        nodes[0] = helper.make_node("Concat", ["seen", "felt"], ["window"], axis=2)
        nodes = [
            helper.make_node("Unsqueeze", ["presence", "step_axis"], ["shown"]),
            helper.make_node("Split", ["shown"], ["camera", "body"], axis=2),
            helper.make_node("Mul", ["features", "camera"], ["seen"]),
            helper.make_node("Mul", ["imu", "body"], ["felt"]),
            helper.make_node("ReduceMean", ["felt"], ["mean"], axes=[1, 2], keepdims=0),
            helper.make_node("ReduceMean", ["camera"], ["one"], axes=[1, 2], keepdims=0),
            helper.make_node("Add", ["mean", "one"], ["sum"]),
            helper.make_node("Reshape", ["sum", "row"], ["novelty"]),
            *nodes,
        ]
        inputs.append(("presence", TensorProto.FLOAT, [1, 2]))
        constants |= {"step_axis": np.array([1], np.int64), "row": np.array([1, 1], np.int64)}
        outputs.append(("novelty", [1, 1]))
    return _graph(nodes, inputs, outputs, constants)


def _graph(
    nodes: list[onnx.NodeProto],
    inputs: list[tuple[str, int, list[str | int]]],
    outputs: list[tuple[str, list[str | int]]],
    constants: dict[str, np.ndarray],
) -> onnx.GraphProto:
    return helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(*entry) for entry in inputs],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )


def _save(path: Path, graph: onnx.GraphProto) -> None:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
