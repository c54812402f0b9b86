"""Replays a bag on its own stamps through the code of the fusion node, and scores what comes out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from har_ros.core.decision import AlarmState
from har_ros.core.errors import HarError
from har_ros.core.freshness import StampWatch
from har_ros.core.fusion_settings import FusionSettings
from har_ros.core.labels import parse_activity
from har_ros.core.mount import rotation_matrix
from har_ros.core.pairing import ApproximateTimePairer
from har_ros.evaluation.bag import Input, open_bag, picture, stamp_ns
from har_ros.evaluation.metrics import score
from har_ros.evaluation.report import model_detail
from har_ros.evaluation.timeline import CHANGE_MARGIN_S, SECOND_NS, Timeline
from har_ros.inference.model import HarModel
from har_ros.inference.recogniser import Recognition, StreamingRecogniser

_IMAGE, _IMU = 0, 1


@dataclass
class Second:
    """What the windows that end in one second said."""

    labels: Counter[str] = field(default_factory=Counter)
    probabilities: NDArray[np.float64] | float = 0.0
    top_score: float = 0.0
    alarm: bool = False

    def add(self, recognition: Recognition) -> None:
        """Take one window."""
        self.labels[recognition.activity.label] += 1
        self.probabilities = self.probabilities + recognition.activity.probabilities.astype(np.float64)
        self.top_score = max(self.top_score, recognition.anomaly.score)
        self.alarm |= recognition.anomaly.state is AlarmState.ALARM


class Replay:
    """The fusion node without ROS: takes messages in their recorded order and keeps what it would have said.

    The time of everything is that of the messages' stamps. `ground_truth` has no stamp: it counts from the
    newest stamp before it. Where stamps jump back, as in a looped recording, time goes on from the newest.
    """

    def __init__(self, model: HarModel, settings: FusionSettings) -> None:
        model.card = settings.overlay(model.card)
        self._rotation = rotation_matrix(settings.mount_rotation)
        self._recogniser = StreamingRecogniser(model, settings.alarm_policy(model.card))
        self._pairer = ApproximateTimePairer(2, settings.queue_size, int(settings.slop_s * 1e9), self._take_pair)
        self._watch = StampWatch()
        self._newest_ns: int | None = None
        self._shift_ns = 0
        self._truth = ""
        self.timeline = Timeline()
        self.seconds: dict[int, Second] = {}
        self.counts = dict.fromkeys(
            ("images", "imu_samples", "paired", "windows", "dropped_samples", "failed_frames", "restarts"), 0
        )
        self.first_failure = ""
        self.start_ns = 0

    def take(self, kind: Input, message: Any) -> None:
        """Take one message. Raises HarError where the truth names no activity."""
        if kind is Input.TRUTH:
            self._take_truth(message.data)
        elif kind is Input.IMU:
            self._take_imu(message)
        else:
            self.counts["images"] += 1
            self._note(kind, stamp_ns(message))
            self._pairer.add(_IMAGE, stamp_ns(message), message)

    def _take_truth(self, text: str) -> None:
        try:
            self._truth = parse_activity(text).value
        except ValueError as error:
            raise HarError(f"the bag's ground_truth can't be scored: {error}") from None
        if self._newest_ns is not None:
            self.timeline.note_truth(self._newest_ns + self._shift_ns, self._truth)

    def _take_imu(self, message: Any) -> None:
        self.counts["imu_samples"] += 1
        accel = message.linear_acceleration
        accel_mps2 = np.array((accel.x, accel.y, accel.z), np.float32)
        if not np.isfinite(accel_mps2).all():
            self.counts["dropped_samples"] += 1
            return
        stamp = stamp_ns(message)
        self._note(Input.IMU, stamp)
        self._recogniser.add_imu(stamp, self._rotation @ accel_mps2)
        self._pairer.add(_IMU, stamp, None)

    def _note(self, kind: Input, stamp: int) -> None:
        went_back = self._watch.went_back(kind.name, stamp)
        if self._newest_ns is None:
            self.start_ns = self._newest_ns = stamp
            if self._truth:
                self.timeline.note_truth(stamp, self._truth)
        elif went_back:
            self.counts["restarts"] += 1
            self._shift_ns += self._newest_ns - stamp
            self._newest_ns = stamp
            self._pairer.clear()
            self._recogniser.restart()
        self._newest_ns = max(self._newest_ns, stamp)

    def _take_pair(self, image: Any, _imu: None) -> None:
        self.counts["paired"] += 1
        try:
            recognition = self._recogniser.add_frame(stamp_ns(image), picture(image))
        except HarError as error:
            self.counts["failed_frames"] += 1
            self.first_failure = self.first_failure or str(error)
            return
        if recognition is not None:
            self._keep(recognition)

    def _keep(self, recognition: Recognition) -> None:
        self.counts["windows"] += 1
        end_ns = recognition.span.end_ns + self._shift_ns
        self.timeline.note_label(end_ns, recognition.activity.label)
        self.timeline.note_alarm(end_ns, recognition.anomaly.state is AlarmState.ALARM)
        self.seconds.setdefault(end_ns // SECOND_NS, Second()).add(recognition)


def replay_bag(path: Path, model: HarModel, settings: FusionSettings, namespace: str | None = None) -> dict[str, Any]:
    """Replay a bag and return the scores of its seconds, ready for JSON and the same every time.

    Without a `ground_truth` n is 0 and only the timeline is told. The settings' thresholds go into the
    model's card. Raises HarError for a broken bag, for one that never fills a window, and for one whose
    truth leaves no second to score.
    """
    replay = Replay(model, settings)
    with open_bag(path, namespace) as bag:
        for kind, message in track(bag.messages(), "replaying", total=bag.count, transient=True):
            replay.take(kind, message)
        topics = {kind.name.lower(): topic for kind, topic in bag.topics.items()}
    if not replay.seconds:
        counts = replay.counts
        raise HarError(
            f"'{path}' never fills a window: {counts['images']} images, {counts['imu_samples']} samples, "
            f"{counts['paired']} pairs, {counts['failed_frames']} failed; {replay.first_failure or 'record for longer'}"
        )
    figures, detail = _scores(replay, model.card.labels)
    if "truth" in topics and not figures["n"]:
        raise HarError(
            f"'{path}' has no second that is {CHANGE_MARGIN_S:g} s from a change of its ground_truth; record longer"
        )
    return {
        **figures,
        "model": {**model_detail(model.card), "settings": asdict(settings)},
        "dataset": {
            "kind": "bag",
            "path": str(path),
            "topics": topics,
            **replay.counts,
            "first_failure": replay.first_failure,
            **detail,
        },
    }


def _scores(replay: Replay, labels: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, Any]]:
    result = replay.timeline.score()
    truth = dict(zip(result.scored, result.pairs))
    start = replay.start_ns // SECOND_NS
    detail: dict[str, Any] = {
        "alarms": {
            "events_s": [
                [round((stamp - replay.start_ns) / SECOND_NS, 3) for stamp in alarm] for alarm in replay.timeline.alarms
            ],
        },
        "timeline": [
            {
                "second": second - start,
                "label": said.labels.most_common(1)[0][0],
                "scored_as": truth[second][0] if second in truth else None,
                "score": round(said.top_score, 4),
                "alarm": said.alarm,
            }
            for second, said in sorted(replay.seconds.items())
        ],
    }
    if not result.pairs:
        empty = dict.fromkeys(("accuracy", "accuracy_ci", "macro_f1", "loss"))
        return {"n": 0, **empty, "per_class": {}, "confusion": [], "labels": list(labels)}, detail
    actual, published = ([pair[side] for pair in result.pairs] for side in (0, 1))
    others = [label for label in dict.fromkeys(published) if label not in labels]
    probabilities = np.stack([_mean(replay.seconds.get(second), len(labels)) for second in result.scored])
    stretches = list(_stretches(result.scored, actual))
    figures, intervals = score(
        actual, published, [*labels, *sorted(others)], probabilities, stretches, "stretches of one activity"
    )
    detail["alarms"] |= {
        "falls": result.falls,
        "falls_alarmed": result.falls_alarmed,
        "fall_delays_s": [round(delay_s, 3) for delay_s in result.fall_delays_s],
        "false_alarms": result.false_alarms,
    }
    detail["window_accuracy"] = _window_accuracy(replay.seconds, truth)
    detail["intervals"] = intervals
    return figures, detail


def _mean(second: Second | None, labels: int) -> NDArray[np.float64]:
    """Return the mean probabilities of a second's windows; without a window nothing is known."""
    if second is None:
        return np.full(labels, 1 / labels)
    return np.asarray(second.probabilities) / second.labels.total()


