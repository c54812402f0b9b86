"""`har check`: what a dataset holds, where it is thin, and which captures are broken."""

from __future__ import annotations

import argparse
import statistics
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from har_ros.core.errors import HarError
from har_ros.core.labels import LABELS, Activity
from har_ros.core.windows import MAX_GAP_S
from har_ros.dataset.capture import Capture, CaptureMeta
from har_ros.dataset.json_file import require_place, write_json
from har_ros.dataset.parallel import for_each_capture
from har_ros.dataset.reader import (
    activity_of,
    find_captures,
    find_unfinished,
    is_half_simulated,
    passed_over,
    read_capture,
)

_IMBALANCE = 1.5  # the largest class over the smallest; beyond it accuracy flatters the largest
_LISTED = 20  # gaps shown on the terminal; the JSON holds all
_EXAMPLE = """example:
  har check Dataset --json report.json
Reads every capture whole. Ends with 0 when all of them are usable and with 1 when one is broken; each broken
one is named with what is wrong and what to do.
"""


@dataclass(frozen=True)
class Finding:
    """What was found in one capture: its facts, or why it is broken. Without stamps there are no rates and no gap."""

    folder: Path
    meta: CaptureMeta | None = None
    frame_rate_hz: float | None = None
    imu_rate_hz: float | None = None
    gap_s: float = 0.0
    assumptions: tuple[str, ...] = ()
    broken: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's options."""
    parser.epilog = _EXAMPLE
    parser.add_argument("dataset", type=Path, help="the dataset's folder, with one folder for each activity")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the whole report there, too")


def run(args: argparse.Namespace) -> int:
    """Check the dataset, print the report and return 0 when nothing is broken. Raises HarError."""
    require_place(args.json)
    report = check_dataset(args.dataset)
    _print(report)
    if args.json:
        write_json(args.json, report)
    return 1 if report["broken"] else 0


def check_dataset(root: Path) -> dict[str, Any]:
    """Read all captures under `root` and return the report, ready for JSON. Raises HarError for none."""
    folders = find_captures(root)
    if not folders:
        raise HarError(f"'{root}' holds no captures; give the folder that holds {', '.join(LABELS)}")
    return _report(root, for_each_capture(_examine, folders, "checking"))


def _examine(folder: Path) -> Finding:
    try:
        capture = read_capture(folder)
    except HarError as error:
        return Finding(folder, broken=str(error))
    if not capture.meta.stamped:
        return Finding(folder, capture.meta, assumptions=capture.assumptions)
    return Finding(
        folder,
        capture.meta,
        _rate_hz(capture.frame_stamps_ns),
        _rate_hz(capture.imu_stamps_ns),
        _largest_gap_s(capture),
        capture.assumptions,
    )


def _rate_hz(stamps_ns: NDArray[np.int64]) -> float:
    distinct = np.unique(stamps_ns)  # a slow camera's frame may stand for several steps
    return (len(distinct) - 1) * 1e9 / int(distinct[-1] - distinct[0]) if len(distinct) > 1 else 0.0


def _largest_gap_s(capture: Capture) -> float:
    steps = (np.diff(stamps) for stamps in (capture.frame_stamps_ns, capture.imu_stamps_ns) if len(stamps) > 1)
    return max((float(step.max()) / 1e9 for step in steps), default=0.0)


def _report(root: Path, findings: list[Finding]) -> dict[str, Any]:
    whole = [(finding, finding.meta) for finding in findings if finding.meta is not None]
    classes: dict[str, dict[str, int]] = {}
    other = [Activity.OTHER.value] if any(meta.label is Activity.OTHER for _, meta in whole) else []
    for label in (*LABELS, *other):
        metas = [meta for _, meta in whole if meta.label.value == label]
        classes[label] = {
            "captures": len(metas),
            "subjects": len({meta.subject for meta in metas if meta.subject}),
            "sessions": len({(meta.subject, meta.session) for meta in metas if meta.session}),
            "without_subject": sum(not meta.subject for meta in metas),
            "broken": sum(bool(f.broken) and _shelf_label(f.folder) == label for f in findings),
        }
    return {
        "dataset": str(root),
        "captures": len(whole),
        "classes": classes,
        "subjects": len({meta.subject for _, meta in whole if meta.subject}),
        "sources": dict(Counter(meta.source for _, meta in whole)),
        "frame_rate_hz": _spread([finding.frame_rate_hz for finding, _ in whole]),
        "imu_rate_hz": _spread([finding.imu_rate_hz for finding, _ in whole]),
        "gaps": {str(finding.folder): round(finding.gap_s, 3) for finding, _ in whole if finding.gap_s > MAX_GAP_S},
        "assumptions": dict(Counter(note for finding, _ in whole for note in finding.assumptions)),
        "warnings": [*_warnings(root, classes), *_alike({meta.subject for _, meta in whole})],
        "broken": {str(finding.folder): finding.broken for finding in findings if finding.broken},
    }


