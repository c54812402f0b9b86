"""What was published against what was true, second by second: for the demo and for replayed bags."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from har_ros.core.labels import Activity

SECOND_NS = 1_000_000_000
CHANGE_MARGIN_S = 2.0  # a one-second window and the alarm's hold time need this long to follow a change
ALARM_GRACE_S = 2.0
Span = tuple[int, int, str]  # begin and end in ns, what the person does


@dataclass(frozen=True)
class TimelineScore:
    """The comparison of a whole timeline.

    pairs:         (true label, published label) of each scored second.
    scored:        the number of each scored second, counted from stamp 0.
    falls, falls_alarmed, fall_delays_s: falls, those that raised the alarm, and how long after its begin each did.
    falls_already_on: further falls, in which an alarm went on that the anomaly directly before had raised.
    false_alarms:  alarms that were raised in no anomaly, nor within ALARM_GRACE_S after one.

    An alarm belongs to where it is raised: one that stays on detects nothing that comes later.
    """

    pairs: tuple[tuple[str, str], ...]
    scored: tuple[int, ...]
    falls: int
    fall_delays_s: tuple[float, ...]
    falls_already_on: int
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
        """The alarm was published as on or off at `stamp_ns`; a STALE one is neither, so nothing to note."""
        if active and not self._alarm_on:
            self._alarms.append((stamp_ns, stamp_ns))
        elif active:
            self._alarms[-1] = (self._alarms[-1][0], stamp_ns)
        self._alarm_on = active

    def score(self) -> TimelineScore:
        """Compare, leaving out seconds without truth, of OTHER, or within CHANGE_MARGIN_S of a change of it."""
        spans = self._spans()
        margin_ns = int(CHANGE_MARGIN_S * SECOND_NS)
        truth: dict[int, str] = {}
        for start_ns, end_ns, label in spans:
            if label == Activity.OTHER.value:
                continue
            first = -(-(start_ns + margin_ns) // SECOND_NS)
            last = (end_ns - margin_ns) // SECOND_NS
            truth |= dict.fromkeys(range(first, last), label)
        pairs = tuple((label, self._published(second)) for second, label in truth.items())
        causes = [_cause(first, spans) for first, _ in self._alarms]
        falls = [index for index, span in enumerate(spans) if span[2] == Activity.FALL_OR_COLLAPSE.value]
        raised = [index for index in falls if index in causes]
        delays_s = tuple((self._alarms[causes.index(index)][0] - spans[index][0]) / SECOND_NS for index in raised)
        already_on = sum(self._went_on_into(index, spans, causes) for index in falls if index not in raised)
        return TimelineScore(pairs, tuple(truth), len(falls), delays_s, already_on, causes.count(None))

    @property
    def alarms(self) -> tuple[tuple[int, int], ...]:
        """The first and the last stamp of each alarm, in ns."""
        return tuple(self._alarms)

    def _spans(self) -> list[Span]:
        ends = [stamp for stamp, _ in self._truth[1:]] + [self._end_ns]
        return [(start, end, label) for (start, label), end in zip(self._truth, ends)]

    def _published(self, second: int) -> str:
        heard = self._labels.get(second)
        return heard.most_common(1)[0][0] if heard else "nothing"

    def _went_on_into(self, index: int, spans: list[Span], causes: list[int | None]) -> bool:
        """Return whether an alarm was on as span `index` began, with nothing but anomalies since its own."""
        return any(
            cause is not None
            and cause < index
            and last >= spans[index][0]
            and all(Activity(label).is_anomaly for _, _, label in spans[cause:index])
            for (_, last), cause in zip(self._alarms, causes)
        )


def _cause(onset_ns: int, spans: list[Span]) -> int | None:
    """Return the index of the last anomaly in which, or soon after which, an alarm was raised at `onset_ns`."""
    grace_ns = int(ALARM_GRACE_S * SECOND_NS)
    fitting = (
        index
        for index, (start, end, label) in enumerate(spans)
        if Activity(label).is_anomaly and start <= onset_ns <= end + grace_ns
    )
    return max(fitting, default=None)
