"""The fusion node's inputs: both subscriptions, their pairing, and what is known about their health."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image, Imu

from har_ros.core.freshness import CAMERA, IMU, PAIR, WINDOW, Freshness, StampWatch
from har_ros.nodes import qos
from har_ros.nodes.message_filters import Subscriber
from har_ros.nodes.pairs import Pairs, stamp_ns_of
from har_ros.nodes.rates import RateMeter


@dataclass(frozen=True)
class InputSettings:
    """How to listen: the topic of the images is chosen by `compressed`."""

    compressed: bool
    reliability: ReliabilityPolicy
    queue_size: int
    slop_s: float
    max_latency_s: float
    timeout_s: float


class PairedInputs:
    """Hands on every accelerometer sample, then every image that has a sample close in time.

    on_imu(stamp_ns, accel_mps2), on_pair(stamp_ns, image message); on_restart() when stamps run backwards.
    No callback here ever raises: an exception would leave message_filters' synchroniser locked for good.
    """

    def __init__(
        self,
        node: Node,
        settings: InputSettings,
        on_imu: Callable[[int, NDArray[np.float32]], None],
        on_pair: Callable[[int, Any], None],
        on_restart: Callable[[], None],
    ) -> None:
        self._node = node
        self._settings = settings
        self._on_imu = on_imu
        self._on_pair = on_pair
        self._on_restart = on_restart
        self.images, self.samples = RateMeter(), RateMeter()
        self.pairs = Pairs(
            settings.queue_size, settings.slop_s, settings.max_latency_s, self._guarded(self._take_pair)
        )
        self.dropped = 0
        self.sync_offset_ms = 0.0
        self._refused: dict[str, str] = {}
        self.restart()
        image_type = CompressedImage if settings.compressed else Image
        image_topic = "camera/image_raw" + ("/compressed" if settings.compressed else "")
        self._subscribers = [
            self._subscribe(image_type, image_topic, qos.IMAGE.depth, CAMERA, self._take_image),
            self._subscribe(Imu, "imu/data_raw", qos.IMU.depth, IMU, self._take_imu),
        ]

    def restart(self) -> None:
        """Forget what waits for a partner and what is known of freshness, as after a jump of the clock."""
        self._watch = StampWatch()
        self.freshness = Freshness((CAMERA, IMU, PAIR, WINDOW), self._settings.timeout_s)
        self.pairs.restart()

    def close(self) -> None:
        """Unsubscribe."""
        for subscriber in self._subscribers:
            self._node.destroy_subscription(subscriber.sub)

    @property
    def qos_problem(self) -> str:
        """Why an input that has a publisher gets nothing from it; empty while all inputs come."""
        return next(iter(self._refused.values()), "")

    def _subscribe(
        self, message_type: type, topic: str, depth: int, name: str, take: Callable[[Any], None]
    ) -> Subscriber:
        def note_problem(_event: Any) -> None:
            self._refused[name] = f"a publisher of {topic} offers less than input_reliability asks for"

        events = SubscriptionEventCallbacks(incompatible_qos=note_problem)
        profile = QoSProfile(depth=depth, reliability=self._settings.reliability)
        subscriber = Subscriber(self._node, message_type, topic, qos_profile=profile, event_callbacks=events)
        subscriber.registerCallback(self._guarded(take))
        return subscriber

    def _guarded(self, take: Callable[..., None]) -> Callable[..., None]:
        def callback(*messages: Any) -> None:
            try:
                take(*messages)
            except Exception as error:  # noqa: BLE001  see the class
                self._drop(f"{type(error).__name__}: {error}")

        return callback

    def _drop(self, reason: str) -> None:
        self.dropped += 1
        self._node.get_logger().warning(f"dropped a message: {reason}", throttle_duration_sec=5.0)

    def _take_image(self, message: Any) -> None:
        if self._note(CAMERA, self.images, message):
            self.pairs.add_image(message)

    def _take_imu(self, message: Imu) -> None:
        accel = message.linear_acceleration
        accel_mps2 = np.array((accel.x, accel.y, accel.z), np.float32)
        if not np.isfinite(accel_mps2).all():
            self._drop("an accelerometer sample is not finite")
        elif self._note(IMU, self.samples, message):
            self._on_imu(stamp_ns_of(message), accel_mps2)
            self.pairs.add_sample(message)

    def _take_pair(self, image: Any, imu: Imu) -> None:
        stamp_ns = stamp_ns_of(image)
        self.sync_offset_ms = (stamp_ns_of(imu) - stamp_ns) / 1e6
        self.freshness.note(PAIR, stamp_ns, time.monotonic())
        self._on_pair(stamp_ns, image)

    def _note(self, name: str, meter: RateMeter, message: Any) -> bool:
        """Count a message; returns whether it may be used."""
        meter.note()
        self._refused.pop(name, None)
        if self._node.get_clock().now().nanoseconds == 0:  # simulated time has not begun
            return False
        stamp_ns = stamp_ns_of(message)
        if self._watch.went_back(name, stamp_ns):
            self._on_restart()
        self.freshness.note(name, stamp_ns, time.monotonic())
        return True
