"""A dataset's manifest: what was ordered, what is there, and how to divide it for a fair test."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from har_ros import __version__
from har_ros.core.errors import HarError
from har_ros.core.labels import LABELS
from har_ros.dataset.capture import CaptureMeta
from har_ros.dataset.json_file import write_json
from har_ros.dataset.reader import MANIFEST, find_captures, read_meta
from har_ros.simulation.order import Order
from har_ros.simulation.streams import stream

_SHARES = {"train": 0.7, "validation": 0.15, "test": 0.15}
_MAY_GROW = ("per_class", "negatives")


def claim(folder: Path, order: Order, software: dict[str, str]) -> None:
    """Write down what `folder` is to hold, and all versions that ever wrote to it.

    Raises HarError where it holds a dataset of another order.
    """
    before = _read(folder / MANIFEST)
    wanted = asdict(order)
    differing = [key for key in wanted if before and key not in _MAY_GROW and before[key] != wanted[key]]
    if differing:
        options = ", ".join(_option(key, before[key]) for key in differing)
        raise HarError(f"'{folder}' was begun with {options}; give the same, or another folder")
    makers = before.get("software", [])
    if software not in makers:
        makers = [*makers, software]
    write_json(folder / MANIFEST, {**before, **_head(order), "software": makers})


def _read(path: Path) -> dict[str, Any]:
    """Return a manifest, empty where there is none yet. Raises HarError where it is something else."""
    if not path.exists():
        return {}
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        record = None
    if not isinstance(record, dict) or not {field.name for field in fields(Order)} <= record.keys():
        raise HarError(f"'{path}' is no manifest of a simulated dataset; give another folder")
    return record


def _option(key: str, value: str | int) -> str:
    if key == "surfaces":  # a digest, which nobody could give
        return "other photographs as --surfaces" if value else "no --surfaces"
    return f"--{key} {value}"


def held_clips(folder: Path) -> set[tuple[str, int]]:
    """Return group and number of the clips that `folder` holds. Raises HarError."""
    metas = (read_meta(capture) for capture in find_captures(folder))
    return {(str(meta.extra.get("group")), int(meta.extra.get("number", -1))) for meta in metas}


def complete(folder: Path, order: Order) -> None:
    """Write the whole manifest of a dataset that is made, after `claim`. Raises HarError."""
    captures = {str(capture.relative_to(folder)): read_meta(capture) for capture in find_captures(folder)}
    table = {name: _row(meta) for name, meta in sorted(captures.items())}
    report = {
        **_head(order),
        "software": _read(folder / MANIFEST)["software"],
        "counts": dict(sorted(Counter(row["label"] for row in table.values()).items())),
        "acts": dict(sorted(Counter(row["act"] for row in table.values()).items())),
        "splits": _splits(order.seed, list(table.values())),
        "captures": table,
    }
    write_json(folder / MANIFEST, report)


def _head(order: Order) -> dict[str, Any]:
    return {"version": __version__, **{field.name: getattr(order, field.name) for field in fields(order)},
            "labels": list(LABELS)}  # fmt: skip


def _row(meta: CaptureMeta) -> dict[str, str]:
    extra = meta.extra
    return {
        "label": str(meta.label), "act": extra["act"], "subject": meta.subject, "scene": extra["scene"],
        "background": extra["background"], "variant": extra["variant"], "mount": meta.mount,
    }  # fmt: skip


def _splits(seed: int, rows: list[dict[str, str]]) -> dict[str, dict[str, list[str]]]:
    labels = sorted({row["label"] for row in rows})
    by_label = [[row["variant"] for row in rows if row["label"] == label] for label in labels]
    return {
        "subject": _split(stream(seed, "split", "subject"), [[row["subject"] for row in rows]]),
        "background": _split(stream(seed, "split", "background"), [[row["background"] for row in rows]]),
        "variant": _split(stream(seed, "split", "variant"), by_label),
    }


def _split(rng: np.random.Generator, families: list[list[str]]) -> dict[str, list[str]]:
    """Divide the names of each family by chance; where there are three or more, every part has one."""
    parts: dict[str, list[str]] = {name: [] for name in _SHARES}
    for family in families:
        names = [str(name) for name in rng.permutation(sorted(set(family)))]
        for part, share in list(_SHARES.items())[1:]:
            held_out = max(round(share * len(names)), 1) if len(names) > 1 + (part == "validation") else 0
            parts[part] += names[:held_out]
            names = names[held_out:]
        parts["train"] += names
    return {name: sorted(part) for name, part in parts.items()}
