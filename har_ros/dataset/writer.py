"""Writes captures so that each appears whole or not at all, whatever ends the writer."""

from __future__ import annotations

import errno
import json
import os
import shutil
import uuid
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from har_ros.core.errors import HarError
from har_ros.core.labels import Activity
from har_ros.dataset.capture import (
    FRAMES_FOLDER,
    IMU_FILE,
    IMU_HEADINGS,
    READINGS_FILE,
    RECORD_FILE,
    SCHEMA,
    Capture,
)

UNFINISHED_PREFIX = ".unfinished_"
_JPEG_QUALITY = 92
_TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)


@dataclass(frozen=True)
class Packed:
    """A capture as the files it consists of, by their place in its folder: small enough to be sent."""

    label: Activity
    taken_at: datetime
    files: dict[str, bytes]


def write_capture(root: Path, capture: Capture, taken_at: datetime) -> Path:
    """Write `capture` under `root`, named after its label and `taken_at`; return its folder.

    It is written into a hidden folder beside its place, forced to the disk and renamed. A second capture
    of the same second gets `_2` behind its name, the next one `_3`; writers in several processes don't
    get into each other's way. Raises HarError, and leaves nothing behind, when the disk refuses.
    """
    return write_packed(root, pack_capture(capture, taken_at))


def pack_capture(capture: Capture, taken_at: datetime) -> Packed:
    """Return the files of a capture; raises TypeError or ValueError where its extra is no JSON."""
    files = {f"{FRAMES_FOLDER}/frame_{index}.jpg": encode_jpeg(frame) for index, frame in enumerate(capture.frames)}
    readings = (",".join(map(str, row)) for row in capture.readings_mps2.astype(np.float32))
    files[READINGS_FILE] = "".join(f"{line}\n" for line in readings).encode("ascii")
    files[IMU_FILE] = _imu_table(capture).encode("ascii")
    files[RECORD_FILE] = _record(capture).encode("utf-8")
    return Packed(capture.meta.label, taken_at, files)


def write_packed(root: Path, packed: Packed) -> Path:
    """Write what `pack_capture` made as `write_capture` does."""
    shelf = root / packed.label.value
    draft = shelf / f"{UNFINISHED_PREFIX}{uuid.uuid4().hex}"
    try:
        draft.mkdir(parents=True)
        for name, content in packed.files.items():
            (draft / name).parent.mkdir(exist_ok=True)
            (draft / name).write_bytes(content)
        _sync_tree(draft)
        folder = _rename(draft, shelf / capture_name(packed.taken_at))
        _sync(shelf)
    except BaseException as error:
        shutil.rmtree(draft, ignore_errors=True)
        if isinstance(error, OSError):
            reason = error.strerror or error
            raise HarError(
                f"can't write a capture to '{root}' ({reason}); free space or choose another folder"
            ) from None
        raise
    return folder


def capture_name(taken_at: datetime) -> str:
    """Return the name of the folder of a capture of that time, but for the number behind it of a further one."""
    return f"capture_{taken_at:%Y%m%d_%H%M%S}"


def encode_jpeg(frame: NDArray[np.uint8]) -> bytes:
    """Return a picture (H, W, 3) uint8 BGR as the JPEG that captures hold."""
    _, jpeg = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return jpeg.tobytes()


def _imu_table(capture: Capture) -> str:
    parts = [part for part in (capture.imu_accel_mps2, capture.imu_gyro_radps) if part is not None]
    values = np.hstack(parts).astype(np.float32)
    heading = next(heading for heading, width in IMU_HEADINGS.items() if width == values.shape[1])
    rows = (",".join(map(str, (stamp, *row))) for stamp, row in zip(capture.imu_stamps_ns, values))
    return "".join(f"{line}\n" for line in (heading, *rows))


def _record(capture: Capture) -> str:
    meta = capture.meta
    record = {
        "schema": SCHEMA,
        "label": meta.label.value,
        "subject": meta.subject,
        "session": meta.session,
        "mount": meta.mount,
        "source": meta.source,
        "version": meta.version,
        "frame_stamps_ns": [int(stamp) for stamp in capture.frame_stamps_ns],
        "extra": meta.extra,
    }
    return json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _rename(draft: Path, wanted: Path) -> Path:
    """Give `draft` the first free name; renaming never replaces a folder that holds something."""
    for number in count(1):
        place = wanted if number == 1 else wanted.with_name(f"{wanted.name}_{number}")
        try:
            return draft.rename(place)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
    raise AssertionError("unreachable: there is always a next number")


def _sync_tree(folder: Path) -> None:
    for parent, _, files in os.walk(folder):
        for name in files:
            _sync(Path(parent) / name)
        _sync(Path(parent))


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
