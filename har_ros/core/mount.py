"""How the accelerometer sits on the body: the rotation from its axes to those the model knows."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from har_ros.core.errors import HarError
from har_ros.core.preprocess import STANDARD_GRAVITY_MPS2

STILL_STD_MPS2 = 0.4  # quiet standing sways by about 0.1; one step gives more than 1
GRAVITY_TOLERANCE_MPS2 = 1.5  # more than the offset of any cheap sensor
CALIBRATION_S = 2.0
_MOST_READINGS = 4000  # also of a sensor whose stamps stand still


class LastReadings:
    """The readings of the last two seconds, for a calibration; one thread may add while another one asks."""

    def __init__(self) -> None:
        self._readings: deque[tuple[int, Sequence[float]]] = deque(maxlen=_MOST_READINGS)

    def add(self, stamp_ns: int, accel_mps2: Sequence[float]) -> None:
        """Take a reading (3,), m/s^2."""
        self._readings.append((stamp_ns, accel_mps2))
        while stamp_ns - self._readings[0][0] > CALIBRATION_S * 1e9:
            self._readings.popleft()

    def clear(self) -> None:
        """Forget them, as after a jump of the clock."""
        self._readings.clear()

    def size_mps2(self) -> float:
        """Return the median size of the readings, m/s^2, NaN without any: of a body about 9.8."""
        sizes = [math.hypot(*accel_mps2) for _, accel_mps2 in list(self._readings)]
        return statistics.median(sizes) if sizes else math.nan

    def since(self, now_ns: int, timeout_s: float) -> NDArray[np.float32]:
        """Return two seconds of readings (N, 3) of which the newest is at most `timeout_s` old. Raises HarError."""
        readings = list(self._readings)
        stamps_ns = [stamp_ns for stamp_ns, _ in readings]
        age_s = (now_ns - stamps_ns[-1]) / 1e9 if stamps_ns else np.inf
        if age_s > timeout_s or stamps_ns[-1] - stamps_ns[0] < 0.9 * CALIBRATION_S * 1e9:
            raise HarError(f"calibration takes {CALIBRATION_S:g} s of accelerometer data; wait and try again")
        return np.array([accel_mps2 for _, accel_mps2 in readings], np.float32)


def rotation_matrix(quaternion_xyzw: Sequence[float]) -> NDArray[np.float32]:
    """Return the matrix (3, 3) of a rotation; the quaternion need not have the length 1 exactly.

    Raises HarError where it is not four numbers or nearly all of them are 0.
    """
    quaternion = np.asarray(quaternion_xyzw, np.float64)
    length = float(np.linalg.norm(quaternion))
    if quaternion.shape != (4,) or not 1e-6 < length < np.inf:
        raise HarError("a rotation is a quaternion x, y, z, w that is not all 0; 0, 0, 0, 1 turns nothing")
    x, y, z, w = quaternion / length
    matrix = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.array(matrix, np.float32)


def upright_rotation(still_accel_mps2: NDArray[np.floating]) -> tuple[float, float, float, float]:
    """Return the smallest rotation x, y, z, w that turns the mean of readings (N, 3) at rest to +z.

    At rest an accelerometer shows gravity's reaction, which points up (REP-145). Nothing is said about
    the heading, since gravity does not show it. Raises HarError where the readings are not of rest.
    """
    unrest = float(still_accel_mps2.std(axis=0).max())
    if unrest > STILL_STD_MPS2:
        raise HarError(f"the sensor moves (readings vary by {unrest:.1f} m/s^2); stand still and try again")
    mean = still_accel_mps2.mean(axis=0)
    length = float(np.linalg.norm(mean))
    if abs(length - STANDARD_GRAVITY_MPS2) > GRAVITY_TOLERANCE_MPS2:
        raise HarError(
            f"at rest the sensor shows {length:.1f} m/s^2, not gravity's {STANDARD_GRAVITY_MPS2:.1f}; "
            "check its units and its range"
        )
    x, y, z = (float(value) for value in mean / length)
    if z < -1 + 1e-9:  # upside down: half a turn about any level axis
        return (1.0, 0.0, 0.0, 0.0)
    quaternion = np.array([y, -x, 0.0, 1.0 + z])
    quaternion /= np.linalg.norm(quaternion)
    qx, qy, qz, qw = (float(value) for value in quaternion)
    return (qx, qy, qz, qw)
