"""What recording and playing bags share: a short-lived participant, message classes, QoS in and out of a bag."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import rclpy
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rosbags.interfaces import Qos, QosDurability, QosReliability

from har_ros.core.errors import HarError
from har_ros.core.stopping import stop_event
from har_ros.dataset.bag_writer import bag_qos
from har_ros.nodes.process import start_ros

DEPTH = 100  # of any topic: a second or more of messages while the disk or a reader is slow


@contextmanager
def participant(name: str) -> Iterator[tuple[Node, threading.Event]]:
    """Give a node outside of the package's namespace, and an event that the stop signals set.

    Raises HarError where ROS can't start.
    """
    with stop_event() as stopping:
        start_ros()
        node = Node(name, enable_rosout=False, start_parameter_services=False)
        try:
            yield node, stopping
        finally:
            node.destroy_node()
            rclpy.shutdown()


def message_class(msgtype: str) -> Any:
    """Return the class of a type such as `sensor_msgs/msg/Image`; raises HarError where it isn't installed."""
    package, _, name = msgtype.partition("/msg/")
    try:
        return getattr(importlib.import_module(f"{package}.msg"), name)
    except (ImportError, AttributeError, TypeError):  # the last one for a name that is no type's
        raise HarError(f"message type {msgtype} is not installed here; install the package {package}") from None


def common_profile(offered: list[QoSProfile]) -> QoSProfile:
    """Return the most that all publishers of a topic offer: what a subscriber may ask for."""
    reliable = all(profile.reliability == ReliabilityPolicy.RELIABLE for profile in offered)
    latched = all(profile.durability == DurabilityPolicy.TRANSIENT_LOCAL for profile in offered)
    return _profile(reliable, latched)


def to_bag(profile: QoSProfile) -> Qos:
    """Return a profile as a bag notes it."""
    reliability = QosReliability(int(profile.reliability))
    return bag_qos(profile.depth, reliability, QosDurability(int(profile.durability)))


def from_bag(offered: list[Qos]) -> QoSProfile:
    """Return the profile to publish a recorded topic with; reliable where the bag does not say."""
    reliable = all(qos.reliability is not QosReliability.BEST_EFFORT for qos in offered)
    latched = bool(offered) and all(qos.durability is QosDurability.TRANSIENT_LOCAL for qos in offered)
    return _profile(reliable, latched)


def _profile(reliable: bool, latched: bool) -> QoSProfile:
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=DEPTH,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )
