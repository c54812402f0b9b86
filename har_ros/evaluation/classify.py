"""Classifies a recorded capture by the whole-window way, the reference that streaming equals."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from har_ros.core.decision import ActivityVerdict, decide_activity
from har_ros.core.errors import HarError
from har_ros.core.model_card import CAMERA, ModelCard, case_of, modalities_of
from har_ros.core.preprocess import normalise_imu, to_model_frame
from har_ros.core.windows import STEPS
from har_ros.dataset.capture import Capture
from har_ros.inference.model import Answer, HarModel


def classify_capture(model: HarModel, capture: Capture, case: str | None = None) -> Answer:
    """Return the answer to a capture's 30 frames and readings, in one of the card's cases if one is named.

    Raises HarError where the model gives NaN or infinity.
    """
    seen = CAMERA in modalities_of(case or case_of(model.card.modalities))
    features = encode(model, capture.frames) if seen else np.zeros((STEPS, model.card.feature_size), np.float32)
    return classify_encoded(model, features, capture.imu_steps(model.card.imu_channels), case)


def encode(model: HarModel, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the features (T, F) of frames (T, H, W, 3) uint8 BGR."""
    return model.encode_frames(np.stack([to_model_frame(frame, model.card.frame_size_px) for frame in frames]))


def classify_encoded(
    model: HarModel, features: NDArray[np.float32], steps: NDArray[np.float32], case: str | None = None
) -> Answer:
    """Return the answer to features (30, F) and IMU steps (30, C) in m/s^2. Raises HarError, as classify_capture."""
    card = model.card
    imu = normalise_imu(steps, np.array(card.imu_mean, np.float32), np.array(card.imu_std, np.float32))
    answer = model.classify_features(features, imu, case)
    if not np.isfinite(answer.probabilities).all():
        raise HarError(f"model '{card.name}' gave no numbers for the capture; train or export it again")
    return answer


def decide(card: ModelCard, answer: Answer, case: str | None = None) -> ActivityVerdict:
    """Return the label of an answer to a whole window: the most probable one, or `unknown`.

    case: the one it was answered in; without it the one in which nothing is missing.
    """
    case = case or case_of(card.modalities)
    strange = card.is_strange(novelty_of(card, answer), case)
    return decide_activity(answer.probabilities, card.labels, card.least_confidence(case), strange)


def novelty_of(card: ModelCard, answer: Answer) -> dict[str, float]:
    """Return the scores of novelty by their names; empty for a model without."""
    return dict(zip(card.novelty, answer.novelty.tolist()))
