"""Where the camera node's pictures come from: sources that block in `read`, in the reader's thread."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from har_ros.core.errors import HarError

PICTURES = (".jpg", ".jpeg", ".png", ".bmp")
FALLBACK_HZ = 30.0  # where neither the user nor the source says a rate
UDEV_FOLDER = "/dev/v4l/"  # of names for cameras that are the same at each plugging in
_LATE_S = 0.1  # a file player that is later than this skips pictures
_CLOCK_STEP_NS = 50_000_000  # of the host's clock against the steady one; less is the noise of reading two clocks
_MOST_DAMAGED = 10  # pictures in a row that a video may lack before it counts as ended
_UNREADABLE = "video '{}' can't be read; give a video file, such as MP4, AVI or MKV"
_DRIVER_AGE_S = 2.0  # a driver's capture time must be at most so old to be believed


class SourceLostError(Exception):
    """The source gives no picture at the moment; it is worth trying again."""


@dataclass(frozen=True)
class Frame:
    """One picture (H, W, 3) uint8 BGR, when it was taken, and what it shows where the source knows."""

    picture: NDArray[np.uint8]
    stamp_ns: int
    truth: str = ""


class Source(Protocol):
    """One origin of pictures; `unreadable` counts those that it had to step over."""

    unreadable: int

    def check(self) -> None:
        """Raise HarError where it can never work; called once, before the reader's thread exists."""

    def open(self) -> None:
        """Open it. Raises SourceLostError, or HarError."""

    def read(self) -> Frame | None:
        """Wait for the next picture; None after the last. Raises SourceLostError."""

    def close(self) -> None:
        """Release it; may be called for nothing."""


@dataclass(frozen=True)
class Wish:
    """The size and rate asked for; 0 leaves them to the source."""

    width: int = 0
    height: int = 0
    rate_hz: float = 0.0


class Due(NamedTuple):
    """The picture that is due next: how many before it come too late, and its time since the first one."""

    skipped: int
    at_s: float


class Pace:
    """Says which numbered picture of a file or simulation is due, skipping those that are too late, and waits for it.

    In between the picture is read or drawn: it is of the time it is due, and that work must not make it late. The
    first one belongs to `begin_ns`, or to now. The pace is the steady clock's; the stamps follow the host's clock
    where that is set.
    """

    def __init__(self, rate_hz: float, now_ns: Callable[[], int], begin_ns: int | None = None) -> None:
        self._period_s = 1 / rate_hz
        self._now_ns = now_ns
        self._steady_to_host_ns = self._clocks_apart_ns()
        self._begin_ns = now_ns() if begin_ns is None else begin_ns
        self._begin_s = (self._begin_ns - self._steady_to_host_ns) / 1e9
        self._index = 0

    def next(self) -> Due:
        """Return the next picture that is not too late."""
        late_s = time.monotonic() - self._begin_s - self._index * self._period_s
        skipped = int(late_s / self._period_s) if late_s > max(_LATE_S, self._period_s) else 0
        index = self._index + skipped
        self._index = index + 1
        return Due(skipped, index * self._period_s)

    def wait_for(self, due: Due) -> int:
        """Wait until a picture is due; return its stamp, ns."""
        time.sleep(max(0.0, self._begin_s + due.at_s - time.monotonic()))
        self._follow_host_clock()
        return self._begin_ns + round(due.at_s * 1e9)

    def _follow_host_clock(self) -> None:
        apart_ns = self._clocks_apart_ns()
        step_ns = apart_ns - self._steady_to_host_ns
        if abs(step_ns) > _CLOCK_STEP_NS:
            self._begin_ns += step_ns
            self._steady_to_host_ns = apart_ns

    def _clocks_apart_ns(self) -> int:
        return self._now_ns() - time.monotonic_ns()


def device_index(address: str) -> int | None:
    """Return N for `N`, for /dev/videoN and for a link to it such as udev makes; None for anything else."""
    path = os.path.realpath(address) if address.startswith("/") else address
    found = re.fullmatch(r"(?:/dev/video)?(\d+)", path)
    return int(found[1]) if found else None


def is_address(source: str) -> bool:
    """Return whether this names a device or a stream, which may be there later, and no file."""
    return device_index(source) is not None or source.startswith(UDEV_FOLDER) or "://" in source


