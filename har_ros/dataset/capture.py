"""One capture: a second of pictures and accelerometer readings under one label.

Dataset/<LABEL>/capture_YYYYMMDD_HHMMSS/frames/frame_0.jpg ... frame_29.jpg
                                        readings/esp.txt   one reading a frame: ax,ay,az
                                        readings/imu.csv   all readings with their stamps
                                        capture.json       label, stamps, who, where, how
The folders, frames and esp.txt are the paper's (section III.A); the rest is added beside them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from har_ros import __version__
from har_ros.core.errors import HarError
from har_ros.core.imu_steps import imu_steps, step_edges
from har_ros.core.labels import Activity
from har_ros.core.windows import STEP_RATE_HZ, STEPS

SCHEMA = "har.capture/1"
SOURCES = ("real", "simulated", "bag")

RECORD_FILE = "capture.json"
FRAMES_FOLDER = "frames"
READINGS_FILE = "readings/esp.txt"
IMU_FILE = "readings/imu.csv"
EYES_CLOSED = "eyes_closed"
IMU_HEADINGS = {"stamp_ns,ax,ay,az": 3, "stamp_ns,ax,ay,az,gx,gy,gz": 6}  # -> values in a line


@dataclass(frozen=True)
class CaptureMeta:
    """What is known of a capture besides its data.

    subject, session: whoever is recorded, and on which occasion; "" where unknown. Splits go by them.
    mount:            where on the body the sensor sits, such as `back`; "" where unknown.
    source:           real, simulated or bag.
    version:          of the software that wrote it; "" for a capture that holds the paper's files only.
    extra:            anything that JSON can hold.

    Raises HarError for an unknown source, and where `eyes_closed` in `extra` isn't a share for each frame.
    """

    label: Activity
    subject: str = ""
    session: str = ""
    mount: str = ""
    source: str = "real"
    version: str = __version__
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def eyes_closed(self) -> tuple[float, ...]:
        """How far the eyes are shut in each frame, 0 to 1; nothing where `extra` doesn't say."""
        return tuple(map(float, self.extra.get(EYES_CLOSED, [])))

    @property
    def stamped(self) -> bool:
        """False for a capture of the paper's files only: its stamps are assumed."""
        return bool(self.version)

    def __post_init__(self) -> None:
        if self.source not in SOURCES:
            raise HarError(f"a capture's source is one of {', '.join(SOURCES)}, not '{self.source}'")
        shut = self.extra.get(EYES_CLOSED, [])
        if not isinstance(shut, list) or len(shut) not in (0, STEPS) or not all(map(_is_share, shut)):
            raise HarError(f"{EYES_CLOSED}, which must be {STEPS} numbers from 0 to 1")


@dataclass(frozen=True, eq=False)
class Capture:
    """One capture; N is the number of IMU samples, at the sensor's own rate.

    frames:          (30, H, W, 3) uint8 BGR
    frame_stamps_ns: (30,) int64, never falling
    readings_mps2:   (30, 3) float32, the accelerometer reading of each frame, incl. gravity
    imu_stamps_ns:   (N,) int64, never falling
    imu_accel_mps2:  (N, 3) float32
    imu_gyro_radps:  (N, 3) float32, or None without a gyro
    assumptions:     what the reader had to assume, a sentence each

    Raises HarError for other shapes, falling stamps, or numbers that are not finite.
    """

    meta: CaptureMeta
    frames: NDArray[np.uint8]
    frame_stamps_ns: NDArray[np.int64]
    readings_mps2: NDArray[np.float32]
    imu_stamps_ns: NDArray[np.int64]
    imu_accel_mps2: NDArray[np.float32]
    imu_gyro_radps: NDArray[np.float32] | None = None
    assumptions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        samples = len(self.imu_stamps_ns)
        frames = self.frames
        if frames.ndim != 4 or frames.shape[0] != STEPS or frames.shape[3] != 3 or frames.dtype != np.uint8:
            raise HarError(f"a capture takes {STEPS} frames (H, W, 3) uint8, not {frames.shape} {frames.dtype}")
        _check("frame stamps", self.frame_stamps_ns, (STEPS,))
        _check("readings", self.readings_mps2, (STEPS, 3))
        _check("IMU stamps", self.imu_stamps_ns, (samples,))
        _check("IMU samples", self.imu_accel_mps2, (samples, 3))
        if self.imu_gyro_radps is not None:
            _check("gyro samples", self.imu_gyro_radps, (samples, 3))
        for name, stamps in (("frame", self.frame_stamps_ns), ("IMU", self.imu_stamps_ns)):
            if np.any(np.diff(stamps) < 0):
                raise HarError(f"the {name} stamps of a capture run backwards; record it again")

    @property
    def label(self) -> Activity:
        """What the person does."""
        return self.meta.label

    def imu_steps(self, channels: tuple[str, ...]) -> NDArray[np.float32]:
        """Return the values (30, C) of the frames' steps, as har_ros.core.imu_steps makes them."""
        edges_ns = step_edges(self.frame_stamps_ns, STEP_RATE_HZ)
        return imu_steps(channels, self.imu_stamps_ns, self.imu_accel_mps2, edges_ns)[0]


def _is_share(value: Any) -> bool:
    return isinstance(value, (int, float)) and 0 <= value <= 1


def _check(name: str, values: NDArray[Any], shape: tuple[int, ...]) -> None:
    if values.shape != shape or not len(values):
        raise HarError(f"a capture takes {name} of shape {shape}, not {values.shape}")
    if not np.isfinite(values).all():
        raise HarError(f"the {name} of a capture hold numbers that are not finite; record it again")
