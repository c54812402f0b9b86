"""Recordings that a fake device can play: CSV files of many makes, and a sine."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median_low

import numpy as np
from numpy.typing import NDArray

from har_ros.core.errors import HarError
from har_ros.core.preprocess import STANDARD_GRAVITY_MPS2, Vector
from har_ros.link.protocol import UNITS_MPS2

Sample = tuple[float, Vector, Vector | None]  # time from the start in s, m/s^2, rad/s

_ACCEL_NAMES = (("ax", "ay", "az"), ("x", "y", "z"), ("accel_x", "accel_y", "accel_z"), ("acc_x", "acc_y", "acc_z"))
_GYRO_NAMES = (("gx", "gy", "gz"), ("gyro_x", "gyro_y", "gyro_z"))
_TIME_NAME = re.compile(r"(t|time|times|timestamps?|stamp|unix|elapsed|seconds)(_(s|ms|us|ns|elapsed))?")
_RATE_OPTION = "--rate"  # of most commands that read recordings
_LATE_PERIODS = 5  # more than logging in disorder explains
MAX_GUESSED_LENGTH = 40.0  # of a median acceleration in m/s^2: four times gravity
MAX_GUESSED_RADPS = 20.0  # a body turns slower, and faster in deg/s
_LIKELY_RATES_HZ = (10.0, 2000.0)
_DATES_S = (1e9, 1e10)  # seconds since 1970, of the years 2001 to 2286
# Seconds have a fraction behind a point or comma; some loggers write a colon before the milliseconds.
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:([.,:])(\d+))?(?:Z|([+-]\d\d):?(\d\d))?")


@dataclass(frozen=True)
class Recording:
    """Samples (N, 3) m/s^2, perhaps with rates (N, 3) rad/s, and their times (N,) s from the first one.

    assumptions says in words what the file left open.
    """

    times_s: NDArray[np.float64]
    accel_mps2: NDArray[np.float64]
    gyro_radps: NDArray[np.float64] | None
    assumptions: tuple[str, ...]

    @property
    def rate_hz(self) -> float:
        """The mean sampling rate."""
        return (len(self.times_s) - 1) / float(self.times_s[-1] - self.times_s[0])

    def samples(self, loop: bool) -> Iterator[Sample]:
        """Yield the samples in order; with `loop` for ever, the time running on."""
        start_s = 0.0
        period_s = float(self.times_s[-1]) + 1 / self.rate_hz
        while True:
            for index, at_s in enumerate(self.times_s):
                gyro = vector(self.gyro_radps[index]) if self.gyro_radps is not None else None
                yield start_s + float(at_s), vector(self.accel_mps2[index]), gyro
            if not loop:
                return
            start_s += period_s


def sine(rate_hz: float) -> Iterator[Sample]:
    """Yield an upright sensor that bobs at 1 Hz with 2 m/s^2, for ever."""
    index = 0
    while True:
        at_s = index / rate_hz
        yield at_s, (0.0, 0.0, STANDARD_GRAVITY_MPS2 + 2 * math.sin(2 * math.pi * at_s)), (0.0, 0.0, 0.0)
        index += 1


def read_recording(
    path: Path, rate_hz: float | None = None, units: str | None = None, rate_option: str = _RATE_OPTION
) -> Recording:
    """Read a CSV of accelerations, with or without header, time or sequence columns, and a gyro.

    `rate_hz` and `units` ("m/s2" or "g") override what the file seems to say. Raises HarError, which names the option
    of the command line that gives the rate.
    """
    check_rate(rate_hz, rate_option)
    header, table, said_table = _read_table(path)
    time_column, accel_columns, gyro_columns, said_columns = _find_columns(path, header, table)
    accel_scale, said_units = _accel_scale(table[:, accel_columns], units, path)
    gyro_scale, said_gyro = _gyro_scale(table[:, gyro_columns])
    times_s, said_times = _times(table, time_column, rate_hz, path, rate_option)
    return Recording(
        times_s,
        table[:, accel_columns] * accel_scale,
        table[:, gyro_columns] * gyro_scale if gyro_columns else None,
        tuple(filter(None, (said_table, said_columns, said_units, said_gyro, said_times))),
    )


def check_rate(rate_hz: float | None, rate_option: str = _RATE_OPTION) -> None:
    """Raise HarError where a rate is given that no sensor can have."""
    if rate_hz is not None and not 0 < rate_hz < math.inf:
        raise HarError(f"a sampling rate of {rate_hz:g} Hz makes no sense; give one above 0 with {rate_option} HZ")


def _read_table(path: Path) -> tuple[list[str], NDArray[np.float64], str]:
    """Return the column names, if any, the numbers, and what was left out."""
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace").replace("\0", "")
    except OSError as error:
        raise HarError(f"the recording '{path}' can't be read ({error.strerror}); give a file of readings") from None
    delimiter = max(",;\t ", key=text[-4096:].count)
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter)]
    except csv.Error:  # such as an endless field, in a file that is no CSV
        rows = []
    numbers = [index for index, row in enumerate(rows) if _is_sample(row)]
    width = median_low(len(rows[index]) for index in numbers) if numbers else 0
    samples = [index for index in numbers if len(rows[index]) == width]
    if len(samples) < 2:
        raise HarError(f"the recording '{path}' has no two lines of numbers; give a CSV with columns ax,ay,az")
    first = samples[0]
    above = rows[first - 1] if first > 0 else []
    header = [_plain(cell) for cell in above] if len(above) == width else []
    left_out = len(rows) - first - len(samples)
    said = f"{left_out} of {len(rows) - first} lines left out, since they hold no sample" if left_out else ""
    return header, np.array([[_number(cell) for cell in rows[index]] for index in samples]), said


def _plain(name: str) -> str:
    """Return a column's name without its unit, case and signs: `Accel X (m/s^2)` becomes `accel_x`."""
    without_unit = re.sub(r"[(\[].*", "", name)
    return re.sub(r"[^a-z0-9]+", "_", without_unit.lower()).strip("_")


