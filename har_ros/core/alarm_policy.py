"""The rules of the alarm, in one place: thresholds, spans of time and what they must fulfil."""

from __future__ import annotations

from dataclasses import dataclass

from har_ros.core.errors import HarError

BLINK_S = 0.5  # eyes that are closed for longer are a microsleep; blinks last 0.1 to 0.4 s


@dataclass(frozen=True)
class AlarmPolicy:
    """When the alarm is raised and released. Raises HarError where the rules make no sense.

    suspect_score:    from here on a window is suspect; below it one counts as quiet.
    alarm_score:      from here on a window is sure: of drowsiness, of walking, of a fall.
    on_window_s:      the span looked at for a fall: the mean score of its windows must reach `alarm_score`, or halfway
                      from `suspect_score` to it where a shock was felt.
    shock_mps2:       so far from gravity's must the felt acceleration have been shortly before; where that isn't known,
                      as without a sensor, the model's word is enough.
    long_lie_s:       what looks like a fall and lasts for so long is one though no shock was felt.
    off_s:            so long all windows must be quiet, and the person not lie, before a fall is over.
    lying_tilt_rad:   who lies has the sensor turned by at least this from how it was before the fall.
    lying_s:          so long a fallen person must lie still until that is certain.
    wait_for_lying:   raise the alarm of a fall only then.
    drowsy_share:     share of the trailing minute in drowsiness that raises the alarm.
    drowsy_episode_s: a single episode of drowsiness that does.
    drowsy_off_s:     so long all windows must be quiet before drowsiness is over.
    refractory_s:     the shortest time from an alarm's end to the next one of its kind.
    latch_alarm:      hold the alarm until it is acknowledged.
    """

    suspect_score: float = 0.5
    alarm_score: float = 0.7
    on_window_s: float = 0.5
    shock_mps2: float = 6.5
    long_lie_s: float = 30.0
    off_s: float = 1.0
    lying_tilt_rad: float = 0.8
    lying_s: float = 1.0
    wait_for_lying: bool = False
    drowsy_share: float = 0.2
    drowsy_episode_s: float = 3.0
    drowsy_off_s: float = 5.0
    refractory_s: float = 2.0
    latch_alarm: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.suspect_score < self.alarm_score <= 1:
            raise HarError(
                f"suspect_score {self.suspect_score} and alarm_score {self.alarm_score} "
                "must rise in this order between 0 and 1"
            )
        if not self.shock_mps2 >= 0:
            raise HarError(f"shock_mps2 is {self.shock_mps2}; give 0 m/s^2 or more")
        for name in ("on_window_s", "long_lie_s", "off_s", "lying_s", "drowsy_off_s", "refractory_s"):
            if not getattr(self, name) >= 0:
                raise HarError(f"{name} is {getattr(self, name)}; give 0 s or more")
        if not 0 < self.drowsy_share <= 1:
            raise HarError(f"drowsy_share is {self.drowsy_share}; give more than 0, at most 1")
        if not 0 < self.lying_tilt_rad < 3.14:
            raise HarError(f"lying_tilt_rad is {self.lying_tilt_rad}; give an angle above 0 and below half a turn")
        if not self.drowsy_episode_s >= BLINK_S:
            given = self.drowsy_episode_s
            raise HarError(f"drowsy_episode_s is {given}; give {BLINK_S:g} s or more, as blinks are shorter")


class Held:
    """Whether a condition has held for some time, by the stamps of those who report it."""

    def __init__(self) -> None:
        self._since_ns: int | None = None

    def lasts(self, stamp_ns: int, holds: bool, span_s: float) -> bool:
        """Note whether the condition holds at `stamp_ns`; return whether it has done so for `span_s`."""
        if not holds:
            self._since_ns = None
        elif self._since_ns is None:
            self._since_ns = stamp_ns
        return self._since_ns is not None and stamp_ns - self._since_ns >= span_s * 1e9

    def reset(self) -> None:
        """Begin to count anew."""
        self._since_ns = None
