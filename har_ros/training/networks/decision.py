"""Decision-level fusion, as the paper's introduction sketches it: each branch judges, then the judgements are weighed.

The camera's is that of an LSTM autoencoder: what it keeps of the pictures, and how badly it gives them again. The
accelerometer's is that of convolutions and a GRU.
"""

from __future__ import annotations

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
    there,
)
from har_ros.training.networks.distance import ClassDistance


class DecisionNetwork(FeatureNetwork):
    """A weighted sum of the logits of the branches that are there: a product of their probabilities."""

    def __init__(self, settings: Settings, last_block: nn.Sequential | None) -> None:
        super().__init__(settings, last_block)
        self.video = VideoBranch(settings)
        self.imu = ImuBranch(settings)
        self.autoencoder = Autoencoder(settings.video_units, settings.autoencoder_units)
        self.distance = ClassDistance(2 * settings.imu_units)
        self.dropout = nn.Dropout(settings.dropout)
        self.video_classes = new_classes(settings.autoencoder_units + 1)
        self.imu_classes = new_classes(2 * settings.imu_units)
        self.weights = nn.Parameter(torch.ones(2))

    def window(self, projected: Tensor, imu: Tensor, presence: Tensor) -> Output:
        """Return the answer."""
        states = self.video(projected)
        kept = self.autoencoder.encode(states)
        error = self.autoencoder.errors(kept, states.detach()).mean(1)
        video = self.video_classes(self.dropout(torch.cat([kept, error.detach()[:, None]], 1)))
        motion = summary(self.imu(imu))
        body = self.imu_classes(self.dropout(motion))
        judgements = []
        for place, logits in enumerate((video, body)):
            judgements.append(torch.where(there(presence, place), self.weights[place] * logits, 0.0))
        reconstruction = torch.where(there(presence, 0)[:, 0], error, 0.0)
        return Output(judgements[0] + judgements[1], {CAMERA: video, IMU: body}, reconstruction, motion)
