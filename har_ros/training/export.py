"""Writes the trained network as the two ONNX files of a model folder, and proves them equal to it."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, compose, helper, numpy_helper
from torch import Tensor, nn

from har_ros.core.errors import HarError
from har_ros.core.model_card import ENCODER_FILE, HEAD_FILE, MODALITIES, modalities_of
from har_ros.core.windows import STEPS
from har_ros.inference.sessions import open_session
from har_ros.training.backbone import Trunk
from har_ros.training.fit import save_state
from har_ros.training.networks.base import ActivityNetwork, Output

PARITY = 1e-5
_SCORES_PARITY = 1e-3  # of each novelty score's own size, which the limits of the card are far coarser than
_OPSET = 17
_BATCH = {0: "N"}
HEADS_FILE = "heads.pt"  # what another training can begin with


def export_trunk(trunk: Trunk, frame_size_px: int, path: Path) -> None:
    """Write the trunk alone: frames (N, size, size, 3) uint8 -> maps (N, C, h, w)."""
    frames = torch.zeros((1, frame_size_px, frame_size_px, 3), dtype=torch.uint8)
    _export(trunk, {"frames": frames}, ["maps"], path)


def export_networks(folder: Path, trunk: Path, network: ActivityNetwork, frame_size_px: int) -> float:
    """Write a model's networks into `folder`, ONNX and torch's weights; return how far their probabilities differ.

    The encoder is the trunk's own file, whose features the network was trained on, and the network's part of
    each frame. Raises HarError where they differ by more than PARITY, or the scores by more than their own, in any of
    the network's cases.
    """
    folder.mkdir(parents=True, exist_ok=True)
    network.cpu().eval()
    save_state(network.state_dict(), folder / HEADS_FILE)
    generator = torch.Generator().manual_seed(0)
    frames = torch.randint(0, 256, (STEPS, frame_size_px, frame_size_px, 3), generator=generator, dtype=torch.uint8)
    maps = torch.from_numpy(open_session(trunk).run(None, {"frames": frames.numpy()})[0])
    imu = 5 * torch.randn(1, STEPS, len(network.imu_channels), generator=generator)
    with torch.no_grad():
        features = network.frame_encoder()(maps)[None]
    _join(trunk, network.frame_encoder(), maps[:1], folder / ENCODER_FILE)
    inputs = {"features": features, "imu": imu}
    if network.novelty:
        inputs["presence"] = _presence(MODALITIES)
    outputs = ["probabilities", *(["novelty"] if network.novelty else [])]
    _export(network.window_head().eval(), inputs, outputs, folder / HEAD_FILE)
    coded = torch.from_numpy(open_session(folder / ENCODER_FILE).run(None, {"frames": frames.numpy()})[0])[None]
    positions = maps.flatten(2).permute(0, 2, 1)[None]
    difference, alike = _compare(folder, network, coded, imu, lambda seen: network(positions, imu, seen))
    if not difference <= PARITY:
        raise HarError(f"the exported model differs from the trained one by {difference:.1e}; export it again")
    if not alike:
        raise HarError("the exported model's novelty scores differ from the trained one's; export it again")
    return difference


def is_exported(folder: Path, network: ActivityNetwork) -> bool:
    """Return whether a folder's head gives a network's probabilities, to a window of chance, whatever is missing.

    Its novelty scores may be those of an earlier version; whoever begins with a network sets their limits anew.
    """
    network.eval()
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(1, STEPS, network.frame_size, generator=generator)
    imu = 5 * torch.randn(1, STEPS, len(network.imu_channels), generator=generator)
    difference, _ = _compare(folder, network, features, imu, lambda seen: network.window(features, imu, seen))
    return difference <= PARITY


def _compare(
    folder: Path, network: ActivityNetwork, features: Tensor, imu: Tensor, answer: Callable[[Tensor], Output]
) -> tuple[float, bool]:
    """Return how far a written head's probabilities are from those of `answer`, and whether the scores are alike.

    Both are asked in each of the network's cases; `answer` takes the presence. The larger difference counts.
    """
    head, difference, alike = open_session(folder / HEAD_FILE), 0.0, True
    for case in network.cases:
        presence = _presence(modalities_of(case))
        with torch.no_grad():
            output = answer(presence)
            expected = torch.softmax(output.logits, 1).numpy(), network.novelty_scores(output, presence).numpy()
        given = {"features": features.numpy(), "imu": imu.numpy()}
        if network.novelty:
            given["presence"] = presence.numpy()
        written = head.run(None, given)
        difference = float(np.maximum(difference, np.abs(written[0] - expected[0]).max()))  # NaN stays
        for scores in zip(written[1:], expected[1:]):
            same_shape = scores[0].shape == scores[1].shape
            alike = alike and same_shape and np.allclose(*scores, _SCORES_PARITY, _SCORES_PARITY)
    return difference, alike


def _presence(modalities: Sequence[str]) -> Tensor:
    """Return (1, 2) of 1 for each modality that is there and 0 for each other one."""
    return torch.tensor([[float(each in modalities) for each in MODALITIES]])


def extract_trunk(encoder: Path, path: Path) -> None:
    """Write the trunk that an exported encoder begins with. Raises HarError where `har train` did not export it."""
    try:
        onnx.utils.extract_model(str(encoder), str(path), ["frames"], ["maps"])
    except (ValueError, KeyError):
        raise HarError(f"'{encoder}' was not exported by this version of har train; train it again") from None


def zero_shares(folder: Path) -> dict[str, float]:
    """Return the share of zeros in each weight of the ONNX files that pruning applies to.

    These are the convolutions except the stem and the depthwise ones, and the head's first dense layer.
    """
    encoder, head = (onnx.load(str(folder / name)).graph for name in (ENCODER_FILE, HEAD_FILE))
    convolutions = [node for node in encoder.node if node.op_type == "Conv"][1:]
    pointwise = [node for node in convolutions if _groups(node) == 1]
    dense = next(node for node in head.node if node.op_type == "Gemm")
    shares = {}
    for graph, nodes in ((encoder, pointwise), (head, [dense])):
        weights = {entry.name: numpy_helper.to_array(entry) for entry in graph.initializer}
        shares |= {node.name: float((weights[node.input[1]] == 0).mean()) for node in nodes}
    return shares


def _groups(node: onnx.NodeProto) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == "group"), 1)


def _join(trunk: Path, frame_encoder: nn.Module, maps: Tensor, path: Path) -> None:
    """Write the trunk's graph with the network's part of each frame behind it."""
    first = onnx.load(str(trunk))
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".onnx") as draft:
        _export(frame_encoder.eval(), {"maps": maps}, ["features"], Path(draft.name))
        second = onnx.load(draft.name)
    second.ir_version = first.ir_version
    joined = compose.merge_models(
        first, compose.add_prefix(second, "frame/"), io_map=[("maps", "frame/maps")], name="frame_encoder"
    )
    opsets = {each.domain: each for each in reversed(joined.opset_import)}  # both files' are listed, each domain's once
    del joined.opset_import[:]
    joined.opset_import.extend(opsets.values())  # quantising refuses a domain that is there twice
    joined.graph.output[0].name = "features"
    for node in joined.graph.node:
        node.output[:] = ["features" if name == "frame/features" else name for name in node.output]
    onnx.checker.check_model(joined)
    onnx.save(joined, str(path))


def _export(module: nn.Module, inputs: dict[str, Tensor], outputs: list[str], path: Path) -> None:
    # The TorchScript exporter: it writes plain LSTM nodes, folds batch normalisation, and takes 0.2 s
    # where the newer one takes 6 to 16 s and wraps each LSTM into a dozen shape nodes.
    with warnings.catch_warnings(), tempfile.NamedTemporaryFile(dir=path.parent, suffix=".onnx") as draft:
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            tuple(inputs.values()),
            draft.name,
            dynamo=False,
            opset_version=_OPSET,
            input_names=list(inputs),
            output_names=outputs,
            dynamic_axes=dict.fromkeys([*inputs, *outputs], _BATCH),
        )
        model = onnx.load(draft.name)
    given = {entry.name for entry in model.graph.input}
    for name, tensor in inputs.items():  # the exporter drops those that a network doesn't look at
        if name not in given:
            shape = ["N", *tensor.shape[1:]]
            model.graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
