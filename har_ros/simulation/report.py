"""The physics report: what a sensor at the waist feels of every act, beside what real people's feel; no pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from har_ros.core.errors import HarError
from har_ros.core.labels import TRUTHS, Activity
from har_ros.core.preprocess import STANDARD_GRAVITY_MPS2
from har_ros.dataset.json_file import write_json
from har_ros.simulation.acts import ACTS, Posture
from har_ros.simulation.drafts import first_good
from har_ros.simulation.human_ranges import FIGURES, HUMAN_RANGES, HumanRange
from har_ros.simulation.motion import Step, perform
from har_ros.simulation.report_plot import plot_report
from har_ros.simulation.skeleton import Motion
from har_ros.simulation.streams import derive_seed
from har_ros.simulation.subject import Subject

Figures = dict[str, float]
GOOD_SHARE = 0.9  # of people inside a human range
_SECONDS, _FALL_SECONDS, _LONG_SECONDS = 8.0, 8.0, 30.0
_BAND_HZ = (0.5, 8.0)
_ENDS_S = 0.5  # of an act, over which its first and last direction are averaged
_TO_LIE_S = 3.0
_MOST_DRAFTS = 12


def write_report(out: Path, seed: int, people: int) -> dict[str, Any]:
    """Let `people` do every act, print tables, write physics.json and physics.png to a folder, return the JSON.

    A fall that doesn't end as it should is drawn anew, and counted. Raises HarError when there are no people, or
    the folder can't be written.
    """
    if people < 1:
        raise HarError(f"a report of {people} people says nothing; give at least 1")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise HarError(f"can't make the folder '{out}' ({error.strerror}); give another") from None
    work = [(act, number) for act in ACTS for number in range(people)]
    measured: dict[str, list[Figures]] = {act: [] for act in ACTS}
    rejected: list[dict[str, Any]] = []
    for act, number in track(work, "acts", console=Console(stderr=True)):
        motion, reasons = first_good(partial(perform_act, act, seed, number), _MOST_DRAFTS, f"{act} {number}")
        measured[act].append(measure(motion, act))
        rejected += [{"act": act, "person": number, "reason": reason} for reason in reasons]
    ranges = [{**asdict(one), "inside": share_inside(measured[one.act], one)} for one in HUMAN_RANGES]
    acts = {
        act: {name: [round(one[name], 4) for one in of_act] for name in of_act[0]} for act, of_act in measured.items()
    }
    report = {
        "seed": seed, "people": people, "mount": "waist", "rejected": rejected, "acts": acts, "ranges": ranges,
    }  # fmt: skip
    write_json(out / "physics.json", report)
    plot_report(acts, out / "physics.png")
    _print(acts, ranges, rejected)
    return report


def perform_act(act: str, seed: int, number: int, draft: int = 0) -> Motion:
    """Return person `number` doing an act, with a fall before it if one must lie first; each draft does it otherwise.

    Raises RejectedError for a fall that doesn't end as it should.
    """
    skeleton = Subject.of(seed, number).body.skeleton
    shortest, longest = ACTS[act].seconds
    wanted = _FALL_SECONDS if ACTS[act].label is Activity.FALL_OR_COLLAPSE else _SECONDS
    if ACTS[act].before is Posture.CAR and ACTS[act].label is Activity.DRIVERS_DROWSINESS:
        wanted = _LONG_SECONDS
    steps = [Step(act, float(np.clip(wanted, shortest, longest)))]
    if ACTS[act].before is Posture.FLOOR:
        steps.insert(0, Step("fall_faint", _FALL_SECONDS))
    return perform(steps, skeleton, derive_seed(seed, "physics report", act, number, *range(draft)))


def measure(motion: Motion, act: str) -> Figures:
    """Return the figures of the part of a motion in which it is the act; of a fall, from its onset on."""
    of_act = np.flatnonzero(motion.act == list(ACTS).index(act))
    accel_g = motion.accel_mps2[of_act] / STANDARD_GRAVITY_MPS2
    is_fall = motion.label[of_act] == TRUTHS.index(Activity.FALL_OR_COLLAPSE)
    onset = int(np.argmax(is_fall)) if is_fall.any() else 0
    norm_g = np.linalg.norm(accel_g, axis=1)[onset:]
    ends = round(_ENDS_S * motion.rate_hz)
    figures = {
        "mean_g": float(norm_g.mean()),
        "sd_g": float(norm_g.std()),
        "min_g": float(norm_g.min()),
        "max_g": float(norm_g.max()),
        "dominant_hz": dominant_hz(norm_g, motion.rate_hz),
        "turn_deg": _angle_deg(accel_g[:ends].mean(axis=0), accel_g[-ends:].mean(axis=0)),
    }
    if is_fall.any():
        hit = int(norm_g[: round(_TO_LIE_S * motion.rate_hz)].argmax())
        figures |= {"dip_g": float(norm_g[: hit + 1].min()), "peak_g": float(norm_g[hit])}
    return figures


def dominant_hz(signal: NDArray[np.float64], rate_hz: float) -> float:
    """Return the strongest frequency of a signal within 0.5 to 8 Hz."""
    count = max(8192, len(signal))
    spectrum = np.abs(np.fft.rfft((signal - signal.mean()) * np.hanning(len(signal)), count))
    at_hz = np.fft.rfftfreq(count, 1 / rate_hz)
    spectrum[(at_hz < _BAND_HZ[0]) | (at_hz > _BAND_HZ[1])] = 0
    return float(at_hz[spectrum.argmax()])


def share_inside(people: Sequence[Figures], human: HumanRange) -> float:
    """Return the share of people whose figure is within the human range."""
    return float(np.mean([human.low <= one[human.figure] <= human.high for one in people]))


def _angle_deg(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def _print(
    acts: Mapping[str, Mapping[str, Sequence[float]]],
    ranges: Sequence[Mapping[str, Any]],
    rejected: Sequence[Mapping[str, Any]],
) -> None:
    console = Console()
    felt = Table(title="Felt at the waist, median of all people", padding=(0, 0))
    for column in ("act", *FIGURES):
        is_act = column == "act"
        felt.add_column(column.replace("_", " "), justify="left" if is_act else "right", no_wrap=is_act)
    for act, figures in acts.items():
        felt.add_row(act, *(f"{np.median(figures[name]):.3g}" if name in figures else "" for name in FIGURES))
    console.print(felt)
    sources = list(dict.fromkeys(one["source"] for one in ranges))
    beside = Table(title="Beside what is known of real people")
    for column in ("act", "figure", "human", "median (10 to 90 %)", "inside", "source"):
        beside.add_column(column, justify="right" if column == "inside" else "left")
    for one in ranges:
        low, middle, high = np.quantile(acts[one["act"]][one["figure"]], (0.1, 0.5, 0.9))
        colour = "green" if one["inside"] >= GOOD_SHARE else "red"
        beside.add_row(
            one["act"],
            one["figure"],
            f"{one['low']:g} to {one['high']:g}",
            f"{middle:.3g} ({low:.3g} to {high:.3g})",
            f"[{colour}]{one['inside']:.0%}[/]",
            str(sources.index(one["source"]) + 1),
        )
    console.print(beside)
    for number, source in enumerate(sources, 1):
        console.print(f"{number}: {source}")
    of_acts = Counter(one["act"] for one in rejected)
    named = ", ".join(f"{act} {count}" for act, count in of_acts.items()) or "none"
    console.print(f"Drafts rejected and drawn anew: {named}")
