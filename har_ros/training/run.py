"""One training from beginning to end: split, features, training, compression, calibration, export, card.

Each stage leaves a checkpoint in the run's folder, so that the run goes on wherever it was stopped.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from har_ros.core.errors import HarError
from har_ros.core.labels import LABELS
from har_ros.core.model_card import ENCODER_FILE, load_card, publish_model
from har_ros.dataset.json_file import write_json
from har_ros.evaluation.metrics import score
from har_ros.evaluation.reliability import plot_precision_recall, plot_reliability
from har_ros.evaluation.report import plot_confusion
from har_ros.training import prune
from har_ros.training.ablate import Sides, ablate
from har_ros.training.backbone import MobileNetV2, load_mobilenet, split
from har_ros.training.batches import imu_scale, plain_batches, training_batches
from har_ros.training.calibrate import SCORING_BATCH, calibrate, softened
from har_ros.training.card import write_card
from har_ros.training.compress import Compressible, sizes_and_times
from har_ros.training.cross_validate import cross_validate, other_seeds
from har_ros.training.data import NONE_OF_THEM, UNKNOWN_SUBJECT, Clip, known, list_clips, split_by_subject
from har_ros.training.export import HEADS_FILE, export_networks, export_trunk, extract_trunk
from har_ros.training.features import PLAIN_VIEWS, FeatureStore
from har_ros.training.fit import Epoch, Feed, Fit, load_state, predict
from har_ros.training.networks import build_network
from har_ros.training.profile import SPARSE, Profile
from har_ros.training.report import plot_curves, write_log
from har_ros.training.run_folder import claim, try_folder
from har_ros.training.tune import tune

DENSE, ADAPTED = "dense", "adapted"  # the first stage, before any compression: anew, or from a trained model
_FIGURES = ("n", "accuracy", "accuracy_ci", "macro_f1", "loss", "confusion")
_SHARE_TOLERANCE = 0.1


@dataclass(frozen=True)
class Job:
    """What `har train` was asked for."""

    dataset: Path
    test: Path | None
    empty: Path | None
    out: Path
    folder: Path
    cache: Path
    weights: Path | None
    profile: Profile
    threads: int
    resume: bool
    allow_unknown_subjects: bool
    warm_start: Path | None
    folds: int
    other_seeds: int
    leave_out: str | None
    command: str


@dataclass(frozen=True)
class Sets:
    """The clips by their use; no subject is in two of them."""

    train: list[Clip]
    validation: list[Clip]
    test: list[Clip]
    wanted_share: float

    @property
    def all(self) -> list[Clip]:
        """All clips."""
        return self.train + self.validation + self.test

    @property
    def unknown(self) -> int:
        """How many name no subject."""
        return sum(clip.subject.startswith(UNKNOWN_SUBJECT) for clip in self.all)


def train_model(job: Job) -> str:
    """Do all stages of a training and return lines that say what came out. Raises HarError."""
    profile, sets = job.profile, _sets(job)
    begin = partial(_begin_anew, load_mobilenet(job.weights)) if job.warm_start is None else _begin_warm
    torch.manual_seed(profile.seed)
    try_folder(job.out)
    claim(job, sets)
    model = begin(job, sets)
    stages = [Stage(DENSE if job.warm_start is None else ADAPTED, job, sets, model)]
    ablations = _ablations(job, sets, stages[0].store)
    judged = _cross_validated(job, sets, stages[0].store)
    for step in profile.compression.steps:
        model.apply(step)
        stages.append(Stage(step, job, sets, model))
    last = stages[-1]
    findings = {"ablations": ablations, "cross_validation": judged, "other_seeds": _other_seeds(job, sets, last.store)}
    write_card(job, sets, stages, {name: found for name, found in findings.items() if found})
    publish_model(last.folder, job.out, also=[HEADS_FILE])
    history = [epoch for stage in stages for epoch in stage.history]
    write_log(history, job.folder / "log.csv")
    plot_curves(history, job.folder / "curves.png")
    last.plot(job.out.name, job.folder)
    lines = [f"{job.out}:", *(f"  {stage.name}: {stage.told()}" for stage in stages), *_doubts(sets)]
    return "\n".join(lines)


def _begin_anew(net: MobileNetV2, job: Job, sets: Sets) -> Compressible:
    """Return an untrained network behind ImageNet's trunk."""
    profile = job.profile
    trunk, last_block = split(net, profile.pictures.trainable_blocks)
    if profile.tuning.epochs:
        tune(trunk, sets.train, profile, job.folder / "tuned.pt")
    file = job.folder / f"trunk_{DENSE}.onnx"
    export_trunk(trunk, profile.pictures.frame_size_px, file)
    torch.manual_seed(profile.seed)  # a resumed run has not tuned, and must begin with the same heads
    return Compressible(trunk, file, build_network(profile, last_block), known(sets.train), profile, job.folder)


