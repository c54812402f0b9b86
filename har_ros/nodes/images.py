"""Pictures between numpy and ROS messages, without a copy where there need not be one."""

from __future__ import annotations

import array
import os

import cv2
import numpy as np
from sensor_msgs.msg import CompressedImage, Image

from har_ros.core.errors import HarError
from har_ros.core.pictures import CHANNELS, Picture, raw_to_bgr
from har_ros.nodes.neighbours import LocalImage


def fill_image(message: Image, picture: Picture, encoding: str = "bgr8") -> None:
    """Put a picture, (H, W, 3) for bgr8 and rgb8 or (H, W) for mono8, into `message`; its header stays.

    A message used again for the next picture of the same size keeps its memory.
    """
    picture = np.ascontiguousarray(picture)
    message.height, message.width = picture.shape[:2]
    message.encoding = encoding
    message.is_bigendian = 0
    message.step = picture.strides[0]
    if len(message.data) == picture.nbytes:
        np.frombuffer(message.data, np.uint8)[:] = picture.reshape(-1)
    else:
        message.data = array.array("B")
        message.data.frombytes(picture.data.cast("B"))


def to_bgr(message: Image | LocalImage) -> Picture:
    """Return an image's pixels as (H, W, 3) uint8 BGR; a view of the message where it is bgr8 already.

    Any encoding beyond bgr8, rgb8 and mono8 takes cv_bridge. Raises HarError.
    """
    if isinstance(message, LocalImage):
        return message.picture
    return raw_to_bgr(message) if message.encoding in CHANNELS else _by_cv_bridge(message)


def compress(picture: Picture, quality: int) -> CompressedImage:
    """Return a picture (H, W, 3) uint8 BGR as JPEG of `quality` (1 to 100), without header."""
    message = CompressedImage(format="bgr8; jpeg compressed bgr8")
    _, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    message.data = array.array("B")
    message.data.frombytes(jpeg.data.cast("B"))
    return message


def _by_cv_bridge(message: Image) -> Picture:
    try:
        from cv_bridge import CvBridge, CvBridgeError
    except ImportError:
        package = f"ros-{os.environ.get('ROS_DISTRO', '<distro>')}-cv-bridge"
        raise HarError(
            f"images of encoding '{message.encoding}' need cv_bridge; install {package} or send bgr8"
        ) from None
    try:
        converted: Picture = CvBridge().imgmsg_to_cv2(message, "bgr8")
    except CvBridgeError as error:
        raise HarError(f"cv_bridge can't convert '{message.encoding}' images to bgr8: {error}") from None
    return converted
