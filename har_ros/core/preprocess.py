"""Frames and IMU readings as the networks want them: one place for training, live nodes and replay."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from har_ros.core.errors import HarError

Vector = tuple[float, float, float]  # of a sensor, m/s^2 or rad/s

STANDARD_GRAVITY_MPS2 = 9.80665
MAX_ACCEL_MPS2 = 400.0  # along any axis of a worn sensor; what is beyond it is no reading
LATERAL_AXIS = 1  # y is left in the body frame (REP-103)


def to_model_frame(
    image_bgr: NDArray[np.uint8], size_px: int, out: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """Resize an image (H, W, 3) uint8 to (size_px, size_px, 3), into `out` if given, not keeping its aspect.

    Paper III.B. Raises HarError for an image of another kind, which OpenCV would not write into `out`.
    """
    if image_bgr.dtype != np.uint8 or image_bgr.shape[2:] != (3,):
        raise HarError(f"an image must be (H, W, 3) uint8 BGR, not {image_bgr.shape} {image_bgr.dtype}; convert it")
    frame = np.empty((size_px, size_px, 3), np.uint8) if out is None else out
    if image_bgr.shape == frame.shape:
        frame[:] = image_bgr
    else:
        resize(image_bgr, size_px, size_px, out=frame)
    return frame


def resize(
    image_bgr: NDArray[np.uint8], width_px: int, height_px: int, out: NDArray[np.uint8] | None = None
) -> NDArray[np.uint8]:
    """Return an image (H, W, 3) uint8 as (height_px, width_px, 3), in `out` if given.

    Bilinear and always by this function: another rule shifts the network's features.
    """
    import cv2  # here, so that importing core takes numpy alone

    resized: NDArray[np.uint8] = cv2.resize(image_bgr, (width_px, height_px), dst=out, interpolation=cv2.INTER_LINEAR)  # type: ignore[assignment]
    return resized


def normalise_imu(
    imu: NDArray[np.float32], mean: NDArray[np.float32], std: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Scale IMU channels (..., C) with the training set's fixed statistics.

    Never per window: that would erase gravity and the size of an impact.
    """
    return ((imu - mean) / std).astype(np.float32, copy=False)


def check_reading(accel_mps2: Vector) -> None:
    """Raise HarError for a reading that is not finite, or beyond MAX_ACCEL_MPS2: a model would fail on it."""
    if not all(abs(value) <= MAX_ACCEL_MPS2 for value in accel_mps2):  # no NaN is
        raise HarError(f"an accelerometer sample that is not finite, or beyond {MAX_ACCEL_MPS2:g} m/s^2")


def mirror_frames(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Mirror frames (..., H, W, 3) left to right."""
    return np.ascontiguousarray(frames[..., ::-1, :])


def mirror_accel(accel_mps2: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mirror accelerometer readings (..., 3) in the body frame: the lateral axis changes its sign."""
    mirrored = accel_mps2.copy()
    mirrored[..., LATERAL_AXIS] *= -1
    return mirrored
