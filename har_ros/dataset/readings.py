"""Reads accelerometer readings from text: this project's files, and whatever was logged for the paper's layout."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from har_ros.core.errors import HarError
from har_ros.core.preprocess import STANDARD_GRAVITY_MPS2

_COLUMNS = {3: 0, 4: 1, 6: 0, 7: 1}  # columns in a line -> where ax stands; a time may lead, a gyro may follow
_UNITS_S = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_INTERVAL_S = (0.0045, 0.22)  # between readings; a factor under 1000, so that only one unit can fit
_G_BELOW = 2.5  # nobody stays at this mean m/s^2 for a second, nor above this many g


@dataclass(frozen=True)
class Readings:
    """accel: (N, 3) in the file's unit; times_s: (N,) rising from 0, or None; notes: what was assumed."""

    accel: NDArray[np.float64]
    times_s: NDArray[np.float64] | None
    notes: tuple[str, ...]


def parse_readings(text: str, name: str) -> Readings:
    """Return the readings in `text`: lines of `ax ay az`, separated by commas, semicolons or blanks.

    A heading line, `#` comments, a leading time and three gyro columns behind may be there. `name` is
    the file's name for the message. Raises HarError where a line is no reading.
    """
    notes: list[str] = []
    rows = _rows(text, name, notes)
    if not rows:
        raise HarError(f"'{name}' holds no readings; record the capture again")
    table = np.array(rows, np.float64)
    first = _COLUMNS[table.shape[1]]
    if table.shape[1] >= 6:
        notes.append("the last three columns are taken for a gyro and left out")
    times_s = _times_s(table[:, 0], notes) if first == 1 else None
    return Readings(table[:, first : first + 3], times_s, tuple(notes))


def in_mps2(accel: NDArray[np.float64], name: str) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Return readings (N, 3) of an unknown unit in m/s^2, and the assumption made where they are in g.

    Raises HarError where they fit neither.
    """
    typical = float(np.median(np.linalg.norm(accel, axis=1)))
    if not 0.1 <= typical <= 100:
        raise HarError(
            f"'{name}': readings of about {typical:.3g} are neither m/s^2 nor g; convert them to m/s^2 incl. gravity"
        )
    if typical > _G_BELOW:
        return accel.astype(np.float32), ()
    return (accel * STANDARD_GRAVITY_MPS2).astype(np.float32), ("readings are in g",)


def _rows(text: str, name: str, notes: list[str]) -> list[list[float]]:
    rows: list[list[float]] = []
    heading_allowed = True
    for number, line in enumerate(text.lstrip("\ufeff").splitlines(), 1):
        fields = re.split(r"\s*[,;]\s*|\s+", line.strip().rstrip(",;"))
        if fields == [""] or line.lstrip().startswith("#"):
            continue
        row = _numbers(fields)
        if row is not None and len(row) == len(rows[0] if rows else row) and len(row) in _COLUMNS:
            rows.append(row)
        elif heading_allowed and not any(map(_is_number, fields)):
            notes.append("the first line is a heading")
        else:
            raise HarError(
                f"'{name}' line {number} is no reading of {len(rows[0]) if rows else 3} finite numbers; "
                "correct or remove the line"
            )
        heading_allowed = False
    return rows


def _numbers(fields: list[str]) -> list[float] | None:
    row = [float(field) for field in fields if _is_number(field)]
    return row if len(row) == len(fields) and np.isfinite(row).all() else None


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _times_s(column: NDArray[np.float64], notes: list[str]) -> NDArray[np.float64] | None:
    interval = (column[-1] - column[0]) / max(len(column) - 1, 1)
    fitting = [unit for unit, scale in _UNITS_S.items() if _INTERVAL_S[0] <= interval * scale <= _INTERVAL_S[1]]
    if not fitting or np.any(np.diff(column) <= 0):
        notes.append("the first column is no rising time and left out")
        return None
    notes.append(f"the first column is a time in {fitting[0]}")
    times_s: NDArray[np.float64] = (column - column[0]) * _UNITS_S[fitting[0]]
    return times_s
