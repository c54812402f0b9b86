"""The sensor's mount: rotations are rotations, rest turns upright, motion is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from har_ros.core.errors import HarError
from har_ros.core.mount import rotation_matrix, upright_rotation

numbers = st.floats(-1, 1)


@given(st.tuples(numbers, numbers, numbers, numbers))
def test_every_quaternion_gives_a_rotation(quaternion: tuple[float, ...]) -> None:
    assume(np.linalg.norm(quaternion) > 1e-3)
    matrix = rotation_matrix(quaternion)
    assert np.allclose(matrix @ matrix.T, np.eye(3), atol=1e-5)
    assert np.isclose(np.linalg.det(matrix), 1, atol=1e-5)


@given(st.tuples(numbers, numbers, numbers))
def test_rest_in_any_attitude_turns_to_plus_z(direction: tuple[float, ...]) -> None:
    length = np.linalg.norm(direction)
    assume(length > 1e-2)
    gravity = 9.8 * np.array(direction) / length
    readings = np.tile(gravity, (50, 1)).astype(np.float32)
    turned = rotation_matrix(upright_rotation(readings)) @ gravity
    assert np.allclose(turned, (0, 0, 9.8), atol=0.02)


def test_upside_down_turns_over() -> None:
    readings = np.tile([0.0, 0.0, -9.8], (50, 1))
    assert np.allclose(rotation_matrix(upright_rotation(readings)) @ readings[0], (0, 0, 9.8), atol=1e-4)


def test_an_upright_sensor_is_not_turned() -> None:
    assert upright_rotation(np.tile([0.0, 0.0, 9.8], (50, 1))) == pytest.approx((0, 0, 0, 1))


@pytest.mark.parametrize("quaternion", [(0, 0, 0, 0), (1, 0, 0), (0, 0, 0, float("nan")), (0, 0, 0, float("inf"))])
def test_no_rotation_is_refused(quaternion: tuple[float, ...]) -> None:
    with pytest.raises(HarError, match="quaternion"):
        rotation_matrix(quaternion)


def test_motion_and_wrong_units_are_refused() -> None:
    walking = np.tile([0.0, 0.0, 9.8], (50, 1)) + 2 * np.sin(np.arange(50))[:, None]
    with pytest.raises(HarError, match="moves"):
        upright_rotation(walking)
    with pytest.raises(HarError, match="units"):
        upright_rotation(np.tile([0.0, 0.0, 1.0], (50, 1)))
