"""The parameters that decide what the fusion node says: one reading of them for the live node and for replay."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

from har_ros.core.alarm_policy import AlarmPolicy
from har_ros.core.errors import HarError
from har_ros.core.model_card import ModelCard

THRESHOLDS = ("min_confidence", "suspect_score", "alarm_score")
_MIN_TIMEOUT_S = 0.05


@dataclass(frozen=True)
class FusionSettings:
    """Parameters of `fusion`; see config/har.yaml and `ros2 param describe`. A threshold of 0 is the model's own."""

    require_both: bool
    slop_s: float
    imu_rate_hz: float
    max_latency_s: float
    input_timeout_s: float
    publish_rate_hz: float
    motion_gate_levels: float
    min_confidence: float
    suspect_score: float
    alarm_score: float
    on_window_s: float
    shock_mps2: float
    long_lie_s: float
    off_s: float
    lying_tilt_rad: float
    lying_s: float
    wait_for_lying: bool
    drowsy_share: float
    drowsy_episode_s: float
    drowsy_off_s: float
    refractory_s: float
    latch_alarm: bool
    mount_rotation: list[float]

    @property
    def queue_size(self) -> int:
        """Messages of each input that may wait for a partner: twice what comes within `max_latency_s`."""
        return math.ceil(2 * self.imu_rate_hz * self.max_latency_s)

    @property
    def timeout_s(self) -> float:
        """Age from which an input makes a verdict STALE: judged one period before it must be out.

        Raises HarError where the period leaves no time.
        """
        timeout_s = self.input_timeout_s - 1 / self.publish_rate_hz
        if timeout_s < _MIN_TIMEOUT_S:
            raise HarError(
                f"input_timeout_s {self.input_timeout_s:g} leaves no time at "
                f"publish_rate_hz {self.publish_rate_hz:g}; raise either"
            )
        return timeout_s

    def overlay(self, card: ModelCard) -> ModelCard:
        """Return the card with the thresholds that are set here in place of its own, and what it may go without."""
        own = {name: getattr(self, name) for name in THRESHOLDS if getattr(self, name) > 0}
        of_cases = {} if self.min_confidence > 0 else card.min_confidence
        card = replace(card, thresholds={**card.thresholds, **own}, min_confidence=of_cases)
        return card.needing_all() if self.require_both else card

    def alarm_policy(self, card: ModelCard) -> AlarmPolicy:
        """Return the rule of the alarm, by the thresholds of `card`. Raises HarError where they don't fit together."""
        own = {entry.name: getattr(self, entry.name) for entry in fields(AlarmPolicy)}
        return AlarmPolicy(**{name: card.thresholds.get(name, value) for name, value in own.items()})
