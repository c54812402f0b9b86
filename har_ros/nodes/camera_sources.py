"""Where the camera node's pictures come from: sources that block in `read`, in the reader's thread."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from har_ros.core.errors import HarError

PICTURES = (".jpg", ".jpeg", ".png", ".bmp")
FALLBACK_HZ = 30.0  # where neither the user nor the source says a rate
_LATE_S = 0.1  # a file player that is later than this skips pictures
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
    """One origin of pictures."""

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


class Pace:
    """Waits until each numbered picture of a file or simulation is due, and skips those that are too late.

    The first picture belongs to `begin_ns`.
    """

    def __init__(self, rate_hz: float, begin_ns: int, now_ns: int) -> None:
        self._period_s = 1 / rate_hz
        self._begin_ns = begin_ns
        self._begin_s = time.monotonic() - (now_ns - begin_ns) / 1e9
        self._index = 0

    def next(self) -> tuple[int, int]:
        """Wait; return how many pictures to skip and the stamp of the one due."""
        late_s = time.monotonic() - self._begin_s - self._index * self._period_s
        skipped = int(late_s / self._period_s) if late_s > max(_LATE_S, self._period_s) else 0
        index = self._index + skipped
        self._index = index + 1
        due_s = self._begin_s + index * self._period_s
        time.sleep(max(0.0, due_s - time.monotonic()))
        return skipped, self._begin_ns + round(index * self._period_s * 1e9)


class CaptureSource:
    """A device or a network stream through OpenCV: whatever comes next is the newest."""

    def __init__(self, address: int | str, wish: Wish, timeout_s: float, now_ns: Callable[[], int]) -> None:
        self._address = address
        self._wish = wish
        self._timeout_ms = round(timeout_s * 1000)
        self._now_ns = now_ns
        self._capture: cv2.VideoCapture | None = None

    def check(self) -> None:
        """Nothing to check: it may be plugged in or switched on later."""

    def open(self) -> None:
        """Connect."""
        if isinstance(self._address, int):
            capture = cv2.VideoCapture(self._address, cv2.CAP_V4L2)
            self._ask_device(capture)
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
        if not isinstance(self._address, int):
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
        now_ns = self._now_ns()
        self._pace = Pace(rate_hz if 1 <= rate_hz <= 240 else FALLBACK_HZ, now_ns, now_ns)

    def read(self) -> Frame | None:
        """Wait until the next picture is due."""
        skipped, stamp_ns = self._pace.next()
        for _ in range(skipped):
            self._grab()
        if not self._grab():
            return None
        _, picture = self._capture.retrieve()
        return Frame(picture, stamp_ns)  # type: ignore[arg-type]

    def close(self) -> None:
        """Close the file."""
        self._capture.release()

    def _grab(self) -> bool:
        if self._capture.grab():
            return True
        return self._loop and self._capture.set(cv2.CAP_PROP_POS_FRAMES, 0) and self._capture.grab()


class FolderSource:
    """A folder of pictures, in the natural order of their names (frame_2 before frame_10)."""

    def __init__(self, folder: Path, rate_hz: float, loop: bool, now_ns: Callable[[], int]) -> None:
        self._folder = folder
        self._rate_hz = rate_hz or FALLBACK_HZ
        self._loop = loop
        self._now_ns = now_ns
        self._files: list[Path] = []
        self._next = 0

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
        now_ns = self._now_ns()
        self._pace = Pace(self._rate_hz, now_ns, now_ns)

    def read(self) -> Frame | None:
        """Wait until the next readable picture is due."""
        while True:
            skipped, stamp_ns = self._pace.next()
            index = self._next + skipped
            if self._loop:
                index %= len(self._files)
            if index >= len(self._files):
                return None
            self._next = index + 1
            picture = cv2.imread(str(self._files[index]))
            if picture is not None:
                return Frame(picture, stamp_ns)  # type: ignore[arg-type]

    def close(self) -> None:
        """Nothing stays open."""


def _natural_order(path: Path) -> list[tuple[int, str]]:
    parts = re.findall(r"\d+|\D+", path.name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
