"""The trained part of section III: last convolution block, video LSTM, IMU LSTM, fusion, softmax."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from har_ros.core.imu_steps import IMU_READINGS
from har_ros.core.labels import LABELS
from har_ros.training.backbone import FEATURES
from har_ros.training.profile import Profile


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
        """Return features (N, 1280), averaged over the P positions of maps (N, P, C)."""
        features: Tensor = (self.pointwise(maps) * self.scale + self.shift).clamp(0, 6).mean(1)
        return features

    def as_convolution(self) -> nn.Module:
        """Return the same layer for maps (N, C, h, w), without the average."""
        convolution = nn.Conv2d(self.pointwise.in_features, self.pointwise.out_features, 1)
        with torch.no_grad():
            convolution.weight.copy_((self.pointwise.weight * self.scale[:, None])[..., None, None])
            convolution.bias.copy_(self.shift)  # type: ignore[union-attr]
        return nn.Sequential(convolution, nn.ReLU6())


class HarNetwork(nn.Module):
    """Maps of the frozen trunk and normalised IMU readings -> logits of the six activities."""

    def __init__(self, profile: Profile, last_block: nn.Sequential | None) -> None:
        """`last_block` is the trained end of the backbone; without one the trunk gives pooled features."""
        super().__init__()
        self.tail = LastBlock(last_block) if last_block is not None else nn.Flatten()
        self.video = SequenceLSTM(FEATURES, profile.video_units, profile.video_dropout)
        self.imu = SequenceLSTM(
            len(IMU_READINGS),
            profile.imu_units,
            profile.imu_dropout,
            profile.imu_recurrent_dropout,
            profile.imu_memory_steps,
            profile.imu_gain,
        )
        self._video_withheld = profile.video_withheld
        self.dense = nn.Linear(profile.video_units + profile.imu_units, profile.dense_units)
        self.dropout = nn.Dropout(profile.dense_dropout)
        self.classes = nn.Linear(profile.dense_units, len(LABELS))
        for layer in (self.dense, self.classes):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, maps: Tensor, imu: Tensor) -> Tensor:
        """Return logits (B, 6) of maps (B, T, P, C) at P positions of a picture, and imu (B, T, 3)."""
        batch, steps, positions, channels = maps.shape
        features = self.tail(maps.reshape(batch * steps, positions, channels)).view(batch, steps, FEATURES)
        video = self.video(features)
        if self.training:  # whole clips, and not scaled up as in plain dropout: in use no clip is without pictures
            video = video * (torch.rand(batch, 1) >= self._video_withheld)
        return self.fuse(video, self.imu(imu))

    def fuse(self, video: Tensor, imu: Tensor) -> Tensor:
        """Return logits (B, 6) of the two branches' outputs."""
        joined = torch.cat([video, imu], 1)
        logits: Tensor = self.classes(self.dropout(functional.relu(self.dense(joined))))
        return logits
