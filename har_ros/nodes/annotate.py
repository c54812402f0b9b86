"""The picture with the verdict drawn on it, for people who watch."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

import cv2
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage

from har_ros.core.decision import AlarmState
from har_ros.inference.recogniser import Recognition
from har_ros.nodes.images import compress

_COLOURS_BGR = {
    AlarmState.NORMAL: (80, 200, 80),
    AlarmState.SUSPECT: (0, 190, 255),
    AlarmState.ALARM: (40, 40, 255),
}
_BAR_BGR = (30, 30, 30)
_WHITE_BGR = (255, 255, 255)
_BLANK_SIZE = (240, 432)  # height, width
_JPEG_QUALITY = 80


def annotate(image_bgr: NDArray[np.uint8], recognition: Recognition) -> CompressedImage:
    """Return the image (H, W, 3) as headerless JPEG with label, confidence and alarm on a bar at its top."""
    activity, anomaly = recognition.activity, recognition.anomaly
    lines = (f"{activity.label}  {activity.confidence:.0%}", f"{anomaly.state}  {anomaly.score:.0%}")
    return _with_bar(image_bgr.copy(), lines, _COLOURS_BGR[anomaly.state])


def blank(message: str, reason: str) -> CompressedImage:
    """Return a headerless JPEG that says why there is no verdict: the last one must not stand still on a screen."""
    return _with_bar(np.full((*_BLANK_SIZE, 3), 90, np.uint8), (message, *wrap(reason, 48)), _WHITE_BGR)


def _with_bar(picture: NDArray[np.uint8], lines: Sequence[str], colour_bgr: tuple[int, int, int]) -> CompressedImage:
    line_px = max(picture.shape[0] // 16, 12)
    bar_px = line_px * (len(lines) + 1)
    cv2.rectangle(picture, (0, 0), (picture.shape[1], bar_px), _BAR_BGR, cv2.FILLED)
    cv2.rectangle(picture, (0, 0), (line_px // 3, bar_px), colour_bgr, cv2.FILLED)
    for number, text in enumerate(lines, start=1):
        place = (line_px, int(line_px * (number + 0.3)))
        cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, line_px / 32, _WHITE_BGR, 1, cv2.LINE_AA)
    return compress(picture, _JPEG_QUALITY)
