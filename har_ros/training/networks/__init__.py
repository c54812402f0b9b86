"""The networks that a profile may name: a small module each, all trained, exported and scored the same way."""

from __future__ import annotations

from importlib import import_module

from har_ros.training.networks.base import ActivityNetwork

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
