"""Scores by leaving subjects out: each is judged by a network that was fitted and stopped without them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from har_ros.core.labels import LABELS
from har_ros.evaluation.metrics import by_subject, score
from har_ros.training.batches import imu_scale, plain_batches, training_batches
from har_ros.training.calibrate import SCORING_BATCH, softened
from har_ros.training.data import Clip, known, split_by_subject, subject_folds
from har_ros.training.features import FeatureStore
from har_ros.training.fit import Feed, Fit, predict
from har_ros.training.networks import build_network
from har_ros.training.profile import Profile


def cross_validate(
    clips: Sequence[Clip], store: FeatureStore, profile: Profile, folds: int, folder: Path
) -> dict[str, Any]:
    """Return the pooled figures of `folds` parts of the subjects, each left out once; ready for JSON.

    As many folds as there are subjects is leave-one-subject-out. Networks are trained on `store`'s features, which
    must hold those of all clips; each fold's checkpoint goes into `folder`. Raises HarError for more folds than
    subjects.
    """
    parts = subject_folds((clip.subject for clip in known(clips)), folds)
    folder.mkdir(parents=True, exist_ok=True)
    truth, probabilities, groups, accuracies = [], [], [], []
    for fold, left_out in enumerate(parts):
        held_out = [clip for clip in known(clips) if clip.subject in left_out]
        others = [clip for clip in clips if clip.subject not in left_out]
        answers, labels = _judge(others, held_out, store, profile, folder / f"fold_{fold}.pt")
        truth += labels
        probabilities.append(answers)
        groups += [clip.subject for clip in held_out]
        accuracies.append(round(float((answers.argmax(1) == labels).mean()), 6))
    pooled = np.concatenate(probabilities)
    names, given = ([LABELS[index] for index in each] for each in (truth, pooled.argmax(1)))
    figures, intervals = score(names, given, LABELS, pooled, groups)
    kept = {key: figures[key] for key in ("n", "accuracy", "accuracy_ci", "macro_f1", "loss", "per_class", "confusion")}
    return {
        **kept,
        "folds": folds,
        "subjects": sum(map(len, parts)),
        "fold_accuracies": accuracies,
        "worst_subject": by_subject(np.equal(names, given), groups)["worst"],
        "intervals": intervals,
    }


def _judge(
    others: Sequence[Clip], held_out: Sequence[Clip], store: FeatureStore, profile: Profile, checkpoint: Path
) -> tuple[Any, list[int]]:
    train, inner = split_by_subject(others, profile.validation_share, profile.seed)
    torch.manual_seed(profile.seed)
    network = build_network(profile, None)
    scale = imu_scale(network.imu_channels, known(train), store)
    Fit(checkpoint.stem, network, profile, profile.learning.max_epochs, checkpoint).run(
        Feed(
            training=lambda epoch: training_batches(train, store, scale, profile, epoch),
            validation=lambda: plain_batches(inner, store, scale, SCORING_BATCH),
            steps=-(-profile.learning.passes * len(train) // profile.learning.batch_size),
        )
    )
    answers = predict(network, plain_batches(held_out, store, scale, SCORING_BATCH))
    return softened(answers.logits, 1.0), answers.truth.tolist()

