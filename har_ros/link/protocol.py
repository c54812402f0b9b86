r"""The wire protocol: ASCII lines ended by \n, at most 256 bytes (docs/wire-protocol.md)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

from har_ros.core.preprocess import MAX_ACCEL_MPS2, STANDARD_GRAVITY_MPS2, Vector

MAX_LINE_BYTES = 256
MAX_GYRO_RADPS = 100.0
HELLO_WORD = "#har-imu"
VERSION = "1"
UNITS_MPS2 = {"m/s2": 1.0, "m/s^2": 1.0, "g": STANDARD_GRAVITY_MPS2}  # both spellings are about

_WORD = re.compile(r"[!-~]{1,64}")
_COUNTER = re.compile(r"[+-]?\d+")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf)", re.IGNORECASE)


def is_word(text: str) -> bool:
    """Return whether `text` can be a device's id or a token: 1 to 64 printable ASCII characters, no blanks."""
    return _WORD.fullmatch(text) is not None


@dataclass(frozen=True)
class Hello:
    """What a device says of itself when it connects; scale turns its accelerations into m/s^2."""

    device_id: str
    rate_hz: float | None = None
    units: str = "m/s2"
    token: str = ""

    @property
    def scale(self) -> float:
        """m/s^2 for one unit of the device."""
        return UNITS_MPS2[self.units]

    def line(self) -> bytes:
        """Return the line that says this."""
        parts = [HELLO_WORD, VERSION, f"id={self.device_id}", f"units={self.units}"]
        if self.rate_hz:
            parts.append(f"rate={self.rate_hz:g}")
        if self.token:
            parts.append(f"token={self.token}")
        return " ".join(parts).encode("ascii") + b"\n"


@dataclass(frozen=True)
class Reading:
    """One sample in SI units; seq and t_us (the device's 32-bit microseconds) only in the second form."""

    accel_mps2: Vector
    gyro_radps: Vector | None = None
    seq: int | None = None
    t_us: int | None = None

    @property
    def columns(self) -> int:
        """How many columns its line has."""
        return 3 + 2 * (self.seq is not None) + 3 * (self.gyro_radps is not None)

    def scaled(self, factor: float) -> Reading:
        """Return the sample whose accelerations are `factor` times these."""
        x, y, z = self.accel_mps2
        return replace(self, accel_mps2=(factor * x, factor * y, factor * z))

    def line(self) -> bytes:
        """Return the line that says this, in m/s^2."""
        values = [f"{value:.5g}" for value in (*self.accel_mps2, *(self.gyro_radps or ()))]
        if self.seq is not None and self.t_us is not None:
            values = [str(self.seq), str(self.t_us), *values]
        return ",".join(values).encode("ascii") + b"\n"


@dataclass(frozen=True)
class Comment:
    """A line that begins with '#', or an empty one."""


@dataclass(frozen=True)
class BadLine:
    """A line that is no sample, and why: too_long, not_ascii, columns, number, range or hello."""

    kind: str


Line = Hello | Reading | Comment | BadLine


def parse_line(line: bytes, scale: float = 1.0) -> Line:
    """Return what one line, without its end, says; `scale` turns its accelerations into m/s^2."""
    if len(line) > MAX_LINE_BYTES:
        return BadLine("too_long")
    try:
        text = line.decode("ascii").strip()
    except UnicodeDecodeError:
        return BadLine("not_ascii")
    if text.startswith(HELLO_WORD):
        return _parse_hello(text)
    if not text or text.startswith("#"):
        return Comment()
    return _parse_reading(text.split(","), scale)


def _parse_hello(text: str) -> Hello | BadLine:
    words = text.split()
    fields = dict(word.split("=", 1) for word in words[2:] if "=" in word)
    units = fields.get("units", "m/s2")
    try:
        rate_hz = float(fields["rate"]) if "rate" in fields else None
    except ValueError:
        return BadLine("hello")
    known = words[0] == HELLO_WORD and words[1:2] == [VERSION] and units in UNITS_MPS2
    if not known or not is_word(fields.get("id", "")) or (rate_hz is not None and not 0 < rate_hz < 1e5):
        return BadLine("hello")
    return Hello(fields["id"], rate_hz, units, fields.get("token", ""))


def _parse_reading(fields: list[str], scale: float) -> Reading | BadLine:
    if len(fields) not in (3, 5, 8):
        return BadLine("columns")
    fields = [field.strip() for field in fields]
    first = len(fields) % 3  # after seq and t_us, or 0
    if not (all(map(_COUNTER.fullmatch, fields[:first])) and all(map(_NUMBER.fullmatch, fields[first:]))):
        return BadLine("number")  # the patterns are stricter than int() and float(), which take 1_0 for 10
    counters = [int(field) for field in fields[:first]]
    values = [float(field) for field in fields[first:]]
    accel = tuple(value * scale for value in values[:3])
    gyro = tuple(values[3:])
    if not _within(accel, MAX_ACCEL_MPS2) or not _within(gyro, MAX_GYRO_RADPS):
        return BadLine("range")
    if not all(0 <= counter < 2**32 for counter in counters):
        return BadLine("range")
    seq, t_us = counters or (None, None)
    return Reading(accel, gyro or None, seq, t_us)  # type: ignore[arg-type]  # lengths are checked above


def _within(values: tuple[float, ...], limit: float) -> bool:
    return all(math.isfinite(value) and abs(value) <= limit for value in values)


class LineSplitter:
    """Cuts a stream of chunks into lines; what has no end in sight is given up at MAX_LINE_BYTES."""

    def __init__(self) -> None:
        self._rest = b""
        self._skipping = False

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the lines that `chunk` completes; an overlong one comes cut off, one byte too long."""
        *ended, rest = (self._rest + chunk).split(b"\n")
        lines = []
        for line in ended:
            if not self._skipping:
                lines.append(line[: MAX_LINE_BYTES + 1])
            self._skipping = False
        if len(rest) > MAX_LINE_BYTES:
            if not self._skipping:
                lines.append(rest[: MAX_LINE_BYTES + 1])
            self._skipping, rest = True, b""
        self._rest = b"" if self._skipping else rest
        return lines
