"""Networks trained anew on the same features: with subjects left out in turn, and from other seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from har_ros.core.labels import LABELS
from har_ros.evaluation.metrics import by_subject, score
from har_ros.training.batches import imu_scale, plain_batches, training_batches
from har_ros.training.calibrate import SCORING_BATCH, softened
from har_ros.training.data import Clip, known, split_by_subject, subject_folds
from har_ros.training.features import FeatureStore
from har_ros.training.fit import Feed, Fit, predict
from har_ros.training.networks.build import build_network
from har_ros.training.profile import Profile


def cross_validate(
    clips: Sequence[Clip], store: FeatureStore, profile: Profile, folds: int, folder: Path
) -> dict[str, Any]:
    """Return the pooled figures of `folds` parts of the subjects, each left out once; ready for JSON.

    As many folds as there are subjects is leave-one-subject-out. Networks are trained on `store`'s features, which
    must hold those of all clips; each fold's checkpoint goes into `folder`. Raises HarError for more folds than
    subjects.
    """
    folder.mkdir(parents=True, exist_ok=True)
    truth, probabilities, groups, accuracies = [], [], [], []
    for fold, (held_out, train, inner) in enumerate(folds_of(clips, profile, folds)):
        answers, labels = _Fitted(train, inner, store, profile, folder / f"fold_{fold}.pt").judge(held_out)
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
        "subjects": len(set(groups)),
        "fold_accuracies": accuracies,
        "worst_subject": by_subject(np.equal(names, given), groups)["worst"],
        "intervals": intervals,
    }


def folds_of(
    clips: Sequence[Clip], profile: Profile, folds: int
) -> Iterator[tuple[list[Clip], list[Clip], list[Clip]]]:
    """Yield of each fold whom it judges, and the others' clips that train and that validate.

    Raises HarError for more folds than subjects, and for a fold that leaves too few to be split.
    """
    for left_out in subject_folds((clip.subject for clip in known(clips)), folds):
        held_out = [clip for clip in known(clips) if clip.subject in left_out]
        others = [clip for clip in clips if clip.subject not in left_out]
        yield held_out, *split_by_subject(others, profile.validation_share, profile.seed)


def other_seeds(
    train: Sequence[Clip],
    validation: Sequence[Clip],
    judged: Mapping[str, Sequence[Clip]],
    store: FeatureStore,
    profile: Profile,
    count: int,
    folder: Path,
) -> list[dict[str, Any]]:
    """Return accuracy and macro-F1 on the sets `judged` of networks from the `count` seeds after the profile's.

    Split and features stay: this is how much a training's own chances matter. Each network's checkpoint goes into
    `folder`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for seed in range(profile.seed + 1, profile.seed + 1 + count):
        fitted = _Fitted(train, validation, store, replace(profile, seed=seed), folder / f"seed_{seed}.pt")
        row: dict[str, Any] = {"seed": seed}
        for use, clips in judged.items():
            answers, truth = fitted.judge(clips)
            true_names, given = ([LABELS[index] for index in each] for each in (truth, answers.argmax(1)))
            figures, _ = score(true_names, given, LABELS, answers, [clip.subject for clip in clips])
            row[use] = {key: figures[key] for key in ("n", "accuracy", "macro_f1")}
        rows.append(row)
    return rows


class _Fitted:
    """A network that was fitted on `train` and stopped by `validation`."""

    def __init__(
        self,
        train: Sequence[Clip],
        validation: Sequence[Clip],
        store: FeatureStore,
        profile: Profile,
        checkpoint: Path,
    ) -> None:
        torch.manual_seed(profile.seed)
        self._network, self._store = build_network(profile, None), store
        self._scale = scale = imu_scale(self._network.imu_channels, known(train), store)
        Fit(checkpoint.stem, self._network, profile, profile.learning.max_epochs, checkpoint).run(
            Feed(
                training=lambda epoch: training_batches(train, store, scale, profile, epoch),
                validation=lambda: plain_batches(validation, store, scale, SCORING_BATCH),
                steps=-(-profile.learning.passes * len(train) // profile.learning.batch_size),
            )
        )

    def judge(self, clips: Sequence[Clip]) -> tuple[NDArray[np.float64], list[int]]:
        """Return probabilities (n, 6) at temperature 1, and the true labels."""
        answers = predict(self._network, plain_batches(clips, self._store, self._scale, SCORING_BATCH))
        return softened(answers.logits, 1.0), answers.truth.tolist()
