"""What a model said of one capture, and which captures it can be scored on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from har_ros.core.labels import Activity
from har_ros.core.model_card import ModelCard
from har_ros.dataset.capture import CaptureMeta


@dataclass(frozen=True)
class Prediction:
    """What became of one capture: its probabilities (6,) and the label or `unknown`, or why it was left out.

    novelty: the model's scores by their names; empty for a model without.
    """

    folder: Path
    meta: CaptureMeta | None = None
    probabilities: NDArray[np.float32] | None = None
    label: str = ""
    novelty: dict[str, float] = field(default_factory=dict)
    assumptions: tuple[str, ...] = ()
    left_out: str = ""

    @property
    def truth(self) -> Activity | None:
        """What the capture shows; None where it was left out."""
        return None if self.meta is None else self.meta.label


def known(card: ModelCard, predictions: Sequence[Prediction]) -> list[Prediction]:
    """Return the predictions that are scored: those of captures of the model's activities."""
    return [entry for entry in predictions if entry.truth is not None and not is_strange(card, entry.truth)]


def strange(card: ModelCard, predictions: Sequence[Prediction]) -> list[Prediction]:
    """Return the predictions of captures to which the right answer is `unknown`."""
    return [entry for entry in predictions if entry.truth is not None and is_strange(card, entry.truth)]


def is_strange(card: ModelCard, truth: Activity) -> bool:
    """Return whether the model never learnt what is shown: none of the six, or left out of its training."""
    return truth is Activity.OTHER or truth.value == card.training.get("left_out")


def stacked(card: ModelCard, kept: Sequence[Prediction]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the probabilities (n, 6) and the indices (n,) of the true labels."""
    probabilities = np.stack([entry.probabilities for entry in kept if entry.probabilities is not None])
    return probabilities, np.array([card.labels.index(str(entry.truth)) for entry in kept])


def subjects_of(predictions: Sequence[Prediction]) -> list[str]:
    """Return who is seen in each; one that names no subject counts as a person of its own."""
    return [entry.meta.subject if entry.meta and entry.meta.subject else str(entry.folder) for entry in predictions]


def seen_in_training(card: ModelCard, predictions: Sequence[Prediction]) -> list[str] | None:
    """Return whom of those who are seen the model was fitted or tuned on; None where it isn't known of all.

    It isn't where a capture names no subject, and where the model's card doesn't say whom it learnt from.
    """
    subjects = {entry.meta.subject for entry in predictions if entry.meta is not None}
    seen = sorted(card.people & subjects)
    told = "train_subjects" in card.training and not card.training.get("captures_without_subject")
    return seen if seen or (told and all(subjects)) else None
