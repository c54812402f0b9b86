"""Classifies a recorded capture by the whole-window way, the reference that streaming equals."""

from __future__ import annotations

import numpy as np

from har_ros.core.decision import ActivityVerdict, decide_activity
from har_ros.core.errors import HarError
from har_ros.core.model_card import ModelCard, case_of
from har_ros.core.preprocess import normalise_imu, to_model_frame
from har_ros.dataset.capture import Capture
from har_ros.inference.model import Answer, HarModel


def classify_capture(model: HarModel, capture: Capture, case: str | None = None) -> Answer:
    """Return the answer to a capture's 30 frames and readings, in one of the card's cases if one is named.

    Raises HarError where the model gives NaN or infinity.
    """
    card = model.card
    frames = np.stack([to_model_frame(frame, card.frame_size_px) for frame in capture.frames])
    mean, std = np.array(card.imu_mean, np.float32), np.array(card.imu_std, np.float32)
    imu = normalise_imu(capture.imu_steps(card.imu_channels), mean, std)
    answer = model.classify_frames(frames, imu, case)
    if not np.isfinite(answer.probabilities).all():
        raise HarError(f"model '{card.name}' gave no numbers for the capture; train or export it again")
    return answer


def decide(card: ModelCard, answer: Answer) -> ActivityVerdict:
    """Return the label of an answer to a whole window: the most probable one, or `unknown`."""
    case = case_of(card.modalities)
    energy = dict(zip(card.novelty, answer.novelty.tolist())).get("energy", 0.0)
    strange = card.is_novel("energy", energy, case)
    return decide_activity(answer.probabilities, card.labels, card.thresholds["min_confidence"], strange)
