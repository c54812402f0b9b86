"""Feature-level fusion by gates that weigh the two branches against each other, number by number.

Arevalo et al., "Gated Multimodal Units for Information Fusion", 2017; here with a softmax over the branches that
are there, so that the gates of one that is missing are 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from har_ros.core.model_card import CAMERA, IMU
from har_ros.training.networks.base import Output, new_classes
from har_ros.training.networks.branches import (
    Autoencoder,
    FeatureNetwork,
    ImuBranch,
    Settings,
    VideoBranch,
    summary,
)
from har_ros.training.networks.distance import ClassDistance

_SHUT = -1e4  # a gate's logit where its branch is missing: its softmax is 0


class AttentionNetwork(FeatureNetwork):
    """Gated fusion; a learnt token stands for the branch that is missing when the gates are set.

    What is alike in both branches is computed at once, and numbers are told apart by whose they are: at one window a
    call, each operation costs more than its numbers do.
    """

    def __init__(self, settings: Settings, last_block: nn.Sequential | None) -> None:
        super().__init__(settings, last_block)
        units = (settings.video_units, settings.imu_units)
        self._sizes = [2 * each for each in units]
        self.branches = nn.ModuleList([VideoBranch(settings), ImuBranch(settings)])
        self.tokens = nn.ParameterList([nn.Parameter(torch.zeros(size)) for size in self._sizes])
        self.values = nn.ModuleList([nn.Linear(size, settings.fused_units) for size in self._sizes])
        self.gates = nn.Linear(sum(self._sizes), len(units) * settings.fused_units)
        self.dropout = nn.Dropout(settings.dropout)
        self.classes = new_classes(settings.fused_units)
        self.alone = nn.ModuleList([new_classes(size) for size in self._sizes])
        self.autoencoder = Autoencoder(sum(units), settings.autoencoder_units)
        self.distance = ClassDistance(self._sizes[1])
        of_state = _owners(units)
        self.register_buffer("_of_state", of_state, persistent=False)
        self.register_buffer("_of_summary", _owners(self._sizes), persistent=False)
        self.register_buffer("_of_gate", _owners([settings.fused_units] * len(units)), persistent=False)
        # That of all states holds both branches' last ones and then both means; this puts each branch's together.
        by_branch = torch.argsort(torch.cat([of_state, of_state]), stable=True)
        self.register_buffer("_by_branch", by_branch, persistent=False)

    def window(self, projected: Tensor, imu: Tensor, presence: Tensor) -> Output:
        """Return the answer."""
        states = torch.cat([branch(given) for branch, given in zip(self.branches, (projected, imu))], 2)
        summaries = summary(states)[:, self._by_branch]
        there = presence > 0.5
        shown = torch.where(there[:, self._of_summary], summaries, torch.cat(list(self.tokens)))
        bias = torch.where(there[:, self._of_gate], self.gates.bias, _SHUT)
        gates = torch.softmax(self._of_each(torch.addmm(bias, shown, self.gates.weight.t())), 1)
        values = torch.cat([value(each) for value, each in zip(self.values, shown.split(self._sizes, 1))], 1)
        fused = (gates * self._of_each(torch.tanh(values))).sum(1)
        each_branch = summaries.split(self._sizes, 1)
        alone = [layer(self.dropout(each)) for layer, each in zip(self.alone, each_branch)]
        return Output(
            self.classes(self.dropout(fused)),
            {CAMERA: alone[0], IMU: alone[1]},
            self._reconstruction(states, there[:, self._of_state]),
            each_branch[1],
        )

    def _of_each(self, numbers: Tensor) -> Tensor:
        """Return (B, branches, fused_units) of (B, branches * fused_units)."""
        return numbers.reshape(-1, len(self.branches), self.classes.in_features)

    def _reconstruction(self, states: Tensor, there: Tensor) -> Tensor:
        """Return how badly the branches' states are given again; the autoencoder learns, the branches don't by it.

        states: (T, B, size)
        there:  (B, size), False for the states of a branch that is missing
        """
        seen = torch.where(there, states.detach(), 0.0)
        errors = self.autoencoder.errors(self.autoencoder.encode(seen), seen)
        weight = there.float()
        return (errors * weight).sum(1) / weight.sum(1).clamp(min=1)


def _owners(sizes: Sequence[int]) -> Tensor:
    """Return the branch of each number (sum of sizes,) where the branches have so many, one after the other."""
    return torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
