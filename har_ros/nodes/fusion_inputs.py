"""The fusion node's inputs: paired, or the camera's alone where the model can do with it; watched for being fresh."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rclpy.node import Node

from har_ros.core.errors import HarError
from har_ros.core.freshness import IMU, PAIR, Freshness, SilenceWatch, needed_inputs
from har_ros.core.model_card import IMU as MODEL_IMU
from har_ros.core.model_card import ModelCard
from har_ros.link.session import StampedReading
from har_ros.nodes.neighbours import Neighbours
from har_ros.nodes.paired_inputs import InputSettings, PairedInputs
from har_ros.nodes.pairs import stamp_ns_of


class FusionInputs(PairedInputs):
    """Paired inputs that know whether they are fresh, within `timeout_s`, and wait for simulated time to begin.

    What is stamped further than that from the node's clock is refused, and so counts as silence. Where the model can
    go without the accelerometer, images don't wait for one that is silent: they are handed on alone. Of an input that
    the model can go without nothing need be fresh.
    """

    def __init__(
        self,
        node: Node,
        card: ModelCard,
        settings: InputSettings,
        timeout_s: float,
        on_imu: Callable[[StampedReading], None],
        on_pair: Callable[[int, Any], None],
        on_restart: Callable[[], None],
        neighbours: Neighbours,
    ) -> None:
        self._timeout_s = timeout_s
        self._needed, self._goes_without_imu = needed_inputs(card), card.goes_without(MODEL_IMU)
        self._samples = SilenceWatch()
        self.freshness = self._nothing_fresh()
        super().__init__(node, settings, on_imu, on_pair, on_restart, neighbours)

    def restart(self) -> None:
        """Forget what is known of freshness, too."""
        with self._lock:
            self.freshness = self._nothing_fresh()
            self._samples = SilenceWatch()
            super().restart()

    def why_stale(self, now_ns: int) -> str | None:
        """Return why there can be no verdict now, or None where there can."""
        steady_s = time.monotonic()
        return self.refusals.explain(self.freshness.why_stale(now_ns, steady_s), steady_s)

    def _nothing_fresh(self) -> Freshness:
        return Freshness(self._needed, self._timeout_s)

    def _note(self, name: str, stamp_ns: int) -> None:
        now_ns = self._node.get_clock().now().nanoseconds
        if now_ns == 0:
            raise HarError("simulated time has not begun: play the bag with --clock, or leave use_sim_time out")
        steady_s = time.monotonic()
        self.freshness.admit(name, stamp_ns, now_ns, steady_s)
        super()._note(name, stamp_ns)
        self.freshness.note(name, stamp_ns, steady_s)
        if name == IMU:
            self._samples.note(stamp_ns)

    def _hand_on_with_sample(self, image: Any) -> None:
        if self._goes_without_imu and self._samples.is_lost(stamp_ns_of(image)):
            self.pairs.let_go()
            self._on_pair(stamp_ns_of(image), image)
        else:
            super()._hand_on_with_sample(image)

    def _take_pair(self, image: Any, sample_ns: int) -> None:
        self.freshness.note(PAIR, stamp_ns_of(image), time.monotonic())
        super()._take_pair(image, sample_ns)
