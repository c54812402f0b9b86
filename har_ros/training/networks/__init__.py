"""The networks that a profile may name: a small module each, all trained, exported and scored the same way."""

from __future__ import annotations

from importlib import import_module

from torch import nn

from har_ros.core.errors import HarError
from har_ros.training.networks.base import ActivityNetwork
from har_ros.training.profile import Profile

NETWORKS: dict[str, str] = {  # name -> class, in the module of that name
    "paper": "PaperNetwork",
    "attention": "AttentionNetwork",
    "decision": "DecisionNetwork",
    "video": "VideoNetwork",
    "imu": "ImuNetwork",
}


def network_class(name: str) -> type[ActivityNetwork]:
    """Return the class of the network of that name, which must be one of NETWORKS."""
    kind: type[ActivityNetwork] = getattr(import_module(f"{__name__}.{name}"), NETWORKS[name])
    return kind


def build_network(profile: Profile, last_block: nn.Sequential | None) -> ActivityNetwork:
    """Return a profile's network, untrained; `last_block` is the trained end of the backbone, if there is one.

    Raises HarError where the network trains no block.
    """
    kind = network_class(profile.network)
    if last_block is not None and not kind.trains_block:
        raise HarError(f"profile '{profile.name}': network '{profile.network}' needs pictures.trainable_blocks: 0")
    return kind(profile.heads, last_block)
