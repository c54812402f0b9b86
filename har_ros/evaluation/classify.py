"""Classifies a recorded capture by the whole-window way, the reference that streaming equals."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from har_ros.core.errors import HarError
from har_ros.core.preprocess import normalise_imu, to_model_frame
from har_ros.dataset.capture import Capture
from har_ros.inference.model import HarModel


def classify_capture(model: HarModel, capture: Capture) -> NDArray[np.float32]:
    """Return the probabilities (6,) of a capture's 30 frames and readings.

    Raises HarError where the model gives NaN or infinity.
    """
    card = model.card
    frames = np.stack([to_model_frame(frame, card.frame_size_px) for frame in capture.frames])
    imu = normalise_imu(capture.readings_mps2, np.array(card.imu_mean, np.float32), np.array(card.imu_std, np.float32))
    probabilities = model.classify_frames(frames, imu)
    if not np.isfinite(probabilities).all():
        raise HarError(f"model '{card.name}' gave no numbers for the capture; train or export it again")
    return probabilities
