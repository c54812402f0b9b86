"""Both inputs, camera and accelerometer: subscribed, guarded, paired, with what is known about their health."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image, Imu

from har_ros.core.errors import HarError
from har_ros.core.freshness import CAMERA, IMU, Refusals, StampWatch
from har_ros.core.preprocess import check_reading
from har_ros.link.session import StampedReading
from har_ros.nodes import qos
from har_ros.nodes.executor import with_info
from har_ros.nodes.imu_cdr import read_imu
from har_ros.nodes.neighbours import Neighbours
from har_ros.nodes.pairs import Pairs, stamp_ns_of
from har_ros.nodes.rates import LossMeter, RateMeter


@dataclass(frozen=True)
class InputSettings:
    """How to listen and to pair: the topic of the images is chosen by `compressed`, for the rest see Pairs."""

    compressed: bool
    reliability: ReliabilityPolicy
    image_depth: int
    queue_size: int
    slop_s: float
    max_wait_s: float


class PairedInputs:
    """Hands on every accelerometer sample, then every image that has a sample close in time.

    on_imu(reading), on_pair(stamp_ns, image message); on_restart() when stamps run backwards.
    Whatever a message makes them raise is logged and counted as dropped, a HarError by its sentence alone: an
    exception would end the node, or leave message_filters' synchroniser locked for good.
    What a neighbour offers is taken from it, and the rest from ROS.
    """

    def __init__(
        self,
        node: Node,
        settings: InputSettings,
        on_imu: Callable[[StampedReading], None],
        on_pair: Callable[[int, Any], None],
        on_restart: Callable[[], None],
        neighbours: Neighbours | None = None,
    ) -> None:
        self._node = node
        self._neighbours = neighbours or Neighbours()
        self._lock = threading.RLock()  # neighbours come in threads of their own
        self._on_imu = on_imu
        self._on_pair = on_pair
        self._on_restart = on_restart
        self.images, self.samples = RateMeter(), RateMeter()
        self._losses = {CAMERA: LossMeter(), IMU: LossMeter()}
        take_pair = self._guarded(CAMERA, self._take_pair)
        self.pairs = Pairs(settings.queue_size, settings.slop_s, settings.max_wait_s, take_pair)
        self._dropped = {CAMERA: 0, IMU: 0}
        self.sync_offset_ms = 0.0
        self._mismatches: dict[str, str] = {}
        self.refusals = Refusals()
        self._watch = StampWatch()
        image_type = CompressedImage if settings.compressed else Image
        image_topic = "camera/image_raw" + ("/compressed" if settings.compressed else "")
        image_profile = QoSProfile(depth=settings.image_depth, reliability=settings.reliability)
        imu_profile = QoSProfile(depth=qos.IMU.depth, reliability=settings.reliability)
        self._endings = [
            self._listen(image_type, image_topic, image_profile, CAMERA, self._take_image),
            self._listen(Imu, "imu/data_raw", imu_profile, IMU, self._take_imu),
        ]

    def restart(self) -> None:
        """Forget what waits for a partner, as after a jump of the clock."""
        self._node.get_logger().warning("the clock or the stamps jumped: starting anew", throttle_duration_sec=5.0)
        with self._lock:
            self._watch = StampWatch()
            self.pairs.restart()

    def close(self) -> None:
        """Unsubscribe."""
        for end in self._endings:
            end()

    @property
    def images_before(self) -> int:
        """Images that were published before the first one came."""
        return self._losses[CAMERA].before

    @property
    def lost_images(self) -> int:
        """Images that were published and never came: the middleware keeps the newest alone."""
        return self._losses[CAMERA].lost

    @property
    def lost_samples(self) -> int:
        """Samples that were published and never came."""
        return self._losses[IMU].lost

    @property
    def dropped_images(self) -> int:
        """Images that came and were refused."""
        return self._dropped[CAMERA]

    @property
    def dropped_samples(self) -> int:
        """Samples that came and were refused."""
        return self._dropped[IMU]

    @property
    def qos_problem(self) -> str:
        """Why an input that has a publisher gets nothing from it; empty while all inputs come."""
        return next(iter(list(self._mismatches.values())), "")

    @property
    def stamps_apart_s(self) -> float:
        """How far apart the newest image's stamp and the newest sample's are."""
        return self._watch.apart_s

    def _listen(
        self, message_type: type, topic: str, profile: QoSProfile, name: str, take: Callable[[Any], None]
    ) -> Callable[[], object]:
        """Take a topic from a neighbour, or else from ROS; return what ends it."""
        guarded, full_name = self._guarded(name, take), self._node.resolve_topic_name(topic)
        if self._neighbours.offers(full_name):
            self._neighbours.listen(full_name, guarded)
            return partial(self._neighbours.leave, full_name, guarded)
        return partial(
            self._node.destroy_subscription, self._subscribe(message_type, topic, profile, name, guarded)
        )

    def _subscribe(
        self, message_type: type, topic: str, profile: QoSProfile, name: str, guarded: Callable[[Any], None]
    ) -> Any:
        losses = self._losses[name]

        def receive(message: Any, info: Any) -> None:
            losses.note(info["publication_sequence_number"])
            guarded(message)

        def note_problem(_event: Any) -> None:
            problem = f"a publisher of {topic} offers less than input_reliability asks for; set that to best_effort"
            if name not in self._mismatches:  # rclpy says nothing where the event has a callback
                self._node.get_logger().warning(problem)
            self._mismatches[name] = problem

        events = SubscriptionEventCallbacks(incompatible_qos=note_problem)
        return self._node.create_subscription(
            message_type, topic, with_info(receive), profile, event_callbacks=events, raw=message_type is Imu
        )

    def _guarded(self, name: str, take: Callable[..., None]) -> Callable[..., None]:
        def callback(*messages: Any) -> None:
            with self._lock:
                try:
                    take(*messages)
                except HarError as error:
                    self._drop(name, str(error))
                except Exception as error:  # noqa: BLE001  see the class
                    self._drop(name, f"{type(error).__name__}: {error}")

        return callback

    def _drop(self, name: str, reason: str) -> None:
        self._dropped[name] += 1
        self.refusals.note(name, reason, time.monotonic())
        self._node.get_logger().warning(f"dropped: {reason}", throttle_duration_sec=5.0)

    def _take_image(self, message: Any) -> None:
        self._count(CAMERA, self.images)
        self._note(CAMERA, stamp_ns_of(message))
        self._hand_on_with_sample(message)

    def _hand_on_with_sample(self, image: Any) -> None:
        self.pairs.add_image(image)

    def _take_imu(self, received: bytes | StampedReading) -> None:
        """Take a sample as it comes from ROS or from a neighbour."""
        self._count(IMU, self.samples)
        reading = read_imu(received) if isinstance(received, bytes) else received
        check_reading(reading.accel_mps2)
        self._note(IMU, reading.stamp_ns)
        self._on_imu(reading)
        self.pairs.add_sample(reading.stamp_ns)

    def _take_pair(self, image: Any, sample_ns: int) -> None:
        stamp_ns = stamp_ns_of(image)
        self.sync_offset_ms = (sample_ns - stamp_ns) / 1e6
        self._on_pair(stamp_ns, image)

    def _count(self, name: str, meter: RateMeter) -> None:
        """Count a message that came, whatever is in it."""
        meter.note()
        self._mismatches.pop(name, None)

    def _note(self, name: str, stamp_ns: int) -> None:
        """Note a message before it is used; may raise HarError to refuse it."""
        if self._watch.went_back(name, stamp_ns):
            self._on_restart()
