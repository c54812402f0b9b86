"""The accelerometer alone."""

from __future__ import annotations

from torch import Tensor, nn

from har_ros.core.model_card import IMU
from har_ros.training.networks.base import Output, new_classes
from har_ros.training.networks.branches import Autoencoder, FeatureNetwork, ImuBranch, Settings, summary
from har_ros.training.networks.distance import ClassDistance


class ImuNetwork(FeatureNetwork):
    """The IMU branch of the other networks and a softmax layer; the pictures are not looked at."""

    modalities = (IMU,)
    cases = (IMU,)

    def __init__(self, settings: Settings, last_block: nn.Sequential | None) -> None:
        super().__init__(settings, last_block)
        self.imu = ImuBranch(settings)
        self.dropout = nn.Dropout(settings.dropout)
        self.classes = new_classes(2 * settings.imu_units)
        self.autoencoder = Autoencoder(settings.imu_units, settings.autoencoder_units)
        self.distance = ClassDistance(2 * settings.imu_units)

    def window(self, projected: Tensor, imu: Tensor, presence: Tensor) -> Output:
        """Return the answer."""
        states = self.imu(imu)
        motion = summary(states)
        sequence = states.detach()
        error = self.autoencoder.errors(self.autoencoder.encode(sequence), sequence).mean(1)
        return Output(self.classes(self.dropout(motion)), reconstruction=error, motion=motion)
