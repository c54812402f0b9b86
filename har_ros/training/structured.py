"""Structured pruning: whole channels out of a trunk, block by block, and what is left fitted to take their place.

A channel costs what the block's output loses when it goes and the others make up for it as well as they can. That is
the optimal brain surgeon (Hassibi and Stork, NIPS 1992) with a channel of the projecting convolution in place of a
weight: its error is quadratic, so that both the cost and the new weights are exact for the pictures that were looked
at. Blocks are taken from the first to the last, each with the inputs that the thinned ones before it give and the
outputs that it once gave, so that errors don't add up.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from rich.progress import track
from torch import Tensor, nn

from har_ros.training.backbone import InvertedResidual, Trunk

_ROUND_CHANNELS_TO = 16  # any left over double the time that onnxruntime takes for a depthwise layer in integers
_RIDGE = 1e-4  # of the mean variance: channels that always agree would make the fit unstable


def remove_channels(trunk: Trunk, share: float, pictures: Sequence[Tensor]) -> None:
    """Take this share of the hidden channels out of each block of a trunk.

    pictures: batches of frames (N, H, W, 3) uint8 BGR, like those of the training. Inputs and outputs of the blocks
    keep their channels, since residual connections add them up.
    """
    before = copy.deepcopy(trunk)
    with torch.no_grad():
        given = [trunk.normalised(frames) for frames in pictures]
        wanted = given
        for block, block_before in track(
            list(zip(_blocks(trunk), _blocks(before))), "removing channels", transient=True
        ):
            wanted = [block_before(maps) for maps in wanted]
            _thin(block, share, given, wanted)
            given = [block(maps) for maps in given]


class _StemBlock(nn.Module):
    """The stem and the block after it, which has no expanding layer of its own, as one block that has."""

    residual = False

    def __init__(self, stem: nn.Sequential, block: InvertedResidual) -> None:
        super().__init__()
        self.conv = nn.Sequential(stem, *block.conv)

    def forward(self, maps: Tensor) -> Tensor:
        """Return the block's output for normalised pictures (N, 3, H, W)."""
        output: Tensor = self.conv(maps)
        return output


_Block = InvertedResidual | _StemBlock


def _blocks(trunk: Trunk) -> list[_Block]:
    """Return the blocks with hidden channels, first to last: each one's output is the next one's input."""
    stem, first, *others = trunk.blocks
    assert isinstance(stem, nn.Sequential) and isinstance(first, InvertedResidual)
    return [_StemBlock(stem, first), *(each for each in others if isinstance(each, InvertedResidual))]


def _thin(block: _Block, share: float, given: Sequence[Tensor], wanted: Sequence[Tensor]) -> None:
    """Leave a block the channels that serve it best, and fit its projection to the outputs `wanted`."""
    import torch_pruning

    moments = _Moments.of(block, given, wanted)
    hidden = len(moments.mean)
    count = max(_ROUND_CHANNELS_TO * round((1 - share) * hidden / _ROUND_CHANNELS_TO), _ROUND_CHANNELS_TO)
    kept, weights = moments.fit(count)
    removed = sorted(set(range(hidden)) - set(kept.tolist()))
    with torch.enable_grad():  # by which it finds out which layers depend on each other
        graph = torch_pruning.DependencyGraph().build_dependency(block.requires_grad_(True), given[0][:1])
    graph.get_pruning_group(block.conv[0][0], torch_pruning.prune_conv_out_channels, removed).prune()
    project, norm = block.conv[-2:]
    assert isinstance(project, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
    project.weight.copy_(weights[:, :, None, None])
    norm.running_mean.copy_(weights @ moments.mean[kept].float())  # so that normalisation only adds the mean output
    norm.running_var.fill_(1 - norm.eps)
    norm.weight.fill_(1)
    norm.bias.copy_(moments.output_mean)
    block.requires_grad_(False)


@dataclass(frozen=True)
class _Moments:
    """First and second moments of a block's hidden channels (H) and of what its projection (O) should give."""

    mean: Tensor
    output_mean: Tensor
    covariance: Tensor
    cross: Tensor

    @staticmethod
    def of(block: _Block, given: Sequence[Tensor], wanted: Sequence[Tensor]) -> _Moments:
        count, sums = 0, None
        for maps, goal in zip(given, wanted):
            hidden = _columns(block.conv[:-2](maps))
            output = _columns(goal - maps if block.residual else goal)
            new = (hidden.sum(1), output.sum(1), hidden @ hidden.T, output @ hidden.T)
            sums = new if sums is None else tuple(old + each for old, each in zip(sums, new))
            count += hidden.shape[1]
        assert sums is not None
        mean, output_mean, square, product = (each / count for each in sums)
        return _Moments(mean, output_mean, square - mean.outer(mean), product - output_mean.outer(mean))

    def fit(self, count: int) -> tuple[Tensor, Tensor]:
        """Return the `count` channels to keep (sorted) and the projection's weights (O, count) for them."""
        size = len(self.mean)
        ridge = _RIDGE * self.covariance.diagonal().mean()
        inverse = torch.linalg.inv(self.covariance + ridge * torch.eye(size, dtype=self.covariance.dtype))
        weights = self.cross @ inverse
        kept = torch.ones(size, dtype=torch.bool)
        for _ in range(size - count):
            costs = weights.square().sum(0) / inverse.diagonal()
            worst = int(costs.where(kept, torch.inf).argmin())
            row = inverse[worst] / inverse[worst, worst]
            weights.addr_(weights[:, worst].clone(), row, alpha=-1)
            inverse.addr_(inverse[:, worst].clone(), row, alpha=-1)  # its row and column become 0
            kept[worst] = False
        return kept.nonzero()[:, 0], weights[:, kept].float()


def _columns(maps: Tensor) -> Tensor:
    """Bring maps (N, C, H, W) into the form (C, N * H * W), float64: sums of millions."""
    return maps.transpose(0, 1).flatten(1).double()
