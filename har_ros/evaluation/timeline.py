"""What was published against what was true, second by second: for the demo and for replayed bags."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass

from har_ros.core.labels import Activity

SECOND_NS = 1_000_000_000
CHANGE_MARGIN_S = 2.0  # a one-second window and the alarm's hold time need this long to follow a change
ALARM_GRACE_S = 2.0
_GRACE_NS = int(ALARM_GRACE_S * SECOND_NS)
Span = tuple[int, int, str]  # begin and end in ns, what the person does


@dataclass(frozen=True)
class TimelineScore:
    """The comparison of a whole timeline.

    pairs:         (true label, published label) of each scored second.
    scored:        the number of each scored second, counted from stamp 0.
    falls, falls_alarmed, fall_delays_s: falls, those that raised the alarm, and how long after its begin each did.
    falls_already_on: further falls, in which an alarm went on that the anomaly directly before had raised.
    false_alarms:  alarms that were raised in no anomaly, nor within ALARM_GRACE_S after one; before the first truth
                   none is false, since nothing is known.
    false_alarm_truths: what the person did as each false alarm was raised; "" where that isn't known.
    drowsy_spells, drowsy_delays_s: spells of drowsiness, and how long after its begin those did that raised one.
    hard_negatives: name of each thing that only looked or felt like an anomaly, and whether a false alarm was raised
                    in it or within ALARM_GRACE_S after.
    duration_s:    from the first truth to the end.
    quiet_s:       of it, the time in which an alarm would be false.

    An alarm belongs to where it is raised: one that stays on detects nothing that comes later.
    """

    pairs: tuple[tuple[str, str], ...]
    scored: tuple[int, ...]
    falls: int
    fall_delays_s: tuple[float, ...]
    falls_already_on: int
    false_alarms: int
    false_alarm_truths: tuple[str, ...] = ()
    drowsy_spells: int = 0
    drowsy_delays_s: tuple[float, ...] = ()
    hard_negatives: tuple[tuple[str, bool], ...] = ()
    duration_s: float = 0.0
    quiet_s: float = 0.0

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


@dataclass(frozen=True)
class _Events:
    """Anomalies of one kind: how many, how late those were told that raised an alarm, how many one was on for."""

    count: int
    delays_s: tuple[float, ...]
    already_on: int


class Timeline:
    """Collects the truth, the published labels and the alarm over time; all stamps of one clock, in ns."""

    def __init__(self) -> None:
        self._truth: list[tuple[int, str]] = []
        self._labels: dict[int, Counter[str]] = defaultdict(Counter)
        self._hard_negatives: list[Span] = []
        self._alarms: list[tuple[int, int]] = []
        self._alarm_on = False
        self._end_ns = 0

    def note_truth(self, stamp_ns: int, label: str) -> None:
        """From `stamp_ns` on the person does `label`; repetitions change nothing."""
        self._end_ns = max(self._end_ns, stamp_ns)
        if not self._truth or self._truth[-1][1] != label:
            self._truth.append((stamp_ns, label))

    def note_hard_negative(self, stamp_ns: int, name: str) -> None:
        """From `stamp_ns` on the person does what only looks or feels like an anomaly; nothing of it where "" is given.

        It lasts until the last repetition, or until something else begins.
        """
        if self._hard_negatives:
            start_ns, _, last = self._hard_negatives[-1]
            self._hard_negatives[-1] = (start_ns, stamp_ns, last)
            if last == name:
                return
        self._hard_negatives.append((stamp_ns, stamp_ns, name))

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
        falls = self._events(Activity.FALL_OR_COLLAPSE, spans, causes)
        drowsy = self._events(Activity.DRIVERS_DROWSINESS, spans, causes)
        false_ns = [
            first
            for (first, _), cause in zip(self._alarms, causes)
            if cause is None and spans and first >= spans[0][0]
        ]
        return TimelineScore(
            pairs=pairs,
            scored=tuple(truth),
            falls=falls.count,
            fall_delays_s=falls.delays_s,
            falls_already_on=falls.already_on,
            false_alarms=len(false_ns),
            false_alarm_truths=tuple(self._true_at(stamp_ns, spans) for stamp_ns in false_ns),
            drowsy_spells=drowsy.count,
            drowsy_delays_s=drowsy.delays_s,
            hard_negatives=tuple(
                (name, any(start <= stamp_ns <= end + _GRACE_NS for stamp_ns in false_ns))
                for start, end, name in self._hard_negatives
                if name
            ),
            duration_s=(self._end_ns - spans[0][0]) / SECOND_NS if spans else 0.0,
            quiet_s=_quiet_s(spans),
        )

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

    def _events(self, label: Activity, spans: list[Span], causes: list[int | None]) -> _Events:
        """Return what became of the spans of an anomaly; `causes` has the span that each alarm belongs to."""
        events = [index for index, span in enumerate(spans) if span[2] == label.value]
        raised = [index for index in events if index in causes]
        delays_s = tuple((self._alarms[causes.index(index)][0] - spans[index][0]) / SECOND_NS for index in raised)
        already_on = sum(self._went_on_into(index, spans, causes) for index in events if index not in raised)
        return _Events(len(events), delays_s, already_on)

    def _true_at(self, stamp_ns: int, spans: list[Span]) -> str:
        return next((label for start, end, label in spans if start <= stamp_ns <= end), "")

    def _went_on_into(self, index: int, spans: list[Span], causes: list[int | None]) -> bool:
        """Return whether an alarm was on as span `index` began, with nothing but anomalies since its own."""
        return any(
            cause is not None
            and cause < index
            and last >= spans[index][0]
            and all(Activity(label).is_anomaly for _, _, label in spans[cause:index])
            for (_, last), cause in zip(self._alarms, causes)
        )


def _quiet_s(spans: list[Span]) -> float:
    """Return how long there was neither an anomaly nor the grace after one."""
    busy_until_ns, quiet_ns = 0, 0
    for start, end, label in spans:
        if Activity(label).is_anomaly:
            busy_until_ns = end + _GRACE_NS
        else:
            quiet_ns += max(end - max(start, busy_until_ns), 0)
    return quiet_ns / SECOND_NS


def _cause(onset_ns: int, spans: list[Span]) -> int | None:
    """Return the index of the last anomaly in which, or soon after which, an alarm was raised at `onset_ns`."""
    fitting = (
        index
        for index, (start, end, label) in enumerate(spans)
        if Activity(label).is_anomaly and start <= onset_ns <= end + _GRACE_NS
    )
    return max(fitting, default=None)
