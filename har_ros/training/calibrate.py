"""What makes of a network's logits a calibrated answer: temperatures, and limits of what is known.

All of it is taken from subjects that the network was not fitted on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from har_ros.core.labels import ACTIVITIES
from har_ros.core.model_card import DEFAULT_THRESHOLDS, STRANGE, ModelCard
from har_ros.evaluation.reliability import calibration, nll
from har_ros.training.batches import ImuScale, plain_batches
from har_ros.training.data import NONE_OF_THEM, Clip
from har_ros.training.features import FeatureStore
from har_ros.training.fit import Answers, predict
from har_ros.training.networks.base import ActivityNetwork

SCORING_BATCH = 32
_TEMPERATURES = np.geomspace(0.25, 6, 121)
_KEPT = 0.98  # share of the known that no score may take for strange
_LEAST_CONFIDENCE = 0.3
FEW_PEOPLE = 4  # fewer make no network surer than it is: who is told right throughout says little of others


@dataclass
class Calibration:
    """The card's temperature, novelty and confidence tables, its thresholds, and figures for the reader."""

    temperature: dict[str, float] = field(default_factory=dict)
    novelty: dict[str, dict[str, float]] = field(default_factory=dict)
    thresholds: dict[str, float] = field(default_factory=lambda: dict(DEFAULT_THRESHOLDS))
    min_confidence: dict[str, float] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)

    def relax(self, case: str, base: ModelCard) -> None:
        """Take the limits of `base` in a case that it can do where they are wider, and its temperature where higher."""
        if case not in base.temperature:
            return
        self.temperature[case] = max(self.temperature[case], base.temperature[case])
        self.min_confidence[case] = min(self.min_confidence[case], base.least_confidence(case))
        for name in self.novelty.keys() & base.novelty.keys():
            self.novelty[name][case] = max(self.novelty[name][case], base.novelty[name][case])

    def unknown(self, answers: Answers, case: str) -> NDArray[np.bool_]:
        """Return which of a network's answers (n,) in a case would be published as `unknown`."""
        least = self.min_confidence.get(case, self.thresholds["min_confidence"])
        unknown: NDArray[np.bool_] = softened(answers.logits, self.temperature[case]).max(1) < least
        for place, name in enumerate(self.novelty):
            if name in STRANGE:
                unknown |= ~(answers.novelty[:, place] <= self.novelty[name][case])
        return unknown


def softened(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float64]:
    """Return softmax(logits / temperature)."""
    scaled = logits.astype(np.float64) / temperature
    exponents = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    result: NDArray[np.float64] = exponents / exponents.sum(axis=1, keepdims=True)
    return result


def best_temperature(logits: NDArray[np.float32], truth: NDArray[np.int64]) -> float:
    """Return the temperature with the least negative log likelihood."""
    losses = [nll(softened(logits, temperature), truth) for temperature in _TEMPERATURES]
    return round(float(_TEMPERATURES[int(np.argmin(losses))]), 4)


def calibrate(
    network: ActivityNetwork, clips: Sequence[Clip], store: FeatureStore, scale: ImuScale, base: ModelCard | None = None
) -> Calibration:
    """Return the calibration of a network on clips of held-out subjects, for each case that it can do.

    Of few subjects the limits would be far too narrow for others: then none is stricter than that of `base`, the model
    that the network has begun as, and nothing surer than by its temperature.
    The figures after calibration are of temperatures from the other half of the subjects; None where they are few.
    """
    result = Calibration(novelty={name: {} for name in network.novelty})
    subjects = np.array([clip.subject for clip in clips])
    for case in network.cases:
        answers = predict(network, plain_batches(clips, store, scale, SCORING_BATCH, case))
        known = answers.truth != NONE_OF_THEM
        logits, truth, people = answers.logits[known], answers.truth[known], subjects[known]
        few = len(set(people)) < FEW_PEOPLE
        temperature = result.temperature[case] = max(best_temperature(logits, truth), 1.0 if few else 0.0)
        for place, name in enumerate(network.novelty):
            usual = known if name in STRANGE else known & _normal(answers.truth)
            result.novelty[name][case] = round(float(np.quantile(answers.novelty[usual, place], _KEPT)), 6)
        result.min_confidence[case] = _least_confidence(softened(logits, temperature), truth)
        if few and base is not None:
            result.relax(case, base)
        result.figures[case] = {
            "accuracy": round(float((logits.argmax(1) == truth).mean()), 6),
            "temperature_1": calibration(softened(logits, 1.0), truth, people),
            "calibrated": None if few else calibration(_cross_calibrated(logits, truth, people), truth, people),
            **_strangers(answers, result, case),
        }
    result.thresholds["min_confidence"] = result.min_confidence.pop(network.cases[0])
    return result


def _normal(truth: NDArray[np.int64]) -> NDArray[np.bool_]:
    harmless = np.array([not activity.is_anomaly for activity in ACTIVITIES])
    return harmless[np.maximum(truth, 0)]


def _least_confidence(probabilities: NDArray[np.float64], truth: NDArray[np.int64]) -> float:
    """Return the confidence that nearly all right answers reach."""
    right = probabilities.max(1)[probabilities.argmax(1) == truth]
    return round(max(_LEAST_CONFIDENCE, float(np.quantile(right, 1 - _KEPT))), 4) if len(right) else 1.0


def _cross_calibrated(
    logits: NDArray[np.float32], truth: NDArray[np.int64], subjects: NDArray[np.str_]
) -> NDArray[np.float64]:
    """Return probabilities of each half of the subjects at the other half's temperature."""
    ranks = {name: rank for rank, name in enumerate(sorted(set(subjects), key=_shuffled))}
    half = np.array([ranks[name] % 2 == 0 for name in subjects])
    probabilities = np.empty(logits.shape)
    for part in (half, ~half):
        probabilities[part] = softened(logits[part], best_temperature(logits[~part], truth[~part]))
    return probabilities


def _shuffled(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


def _strangers(answers: Answers, result: Calibration, case: str) -> dict[str, Any]:
    """Return how many captures of none of the six, and how many of the six, would be called unknown."""
    unknown = result.unknown(answers, case)
    strange = answers.truth == NONE_OF_THEM
    table: dict[str, Any] = {"unknown_of_known": round(float(unknown[~strange].mean()), 6)}
    if strange.any():
        table |= {"others": int(strange.sum()), "unknown_of_others": round(float(unknown[strange].mean()), 6)}
    return table