class CaptureSource:
    """A device or a network stream through OpenCV: whatever comes next is the newest."""

    unreadable = 0

    def __init__(self, address: str, wish: Wish, timeout_s: float, now_ns: Callable[[], int]) -> None:
        self._address = address
        self._device: int | None = None  # looked up at each opening: plugged in again it may be another
        self._wish = wish
        self._timeout_ms = round(timeout_s * 1000)
        self._now_ns = now_ns
        self._capture: cv2.VideoCapture | None = None

    def check(self) -> None:
        """Nothing to check: it may be plugged in or switched on later."""

    def open(self) -> None:
        """Connect."""
        self._device = device_index(self._address)
        if self._device is not None:
            capture = cv2.VideoCapture(self._device, cv2.CAP_V4L2)
            self._ask_device(capture)
        elif self._address.startswith(UDEV_FOLDER):
            raise SourceLostError("it is not plugged in")
        else:
            limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, self._timeout_ms]
            limits += [cv2.CAP_PROP_READ_TIMEOUT_MSEC, self._timeout_ms]
            capture = cv2.VideoCapture(self._address, cv2.CAP_FFMPEG, limits)
        if not capture.isOpened():
            raise SourceLostError("it does not open")
        self._capture = capture

    def read(self) -> Frame | None:
        """Wait for the next picture."""
        capture = self._capture
        got, picture = capture.read() if capture is not None else (False, None)
        if not got or picture is None or capture is None:
            raise SourceLostError("it sends no picture")
        return Frame(picture, self._now_ns() - self._age_ns(capture))  # type: ignore[arg-type]

    def close(self) -> None:
        """Disconnect."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def _ask_device(self, capture: cv2.VideoCapture) -> None:
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 2)
        for key, value in (
            (cv2.CAP_PROP_FRAME_WIDTH, self._wish.width),
            (cv2.CAP_PROP_FRAME_HEIGHT, self._wish.height),
            (cv2.CAP_PROP_FPS, self._wish.rate_hz),
        ):
            if value:
                capture.set(key, value)

    def _age_ns(self, capture: cv2.VideoCapture) -> int:
        """How long ago the driver took the picture: V4L2 gives its time on the monotonic clock."""
        if self._device is None:
            return 0
        age_s = time.monotonic() - capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        return round(age_s * 1e9) if 0 <= age_s <= _DRIVER_AGE_S else 0


class VideoSource:
    """A video file at its own frame rate."""

    def __init__(self, path: Path, loop: bool, now_ns: Callable[[], int]) -> None:
        self._path = path
        self._loop = loop
        self._now_ns = now_ns
        self._capture = cv2.VideoCapture()
        self.unreadable = 0

    def check(self) -> None:
        """Read one picture."""
        self.open()
        got, _ = self._capture.read()
        self.close()
        if not got:
            raise HarError(_UNREADABLE.format(self._path))

    def open(self) -> None:
        """Open the file at its beginning."""
        if not self._capture.open(str(self._path), cv2.CAP_FFMPEG):
            raise HarError(_UNREADABLE.format(self._path))
        rate_hz = self._capture.get(cv2.CAP_PROP_FPS)
        self._pace = Pace(rate_hz if 1 <= rate_hz <= 240 else FALLBACK_HZ, self._now_ns)

    def read(self) -> Frame | None:
        """Wait until the next picture is due."""
        due = self._pace.next()
        for _ in range(due.skipped):
            self._capture.grab()
        picture = self._next_picture()
        if picture is None and self._loop and self._capture.set(cv2.CAP_PROP_POS_FRAMES, 0):
            picture = self._next_picture()
        return None if picture is None else Frame(picture, self._pace.wait_for(due))

    def close(self) -> None:
        """Close the file."""
        self._capture.release()

    def _next_picture(self) -> NDArray[np.uint8] | None:
        """Return the next picture that can be decoded; None at the end."""
        for damaged in range(_MOST_DAMAGED):
            if not self._capture.grab():  # for damage as for the end
                continue
            got, picture = self._capture.retrieve()
            if got:
                self.unreadable += damaged
                return picture  # type: ignore[return-value]
        return None


class FolderSource:
    """A folder of pictures, in the natural order of their names (frame_2 before frame_10)."""

    def __init__(self, folder: Path, rate_hz: float, loop: bool, now_ns: Callable[[], int]) -> None:
        self._folder = folder
        self._rate_hz = rate_hz or FALLBACK_HZ
        self._loop = loop
        self._now_ns = now_ns
        self._files: list[Path] = []
        self._next = 0
        self.unreadable = 0

    def check(self) -> None:
        """List the pictures and read the first."""
        self.open()
        if not self._files or cv2.imread(str(self._files[0])) is None:
            kinds = ", ".join(PICTURES)
            raise HarError(f"folder '{self._folder}' holds no readable pictures; it takes {kinds}")

    def open(self) -> None:
        """Begin with the first picture."""
        pictures = (path for path in self._folder.iterdir() if path.suffix.lower() in PICTURES)
        self._files = sorted(pictures, key=_natural_order)
        self._next = 0
        self._pace = Pace(self._rate_hz, self._now_ns)

    def read(self) -> Frame | None:
        """Wait until the next readable picture is due. Raises SourceLostError where there is none left."""
        for _ in self._files:
            due = self._pace.next()
            index = self._next + due.skipped
            if self._loop:
                index %= len(self._files)
            if index >= len(self._files):
                return None
            self._next = index + 1
            picture = cv2.imread(str(self._files[index]))
            if picture is not None:
                return Frame(picture, self._pace.wait_for(due))  # type: ignore[arg-type]
            self.unreadable += 1
        raise SourceLostError("none of its pictures can be read")

    def close(self) -> None:
        """Nothing stays open."""


def _natural_order(path: Path) -> list[tuple[int, str]]:
    parts = re.findall(r"\d+|\D+", path.name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
