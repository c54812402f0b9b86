"""What was published against what was true, second by second: for the demo and for replayed bags."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from har_ros.core.labels import Activity

SECOND_NS = 1_000_000_000
CHANGE_MARGIN_S = 2.0  # a one-second window and the alarm's hold time need this long to follow a change
ALARM_GRACE_S = 2.0


@dataclass(frozen=True)
class TimelineScore:
    """The comparison of a whole timeline.

    pairs:         (true label, published label) of each scored second.
    scored:        the number of each scored second, counted from stamp 0.
    falls, falls_alarmed, fall_delays_s: falls, those that raised the alarm, and how long after its begin each did.
    false_alarms:  alarms that no anomaly explains.
    """

    pairs: tuple[tuple[str, str], ...]
    scored: tuple[int, ...]
    falls: int
    fall_delays_s: tuple[float, ...]
    false_alarms: int

    @property
    def falls_alarmed(self) -> int:
        """Falls that raised the alarm."""
        return len(self.fall_delays_s)

    @property
    def seconds(self) -> int:
        """Seconds that were scored."""
        return len(self.pairs)

    @property
    def right(self) -> int:
        """Seconds in which the published label was the true one."""
        return sum(true == published for true, published in self.pairs)


class Timeline:
    """Collects the truth, the published labels and the alarm over time; all stamps of one clock, in ns."""

    def __init__(self) -> None:
        self._truth: list[tuple[int, str]] = []
        self._labels: dict[int, Counter[str]] = defaultdict(Counter)
        self._alarms: list[tuple[int, int]] = []
        self._alarm_on = False
        self._end_ns = 0

    def note_truth(self, stamp_ns: int, label: str) -> None:
        """From `stamp_ns` on the person does `label`; repetitions change nothing."""
        self._end_ns = max(self._end_ns, stamp_ns)
        if not self._truth or self._truth[-1][1] != label:
            self._truth.append((stamp_ns, label))

    def note_label(self, stamp_ns: int, label: str) -> None:
        """`label` was published at `stamp_ns`."""
        self._end_ns = max(self._end_ns, stamp_ns)
        self._labels[stamp_ns // SECOND_NS][label] += 1

    def note_alarm(self, stamp_ns: int, active: bool) -> None:
        """The alarm was published as on or off at `stamp_ns`."""
        if active and not self._alarm_on:
            self._alarms.append((stamp_ns, stamp_ns))
        elif active:
            self._alarms[-1] = (self._alarms[-1][0], stamp_ns)
        self._alarm_on = active

    def score(self) -> TimelineScore:
        """Compare, leaving out seconds without truth or within CHANGE_MARGIN_S of a change of it."""
        spans = self._spans()
        margin_ns = int(CHANGE_MARGIN_S * SECOND_NS)
        truth: dict[int, str] = {}
        for start_ns, end_ns, label in spans:
            first = -(-(start_ns + margin_ns) // SECOND_NS)
            last = (end_ns - margin_ns) // SECOND_NS
            truth |= dict.fromkeys(range(first, last), label)
        pairs = tuple((label, self._published(second)) for second, label in truth.items())
        grace_ns = int(ALARM_GRACE_S * SECOND_NS)
        falls = [span for span in spans if span[2] == Activity.FALL_OR_COLLAPSE.value]
        delays_s = [self._alarm_delay_s(start, end + grace_ns) for start, end, _ in falls]
        anomalies = [(start, end + grace_ns) for start, end, label in spans if Activity(label).is_anomaly]
        false_alarms = sum(
            not any(first <= end and start <= last for start, end in anomalies) for first, last in self._alarms
        )
        heard_delays_s = tuple(delay_s for delay_s in delays_s if delay_s is not None)
        return TimelineScore(pairs, tuple(truth), len(falls), heard_delays_s, false_alarms)

    @property
    def alarms(self) -> tuple[tuple[int, int], ...]:
        """The first and the last stamp of each alarm, in ns."""
        return tuple(self._alarms)

    def _spans(self) -> list[tuple[int, int, str]]:
        ends = [stamp for stamp, _ in self._truth[1:]] + [self._end_ns]
        return [(start, end, label) for (start, label), end in zip(self._truth, ends)]

    def _published(self, second: int) -> str:
        heard = self._labels.get(second)
        return heard.most_common(1)[0][0] if heard else "nothing"

    def _alarm_delay_s(self, start_ns: int, end_ns: int) -> float | None:
        """Return how long after `start_ns` an alarm was on, or None if none was by `end_ns`."""
        heard = (first for first, last in self._alarms if first <= end_ns and start_ns <= last)
        first = next(heard, None)
        return None if first is None else max(first - start_ns, 0) / SECOND_NS
