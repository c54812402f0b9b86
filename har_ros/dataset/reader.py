"""Reads captures: this project's, strictly, and folders that hold only the paper's files, tolerantly."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from har_ros.core.errors import HarError
from har_ros.core.imu_steps import IMU_READINGS, imu_steps, step_edges
from har_ros.core.labels import LABELS, Activity, parse_activity
from har_ros.core.windows import MAX_GAP_S, STEP_RATE_HZ, STEPS
from har_ros.dataset.capture import (
    FRAMES_FOLDER,
    IMU_FILE,
    IMU_HEADINGS,
    READINGS_FILE,
    RECORD_FILE,
    SCHEMA,
    Capture,
    CaptureMeta,
)
from har_ros.dataset.readings import Readings, in_mps2, parse_readings
from har_ros.dataset.writer import UNFINISHED_PREFIX

MANIFEST = "manifest.json"  # of a simulated dataset; what it holds is written last
_FEWEST, _MOST = 25, 40  # frames or readings of a capture "of around 30" (paper section III.A)
_IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
_JPEG_END = b"\xff\xd9"  # OpenCV fills up a JPEG that is cut off without a word
_READING_TOLERANCE_MPS2 = 0.01  # esp.txt and imu.csv may be rounded differently
_AGAIN = "copy or record the capture again"
_STAMPS = "frame_stamps_ns"
_UNSAID: dict[str, Any] = {"subject": "", "session": "", "mount": "", "source": "real", "extra": {}}
_SPAN_S = (0.5, 2.0)  # of a capture of one second


def find_captures(root: Path) -> list[Path]:
    """Return the folders of all captures under `root`, sorted; whether they are whole is not looked at.

    A folder named after an activity, by an alias too, holds captures. Raises HarError where `root` is
    no folder.
    """
    shelves = (folder for folder in _folders(root) if activity_of(folder) is not None)
    return sorted(capture for shelf in shelves for capture in _folders(shelf) if not capture.name.startswith("."))


def passed_over(root: Path) -> list[str]:
    """Return, a sentence each, which folders under `root` name no activity, so that nobody looks into them."""
    names = [folder.name for folder in _folders(root) if activity_of(folder) is None]
    return [
        f"folder '{name}' is no activity and left out; rename it if it is one"
        for name in names
        if not name.startswith(".")
    ]


def find_unfinished(root: Path) -> list[Path]:
    """Return what killed writers left under `root`: never captures, and safe to delete once nobody writes."""
    return sorted(part for shelf in _folders(root) for part in shelf.glob(f"{UNFINISHED_PREFIX}*"))


def is_half_simulated(root: Path) -> bool:
    """Return whether `root` has the manifest of a simulated dataset that was begun and never came to its end."""
    try:
        record = json.loads((root / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(record, dict) and "captures" not in record


def activity_of(shelf: Path) -> Activity | None:
    """Return the activity that a dataset's folder is named after, or None."""
    try:
        return parse_activity(shelf.name)
    except ValueError:
        return None


def read_meta(folder: Path) -> CaptureMeta:
    """Return what is known of a capture, without reading its data. Raises HarError."""
    return _meta(folder, _record(folder))


def read_capture(folder: Path) -> Capture:
    """Read one capture and check it whole.

    With a `capture.json` that has the frames' stamps, every file must be there as it was written. Without them
    `esp.txt` may be in any usual form (see har_ros.dataset.readings), with 25 to 40 frames and readings; what had to
    be assumed is in the capture's `assumptions`. Raises HarError naming the file and the remedy.
    """
    record = _record(folder)
    meta = _meta(folder, record)
    try:
        return _read_own(folder, meta, record) if _STAMPS in record else _read_papers(folder, meta)
    except OSError as error:
        raise HarError(f"'{error.filename or folder}' can't be read ({error.strerror}); {_AGAIN}") from None


def _folders(root: Path) -> list[Path]:
    try:
        return sorted(entry for entry in root.iterdir() if entry.is_dir())
    except OSError as error:
        raise HarError(f"'{root}' can't be listed ({error.strerror}); give a dataset's folder") from None


