"""The naive way of recognising: the whole 30-frame network on the newest window at each step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from har_ros.core.preprocess import normalise_imu, to_model_frame
from har_ros.inference.model import HarModel


class NaiveRecogniser:
    """What StreamingRecogniser must equal, and its opponent in benchmarks: it too resizes each picture only once."""

    def __init__(self, model: HarModel) -> None:
        card = model.card
        self._model = model
        self._steps = card.steps
        self._mean, self._std = np.array(card.imu_mean, np.float32), np.array(card.imu_std, np.float32)
        # Written twice, as in WindowBuffer: the opponent need not copy its window either.
        self._frames = np.zeros((2 * card.steps, card.frame_size_px, card.frame_size_px, 3), np.uint8)
        self._imu = np.zeros((2 * card.steps, len(card.imu_channels)), np.float32)
        self._count = 0

    def add(self, image_bgr: NDArray[np.uint8], accel_mps2: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """Take a step, an image (H, W, 3) uint8 and a reading (3,); return probabilities (6,) of a full window."""
        place = self._count % self._steps
        to_model_frame(image_bgr, self._frames.shape[1], out=self._frames[place])
        self._frames[place + self._steps] = self._frames[place]
        self._imu[place] = self._imu[place + self._steps] = normalise_imu(accel_mps2, self._mean, self._std)
        self._count += 1
        if self._count < self._steps:
            return None
        window = slice(self._count % self._steps, self._count % self._steps + self._steps)
        return self._model.classify_frames(self._frames[window], self._imu[window])
