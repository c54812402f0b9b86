"""Channels that are taken out: the spare ones go, and what is left gives what the block gave."""

# ruff: noqa: E402 - without torch there is nothing to import
from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("torch_pruning", reason="needs the extra train")

from har_ros.training.backbone import InvertedResidual, MobileNetV2, Trunk
from har_ros.training.structured import remove_channels


def trunk_with_doubles() -> Trunk:
    """Return a stem and three blocks; the second half of the stem's and of each hidden layer repeats the first."""
    torch.manual_seed(0)
    trunk = Trunk(MobileNetV2().features[:4]).eval().requires_grad_(False)
    for module in trunk.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.bias.normal_(0.5, 0.3)
            module.weight.uniform_(2, 20)  # so that the maps are of size 1 and ReLU6 cuts some
    for module in trunk.modules():
        if isinstance(module, InvertedResidual):
            repeat(*(trunk.blocks[0], module.conv[0]) if module is trunk.blocks[1] else module.conv[:2])
    return trunk


def repeat(*hidden: torch.nn.Sequential) -> None:
    for layer in (part for each in hidden for part in each[:2]):
        for values in (each for each in layer.state_dict().values() if each.ndim):
            values[len(values) // 2 :] = values[: len(values) // 2]


def error(trunk: Trunk, before: Trunk, frames: torch.Tensor) -> float:
    wanted = before(frames)
    return float((trunk(frames) - wanted).square().mean() / wanted.var((0, 2, 3)).mean())


def test_spare_channels_go_at_no_cost() -> None:
    trunk = trunk_with_doubles()
    before = copy.deepcopy(trunk)
    seen, unseen = torch.randint(0, 256, (2, 2, 4, 64, 64, 3), dtype=torch.uint8)
    remove_channels(trunk, 0.4, list(seen))
    assert trunk.blocks[0][0].out_channels == 16, "the stem's are the first block's"
    assert [block.conv[0][0].out_channels for block in trunk.blocks[2:]] == [64, 80], "whole vectors of 16"
    assert error(trunk, before, unseen[0]) < 1e-4


def test_what_is_left_makes_up_for_what_is_missed() -> None:
    trunk = trunk_with_doubles()
    before = copy.deepcopy(trunk)
    seen, unseen = torch.randint(0, 256, (2, 2, 4, 64, 64, 3), dtype=torch.uint8)
    remove_channels(trunk, 0.75, list(seen))
    refitted = error(trunk, before, unseen[0])
    for block in trunk.blocks[1:]:
        block.conv[-2].weight.zero_()  # only the mean output remains
    assert refitted < 0.5 * error(trunk, before, unseen[0])
