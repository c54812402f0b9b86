"""Whether the inputs are fresh enough to say anything, and whether time itself went back: the rules behind STALE."""

from __future__ import annotations

import math

from har_ros.core.errors import HarError
from har_ros.core.model_card import CAMERA as MODEL_CAMERA
from har_ros.core.model_card import IMU as MODEL_IMU
from har_ros.core.model_card import MODALITIES, ModelCard
from har_ros.core.windows import LOST_S

BACKWARD_NS = 1_000_000_000  # a stamp that is merely late lies less far behind
_OF_LATE_S = 2.0  # what was refused longer ago explains nothing
_BURST_S = 1.0  # what is older fills no window, however it was held up

# What the fusion node watches, as its reasons name them.
CAMERA, IMU, PAIR, WINDOW = "camera image", "accelerometer sample", "matching pair", "complete window"


def needed_inputs(card: ModelCard) -> tuple[str, ...]:
    """Return what must be fresh for a verdict of this model: what it can go without need not be."""
    needed = [name for modality, name in ((MODEL_CAMERA, CAMERA), (MODEL_IMU, IMU)) if not card.goes_without(modality)]
    return (*needed, PAIR, WINDOW) if len(needed) == len(MODALITIES) else (*needed, WINDOW)


class Freshness:
    """Watches named inputs by two clocks at once.

    The stamp's age on the node's clock catches late data, the arrival's age on a steady clock catches
    silence even while the node's clock stands still or jumps. Both must be within `timeout_s`.
    """

    def __init__(self, inputs: tuple[str, ...], timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._seen: dict[str, tuple[int, float] | None] = dict.fromkeys(inputs)
        self._late_since_s: dict[str, float] = {}

    def admit(self, name: str, stamp_ns: int, now_ns: int, steady_s: float) -> None:
        """Raise HarError where a sensor's stamp is further than `timeout_s` from the node's clock.

        Such a message pairs with nothing and makes a verdict of another time. Refused, it counts as silence, and a
        model that can goes on with the other sensor. What comes at once after a stall is late, too, but not for long.
        """
        if not self._is_far(stamp_ns, now_ns):
            self._late_since_s.pop(name, None)
            return
        late_for_s = steady_s - self._late_since_s.setdefault(name, steady_s)
        if 0 < now_ns - stamp_ns <= _BURST_S * 1e9 and late_for_s <= self._timeout_s:
            return
        if stamp_ns == 0:
            raise HarError(f"{name} has no stamp: its driver must set header.stamp")
        delays = "see what delays it, " if stamp_ns < now_ns else ""
        raise HarError(
            f"{_stamped(name, stamp_ns, now_ns)}: {delays}set the clocks by NTP, or use_sim_time for a bag"
        )

    def note(self, name: str, stamp_ns: int, steady_s: float) -> None:
        """Record that input `name`, stamped `stamp_ns`, arrived at `steady_s`; one that isn't watched is ignored."""
        if name in self._seen:
            self._seen[name] = (stamp_ns, steady_s)

    def why_stale(self, now_ns: int, steady_s: float) -> str | None:
        """Return why the inputs can't be trusted now, or None when all of them are fresh."""
        for name, seen in self._seen.items():
            if seen is None:
                return f"no {name} yet"
            stamp_ns, arrived_s = seen
            if steady_s - arrived_s > self._timeout_s:
                return f"no {name} for {steady_s - arrived_s:.1f} s"
            if self._is_far(stamp_ns, now_ns):
                return _stamped(name, stamp_ns, now_ns)
        return None

    def _is_far(self, stamp_ns: int, now_ns: int) -> bool:
        return abs(now_ns - stamp_ns) > self._timeout_s * 1e9


def _stamped(name: str, stamp_ns: int, now_ns: int) -> str:
    age_s = (now_ns - stamp_ns) / 1e9
    return f"{name} is stamped {abs(age_s):.1f} s {'ago' if age_s > 0 else 'in the future'}"


class Refusals:
    """Why messages of each input were refused of late: what comes and is refused is missing all the same."""

    def __init__(self) -> None:
        self._newest: dict[str, tuple[str, float]] = {}

    def note(self, name: str, why: str, steady_s: float) -> None:
        """Record that a message of input `name` was refused at `steady_s`."""
        self._newest[name] = (why, steady_s)

    def of(self, name: str, steady_s: float) -> str:
        """Return the newest reason of an input; empty where that is older than a moment."""
        why, at_s = self._newest.get(name, ("", 0.0))
        return why if steady_s - at_s <= _OF_LATE_S else ""

    def explain(self, reason: str | None, steady_s: float) -> str | None:
        """Return a reason of STALE with what explains it, or None for none."""
        refused = dict.fromkeys(self.of(name, steady_s) for name in (CAMERA, IMU))  # each once
        return reason and "; ".join(filter(None, (reason, *refused)))


class SilenceWatch:
    """Knows whether one input has fallen silent, by the stamps of the other one, which goes on.

    What counts is how long ago it last came, not how old that was: a camera that is always 0.3 s late is there. One
    that is later than `latest_s` is not: what it shows comes too late to be told.
    """

    def __init__(self, latest_s: float = math.inf) -> None:
        self._latest_ns = latest_s * 1e9
        self._came_ns: int | None = None  # its stamp, until the other one tells what time it came at
        self._heard_ns: int | None = None

    def note(self, stamp_ns: int) -> None:
        """Note that the watched input came."""
        self._came_ns = stamp_ns

    def wait_from(self, other_ns: int) -> None:
        """Give an input that has never come LOST_S from here."""
        if self._heard_ns is None:
            self._heard_ns = other_ns

    def is_lost(self, other_ns: int) -> bool:
        """Return whether it is silent at this stamp of the other input; true, too, before it has ever come."""
        if self._came_ns is not None:
            ahead_ns, self._came_ns = self._came_ns - other_ns, None
            if ahead_ns >= -self._latest_ns:
                # What is further ahead has another clock: its stamp tells nothing of when it came.
                self._heard_ns = other_ns + (ahead_ns if 0 < ahead_ns <= BACKWARD_NS else 0)
        return self._heard_ns is None or other_ns - self._heard_ns > LOST_S * 1e9


class StampWatch:
    """Notices when an input's stamps jump back, as with a looped recording or a clock that was set.

    Each input is watched for itself: two whose clocks differ are a matter of freshness, not of time.
    """

    def __init__(self) -> None:
        self._newest_ns: dict[str, int] = {}

    @property
    def apart_s(self) -> float:
        """How far apart the newest stamps of the inputs are; 0 while there is but one."""
        newest_ns = list(self._newest_ns.values())
        return (max(newest_ns) - min(newest_ns)) / 1e9 if newest_ns else 0.0

    def went_back(self, name: str, stamp_ns: int) -> bool:
        """Note a stamp of input `name`; True where it is over a second behind that input's newest.

        All is forgotten then but this stamp, since the other inputs follow.
        """
        back = stamp_ns < self._newest_ns.get(name, stamp_ns) - BACKWARD_NS
        if back:
            self._newest_ns.clear()
        self._newest_ns[name] = max(stamp_ns, self._newest_ns.get(name, stamp_ns))
        return back
