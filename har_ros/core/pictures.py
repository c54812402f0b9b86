"""Pixels out of ROS image messages of any origin (rclpy, a bag): only their fields are used.

OpenCV is imported where it is needed, so that importing core takes numpy alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from har_ros.core.errors import HarError

Picture = NDArray[np.uint8]
CHANNELS = {"bgr8": 3, "rgb8": 3, "mono8": 1}


def image_view(message: Any) -> Picture:
    """Return a bgr8, rgb8 or mono8 sensor_msgs/Image's pixels as a view of it: (H, W, 3) or (H, W) uint8.

    Raises HarError where size, step and data disagree, or for another encoding.
    """
    channels = CHANNELS.get(message.encoding)
    if channels is None:
        raise HarError(f"images of encoding '{message.encoding}' can't be used; send {', '.join(CHANNELS)} or JPEG")
    height, width, step = message.height, message.width, message.step
    if not height or not width or step < width * channels or len(message.data) < step * height:
        raise HarError(
            f"broken image: {width} x {height} {message.encoding} with step {step} "
            f"does not fit its {len(message.data)} bytes"
        )
    rows = np.frombuffer(message.data, np.uint8, step * height).reshape(height, step)[:, : width * channels]
    return rows if channels == 1 else rows.reshape(height, width, channels)


def raw_to_bgr(message: Any) -> Picture:
    """Return a sensor_msgs/Image's pixels as (H, W, 3) uint8 BGR; a view of it where it is bgr8. Raises HarError."""
    import cv2

    view = image_view(message)
    if message.encoding == "mono8":
        return cv2.cvtColor(view, cv2.COLOR_GRAY2BGR)  # type: ignore[return-value]
    if message.encoding == "rgb8":
        return cv2.cvtColor(view, cv2.COLOR_RGB2BGR)  # type: ignore[return-value]
    return view


def decompress(message: Any) -> Picture:
    """Return a sensor_msgs/CompressedImage's pixels as (H, W, 3) uint8 BGR. Raises HarError for broken data."""
    import cv2

    coded = np.frombuffer(message.data, np.uint8)
    picture = cv2.imdecode(coded, cv2.IMREAD_COLOR) if coded.size else None
    if picture is None:
        raise HarError(f"broken image: {coded.size} bytes of '{message.format}' can't be decoded")
    return picture  # type: ignore[return-value]
