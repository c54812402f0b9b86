"""Reads from a serialised sensor_msgs/Imu what this package uses of it, without making a message of it.

rclpy takes a quarter of a millisecond to make one where the processor was at other things in between, and a hundred
come each second.
"""

from __future__ import annotations

from struct import Struct, error

from har_ros.core.errors import HarError
from har_ros.link.session import StampedReading
from har_ros.nodes.pairs import total_ns

_ENCAPSULATION = 4  # bytes before the content, by whose beginning numbers are aligned
_ALIGNMENT = 8
# In the order of sensor_msgs/Imu: stamp and length of frame_id; after that text orientation and its covariance,
# angular velocity, the first number of its covariance and the others, linear acceleration and its covariance.
_HEAD, _NUMBERS = "iII", "104x3dd64x3d72x"
_BY_ENCODING = {
    b"\x00\x00": (Struct(">" + _HEAD), Struct(">" + _NUMBERS)),
    b"\x00\x01": (Struct("<" + _HEAD), Struct("<" + _NUMBERS)),
}


def read_imu(data: bytes) -> StampedReading:
    """Return the reading in the CDR bytes of an Imu; without a gyro by REP-145 its angular velocity is None.

    Raises HarError for other bytes, and for a stamp before 1970.
    """
    try:
        head, numbers = _BY_ENCODING[data[:2]]
        sec, nanosec, text_size = head.unpack_from(data, _ENCAPSULATION)
        text_end = head.size + text_size
        begin = _ENCAPSULATION + text_end + -text_end % _ALIGNMENT
        *gyro, gyro_covariance, ax, ay, az = numbers.unpack_from(data, begin)
    except (KeyError, error):
        raise HarError("bytes that are no sensor_msgs/Imu") from None
    if len(data) - begin - numbers.size >= _ALIGNMENT:
        raise HarError("bytes that are more than a sensor_msgs/Imu")
    gyro_radps = None if gyro_covariance == -1 else (gyro[0], gyro[1], gyro[2])
    return StampedReading(total_ns(sec, nanosec), (ax, ay, az), gyro_radps)
