"""Predictions of all captures of a dataset, and the figures that they come to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from har_ros.core.decision import UNKNOWN
from har_ros.core.errors import HarError
from har_ros.core.model_card import ModelCard
from har_ros.dataset.parallel import for_each_capture
from har_ros.dataset.reader import find_captures, read_capture
from har_ros.evaluation.classify import classify_capture, decide, novelty_of
from har_ros.evaluation.metrics import as_published, by_subject, score
from har_ros.evaluation.prediction import Prediction, known, seen_in_training, stacked, strange, subjects_of
from har_ros.evaluation.reliability import calibration
from har_ros.evaluation.report import model_detail
from har_ros.evaluation.unknown import abnormality, by_act, rejection
from har_ros.inference.model import HarModel


def predict_dataset(root: Path, model: HarModel, case: str | None = None) -> list[Prediction]:
    """Classify every capture under `root`, in one of the card's cases if one is named.

    Raises HarError where there is none, and where the model fails on one.
    """
    folders = find_captures(root)
    if not folders:
        raise HarError(f"'{root}' holds no captures; give a dataset's folder, or a bag")
    return for_each_capture(partial(_predict, model, case), folders, "classifying")


def _predict(model: HarModel, case: str | None, folder: Path) -> Prediction:
    try:
        capture = read_capture(folder)
    except HarError as error:
        return Prediction(folder, left_out=str(error))
    try:
        answer = classify_capture(model, capture, case)
    except HarError as error:  # never left out: that would flatter the model
        raise HarError(f"'{folder}': {error}") from None
    label, novelty = decide(model.card, answer, case).label, novelty_of(model.card, answer)
    return Prediction(folder, capture.meta, answer.probabilities, label, novelty, capture.assumptions)


def judge(root: Path, card: ModelCard, predictions: Sequence[Prediction]) -> dict[str, Any]:
    """Return the scores of what was predicted of the captures under `root`, ready for JSON.

    Captures that can't be read are left out and named in `dataset`; those of none of the model's activities are
    counted there by the answers to them. Raises HarError where none remains.
    """
    left_out = {str(entry.folder): entry.left_out for entry in predictions if entry.left_out}
    kept, others = known(card, predictions), strange(card, predictions)
    if not kept:
        why = next(iter(left_out.values()), "all show something else than the model's activities")
        raise HarError(f"none of the {len(predictions)} captures can be scored; the first: {why}")
    probabilities, truth = stacked(card, kept)
    true_names, guesses = ([card.labels[index] for index in each] for each in (truth, probabilities.argmax(axis=1)))
    metas = [entry.meta for entry in kept if entry.meta is not None]
    subjects, people = np.array([meta.subject for meta in metas]), subjects_of(kept)
    named, hits = subjects != "", np.equal(true_names, guesses)
    figures, intervals = score(true_names, guesses, card.labels, probabilities, people if named.any() else None)
    if figures["n"] + len(left_out) + len(others) != len(predictions):
        raise AssertionError("every capture is scored, left out by name, or none of the model's activities")
    mistakes = zip(kept, true_names, guesses)
    return {
        **figures,
        "model": model_detail(card),
        "dataset": {
            "kind": "captures",
            "path": str(root),
            "listed": len(predictions),
            "left_out": left_out,
            "others": {"captures": len(others), "answers": dict(Counter(entry.label for entry in others))},
            "rejection": rejection(card, kept, others),
            "abnormality": abnormality(card, kept),
            "acts": by_act(card, predictions),
            "subjects": len(set(subjects[named])),
            "by_subject": by_subject(hits[named], subjects[named]) if named.any() else None,
            "subjects_seen_in_training": seen_in_training(card, kept),
            "sources": dict(Counter(meta.source for meta in metas)),
            "assumptions": dict(Counter(note for entry in predictions for note in entry.assumptions)),
            "mistakes": {str(entry.folder): guess for entry, name, guess in mistakes if guess != name},
            "calibration": calibration(probabilities, truth, people),
            "published": as_published(hits, np.array([entry.label == UNKNOWN for entry in kept]), people),
            "intervals": intervals,
        },
    }
