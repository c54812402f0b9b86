"""An untrained trunk for tests, whose maps are of size 1 and differ from picture to picture."""

from __future__ import annotations

import torch

from har_ros.training.backbone import MobileNetV2, Trunk, split


def lively_trunk(trainable_blocks: int = 0) -> Trunk:
    """Return a trunk, the same at each call, whose normalisation keeps its maps from fading from layer to layer."""
    torch.manual_seed(0)
    trunk, _ = split(MobileNetV2().eval(), trainable_blocks)
    with torch.no_grad():
        for module in trunk.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.bias.normal_(0.5, 0.3)
                module.weight.uniform_(1, 4)
    return trunk
