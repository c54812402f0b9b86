"""Writes the trained network as the two ONNX files of a model folder, and proves them equal to it."""

from __future__ import annotations

import tempfile
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from har_ros.core.errors import HarError
from har_ros.core.imu_steps import IMU_READINGS
from har_ros.core.model_card import ENCODER_FILE, HEAD_FILE
from har_ros.core.windows import STEPS
from har_ros.training.backbone import FEATURES, Trunk
from har_ros.training.network import HarNetwork, LastBlock

PARITY = 1e-5
_OPSET = 17


class _FrameEncoder(nn.Module):
    """Frames (N, size, size, 3) uint8 BGR -> the video LSTM's input projection (N, 4 * units), biases included.

    A frame is in 30 windows, its projection the same in all of them: so it belongs to the frame.
    """

    def __init__(self, trunk: Trunk, network: HarNetwork) -> None:
        super().__init__()
        self.trunk = trunk
        self.tail = network.tail.as_convolution() if isinstance(network.tail, LastBlock) else nn.Identity()
        lstm = network.video.lstm
        self.projection = nn.Linear(FEATURES, 4 * lstm.hidden_size)
        with torch.no_grad():
            self.projection.weight.copy_(lstm.weight_ih_l0)
            self.projection.bias.copy_(lstm.bias_ih_l0 + lstm.bias_hh_l0)

    def forward(self, frames: Tensor) -> Tensor:
        projected: Tensor = self.projection(self.tail(self.trunk(frames)).mean((2, 3)))
        return projected


class _WindowHead(nn.Module):
    """Projected features (N, 30, 4 * units) and imu (N, 30, 3) -> probabilities (N, 6)."""

    def __init__(self, network: HarNetwork) -> None:
        super().__init__()
        self.network = network
        units = network.video.lstm.hidden_size
        self.video = nn.LSTM(4 * units, units, batch_first=True)
        with torch.no_grad():
            for parameter in self.video.parameters():
                parameter.zero_()
            self.video.weight_ih_l0.copy_(torch.eye(4 * units))
            self.video.weight_hh_l0.copy_(network.video.lstm.weight_hh_l0)

    def forward(self, features: Tensor, imu: Tensor) -> Tensor:
        video = self.video(features)[0][:, -1]
        return torch.softmax(self.network.fuse(video, self.network.imu(imu)), 1)


def export_networks(folder: Path, trunk: Trunk, network: HarNetwork, frame_size_px: int) -> dict[str, Any]:
    """Write both ONNX files into `folder` and return the record of their check and their sizes.

    Raises HarError where onnxruntime's probabilities differ from torch's by more than PARITY.
    """
    folder.mkdir(parents=True, exist_ok=True)
    network.eval()
    encoder, head = _FrameEncoder(trunk, network).eval(), _WindowHead(network).eval()
    generator = torch.Generator().manual_seed(0)
    frames = torch.randint(0, 256, (STEPS, frame_size_px, frame_size_px, 3), generator=generator, dtype=torch.uint8)
    imu = torch.randn(1, STEPS, len(IMU_READINGS), generator=generator)
    with torch.no_grad():
        features = encoder(frames)[None]
        maps = trunk(frames).flatten(2).permute(0, 2, 1)[None]
        expected = torch.softmax(network(maps, imu), 1).numpy()
    _export(encoder, {"frames": frames[:1]}, "features", folder / ENCODER_FILE)
    _export(head, {"features": features, "imu": imu}, "probabilities", folder / HEAD_FILE)
    coded = open_session(folder / ENCODER_FILE, 1).run(None, {"frames": frames.numpy()})[0]
    inputs = {"features": coded[None], "imu": imu.numpy()}
    difference = float(np.abs(open_session(folder / HEAD_FILE, 1).run(None, inputs)[0] - expected).max())
    if not difference <= PARITY:
        raise HarError(f"the exported model differs from the trained one by {difference:.1e}; export it again")
    files = {name: folder / name for name in (ENCODER_FILE, HEAD_FILE)}
    return {
        "onnx_difference": difference,
        "bytes": {name: path.stat().st_size for name, path in files.items()},
        "bytes_deflated": {name: len(zlib.compress(path.read_bytes(), 9)) for name, path in files.items()},
    }


def export_trunk(trunk: Trunk, frame_size_px: int, folder: Path) -> Path:
    """Write the trunk alone into `folder`, for filling the cache fast, and return its path."""
    path = folder / "trunk.onnx"
    frames = torch.zeros((1, frame_size_px, frame_size_px, 3), dtype=torch.uint8)
    _export(trunk, {"frames": frames}, "maps", path)
    return path


def open_session(path: Path, threads: int) -> Any:
    """Return an onnxruntime session on the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


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


def _export(module: nn.Module, inputs: dict[str, Tensor], output: str, path: Path) -> None:
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
            output_names=[output],
            dynamic_axes={name: {0: "N"} for name in [*inputs, output]},
        )
        onnx.checker.check_model(draft.name)
        path.write_bytes(Path(draft.name).read_bytes())