def _record(folder: Path) -> dict[str, Any]:
    """Return the content of `capture.json`, or nothing where there is none, as with the paper's files."""
    path = folder / RECORD_FILE
    if not path.exists():
        if not folder.is_dir():
            raise HarError(f"there is no capture '{folder}'; give a capture's folder")
        return {}
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise HarError(f"'{path}' can't be read as JSON ({str(error).splitlines()[0]}); {_AGAIN}") from None
    if not isinstance(record, dict) or record.get("schema", SCHEMA) != SCHEMA:
        raise HarError(f"'{path}' is not of schema {SCHEMA}; is it from a newer version?")
    return record


def _meta(folder: Path, record: dict[str, Any]) -> CaptureMeta:
    by_place = activity_of(folder.resolve().parent)
    if by_place is None and "label" not in record:
        raise HarError(
            f"'{folder}' says no label in a {RECORD_FILE}; put it into a folder named after its activity: "
            f"{', '.join(LABELS)}"
        )
    if _STAMPS not in record:  # somebody's notes on the paper's files
        record = {"label": by_place, **_UNSAID, **record, "version": ""}
    try:
        texts = {key: record[key] for key in ("subject", "session", "mount", "source", "version")}
        for key, value in texts.items():
            if not isinstance(value, str):
                raise TypeError(f"{key}, which is no text")
        meta = CaptureMeta(Activity(record["label"]), **texts, extra=dict(record["extra"]))
    except (KeyError, ValueError, TypeError, HarError) as error:
        raise HarError(f"'{folder / RECORD_FILE}' is wrong at {error}; correct it, or {_AGAIN}") from None
    if by_place not in (None, meta.label):
        raise HarError(f"'{folder}' says {meta.label} in its {RECORD_FILE}; change that or move it there")
    return meta


def _read_own(folder: Path, meta: CaptureMeta, record: dict[str, Any]) -> Capture:
    frames = _decode([folder / FRAMES_FOLDER / f"frame_{index}.jpg" for index in range(STEPS)])
    readings = _readings(folder / READINGS_FILE)
    imu = _imu_table(folder / IMU_FILE)
    try:
        capture = Capture(
            meta=meta,
            frames=frames,
            frame_stamps_ns=np.array(record[_STAMPS], np.int64),
            readings_mps2=readings.accel.astype(np.float32),
            imu_stamps_ns=imu["stamp_ns"],
            imu_accel_mps2=imu["values"][:, :3],
            imu_gyro_radps=imu["values"][:, 3:] if imu["values"].shape[1] == 6 else None,
        )
        _check_readings(capture)
        return capture
    except (KeyError, ValueError, TypeError, OverflowError):
        raise HarError(f"'{folder / RECORD_FILE}' holds no list of {_STAMPS}; {_AGAIN}") from None
    except HarError as error:
        raise HarError(f"'{folder}': {error}") from None


def _check_readings(capture: Capture) -> None:
    """Refuse a capture whose files don't belong together: each frame's reading is a sample of its time."""
    for index, stamp_ns in enumerate(capture.frame_stamps_ns):
        near = np.abs(capture.imu_stamps_ns - stamp_ns) <= MAX_GAP_S * 1e9
        if not near.any():
            raise HarError(f"{IMU_FILE} has no sample within {MAX_GAP_S:g} s of frame {index}; {_AGAIN}")
        distances = np.abs(capture.imu_accel_mps2[near] - capture.readings_mps2[index]).max(axis=1)
        if distances.min() > _READING_TOLERANCE_MPS2:
            raise HarError(
                f"reading {index} of {READINGS_FILE} is no sample that {IMU_FILE} has at its frame's time; {_AGAIN}"
            )