def _begin_warm(job: Job, sets: Sets) -> Compressible:
    """Return the network of a trained model behind that model's trunk, compressed as it is."""
    profile, source = job.profile, job.warm_start
    assert source is not None
    if profile.compression.steps or profile.pictures.trainable_blocks:
        raise HarError(f"'{source}' keeps its compression; add --structured 0 --sparsity 0 --no-int8")
    if load_card(source).frame_size_px != profile.pictures.frame_size_px:
        raise HarError(f"'{source}' and profile '{profile.name}' differ in their pictures' size; give the same profile")
    file = job.folder / f"trunk_{ADAPTED}.onnx"
    extract_trunk(source / ENCODER_FILE, file)
    network = build_network(profile, None)
    if not (source / HEADS_FILE).is_file():
        raise HarError(f"'{source}' has no {HEADS_FILE} to begin with; give a model folder that `har train` wrote")
    try:
        network.load_state_dict(load_state(source / HEADS_FILE))
    except RuntimeError:
        raise HarError(f"'{source}' has another network than profile '{profile.name}'; give the same profile") from None
    prune.hold_zeros(network.prunable())
    return Compressible(None, file, network, known(sets.train), profile, job.folder)


class Stage:
    """Training or fine-tuning under one trunk: features, fit, calibration, export and score.

    name:    `dense`, or the step of compression that it follows.
    figures: of each set's captures of the six activities.
    """

    def __init__(self, name: str, job: Job, sets: Sets, model: Compressible) -> None:
        profile = job.profile
        self.name, self.folder, self.network = name, job.folder / name, model.network
        self.store = FeatureStore(job.cache, model.file, profile.pictures.frame_size_px)
        for clips, views in ((sets.train, PLAIN_VIEWS + profile.pictures.views), (sets.validation + sets.test, 1)):
            self.store.fill([clip.folder for clip in clips], views, job.threads, f"features, {name}")
        self.scale = imu_scale(model.network.imu_channels, known(sets.train), self.store)
        max_epochs = profile.learning.max_epochs if name == DENSE else profile.compression.finetune_epochs
        self.history: list[Epoch] = Fit(name, model.network, profile, max_epochs, job.folder / f"{name}.pt").run(
            Feed(
                training=lambda epoch: training_batches(sets.train, self.store, self.scale, profile, epoch),
                validation=lambda: plain_batches(sets.validation, self.store, self.scale, SCORING_BATCH),
                steps=-(-profile.learning.passes * len(sets.train) // profile.learning.batch_size),
            )
        )
        self.pruning = model.check_sparsity() if name == SPARSE else None
        self.calibration = calibrate(model.network, sets.validation, self.store, self.scale)
        self.onnx_difference = export_networks(self.folder, model.file, model.network, profile.pictures.frame_size_px)
        scored = {"validation": known(sets.validation), "test": known(sets.test)}
        self._sets = {use: clips for use, clips in scored.items() if clips}
        self._answers = {use: self._predict(clips) for use, clips in self._sets.items()}
        self.figures = {use: self._score(use) for use in self._sets}

    def row(self) -> dict[str, Any]:
        """Return this stage's line in the table of compression; its card must be written."""
        kept = {use: {key: each[key] for key in _FIGURES[:3]} for use, each in self.figures.items()}
        return {"step": self.name, **kept, **sizes_and_times(self.folder)}

    def told(self) -> str:
        """Return the accuracies in words."""
        parts = []
        for use, each in self.figures.items():
            low, high = each["accuracy_ci"]
            parts.append(f"{use} {each['accuracy']:.1%} ({low:.1%} to {high:.1%}, n={each['n']})")
        return ", ".join(parts)

    def plot(self, model_name: str, folder: Path) -> None:
        """Draw confusion, reliability and precision over recall of each set."""
        for use, (probabilities, truth) in self._answers.items():
            title = f"{model_name}: {use}"
            plot_confusion(self.figures[use]["confusion"], LABELS, title, folder / f"confusion_{use}.png")
            plot_reliability(probabilities, truth, title, folder / f"reliability_{use}.png")
            plot_precision_recall(probabilities, truth, LABELS, title, folder / f"precision_recall_{use}.png")

    def _predict(self, clips: Sequence[Clip]) -> tuple[Any, Any]:
        answers = predict(self.network, plain_batches(clips, self.store, self.scale, SCORING_BATCH))
        return softened(answers.logits, self.calibration.temperature[self.network.cases[0]]), answers.truth

    def _score(self, use: str) -> dict[str, Any]:
        probabilities, truth = self._answers[use]
        true_names, given_names = ([LABELS[index] for index in each] for each in (truth, probabilities.argmax(1)))
        subjects = [clip.subject for clip in self._sets[use]]
        figures, intervals = score(true_names, given_names, LABELS, probabilities, subjects)
        return {**{key: figures[key] for key in _FIGURES}, "intervals": intervals}


def _ablations(job: Job, sets: Sets, store: FeatureStore) -> dict[str, Any]:
    """Return what the activities can be told from; computed once for a run."""
    path = job.folder / "ablations.json"
    if not path.is_file():
        people = Sides(known(sets.train), known(sets.validation))
        empty = people.moved(job.dataset, job.empty) if job.empty else None
        if empty:
            store.fill(empty.folders, PLAIN_VIEWS, job.threads, "features without people")
        write_json(path, ablate(people, empty, store, job.profile.seed))
    table: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return table


def _cross_validated(job: Job, sets: Sets, store: FeatureStore) -> dict[str, Any]:
    """Return the figures of leaving subjects out, if that was asked for; computed once for a run."""
    path = job.folder / "cross_validation.json"
    if job.folds and not path.is_file():
        clips = sets.train + sets.validation
        views = PLAIN_VIEWS + job.profile.pictures.views
        store.fill([clip.folder for clip in clips], views, job.threads, "features, all subjects")
        write_json(path, cross_validate(clips, store, job.profile, job.folds, job.folder / "folds"))
    return json.loads(path.read_text(encoding="utf-8")) if job.folds else {}


def _other_seeds(job: Job, sets: Sets, store: FeatureStore) -> list[dict[str, Any]]:
    """Return the figures of heads from other seeds, if that was asked for; computed once for a run."""
    path = job.folder / "other_seeds.json"
    if job.other_seeds and not path.is_file():
        judged = {"validation": known(sets.validation), **({"test": known(sets.test)} if sets.test else {})}
        rows = other_seeds(
            sets.train, sets.validation, judged, store, job.profile, job.other_seeds, job.folder / "seeds"
        )
        write_json(path, rows)
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8")) if job.other_seeds else []
    return found


def _sets(job: Job) -> Sets:
    clips, test = list_clips(job.dataset), list_clips(job.test) if job.test else []
    if not job.profile.learning.outlier_weight:
        clips = known(clips)
    train, validation = split_by_subject(clips, job.profile.validation_share, job.profile.seed)
    train, validation, test = (_without(job.leave_out, each) for each in (train, validation, test))
    sets = Sets(train, validation, test, job.profile.validation_share)
    if sets.unknown and not job.allow_unknown_subjects:
        raise HarError(
            f"{sets.unknown} captures name no subject, so that one person may be in training and validation; name "
            "subjects in capture.json, or add --allow-unknown-subjects and expect flattering figures"
        )
    seen = {clip.subject for clip in train + validation} & {clip.subject for clip in test}
    if seen:
        raise HarError(f"'{job.test}' shows people of '{job.dataset}', such as {min(seen)}; test on other people")
    return sets


def _without(label: str | None, clips: Sequence[Clip]) -> list[Clip]:
    """Return the clips but those of an activity; the split was made with them, so that it is that of a whole model."""
    return [clip for clip in clips if clip.label == NONE_OF_THEM or LABELS[clip.label] != label]


def _doubts(sets: Sets) -> list[str]:
    """Return what makes the figures less than they seem."""
    doubts, share = [], len(sets.validation) / len(sets.train + sets.validation)
    if sets.unknown:
        doubts.append(f"{sets.unknown} captures name no subject: people may be on both sides, and the figures flatter")
    if abs(share - sets.wanted_share) > _SHARE_TOLERANCE:
        doubts.append(f"whole subjects could only be split with {share:.0%} for validation; record more subjects")
    return doubts
