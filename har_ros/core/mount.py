"""How the accelerometer sits on the body: the rotation from its axes to those the model knows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from har_ros.core.errors import HarError
from har_ros.core.preprocess import STANDARD_GRAVITY_MPS2

STILL_STD_MPS2 = 0.4  # quiet standing sways by about 0.1; one step gives more than 1
GRAVITY_TOLERANCE_MPS2 = 1.5  # more than the offset of any cheap sensor


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