def _is_sample(row: list[str]) -> bool:
    """Return whether a row holds numbers, but for a time of day in its first column."""
    try:
        values = [_number(cell) for cell in row]
    except ValueError:
        return False
    return len(values) >= 3 and all(math.isfinite(value) for value in values)


def _number(cell: str) -> float:
    """Return a number, or the seconds since 1970 of a date and time such as 2019-08-06 10:25:50:020."""
    try:
        return float(cell)
    except ValueError:
        return _date_s(cell)


def _date_s(text: str) -> float:
    """Return the seconds since 1970 of a date and time. Raises ValueError.

    datetime.fromisoformat takes few of these forms before Python 3.11.
    """
    found = _DATE.fullmatch(text)
    if found is None:
        raise ValueError(f"'{text}' is no date and time")
    day, clock, mark, digits, zone_h, zone_min = found.groups()
    whole = datetime.fromisoformat(f"{day} {clock}{zone_h or '+00'}:{zone_min or '00'}")
    return whole.timestamp() + (int(digits or 0) / 1000 if mark == ":" else float(f"0.{digits or 0}"))


def _find_columns(
    path: Path, header: list[str], table: NDArray[np.float64]
) -> tuple[int | None, list[int], list[int], str]:
    if header:
        accel = _named(header, _ACCEL_NAMES)
        if not accel:
            raise HarError(f"the recording '{path}' has columns {', '.join(header)}; name three of them ax, ay, az")
        time = next((index for index, name in enumerate(header) if _TIME_NAME.fullmatch(name)), None)
        return time, accel, _named(header, _GYRO_NAMES), ""
    width = table.shape[1]
    if table[0, 0] > _DATES_S[0] and table[0, 0] < _DATES_S[1]:  # a date: then x, y, z and other sensors
        return 0, [1, 2, 3], [], "columns 2 to 4 taken as ax,ay,az"
    gyro = [width - 3, width - 2, width - 1] if width >= 6 else []
    first = width - 3 - len(gyro)
    said = f"columns {first + 1} to {first + 3} taken as ax,ay,az"
    return (first - 1 if first else None), [first, first + 1, first + 2], gyro, said


def _named(header: list[str], choices: tuple[tuple[str, ...], ...]) -> list[int]:
    for names in choices:
        if all(name in header for name in names):
            return [header.index(name) for name in names]
    return []


def _accel_scale(accel: NDArray[np.float64], units: str | None, path: Path) -> tuple[float, str]:
    if units is not None:
        return UNITS_MPS2[units], f"accelerations in {units}, as told"
    length = float(np.median(np.linalg.norm(accel, axis=1)))
    if length > MAX_GUESSED_LENGTH:
        raise HarError(
            f"the recording '{path}' has accelerations of {length:.0f} in the median, neither g nor m/s^2; convert them"
        )
    guess = "g" if length < 4 else "m/s2"
    return UNITS_MPS2[guess], f"accelerations taken as {guess}, since their median length is {length:.2f}"


def _gyro_scale(gyro: NDArray[np.float64]) -> tuple[float, str]:
    if gyro.shape[1] == 0:
        return 1.0, ""
    fast = float(np.percentile(np.linalg.norm(gyro, axis=1), 95))
    if fast > MAX_GUESSED_RADPS:
        return math.radians(1), f"angular rates taken as deg/s, since they reach {fast:.0f}"
    return 1.0, f"angular rates taken as rad/s, since they reach {fast:.1f}"


def _times(
    table: NDArray[np.float64], column: int | None, rate_hz: float | None, path: Path, rate_option: str
) -> tuple[NDArray[np.float64], str]:
    if rate_hz is not None:
        return np.arange(len(table)) / rate_hz, f"{rate_hz:g} Hz, as told"
    if column is not None:
        stamps = table[:, column] - table[0, column]
        if np.array_equal(stamps, np.arange(len(stamps))):  # numbers of samples, not milliseconds at 1000 Hz
            raise HarError(
                f"the recording '{path}' counts its samples but has no times; give the rate with {rate_option} HZ"
            )
        for unit, factor in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9)):
            median_s = float(np.median(np.diff(stamps))) * factor
            if median_s > 0 and _LIKELY_RATES_HZ[0] <= 1 / median_s <= _LIKELY_RATES_HZ[1]:
                times_s = np.maximum.accumulate(stamps * factor)
                late_s = times_s - stamps * factor
                if late_s.max() > _LATE_PERIODS * median_s:
                    sample = 1 + int((late_s > _LATE_PERIODS * median_s).argmax())
                    raise HarError(
                        f"the times of the recording '{path}' go back by {late_s.max():.3g} s at its sample {sample}; "
                        f"cut it there, or give {rate_option} HZ"
                    )
                return times_s, f"times from column {column + 1}, in {unit}: {1 / median_s:.1f} Hz"
    raise HarError(f"the recording '{path}' does not tell its sampling rate; give it with {rate_option} HZ")


def vector(values: NDArray[np.floating]) -> Vector:
    """Return an array of three as plain numbers."""
    return float(values[0]), float(values[1]), float(values[2])
