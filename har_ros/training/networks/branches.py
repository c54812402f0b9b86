"""The parts that the networks after the paper's are made of: a branch for each input, an autoencoder.

Their states are (T, B, units), time first, as the runtime's recurrent layers have them: that spares transposing them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from har_ros.core.labels import LABELS
from har_ros.core.windows import STEPS
from har_ros.training.backbone import FEATURES
from har_ros.training.networks.base import ActivityNetwork
from har_ros.training.networks.invariants import InvariantChannels, OrientedChannels, steps_before
from har_ros.training.profile import a_share, between

_MOTION_GAIN = 4.0  # differences of features are about so much smaller than the features


@dataclass(frozen=True)
class Settings:
    """Sizes and dropouts; see config/profiles/edge.yaml."""

    projection: int = between(1, 1024)
    difference_steps: int = between(1, 29)
    video_units: int = between(1, 1024)
    imu_units: int = between(1, 1024)
    fused_units: int = between(1, 1024)
    autoencoder_units: int = between(1, 1024)
    video_dropout: float = a_share()
    dropout: float = a_share()
    orientation: bool


class VideoBranch(nn.Module):
    """Projected frames (B, T, projection) -> states (T, B, units) of an LSTM that also sees how they change."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.register_buffer("_before", steps_before(settings.difference_steps), persistent=False)
        self.lstm = nn.LSTM(2 * settings.projection, settings.video_units)

    def forward(self, projected: Tensor) -> Tensor:
        """Return the states."""
        frames = projected.transpose(0, 1)
        change = frames - frames[self._before]
        states: Tensor = self.lstm(torch.cat([frames, _MOTION_GAIN * change], 2))[0]
        return states


class ImuBranch(nn.Module):
    """IMU steps (B, T, 5) -> states (T, B, units): convolutions over time, then a GRU.

    How the sensor is mounted is all one, unless the settings say `orientation`.
    channels: what is seen of the steps, in place of what the settings say, for steps that hold more.
    """

    def __init__(self, settings: Settings, channels: InvariantChannels | OrientedChannels | None = None) -> None:
        super().__init__()
        units = settings.imu_units
        self.channels = channels or (OrientedChannels() if settings.orientation else InvariantChannels())
        self.convolutions = nn.Sequential(
            nn.Conv1d(self.channels.COUNT, units, 5, padding=2),
            nn.ReLU(),
            nn.Conv1d(units, units, 3, padding=1),
            nn.ReLU(),
        )
        self.gru = nn.GRU(units, units)

    def forward(self, imu: Tensor) -> Tensor:
        """Return the states."""
        seen = self.convolutions(self.channels(imu).transpose(1, 2)).permute(2, 0, 1)
        states: Tensor = self.gru(seen)[0]
        return states


class Autoencoder(nn.Module):
    """An LSTM that keeps a sequence (T, B, size) in a few numbers, and another that gives it again.

    Trained on normal activities alone; what it gives again badly is unlike them (Malhotra et al., "LSTM-based
    Encoder-Decoder for Multi-sensor Anomaly Detection", 2016).
    """

    def __init__(self, size: int, units: int) -> None:
        super().__init__()
        self.encoder = nn.LSTM(size, units)
        self.decoder = nn.LSTM(units, units)
        self.output = nn.Linear(units, size)

    def encode(self, sequence: Tensor) -> Tensor:
        """Return the numbers kept (B, units)."""
        kept: Tensor = self.encoder(sequence)[1][0].squeeze(0)
        return kept

    def errors(self, kept: Tensor, sequence: Tensor) -> Tensor:
        """Return the mean squared error over time, (B, size), of what is given again."""
        given = self.output(self.decoder(kept.expand(STEPS, -1, -1))[0])
        return (given - sequence).square().mean(0)


def summary(states: Tensor) -> Tensor:
    """Return the last state and the mean of all, (B, 2 * units), of states (T, B, units)."""
    return torch.cat([states[-1], states.mean(0)], 1)


def there(presence: Tensor, modality: int) -> Tensor:
    """Return a mask (B, 1): True where the modality of that place is there."""
    return presence[:, modality : modality + 1] > 0.5


class FeatureNetwork(ActivityNetwork):
    """A network on pooled features, which a linear layer projects; its settings are those above."""

    Settings = Settings

    def __init__(self, settings: Settings, last_block: nn.Sequential | None) -> None:
        super().__init__(settings, last_block)
        self.frame_size = settings.projection
        self._video_dropout = settings.video_dropout
        self.projection = nn.Linear(FEATURES, settings.projection)

    def features(self, maps: Tensor) -> Tensor:
        """Return pooled features, in training without some of them: the same ones throughout a clip."""
        pooled = maps.mean(2)
        return pooled * functional.dropout(torch.ones_like(pooled[:, :1]), self._video_dropout, self.training)

    def project(self, features: Tensor) -> Tensor:
        """Return the projection."""
        projected: Tensor = self.projection(features)
        return projected

    def prunable(self) -> Sequence[nn.Module]:
        """Return the linear layers and convolutions but those that give logits."""
        layers = [module for module in self.modules() if isinstance(module, (nn.Linear, nn.Conv1d))]
        return [layer for layer in layers if len(layer.weight) != len(LABELS)]
