"""Scores a bag by what the fusion node would have published, second by second."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from har_ros.core.errors import HarError
from har_ros.evaluation.alarms import alarm_rates, print_alarm_rates
from har_ros.evaluation.bag import Input, open_bag
from har_ros.evaluation.metrics import score
from har_ros.evaluation.replay import STALE, Replay, Second
from har_ros.evaluation.report import model_detail
from har_ros.evaluation.settings import load_settings
from har_ros.evaluation.timeline import CHANGE_MARGIN_S, SECOND_NS, TimelineScore
from har_ros.inference.model import HarModel

CORRELATED = "neighbouring seconds resemble each other: n seconds tell less than n independent observations"
UNSCORED = f"every second is of OTHER, or within {CHANGE_MARGIN_S:g} s of a change of the ground_truth"
_REASONS = 5  # the most frequent ones; their numbers make them many


@dataclass(frozen=True)
class Circumstances:
    """How bags are replayed: the fusion node's parameters, whose topics, and as if one input had not been there."""

    params_file: Path | None = None
    namespace: str | None = None
    without: Input | None = None


def replay_bag(path: Path, model: HarModel, how: Circumstances) -> dict[str, Any]:
    """Replay a bag and return the scores, ready for JSON.

    Where no second can be scored n is 0, and the accuracy None; without a `ground_truth` only the timeline is told.
    The parameters' thresholds go into the model's card. Raises HarError for a broken bag, and for one that never fills
    a window.
    """
    with open_bag(path, how.namespace, how.without) as bag:
        settings = load_settings(how.params_file, bag.namespace)
        replay = Replay(model, settings)
        for kind, recorded_ns, message in track(bag.messages(), "replaying", total=bag.count, transient=True):
            replay.take(kind, recorded_ns, message)
        topics = {kind.name.lower(): topic for kind, topic in bag.topics.items()}
    result = replay.timeline.score()
    figures, detail = _scores(replay, result, model.card.labels)
    alarms = {"events_s": _events_s(replay), **(_judged(result) if "truth" in topics else {})}
    reasons = dict(replay.stale_reasons.most_common(_REASONS))
    if not figures["n"]:
        _require_window(path, replay)
    return {
        **figures,
        "model": {**model_detail(model.card), "settings": asdict(settings)},
        "dataset": {
            "kind": "bag",
            "path": str(path),
            "topics": topics,
            **replay.counts,
            "first_failure": replay.first_failure,
            "stale_reasons": reasons,
            "alarms": alarms,
            **detail,
        },
    }


def replay_bags(paths: Sequence[Path], model: HarModel, how: Circumstances) -> dict[str, Any]:
    """Replay several bags and return the report of each, and their alarms together, ready for JSON.

    Raises HarError as `replay_bag` does, and before the first is replayed for a bag without `ground_truth`.
    """
    for path in paths:
        with open_bag(path, how.namespace, how.without) as bag:
            if Input.TRUTH not in bag.topics:
                raise HarError(f"'{path}' has no ground_truth, so its alarms can't be counted; leave it out")
    bags = {str(path): replay_bag(path, model, how) for path in paths}
    return {"alarm_rates": alarm_rates([report["dataset"]["alarms"] for report in bags.values()]), "bags": bags}


def _require_window(path: Path, replay: Replay) -> None:
    counts = replay.counts
    if not counts["windows"]:
        stale = next(iter(dict(replay.stale_reasons.most_common(1))), "record for longer")
        raise HarError(
            f"'{path}' never fills a window: {counts['images']} images, {counts['imu_samples']} samples, "
            f"{counts['paired']} pairs, {counts['failed_frames']} failed; {replay.first_failure or stale}"
        )