def _stretches(seconds: tuple[int, ...], truth: list[str]) -> Iterator[int]:
    """Number the stretches of neighbouring seconds with one truth."""
    number = 0
    for index, second in enumerate(seconds):
        if index and (second != seconds[index - 1] + 1 or truth[index] != truth[index - 1]):
            number += 1
        yield number


def _window_accuracy(seconds: dict[int, Second], truth: dict[int, tuple[str, str]]) -> float | None:
    scored = [(seconds[second].labels, label) for second, (label, _) in truth.items() if second in seconds]
    windows = sum(labels.total() for labels, _ in scored)
    return round(sum(labels[label] for labels, label in scored) / windows, 6) if windows else None


def print_timeline(console: Console, report: dict[str, Any]) -> None:
    """Print what was said, stretch by stretch, and the alarms."""
    table = Table("seconds", "said", "scored as", "alarm", title=report["dataset"]["path"])
    rows = report["dataset"]["timeline"]
    for key, stretch in groupby(rows, key=lambda row: (row["label"], row["scored_as"] or "", row["alarm"])):
        seconds = [row["second"] for row in stretch]
        table.add_row(f"{seconds[0]} to {seconds[-1]}", key[0], key[1], "ALARM" if key[2] else "")
    console.print(table)
    alarms = report["dataset"]["alarms"]
    console.print(
        f"{len(alarms['events_s'])} alarms, {alarms['false_alarms']} of them without an anomaly; "
        f"{alarms['falls_alarmed']} of {alarms['falls']} falls raised one"
        if report["n"]
        else f"{len(alarms['events_s'])} alarms; there is no ground_truth to score against"
    )
