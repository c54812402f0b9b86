"""The network of section III: last convolution block, video LSTM, IMU LSTM, fusion by concatenation, softmax."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from har_ros.core.imu_steps import IMU_READINGS
from har_ros.core.labels import LABELS
from har_ros.training.backbone import FEATURES
from har_ros.training.networks.base import ActivityNetwork, Output
from har_ros.training.profile import a_share, between


@dataclass(frozen=True)
class Settings:
    """Sizes and dropouts."""

    video_units: int = between(1, 1024)
    imu_units: int = between(1, 1024)
    dense_units: int = between(1, 1024)
    video_dropout: float = a_share()
    imu_dropout: float = a_share()
    imu_recurrent_dropout: float = a_share()
    imu_memory_steps: int = between(0, 10_000)
    imu_gain: float = between(0.01, 100.0)
    dense_dropout: float = a_share()


class SequenceLSTM(nn.Module):
    """An LSTM's last output, with the dropout and the initial weights of Keras.

    Dropout masks hold for a whole sequence (Gal and Ghahramani, "A Theoretically Grounded Application of
    Dropout in Recurrent Neural Networks", 2016): on the inputs one for each sequence, on the recurrent
    state one for each batch.

    memory_steps: where it is over 0, the units begin with memories of up to so many steps in place of
                  Keras' single forget bias (Tallec and Ollivier, "Can recurrent neural networks warp
                  time?", 2018).
    gain:         scale of the input weights at the start.
    """

    def __init__(
        self,
        inputs: int,
        units: int,
        dropout: float,
        recurrent_dropout: float = 0.0,
        memory_steps: int = 0,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        self.lstm = nn.LSTM(inputs, units, batch_first=True)
        self._dropout, self._recurrent_dropout = dropout, recurrent_dropout
        nn.init.xavier_uniform_(self.lstm.weight_ih_l0, gain)
        nn.init.orthogonal_(self.lstm.weight_hh_l0)
        nn.init.zeros_(self.lstm.bias_ih_l0)
        nn.init.zeros_(self.lstm.bias_hh_l0)
        forget = torch.log(1 + torch.rand(units) * (memory_steps - 2)) if memory_steps else torch.ones(units)
        with torch.no_grad():
            self.lstm.bias_ih_l0[units : 2 * units] = forget
            if memory_steps:
                self.lstm.bias_ih_l0[:units] = -forget

    def forward(self, sequence: Tensor) -> Tensor:
        """Return (B, units) of a sequence (B, T, inputs)."""
        lstm = self.lstm
        if not self.training:
            last: Tensor = lstm(sequence)[0][:, -1]
            return last
        sequence = sequence * functional.dropout(torch.ones_like(sequence[:, :1]), self._dropout)
        # A unit masked in the state is a column masked in the weights: so torch's fast LSTM serves.
        mask = functional.dropout(torch.ones_like(lstm.weight_hh_l0[:1]), self._recurrent_dropout)
        weights = [lstm.weight_ih_l0, lstm.weight_hh_l0 * mask, lstm.bias_ih_l0, lstm.bias_hh_l0]
        start = sequence.new_zeros(1, len(sequence), lstm.hidden_size)
        return torch.lstm(sequence, (start, start), weights, True, 1, 0.0, True, False, True)[0][:, -1]


class LastBlock(nn.Module):
    """The backbone's last convolution, 1 x 1, with its batch normalisation in inference mode: the trained block.

    As a matrix product over positions it takes a third of the time of a convolution on so few of them.
    """

    scale: Tensor
    shift: Tensor

    def __init__(self, block: nn.Sequential) -> None:
        super().__init__()
        convolution, norm = block[0], block[1]
        self.pointwise = nn.Linear(convolution.in_channels, convolution.out_channels, bias=False)
        with torch.no_grad():
            self.pointwise.weight.copy_(convolution.weight[:, :, 0, 0])
            scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            self.register_buffer("scale", scale)
            self.register_buffer("shift", norm.bias - norm.running_mean * scale)

    def forward(self, maps: Tensor) -> Tensor:
        """Return features (..., 1280), averaged over the P positions of maps (..., P, C)."""
        features: Tensor = (self.pointwise(maps) * self.scale + self.shift).clamp(0, 6).mean(-2)
        return features

    def as_convolution(self) -> nn.Module:
        """Return the same layer for maps (N, C, h, w), without the average."""
        convolution = nn.Conv2d(self.pointwise.in_features, self.pointwise.out_features, 1)
        with torch.no_grad():
            convolution.weight.copy_((self.pointwise.weight * self.scale[:, None])[..., None, None])
            convolution.bias.copy_(self.shift)  # type: ignore[union-attr]
        return nn.Sequential(convolution, nn.ReLU6())


class PaperNetwork(ActivityNetwork):
    """Both branches' last states, concatenated, through a dense layer."""

    Settings = Settings
    imu_channels = IMU_READINGS
    cases = ("camera+imu",)
    novelty = ()
    trains_block = True

    def __init__(self, settings: Settings, last_block: nn.Sequential | None) -> None:
        """`last_block` is the trained end of the backbone; without one the trunk gives pooled features."""
        super().__init__(settings, last_block)
        self.frame_size = 4 * settings.video_units
        self.tail = LastBlock(last_block) if last_block is not None else nn.Flatten(-2)
        self.video = SequenceLSTM(FEATURES, settings.video_units, settings.video_dropout)
        self.imu = SequenceLSTM(
            len(IMU_READINGS),
            settings.imu_units,
            settings.imu_dropout,
            settings.imu_recurrent_dropout,
            settings.imu_memory_steps,
            settings.imu_gain,
        )
        self.dense = nn.Linear(settings.video_units + settings.imu_units, settings.dense_units)
        self.dropout = nn.Dropout(settings.dense_dropout)
        self.classes = nn.Linear(settings.dense_units, len(LABELS))
        for layer in (self.dense, self.classes):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def features(self, maps: Tensor) -> Tensor:
        """Return the trained block's features (B, T, 1280)."""
        features: Tensor = self.tail(maps)
        return features

    def project(self, features: Tensor) -> Tensor:
        """Return the video LSTM's input projection, biases included."""
        lstm = self.video.lstm
        return functional.linear(features, lstm.weight_ih_l0, lstm.bias_ih_l0 + lstm.bias_hh_l0)

    def forward(self, maps: Tensor, imu: Tensor, presence: Tensor) -> Output:
        """Return the answer; the LSTM's dropout lies before its projection, so that here it is run whole."""
        return self._fuse(self.video(self.features(maps)), imu, presence)

    def window(self, projected: Tensor, imu: Tensor, presence: Tensor) -> Output:
        """Return the answer to frames that went through the LSTM's input projection."""
        weight = self.video.lstm.weight_hh_l0
        zeros = torch.zeros(len(weight))
        start = projected.new_zeros(1, projected.shape[0], weight.shape[1])
        weights = [torch.eye(len(weight)), weight, zeros, zeros]
        states = torch.lstm(projected, (start, start), weights, True, 1, 0.0, False, False, True)[0]
        return self._fuse(states[:, -1], imu, presence)

    def prunable(self) -> Sequence[nn.Module]:
        """Return the trained block and the dense layer; the LSTMs and the softmax layer are left whole."""
        return [self.tail.pointwise, self.dense] if isinstance(self.tail, LastBlock) else [self.dense]

    def frame_encoder(self) -> nn.Module:
        """Return the trained block as a convolution, the pooling and the projection."""
        encoder = super().frame_encoder()
        return nn.Sequential(self.tail.as_convolution(), encoder) if isinstance(self.tail, LastBlock) else encoder

    def window_head(self) -> nn.Module:
        """Return a head that is never without pictures: features, imu -> probabilities."""
        return _PaperHead(self)

    def _fuse(self, video: Tensor, imu: Tensor, presence: Tensor) -> Output:
        # Pictures that are withheld in training are not made up for by scaling: in use none are.
        joined = torch.cat([video * presence[:, :1], self.imu(imu)], 1)
        return Output(self.classes(self.dropout(functional.relu(self.dense(joined)))))


class _PaperHead(nn.Module):
    def __init__(self, network: PaperNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, features: Tensor, imu: Tensor) -> Tensor:
        presence = torch.ones(1, 2)
        return torch.softmax(self.network.window(features, imu, presence).logits, 1)
