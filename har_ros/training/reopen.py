"""Makes a trunk of its ONNX file again, float or in 8-bit integers, so that it can be compressed further."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from har_ros.core.errors import HarError
from har_ros.training.backbone import MobileNetV2, Trunk, split

_LEAST_SIZE = 1e-6  # of a channel's weights


def reopen_trunk(file: Path) -> Trunk:
    """Return the trunk that an ONNX file was exported from, whose layers may be thinner than MobileNetV2's by now.

    What was batch normalisation is in the convolutions' weights and biases. Here it gives each channel its size and its
    bias again, so that weights of all layers are of like size, as those who train them expect. Integers become the
    numbers that they stand for.
    Raises HarError where the file holds no such trunk.
    """
    try:
        return _reopened(onnx.load(str(file)).graph)
    except (KeyError, StopIteration, ValueError, RuntimeError) as error:
        raise HarError(f"'{file}' holds no trunk that can be made smaller ({error}); train the model again") from None


def _reopened(graph: onnx.GraphProto) -> Trunk:
    trunk, _ = split(MobileNetV2(), 0)
    layers = [module for module in trunk.modules() if isinstance(module, (nn.Conv2d, nn.BatchNorm2d))]
    nodes = [node for node in graph.node if node.op_type == "Conv"]
    if 2 * len(nodes) != len(layers):
        raise ValueError(f"{len(nodes)} convolutions, not the {len(layers) // 2} of MobileNetV2")
    constants = _constants(graph)
    for node, convolution, norm in zip(nodes, layers[::2], layers[1::2]):
        assert isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
        weight, bias = (torch.from_numpy(constants[name].astype(np.float32)) for name in node.input[1:3])
        size = weight.flatten(1).norm(dim=1).clamp(min=_LEAST_SIZE)
        _set_weight(convolution, weight / size.view(-1, 1, 1, 1))
        _set_norm(norm, size, bias)
    before_stem = next(node for node in graph.node if node.output[0] == nodes[0].input[0])
    mean = constants[before_stem.input[-1]]  # what is subtracted, or the zero point that stands for it
    trunk.mean.copy_(torch.from_numpy(mean.astype(np.float32).reshape(-1, 1, 1)).expand_as(trunk.mean))
    return trunk.eval().requires_grad_(False)


def _constants(graph: onnx.GraphProto) -> dict[str, NDArray[np.generic]]:
    """Return the constants of a graph by their names, among them what becomes of those that are kept as integers."""
    found = {entry.name: numpy_helper.to_array(entry) for entry in graph.initializer}
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and all(name in found for name in node.input):
            kept, scale, zero = (found[name].astype(np.float64) for name in node.input)
            each = (-1, *(1,) * (kept.ndim - 1))  # a scale for each output channel, or one for all
            found[node.output[0]] = (kept - zero.reshape(each)) * scale.reshape(each)
    return found


def _set_weight(convolution: nn.Conv2d, weight: Tensor) -> None:
    depthwise = convolution.groups > 1
    convolution.weight = nn.Parameter(weight)
    convolution.out_channels = len(weight)
    convolution.groups = len(weight) if depthwise else 1
    convolution.in_channels = len(weight) if depthwise else weight.shape[1]


def _set_norm(norm: nn.BatchNorm2d, size: Tensor, bias: Tensor) -> None:
    """Let a normalisation multiply by `size` (O,) and add `bias` (O,)."""
    norm.num_features = len(bias)
    norm.weight, norm.bias = nn.Parameter(size), nn.Parameter(bias)
    norm.running_mean, norm.running_var = torch.zeros_like(bias), torch.full_like(bias, 1 - norm.eps)