def _read_papers(folder: Path, meta: CaptureMeta) -> Capture:
    notes: list[str] = []
    paths = _numbered_images(folder / FRAMES_FOLDER)
    if len(paths) != STEPS:
        _check_count(folder / FRAMES_FOLDER, "frames", len(paths))
        notes.append(f"{STEPS} frames picked evenly from {len(paths)}")
        paths = [paths[index] for index in np.linspace(0, len(paths) - 1, STEPS).round().astype(int)]
    readings = _readings(folder / READINGS_FILE)
    count = len(readings.accel)
    _check_count(folder / READINGS_FILE, "readings", count)
    notes += readings.notes
    accel_mps2, unit_note = in_mps2(readings.accel, str(folder / READINGS_FILE))
    notes += unit_note
    times_s = readings.times_s
    if times_s is None:
        times_s = np.linspace(0, (STEPS - 1) / STEP_RATE_HZ, count)
    elif not _SPAN_S[0] <= times_s[-1] <= _SPAN_S[1]:
        raise HarError(
            f"'{folder / READINGS_FILE}' spans {times_s[-1]:.3g} s, and a capture is one second; record {STEPS} "
            "readings in it"
        )
    frame_stamps_ns, imu_stamps_ns = (
        (each * 1e9).astype(np.int64) for each in (np.linspace(0, times_s[-1], STEPS), times_s)
    )
    if count != STEPS:
        notes.append(f"{STEPS} readings picked by their times from {count}")
    notes.append(f"no stamps: frames and readings span the same {times_s[-1]:.2f} s")
    edges_ns = step_edges(frame_stamps_ns, STEP_RATE_HZ)
    return Capture(
        meta=meta,
        frames=_decode(paths),
        frame_stamps_ns=frame_stamps_ns,
        readings_mps2=imu_steps(IMU_READINGS, imu_stamps_ns, accel_mps2, edges_ns)[0],
        imu_stamps_ns=imu_stamps_ns,
        imu_accel_mps2=accel_mps2,
        assumptions=tuple(notes),
    )


def _check_count(path: Path, what: str, count: int) -> None:
    if not _FEWEST <= count <= _MOST:
        raise HarError(f"'{path}' holds {count} {what}, not {_FEWEST} to {_MOST}; record the capture again")


def _readings(path: Path) -> Readings:
    try:
        return parse_readings(path.read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError:
        raise HarError(f"'{path}' is no text; {_AGAIN}") from None


def _imu_table(path: Path) -> NDArray[Any]:
    """Return the rows of `imu.csv`: `stamp_ns` (N,) int64 and `values` (N, 3 or 6) float32."""
    with path.open(encoding="utf-8", errors="replace") as file:
        heading = file.readline().strip()
        width = IMU_HEADINGS.get(heading)
        if width is None:
            raise HarError(f"'{path}' begins with none of the headings {' and '.join(IMU_HEADINGS)}; {_AGAIN}")
        columns = [("stamp_ns", np.int64), ("values", np.float32, (width,))]
        lines = file.readlines()
    if not lines:
        raise HarError(f"'{path}' holds no samples; {_AGAIN}")
    try:
        return np.loadtxt(lines, dtype=columns, delimiter=",", ndmin=1)
    except ValueError as error:
        raise HarError(f"'{path}' is no table of IMU samples ({error}); {_AGAIN}") from None


def _numbered_images(folder: Path) -> list[Path]:
    """Return the images of a folder in the order of the numbers in each name; 1715000000.95 is a single one."""
    numbered: dict[tuple[Decimal, ...], Path] = {}
    for path in sorted(folder.iterdir()):
        numbers = tuple(map(Decimal, re.findall(r"\d{9,}\.\d+|\d+", path.stem)))
        if not numbers or path.suffix.lower() not in _IMAGE_SUFFIXES:
            continue
        if numbers in numbered:
            raise HarError(f"'{path}' has the number of '{numbered[numbers].name}'; remove one of them")
        numbered[numbers] = path
    return [numbered[numbers] for numbers in sorted(numbered)]


def _decode(paths: list[Path]) -> NDArray[np.uint8]:
    first = _decode_one(paths[0])
    frames = np.empty((len(paths), *first.shape), np.uint8)
    for path, place in zip(paths, frames):
        frame = _decode_one(path)
        if frame.shape != first.shape:
            raise HarError(f"'{path}' has another size than the frames before it; {_AGAIN}")
        place[:] = frame
    return frames


def _decode_one(path: Path) -> NDArray[np.uint8]:
    coded = path.read_bytes()
    whole = path.suffix.lower() == ".png" or coded.rstrip(b"\0").endswith(_JPEG_END)
    try:
        frame = cv2.imdecode(np.frombuffer(coded, np.uint8), cv2.IMREAD_COLOR) if whole else None
    except cv2.error:  # an empty file, or one that claims an absurd size
        frame = None
    if frame is None:
        raise HarError(f"'{path}' is cut off or no picture; {_AGAIN}")
    return frame  # type: ignore[return-value]