def _shelf_label(folder: Path) -> str:
    return str(activity_of(folder.parent))


def _spread(rates_hz: list[float | None]) -> dict[str, float]:
    values = [rate_hz for rate_hz in rates_hz if rate_hz is not None]
    if not values:
        return {}
    middle = statistics.median(values)
    return {"min": round(min(values), 2), "median": round(middle, 2), "max": round(max(values), 2)}


def _warnings(root: Path, classes: dict[str, dict[str, int]]) -> list[str]:
    warnings: list[str] = []
    counts = {label: classes[label]["captures"] for label in LABELS}
    missing = [label for label, captures in counts.items() if not captures]
    if missing:
        warnings.append(f"no captures of {', '.join(missing)}: a model trained on this can't know them")
    elif max(counts.values()) > _IMBALANCE * min(counts.values()):
        least, most = min(counts, key=lambda label: counts[label]), max(counts, key=lambda label: counts[label])
        warnings.append(f"imbalance: {counts[most]} of {most}, {counts[least]} of {least}; record more of {least}")
    unnamed = sum(facts["without_subject"] for facts in classes.values())
    if unnamed:
        warnings.append(f"{unnamed} captures name no subject: a split can't keep people apart; record with one")
    warnings += passed_over(root)
    for shelf in sorted(entry for entry in root.iterdir() if entry.is_dir()):
        activity = activity_of(shelf)
        if activity is not None and shelf.name != activity.value:
            warnings.append(f"folder '{shelf.name}' is taken for {activity}")
    if is_half_simulated(root):
        warnings.append("the simulation never came to its end; give the same `har simulate` to go on from there")
    unfinished = find_unfinished(root)
    if unfinished:
        warnings.append(
            f"{len(unfinished)} unfinished captures of killed recordings are left out; delete them when nothing "
            f"records: {', '.join(str(path) for path in unfinished)}"
        )
    return warnings


def _alike(subjects: set[str]) -> list[str]:
    """Return a warning of names that are probably the same person's: a split would put them on both sides."""
    spellings: dict[str, list[str]] = defaultdict(list)
    for subject in sorted(subjects):
        spellings["".join(subject.split()).casefold()].append(f"'{subject}'")
    alike = [" and ".join(names) for names in spellings.values() if len(names) > 1]
    return [f"{names} count as different subjects; rename them where they are one" for names in alike]


def _print(report: dict[str, Any]) -> None:
    console = Console(soft_wrap=True, highlight=False)
    table = Table("activity", title=report["dataset"])
    for heading in ("captures", "subjects", "sessions", "broken"):
        table.add_column(heading, justify="right")
    for label, facts in report["classes"].items():
        table.add_row(label, *(str(facts[key]) for key in ("captures", "subjects", "sessions", "broken")))
    console.print(table)
    for key, name in (("frame_rate_hz", "camera"), ("imu_rate_hz", "accelerometer")):
        if report[key]:
            spread = report[key]
            console.print(f"{name}: {spread['median']:g} Hz ({spread['min']:g} to {spread['max']:g})")
    for note, captures in report["assumptions"].items():
        console.print(f"assumed in {captures} captures: {note}", markup=False)
    gaps = sorted(report["gaps"].items(), key=lambda item: -item[1])
    for folder, gap_s in gaps[:_LISTED]:
        console.print(f"gap of {gap_s:g} s: {folder}", markup=False)
    if len(gaps) > _LISTED:
        console.print(f"... and {len(gaps) - _LISTED} more with gaps over {MAX_GAP_S:g} s")
    for warning in report["warnings"]:
        console.print(f"warning: {warning}", style="yellow", markup=False)
    for reason in report["broken"].values():
        console.print(f"broken: {reason}", style="red", markup=False)
    state = f"{len(report['broken'])} broken" if report["broken"] else "all usable"
    console.print(f"{report['captures'] + len(report['broken'])} captures, {state}")
