"""The fusion node's inputs: paired, and watched for being fresh."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node
from sensor_msgs.msg import Imu

from har_ros.core.errors import HarError
from har_ros.core.freshness import CAMERA, IMU, PAIR, WINDOW, Freshness
from har_ros.nodes.paired_inputs import InputSettings, PairedInputs
from har_ros.nodes.pairs import stamp_ns_of


class FusionInputs(PairedInputs):
    """Paired inputs that know whether they are fresh, within `timeout_s`, and wait for simulated time to begin."""

    def __init__(
        self,
        node: Node,
        settings: InputSettings,
        timeout_s: float,
        on_imu: Callable[[int, NDArray[np.float32], Imu], None],
        on_pair: Callable[[int, Any], None],
        on_restart: Callable[[], None],
    ) -> None:
        self._timeout_s = timeout_s
        self.freshness = self._nothing_fresh()
        super().__init__(node, settings, on_imu, on_pair, on_restart)

    def restart(self) -> None:
        """Forget what is known of freshness, too."""
        self.freshness = self._nothing_fresh()
        super().restart()

    def _nothing_fresh(self) -> Freshness:
        return Freshness((CAMERA, IMU, PAIR, WINDOW), self._timeout_s)

    def _note(self, name: str, stamp_ns: int) -> None:
        if self._node.get_clock().now().nanoseconds == 0:
            raise HarError("a message from before simulated time has begun")
        super()._note(name, stamp_ns)
        self.freshness.note(name, stamp_ns, time.monotonic())

    def _take_pair(self, image: Any, imu: Imu) -> None:
        self.freshness.note(PAIR, stamp_ns_of(image), time.monotonic())
        super()._take_pair(image, imu)