def _scores(
    replay: Replay, result: TimelineScore, labels: tuple[str, ...]
) -> tuple[dict[str, Any], dict[str, Any]]:
    truth = dict(zip(result.scored, result.pairs))
    start_s = (replay.start_ns or 0) // SECOND_NS
    detail: dict[str, Any] = {
        "timeline": [
            {
                "second": second - start_s,
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
    seconds = [replay.seconds[second] for second in result.scored]
    probabilities = np.stack([np.asarray(second.probabilities) / second.labels.total() for second in seconds])
    stretches = list(_stretches(result.scored, actual))
    figures, intervals = score(
        actual, published, [*labels, *sorted(others)], probabilities, stretches, "stretches of one activity"
    )
    detail["result_accuracy"] = _result_accuracy(seconds, actual)
    detail["intervals"] = {**intervals, "note": CORRELATED}
    return figures, detail


def _events_s(replay: Replay) -> list[list[float]]:
    """Return the first and the last time of each alarm, since the bag began."""
    start_ns = replay.start_ns or 0
    return [[round((stamp - start_ns) / SECOND_NS, 3) for stamp in alarm] for alarm in replay.timeline.alarms]


def _judged(result: TimelineScore) -> dict[str, Any]:
    """Return what the alarms were worth, of whichever seconds."""
    return {
        "falls": result.falls,
        "falls_alarmed": result.falls_alarmed,
        "fall_delays_s": [round(delay_s, 3) for delay_s in result.fall_delays_s],
        "falls_already_on": result.falls_already_on,
        "false_alarms": result.false_alarms,
        "false_alarm_truths": list(result.false_alarm_truths),
        "drowsy_spells": result.drowsy_spells,
        "drowsy_delays_s": [round(delay_s, 3) for delay_s in result.drowsy_delays_s],
        "hard_negatives": [list(each) for each in result.hard_negatives],
        "duration_s": round(result.duration_s, 3),
        "quiet_s": round(result.quiet_s, 3),
    }


def _stretches(seconds: tuple[int, ...], truth: list[str]) -> Iterator[int]:
    """Number the stretches of neighbouring seconds with one truth."""
    number = 0
    for index, second in enumerate(seconds):
        if index and (second != seconds[index - 1] + 1 or truth[index] != truth[index - 1]):
            number += 1
        yield number


def _result_accuracy(seconds: list[Second], truth: list[str]) -> float:
    """Return the share of single results that were right."""
    right = sum(second.labels[label] for second, label in zip(seconds, truth))
    return round(right / sum(second.labels.total() for second in seconds), 6)


def print_timeline(console: Console, report: dict[str, Any]) -> None:
    """Print what was said, stretch by stretch, how long it was STALE, and the alarms."""
    detail = report["dataset"]
    table = Table("seconds", "said", "scored as", "alarm", title=detail["path"])
    rows = detail["timeline"]
    for key, stretch in groupby(rows, key=lambda row: (row["label"], row["scored_as"] or "", row["alarm"])):
        seconds = [row["second"] for row in stretch]
        table.add_row(f"{seconds[0]} to {seconds[-1]}", key[0], key[1], "ALARM" if key[2] else "")
    console.print(table)
    stale = sum(row["label"] == STALE for row in rows)
    if stale:
        reason = next(iter(detail["stale_reasons"]))
        console.print(f"stale in {stale} of {len(rows)} seconds; most often: {reason}", markup=False)
    alarms = detail["alarms"]
    if "truth" not in detail["topics"]:
        console.print(f"{len(alarms['events_s'])} alarms; there is no ground_truth to score against")
        return
    print_alarm_rates(console, alarm_rates([alarms]))
    console.print(
        f"{len(alarms['events_s'])} alarms, {alarms['false_alarms']} of them without an anomaly; "
        f"{alarms['falls_alarmed']} of {alarms['falls']} falls raised one, {alarms['falls_already_on']} came while it "
        "was on from the anomaly directly before"
    )
    console.print(detail["intervals"]["note"] if report["n"] else f"{UNSCORED}: there is no accuracy")
