"""One stage of a run: training or fine-tuning under one trunk, and how good that is."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from har_ros.core.labels import LABELS
from har_ros.core.model_card import ModelCard, load_card
from har_ros.evaluation.metrics import as_published, by_subject, score
from har_ros.evaluation.reliability import calibration, plot_precision_recall, plot_reliability
from har_ros.evaluation.report import plot_confusion
from har_ros.training.batches import ImuScale, imu_scale, plain_batches, training_batches
from har_ros.training.calibrate import SCORING_BATCH, calibrate, softened
from har_ros.training.compress import Compressible, sizes_and_times
from har_ros.training.data import Clip, known
from har_ros.training.export import export_networks
from har_ros.training.features import PLAIN_VIEWS, FeatureStore
from har_ros.training.fit import Epoch, Feed, Fit, assess, learn_distance, predict
from har_ros.training.job import Job, Sets
from har_ros.training.profile import SPARSE

DENSE, ADAPTED = "dense", "adapted"  # the first stage, before any compression: anew, or from a trained model
_FIGURES = ("n", "accuracy", "accuracy_ci", "macro_f1", "loss", "confusion")


class Stage:
    """Training or fine-tuning under one trunk: features, fit, calibration, export and score.

    name:    `dense`, or the step of compression that it follows.
    kept:    whether the fine-tuning was: not where it made the validation's loss no lower.
    figures: of each set's captures of the six activities.
    """

    def __init__(self, name: str, job: Job, sets: Sets, model: Compressible) -> None:
        profile = job.profile
        self.name, self.folder, self.network = name, job.folder / name, model.network
        self.store = FeatureStore(job.cache, model.file, profile.pictures.frame_size_px)
        for clips, views in ((sets.train, PLAIN_VIEWS + profile.pictures.views), (sets.validation + sets.test, 1)):
            self.store.fill([clip.folder for clip in clips], views, job.threads, f"features, {name}")
        base = load_card(job.warm_start) if job.warm_start else None
        self.scale = _scale(base, sets, model.network.imu_channels, self.store)
        max_epochs = profile.learning.max_epochs if name == DENSE else profile.compression.finetune_epochs
        feed = Feed(
            training=lambda epoch: training_batches(sets.train, self.store, self.scale, profile, epoch),
            validation=lambda: plain_batches(sets.validation, self.store, self.scale, SCORING_BATCH),
            steps=-(-profile.learning.passes * len(sets.train) // profile.learning.batch_size),
        )
        before, loss_before = copy.deepcopy(model.network.state_dict()), assess(model.network, feed.validation())[0]
        self.history: list[Epoch] = Fit(name, model.network, profile, max_epochs, job.folder / f"{name}.pt").run(feed)
        self.kept = name == DENSE or any(epoch.validation_loss < loss_before for epoch in self.history)
        if not self.kept:
            model.network.load_state_dict(before)
        if self.kept or name == SPARSE:  # which has cut the network's own weights, too
            seen = training_batches(known(sets.train), self.store, self.scale, profile, max_epochs)
            learn_distance(model.network, seen)
        self.pruning = model.check_sparsity() if name == SPARSE else None
        self.calibration = calibrate(model.network, sets.validation, self.store, self.scale, base)
        self.onnx_difference = export_networks(self.folder, model.file, model.network, profile.pictures.frame_size_px)
        self._sets = sets.scored
        whole, *partial_cases = model.network.cases
        self._answers = {use: self._predict(clips, whole) for use, clips in self._sets.items()}
        self.figures = {use: self._score(use, *answers) for use, answers in self._answers.items()}
        for use, clips in self._sets.items():
            missing = {case: self._score(use, *self._predict(clips, case)) for case in partial_cases}
            self.figures[use] |= {"cases": missing} if missing else {}

    def row(self) -> dict[str, Any]:
        """Return this stage's line in the table of compression; its card must be written."""
        kept = {use: {key: each[key] for key in _FIGURES[:3]} for use, each in self.figures.items()}
        return {"step": self.name, **kept, **sizes_and_times(self.folder)}

    def told(self) -> str:
        """Return the accuracies in words."""
        parts = []
        for use, each in self.figures.items():
            low, high = each["accuracy_ci"]
            told = f"{each['published']['accuracy']:.1%} where `unknown` counts as wrong"
            parts.append(f"{use} {each['accuracy']:.1%} ({low:.1%} to {high:.1%}, n={each['n']}; {told})")
        in_vain = self.history and not self.kept
        return ", ".join(parts) + ("; fine-tuning made it no better and was not kept" if in_vain else "")

    def plot(self, model_name: str, folder: Path) -> None:
        """Draw confusion, reliability and precision over recall of each set."""
        for use, (probabilities, truth, _) in self._answers.items():
            title = f"{model_name}: {use}"
            plot_confusion(self.figures[use]["confusion"], LABELS, title, folder / f"confusion_{use}.png")
            plot_reliability(probabilities, truth, title, folder / f"reliability_{use}.png")
            plot_precision_recall(probabilities, truth, LABELS, title, folder / f"precision_recall_{use}.png")

    def _predict(self, clips: Sequence[Clip], case: str) -> tuple[Any, Any, Any]:
        """Return calibrated probabilities (n, 6), true labels (n,) and what would be called unknown (n,)."""
        answers = predict(self.network, plain_batches(clips, self.store, self.scale, SCORING_BATCH, case))
        probabilities = softened(answers.logits, self.calibration.temperature[case])
        return probabilities, answers.truth, self.calibration.unknown(answers, case)

    def _score(self, use: str, probabilities: Any, truth: Any, unknown: Any) -> dict[str, Any]:
        true_names, given_names = ([LABELS[index] for index in each] for each in (truth, probabilities.argmax(1)))
        subjects = [clip.subject for clip in self._sets[use]]
        figures, intervals = score(true_names, given_names, LABELS, probabilities, subjects)
        right = np.equal(true_names, given_names)
        worst, published = by_subject(right, subjects)["worst"], as_published(right, unknown, subjects)
        trust = calibration(probabilities, truth, subjects)  # the validation's flatters: its people set the temperature
        errors = {key: trust[key] for key in ("ece", "ece_ci")}
        kept = {key: figures[key] for key in _FIGURES}
        return {**kept, **errors, "worst_subject": worst, "published": published, "intervals": intervals}


def _scale(base: ModelCard | None, sets: Sets, channels: tuple[str, ...], store: FeatureStore) -> ImuScale:
    """Return the scale of a network's channels: what has learnt under one keeps it."""
    if base is None:
        return imu_scale(channels, known(sets.train), store)
    return ImuScale(channels, np.array(base.imu_mean, np.float32), np.array(base.imu_std, np.float32))
