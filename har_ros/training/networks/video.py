"""The camera alone."""

from __future__ import annotations

from torch import Tensor, nn

from har_ros.core.model_card import CAMERA
from har_ros.training.networks.base import Output, new_classes
from har_ros.training.networks.branches import Autoencoder, FeatureNetwork, Settings, VideoBranch, summary


class VideoNetwork(FeatureNetwork):
    """The video branch of the other networks and a softmax layer; the accelerometer is not looked at."""

    modalities = (CAMERA,)
    cases = (CAMERA,)
    novelty = ("energy", "reconstruction")

    def __init__(self, settings: Settings, last_block: nn.Sequential | None) -> None:
        super().__init__(settings, last_block)
        self.video = VideoBranch(settings)
        self.dropout = nn.Dropout(settings.dropout)
        self.classes = new_classes(2 * settings.video_units)
        self.autoencoder = Autoencoder(settings.video_units, settings.autoencoder_units)

    def window(self, projected: Tensor, imu: Tensor, presence: Tensor) -> Output:
        """Return the answer."""
        states = self.video(projected)
        sequence = states.detach()
        error = self.autoencoder.errors(self.autoencoder.encode(sequence), sequence).mean(1)
        return Output(self.classes(self.dropout(summary(states))), reconstruction=error)
