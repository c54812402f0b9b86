"""The usual ROS calibration YAML (of camera_calibration and camera_info_manager) as a CameraInfo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from sensor_msgs.msg import CameraInfo

from har_ros.core.errors import HarError


def load_camera_info(path: Path) -> CameraInfo:
    """Read a calibration file. Raises HarError where it is missing or incomplete."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return CameraInfo(
            width=int(content["image_width"]),
            height=int(content["image_height"]),
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


def _numbers(matrix: Any, count: int | None = None) -> list[float]:
    numbers = [float(number) for number in matrix["data"]]
    if count is not None and len(numbers) != count:
        raise ValueError(f"a matrix of {count} numbers has {len(numbers)}")
    return numbers
