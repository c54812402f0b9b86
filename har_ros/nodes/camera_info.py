"""The usual ROS calibration YAML (of camera_calibration and camera_info_manager) as a CameraInfo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import yaml
from sensor_msgs.msg import CameraInfo

from har_ros.core.errors import HarError


class Calibration:
    """The calibration of a file, scaled to the size of the pictures. Raises HarError where it is missing or incomplete.

    misfit: why the newest pictures have none; empty where they have one.
    """

    def __init__(self, path: Path) -> None:
        self._original = self._scaled = _load(path)
        self.misfit = ""

    def info_for(self, width: int, height: int) -> CameraInfo | None:
        """Return the CameraInfo of pictures of a size; None where their shape is another than the calibrated one."""
        whole, scaled = self._original, self._scaled
        if (width, height) != (scaled.width, scaled.height):
            if abs(width * whole.height - height * whole.width) > max(whole.width, whole.height):  # a pixel's worth
                self.misfit = f"calibrated for {whole.width} x {whole.height}, not for {width} x {height}"
                return None
            self._scaled = _scale(whole, width, height)
        self.misfit = ""
        return self._scaled


def _scale(info: CameraInfo, width: int, height: int) -> CameraInfo:
    """Return a calibration for pictures made larger or smaller: the rows of K and P are in pixels of x and y."""
    factors = np.array([[width / info.width], [height / info.height], [1.0]])
    return CameraInfo(
        width=width,
        height=height,
        distortion_model=info.distortion_model,
        d=info.d,
        k=(info.k.reshape(3, 3) * factors).ravel(),
        r=info.r,
        p=(info.p.reshape(3, 4) * factors).ravel(),
    )


def _load(path: Path) -> CameraInfo:
    """Read a calibration file. Raises HarError."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return CameraInfo(
            width=_pixels(content["image_width"]),
            height=_pixels(content["image_height"]),
            distortion_model=str(content["distortion_model"]),
            d=_numbers(content["distortion_coefficients"]),
            k=_numbers(content["camera_matrix"], 9),
            r=_numbers(content["rectification_matrix"], 9),
            p=_numbers(content["projection_matrix"], 12),
        )
    except OSError as error:
        reason = f"can't be read ({error.strerror}); correct the parameter 'camera_info_file'"
    except KeyError as error:
        reason = f"lacks {error}; write it with camera_calibration again"
    except (yaml.YAMLError, UnicodeDecodeError, TypeError, ValueError) as error:
        reason = f"is not in the ROS format: {' '.join(str(error).split())}"
    raise HarError(f"calibration '{path}' {reason}")


def _pixels(size: Any) -> int:
    if int(size) < 1:
        raise ValueError(f"a picture can't be {size} pixels wide or high")
    return int(size)


def _numbers(matrix: Any, count: int | None = None) -> list[float]:
    numbers = [float(number) for number in matrix["data"]]
    if count is not None and len(numbers) != count:
        raise ValueError(f"a matrix of {count} numbers has {len(numbers)}")
    return numbers
