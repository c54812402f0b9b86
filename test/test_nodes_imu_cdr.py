"""Reading a serialised Imu agrees with rclpy, whatever is in it, and takes nothing else for one."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("rclpy", reason="needs ROS 2, or the extra ros-jazzy")
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import Imu

from har_ros.core.errors import HarError
from har_ros.link.session import StampedReading
from har_ros.nodes.imu_cdr import read_imu

NUMBERS = st.floats(width=64, allow_nan=False)
FRAME_IDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


@st.composite
def imus(draw: st.DrawFn) -> Imu:
    """Draw a message with something everywhere."""
    message = Imu()
    message.header.stamp.sec = draw(st.integers(0, 2**31 - 1))
    message.header.stamp.nanosec = draw(st.integers(0, 999_999_999))
    message.header.frame_id = draw(FRAME_IDS)
    for vector in (message.angular_velocity, message.linear_acceleration):
        vector.x, vector.y, vector.z = draw(NUMBERS), draw(NUMBERS), draw(NUMBERS)
    message.orientation.x, message.orientation.w = draw(NUMBERS), draw(NUMBERS)
    for covariance in (
        message.orientation_covariance,
        message.angular_velocity_covariance,
        message.linear_acceleration_covariance,
    ):
        covariance[:] = draw(st.lists(NUMBERS | st.just(-1.0), min_size=9, max_size=9))
    return message


def big_endian(message: Imu) -> bytes:
    """Return a message as a machine of the other byte order would send it."""
    stamp, text = message.header.stamp, message.header.frame_id.encode() + b"\0"
    head = struct.pack(">iII", stamp.sec, stamp.nanosec, len(text)) + text
    turn, spin, push = message.orientation, message.angular_velocity, message.linear_acceleration
    numbers = (
        *(turn.x, turn.y, turn.z, turn.w, *message.orientation_covariance),
        *(spin.x, spin.y, spin.z, *message.angular_velocity_covariance),
        *(push.x, push.y, push.z, *message.linear_acceleration_covariance),
    )
    return b"\0\0\0\0" + head + bytes(-len(head) % 8) + struct.pack(">37d", *numbers)


def expected(message: Imu) -> StampedReading:
    stamp, spin, push = message.header.stamp, message.angular_velocity, message.linear_acceleration
    has_gyro = message.angular_velocity_covariance[0] != -1
    return StampedReading(
        stamp.sec * 10**9 + stamp.nanosec,
        (push.x, push.y, push.z),
        (spin.x, spin.y, spin.z) if has_gyro else None,
    )


@given(imus())
def test_it_reads_what_rclpy_wrote(message: Imu) -> None:
    assert read_imu(serialize_message(message)) == expected(message)


@given(imus())
def test_it_reads_the_other_byte_order(message: Imu) -> None:
    data = big_endian(message)
    assert deserialize_message(data, Imu) == message, "no message of the other byte order"
    assert read_imu(data) == expected(message)


@given(imus(), st.data())
def test_bytes_that_are_cut_off_or_too_many_are_refused(message: Imu, data: st.DataObject) -> None:
    whole = serialize_message(message)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(HarError, match=r"no sensor_msgs/Imu"):
        read_imu(cut)
    with pytest.raises(HarError, match=r"more than a sensor_msgs/Imu"):
        read_imu(whole + bytes(data.draw(st.integers(8, 400))))


@pytest.mark.parametrize(("place", "damage"), [(0, b"\x00\x03"), (0, b"\xff\xff"), (12, b"\xff\xff\xff\xff")])
def test_another_encoding_and_an_impossible_text_are_refused(place: int, damage: bytes) -> None:
    data = bytearray(serialize_message(Imu()))
    data[place : place + len(damage)] = damage
    with pytest.raises(HarError, match=r"no sensor_msgs/Imu"):
        read_imu(bytes(data))


def test_a_stamp_before_1970_is_refused() -> None:
    message = Imu()
    message.header.stamp.sec = -1
    with pytest.raises(HarError, match="stamp is negative"):
        read_imu(serialize_message(message))
