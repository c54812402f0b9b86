"""Feature-level fusion by gates that weigh the two branches against each other, number by number.

Arevalo et al., "Gated Multimodal Units for Information Fusion", 2017; here with a softmax over the branches that
are there, so that the gates of one that is missing are 0.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from har_ros.core.model_card import CAMERA, IMU, MODALITIES
from har_ros.training.networks.base import Output, new_classes
from har_ros.training.networks.branches import (
    Autoencoder,
    FeatureNetwork,
    ImuBranch,
    Settings,
    VideoBranch,
    summary,
    there,
)

_SHUT = -1e4  # a gate's logit: its softmax is 0


class AttentionNetwork(FeatureNetwork):
    """Gated fusion; a learnt token stands for the branch that is missing when the gates are set."""

    def __init__(self, settings: Settings, last_block: nn.Sequential | None) -> None:
        super().__init__(settings, last_block)
        sizes = (2 * settings.video_units, 2 * settings.imu_units)
        self.branches = nn.ModuleList([VideoBranch(settings), ImuBranch(settings)])
        self.tokens = nn.ParameterList([nn.Parameter(torch.zeros(size)) for size in sizes])
        self.values = nn.ModuleList([nn.Linear(size, settings.fused_units) for size in sizes])
        self.gates = nn.Linear(sum(sizes), len(sizes) * settings.fused_units)
        self.dropout = nn.Dropout(settings.dropout)
        self.classes = new_classes(settings.fused_units)
        self.alone = nn.ModuleList([new_classes(size) for size in sizes])
        self.autoencoder = Autoencoder(settings.video_units + settings.imu_units, settings.autoencoder_units)

    def window(self, projected: Tensor, imu: Tensor, presence: Tensor) -> Output:
        """Return the answer."""
        states = [branch(given) for branch, given in zip(self.branches, (projected, imu))]
        masks = [there(presence, place) for place in range(len(MODALITIES))]
        summaries = [summary(each) for each in states]
        shown = [torch.where(mask, each, token) for mask, each, token in zip(masks, summaries, self.tokens)]
        shut = torch.stack([torch.where(mask, 0.0, _SHUT) for mask in masks], 1)
        logits = self.gates(torch.cat(shown, 1)).unflatten(1, (len(masks), -1)) + shut
        values = torch.stack([torch.tanh(value(each)) for value, each in zip(self.values, shown)], 1)
        fused = (torch.softmax(logits, 1) * values).sum(1)
        alone = [layer(self.dropout(each)) for layer, each in zip(self.alone, summaries)]
        return Output(
            self.classes(self.dropout(fused)),
            {CAMERA: alone[0], IMU: alone[1]},
            self._reconstruction(states, masks),
        )

    def _reconstruction(self, states: list[Tensor], masks: list[Tensor]) -> Tensor:
        """Return how badly the branches' states are given again; the autoencoder learns, the branches don't by it."""
        seen = [torch.where(mask[:, None], each.detach(), 0.0) for mask, each in zip(masks, states)]
        weight = torch.cat([mask[:, None].float().expand_as(each[:, :1]) for mask, each in zip(masks, states)], 2)
        sequence = torch.cat(seen, 2)
        return self.autoencoder.error(self.autoencoder.encode(sequence), sequence, weight)
