"""Alarms of one or more recordings together: what was caught, what was missed, and how often one was false.

Counts are few, so every share has Clopper and Pearson's exact interval and every rate the exact one of Poisson's law:
no false alarm in an hour only says that there are fewer than 3.7 an hour. They take each event for itself, though
those of one recording resemble each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import binomtest, chi2

from har_ros.evaluation.metrics import LEVEL

_TAIL = (1 - LEVEL) / 2


def alarm_rates(recordings: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of several recordings' alarms, each as `replay_bag` gives it under `alarms`; for JSON.

    A fall for which an alarm was on already, from the anomaly directly before it, is neither detected nor missed.
    False alarms are per hour of the time in which an alarm would be false: anomalies would dilute them.
    """
    total = {key: sum(each[key] for each in recordings) for key in _COUNTS}
    negatives = [(name, alarmed) for each in recordings for name, alarmed in each["hard_negatives"]]
    seen = Counter(name for name, _ in negatives)
    alarmed = Counter(name for name, was_alarmed in negatives if was_alarmed)
    hours, quiet_hours = (sum(each[key] for each in recordings) / 3600 for key in ("duration_s", "quiet_s"))
    return {
        "level": LEVEL,
        "recordings": len(recordings),
        "hours": round(hours, 6),
        "falls": {
            **_detected(total["falls"] - total["falls_already_on"], _delays(recordings, "fall_delays_s")),
            "already_on": total["falls_already_on"],
        },
        "drowsy_spells": _detected(total["drowsy_spells"], _delays(recordings, "drowsy_delays_s")),
        "false_alarms": {
            **_rate(total["false_alarms"], quiet_hours),
            "by_truth": dict(Counter(truth for each in recordings for truth in each["false_alarm_truths"])),
        },
        "hard_negatives": {
            "all": _share(sum(alarmed.values()), len(negatives)),
            "each": {name: _share(alarmed[name], count) for name, count in sorted(seen.items())},
        },
    }


_COUNTS = ("falls", "falls_already_on", "drowsy_spells", "false_alarms")


def print_alarm_rates(console: Console, rates: dict[str, Any]) -> None:
    """Print what was caught and what was false, each with its interval."""
    console.print(f"{60 * rates['hours']:.1f} minutes with a truth in {rates['recordings']} recording(s)")
    for name, words in (("falls", "falls"), ("drowsy_spells", "drowsy spells")):
        figures = rates[name]
        if figures["count"]:
            delay = figures["delay_s"]
            late = f"; median delay {delay['median']:.1f} s, at most {delay['worst']:.1f} s" if delay else ""
            console.print(f"{words}: {_in_words(figures['detected'], figures['count'], figures['ci'])} detected{late}")
    false = rates["false_alarms"]
    if false["per_hour_ci"] is not None:
        low, high = false["per_hour_ci"]
        while_doing = ", ".join(f"{count} while {truth or 'not known'}" for truth, count in false["by_truth"].items())
        said = f" ({while_doing})" if while_doing else ""
        console.print(
            f"false alarms: {false['count']}{said} in {60 * false['hours']:.1f} minutes without an anomaly, "
            f"{false['per_hour']:.1f} an hour ({low:.1f} to {high:.1f})"
        )
    negatives = rates["hard_negatives"]
    if negatives["each"]:
        table = Table("only looks or feels like an anomaly", "with a false alarm", title="hard negatives")
        for name, share in {**negatives["each"], "all": negatives["all"]}.items():
            table.add_row(name, _in_words(share["alarmed"], share["count"], share["ci"]))
        console.print(table)


def _detected(count: int, delays_s: list[float]) -> dict[str, Any]:
    quantiles = np.quantile(delays_s, (0.5, 0.95, 1.0)) if delays_s else ()
    return {
        "count": count,
        "detected": len(delays_s),
        "missed": count - len(delays_s),
        "ci": _exact(len(delays_s), count),
        "delay_s": dict(zip(("median", "p95", "worst"), map(_rounded, quantiles))),
    }


def _delays(recordings: Sequence[dict[str, Any]], key: str) -> list[float]:
    return [delay_s for each in recordings for delay_s in each[key]]


def _share(alarmed: int, count: int) -> dict[str, Any]:
    return {"count": count, "alarmed": alarmed, "ci": _exact(alarmed, count)}


def _rate(count: int, hours: float) -> dict[str, Any]:
    low, high = _poisson(count)
    return {
        "count": count,
        "hours": _rounded(hours),
        "per_hour": _rounded(count / hours) if hours else None,
        "per_hour_ci": [_rounded(low / hours), _rounded(high / hours)] if hours else None,
    }


def _exact(hits: int, of: int) -> list[float] | None:
    """Return Clopper and Pearson's interval of a share, or None where there is nothing to count."""
    if not of:
        return None
    bounds = binomtest(hits, of).proportion_ci(LEVEL, method="exact")
    return [_rounded(bounds.low), _rounded(bounds.high)]


def _poisson(count: int) -> tuple[float, float]:
    """Return the exact interval of the mean of which `count` were seen (Garwood 1936)."""
    low = float(chi2.ppf(_TAIL, 2 * count)) / 2 if count else 0.0
    return low, float(chi2.ppf(1 - _TAIL, 2 * count + 2)) / 2


def _in_words(hits: int, of: int, interval: list[float] | None) -> str:
    bounds = f" ({100 * interval[0]:.0f} to {100 * interval[1]:.0f} %)" if interval else ""
    return f"{hits} of {of}{bounds}"


def _rounded(value: Any) -> float:
    return round(float(value), 6)
