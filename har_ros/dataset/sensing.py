"""What any change to a recorded second needs: training's augmentation and the stress test share this and no more."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray


class Samples(NamedTuple):
    """A clip's accelerometer: stamps (N,) int64 ns and readings (N, 3), m/s^2."""

    stamps_ns: NDArray[np.int64]
    accel_mps2: NDArray[np.float32]


def as_jpeg(frame: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    """Return a picture (H, W, 3) uint8 BGR as it is after JPEG of a quality, 1 to 100."""
    _, coded = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(coded, cv2.IMREAD_COLOR)  # type: ignore[return-value]


def looked_up(frames: NDArray[np.uint8], table: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return frames (T, H, W, 3) uint8 with each level looked up in a table (256, 3) of each colour's new level."""
    tall = frames.reshape(-1, *frames.shape[2:])  # all frames below each other
    return np.asarray(cv2.LUT(tall, np.clip(table, 0, 255).astype(np.uint8)[None]), np.uint8).reshape(frames.shape)


def next_shown(there: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return which frame (T,) each step shows when only those `there` (T,) came; the last one must be there.

    As in the recogniser a frame stands for the steps since the one before it, so each step shows the first
    frame from its own on.
    """
    came = np.flatnonzero(there)
    return came[np.searchsorted(came, np.arange(len(there)))]
