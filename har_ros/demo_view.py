"""What the demo shows: a live panel in a terminal, one line a second without one, a summary at the end."""

from __future__ import annotations

import math
from collections import Counter

from rich.console import Group
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from har_ros.core.labels import LABELS
from har_ros.evaluation.timeline import TimelineScore
from har_ros.nodes.monitor import Heard, Status

STYLES = {"OK": "bold green", "WARN": "bold yellow", "ERROR": "bold red", "STALE": "bold magenta"}
STARTING = Text("waiting for the first result ...", style="dim")


def panel(heard: Heard, elapsed_s: float, hint: str) -> Panel:
    """Return the live view."""
    parts = [_headline(heard), _probabilities(heard.activity), _health(heard)]
    title = f"har_ros demo · {elapsed_s:5.1f} s"
    return Panel(Group(*parts), title=title, subtitle=hint, border_style="cyan", padding=(1, 2))


def line(heard: Heard, elapsed_s: float) -> str:
    """Return the view in one line of plain text."""
    if heard.activity is None or heard.anomaly is None:
        return f"{elapsed_s:6.1f} s  waiting for the first result"
    activity, anomaly = heard.activity, heard.anomaly
    truth = f"  person {heard.truth}" if heard.truth else ""
    reason = activity.values.get("reason", "")
    return (
        f"{elapsed_s:6.1f} s  activity {activity.message} {activity.level} {_percent(activity, 'confidence')}"
        f"  anomaly {anomaly.message} {_percent(anomaly, 'score')}{truth}"
        f"  {_pace(heard)}"
        + (f"  ({reason})" if reason else "")
    )


def summary(heard: Heard, score: TimelineScore) -> str:
    """Return the closing words: what was published, and how it compares with the simulated person."""
    lines = [f"{heard.fresh_results} fresh results were published on activity."]
    if score.seconds:
        share = 100 * score.right / score.seconds
        lines.append(
            f"The published label was the simulated person's in {score.right} of {score.seconds} scored seconds "
            f"({share:.0f} %); seconds within 2 s of a change are not scored."
        )
        lines += [f"  {label}: {right} of {total}" for label, right, total in _by_label(score)]
        already_on = (
            f" In {score.falls_already_on} more it was on already, from the anomaly directly before."
            if score.falls_already_on
            else ""
        )
        lines.append(
            f"Falls that raised the alarm: {score.falls_alarmed} of {score.falls}.{already_on} "
            f"Alarms raised without an anomaly: {score.false_alarms}."
        )
    return "\n".join(lines)


def _by_label(score: TimelineScore) -> list[tuple[str, int, int]]:
    total = Counter(true for true, _ in score.pairs)
    right = Counter(true for true, published in score.pairs if true == published)
    return [(label, right[label], total[label]) for label in LABELS if total[label]]


def _headline(heard: Heard) -> Table | Text:
    if heard.activity is None or heard.anomaly is None:
        return STARTING
    table = Table.grid(padding=(0, 3))
    table.add_row("activity", _styled(heard.activity), _percent(heard.activity, "confidence"))
    table.add_row("anomaly", _styled(heard.anomaly), _percent(heard.anomaly, "score"))
    if heard.truth:
        table.add_row("the person", Text(heard.truth, style="dim"), "(simulated)")
    reason = heard.activity.values.get("reason", "") or heard.anomaly.values.get("reason", "")
    table.add_row("", Text(reason, style="italic dim"))
    return table


def _probabilities(activity: Status | None) -> Table:
    table = Table.grid(padding=(0, 2))
    for label in LABELS:
        share = _value(activity, f"p.{label}")
        table.add_row(f"{label:>18}", ProgressBar(total=1.0, completed=share, width=40), f"{share:6.1%}")
    return table


def _health(heard: Heard) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_row("")
    table.add_row("results", _pace(heard))
    for name, status in sorted(heard.diagnostics.items()):
        text = Text(f"{status.level}  {status.message}", style=STYLES.get(status.level, ""))
        rates = "  ".join(f"{key} {value}" for key, value in status.values.items() if key.endswith("_hz"))
        table.add_row(name, text, rates)
    return table


def _pace(heard: Heard) -> str:
    """Return how many results come, and how late; a STALE one is as late as can be, and tells no latency."""
    latency_ms = _value(heard.activity, "latency_ms")
    return f"{heard.activity_hz:.0f} Hz, latency " + (f"{latency_ms:.0f} ms" if latency_ms else "-")


def _styled(status: Status) -> Text:
    return Text(status.message, style=STYLES.get(status.level, ""))


def _value(status: Status | None, key: str) -> float:
    """Return a number of a status; 0 where there is none, as in a STALE one."""
    value = float(status.values.get(key, "nan")) if status else math.nan
    return 0.0 if math.isnan(value) else value


def _percent(status: Status, key: str) -> str:
    return f"{_value(status, key):.0%}"
