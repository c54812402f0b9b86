"""What training, export and scoring know of a network."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from har_ros.core.imu_steps import IMU_STATISTICS
from har_ros.core.labels import LABELS, Activity
from har_ros.core.model_card import IMU, MODALITIES, NOVELTIES
from har_ros.training.networks.distance import ClassDistance

_FALL = LABELS.index(Activity.FALL_OR_COLLAPSE.value)
_OF_FALLS = 0.3  # no two are alike: few should be unknown for that; more of it would hide a dead sensor that seems one


@dataclass
class Output:
    """What a network says of B windows.

    logits:         (B, 6)
    auxiliary:      logits (B, 6) of each branch alone, by its modality; for training
    reconstruction: (B,) how badly the autoencoder gave the window again; None for a network without
    motion:         (B, size) what the accelerometer's branch makes of it, felt or not; None for a network without
    """

    logits: Tensor
    auxiliary: dict[str, Tensor] = field(default_factory=dict)
    reconstruction: Tensor | None = None
    motion: Tensor | None = None


class ActivityNetwork(nn.Module, abc.ABC):
    """From the trunk's maps and the IMU's steps to logits of the six activities.

    It is cut where the runtime caches: `frame` is done once for each frame, `window` once for each step.

    Settings:     the dataclass of its section `heads` in a profile.
    modalities:   what it looks at.
    imu_channels: what it takes of each step.
    cases:        combinations of modalities that it can answer with.
    novelty:      the names of its scores.
    frame_size:   numbers of a frame that the window takes.
    distance:     of those that have this score, how far their output's `motion` is from the known ones.
    """

    Settings: ClassVar[type]
    modalities: ClassVar[tuple[str, ...]] = MODALITIES
    imu_channels: ClassVar[tuple[str, ...]] = IMU_STATISTICS
    cases: ClassVar[tuple[str, ...]] = ("camera+imu", "camera", "imu")
    novelty: ClassVar[tuple[str, ...]] = NOVELTIES
    trains_block: ClassVar[bool] = False
    frame_size: int
    distance: ClassDistance

    @abc.abstractmethod
    def __init__(self, settings: Any, last_block: nn.Sequential | None) -> None:
        super().__init__()

    @abc.abstractmethod
    def features(self, maps: Tensor) -> Tensor:
        """Return what is dropped out and then projected, (B, T, C), of maps (B, T, P, C) at P positions."""

    @abc.abstractmethod
    def project(self, features: Tensor) -> Tensor:
        """Return (..., frame_size) of pooled features (..., C)."""

    @abc.abstractmethod
    def window(self, projected: Tensor, imu: Tensor, presence: Tensor) -> Output:
        """Return the answer to projected frames (B, T, frame_size), imu (B, T, channels) and presence (B, 2)."""

    @abc.abstractmethod
    def prunable(self) -> Sequence[nn.Module]:
        """Return the layers whose small weights may become zero."""

    def forward(self, maps: Tensor, imu: Tensor, presence: Tensor) -> Output:
        """Return the answer to maps (B, T, P, C), imu (B, T, channels) and presence (B, 2) of 1 or 0."""
        return self.window(self.project(self.features(maps)), imu, presence)

    def novelty_scores(self, output: Output, presence: Tensor) -> Tensor:
        """Return the scores (B, K) of an output, in the order of `novelty`: the higher, the stranger.

        energy:   Liu et al., "Energy-based Out-of-distribution Detection", 2020.
        distance: less by up to three tenths, the more probable a fall is before the temperature; 0 where no motion is
                  felt.
        """
        scores = {"energy": -torch.logsumexp(output.logits, 1)}
        if output.reconstruction is not None:
            scores["reconstruction"] = output.reconstruction
        if output.motion is not None:
            apart = self.distance(output.motion) * (1 - _OF_FALLS * torch.softmax(output.logits, 1)[:, _FALL])
            scores["distance"] = torch.where(presence[:, MODALITIES.index(IMU)] > 0.5, apart, 0.0)
        kept = [scores[name] for name in self.novelty]
        return torch.stack(kept, 1) if kept else output.logits[:, :0]

    def frame_encoder(self) -> nn.Module:
        """Return what comes after the trunk, for export: maps (N, C, h, w) -> (N, frame_size)."""
        return _FrameEncoder(self)

    def window_head(self) -> nn.Module:
        """Return what comes after the frames, for export: probabilities (N, 6) and novelty (N, K)."""
        return _WindowHead(self)


class _FrameEncoder(nn.Module):
    def __init__(self, network: ActivityNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, maps: Tensor) -> Tensor:
        projected: Tensor = self.network.project(maps.mean((2, 3)))
        return projected


class _WindowHead(nn.Module):
    def __init__(self, network: ActivityNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, features: Tensor, imu: Tensor, presence: Tensor) -> tuple[Tensor, Tensor]:
        output = self.network.window(features, imu, presence)
        return torch.softmax(output.logits, 1), self.network.novelty_scores(output, presence)


def new_classes(inputs: int) -> nn.Linear:
    """Return a last layer, untrained."""
    return nn.Linear(inputs, len(LABELS))
