"""Makes the network that a profile asks for."""

from __future__ import annotations

from torch import nn

from har_ros.core.errors import HarError
from har_ros.training.networks import network_class
from har_ros.training.networks.base import ActivityNetwork
from har_ros.training.profile import Profile


def build_network(profile: Profile, last_block: nn.Sequential | None) -> ActivityNetwork:
    """Return a profile's network, untrained; `last_block` is the trained end of the backbone, if there is one.

    Raises HarError where the network trains no block.
    """
    kind = network_class(profile.network)
    if last_block is not None and not kind.trains_block:
        raise HarError(f"profile '{profile.name}': network '{profile.network}' needs pictures.trainable_blocks: 0")
    return kind(profile.heads, last_block)
