"""One training from beginning to end: split, features, training, pruning, fine-tuning, export, card.

Each stage leaves a checkpoint in the run's folder, so that the run goes on wherever it was stopped.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from har_ros import __version__
from har_ros.core.errors import HarError
from har_ros.core.labels import LABELS
from har_ros.core.model_card import CARD_FILE, ENCODER_FILE, HEAD_FILE, ModelCard, file_sha256
from har_ros.core.windows import STEP_RATE_HZ, STEPS
from har_ros.dataset.json_file import write_json
from har_ros.evaluation.metrics import score
from har_ros.evaluation.report import plot_confusion
from har_ros.training import prune
from har_ros.training.backbone import WEIGHTS_NAME, WEIGHTS_SHA256, Trunk, load_mobilenet, split
from har_ros.training.data import (
    UNKNOWN_SUBJECT,
    Clip,
    imu_scale,
    list_clips,
    plain_batches,
    split_by_subject,
    training_batches,
)
from har_ros.training.export import export_networks, zero_shares
from har_ros.training.features import FeatureStore
from har_ros.training.fit import Epoch, Feed, Fit, load_state, predict, save_state
from har_ros.training.network import HarNetwork
from har_ros.training.profile import Profile
from har_ros.training.report import plot_curves, write_log

_SCORING_BATCH = 16
_SPARSITY_TOLERANCE = 0.001
_RECORD_FILE = "run.json"
_FIGURES = ("n", "accuracy", "accuracy_ci", "macro_f1", "loss", "confusion")
_SHARE_TOLERANCE = 0.1


@dataclass(frozen=True)
class Job:
    """What `har train` was asked for."""

    dataset: Path
    test: Path | None
    out: Path
    folder: Path
    cache: Path
    weights: Path | None
    profile: Profile
    threads: int
    resume: bool
    allow_unknown_subjects: bool
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


def train_model(job: Job) -> str:
    """Do all stages of a training and return one line that says what came out. Raises HarError."""
    sets = _sets(job)
    trunk, last_block = split(load_mobilenet(job.weights), job.profile.trainable_blocks)
    _try_folder(job.out)
    _claim(job, sets)
    torch.manual_seed(job.profile.seed)
    network = HarNetwork(job.profile, last_block)
    dense = _Stage("training", job, sets, trunk, network, job.profile.max_epochs)
    files = export_networks(job.folder / "dense", trunk, network, job.profile.frame_size_px)
    _write_card(job, sets, job.folder / "dense", [dense], files)
    _prune(job, sets, trunk, network, dense.store)
    pruned = _Stage("fine-tuning", job, sets, trunk, network, job.profile.finetune_epochs)
    prune.remove_masks(network)
    folder = job.folder / "pruned"
    files = {**export_networks(folder, trunk, network, job.profile.frame_size_px), "before_pruning": files}
    _check_sparsity(folder, job.profile.sparsity)
    _write_card(job, sets, folder, [dense, pruned], files)
    _publish(folder, job.out)
    write_log(dense.history + pruned.history, job.folder / "log.csv")
    plot_curves(dense.history + pruned.history, job.folder / "curves.png")
    for name, figures in pruned.figures.items():
        plot_confusion(figures["confusion"], LABELS, f"{job.out.name}: {name}", job.folder / f"confusion_{name}.png")
    outcome = f"{job.out}: before pruning {_told(dense.figures)}; after it {_told(pruned.figures)}"
    return "\n".join([outcome, *_doubts(sets)])


class _Stage:
    """Training or fine-tuning under one trunk: features, fit and score."""

    def __init__(self, name: str, job: Job, sets: Sets, trunk: Trunk, network: HarNetwork, max_epochs: int) -> None:
        profile = job.profile
        self.name = name
        self.store = FeatureStore(job.cache, trunk, profile.frame_size_px)
        self.store.fill([clip.folder for clip in sets.all], job.threads, f"features for {name}")
        self.scale = imu_scale(sets.train, self.store)
        feed = Feed(
            training=lambda epoch: training_batches(sets.train, self.store, self.scale, profile, epoch),
            validation=lambda: plain_batches(sets.validation, self.store, self.scale, _SCORING_BATCH),
            steps=-(-profile.passes * len(sets.train) // profile.batch_size),
        )
        self.history: list[Epoch] = Fit(name, network, profile, max_epochs, job.folder / f"{name}.pt").run(feed)
        scored = {"validation": sets.validation, "test": sets.test}
        self.figures = {use: self._score(network, clips) for use, clips in scored.items() if clips}

    def _score(self, network: HarNetwork, clips: Sequence[Clip]) -> dict[str, Any]:
        probabilities, truth = predict(network, plain_batches(clips, self.store, self.scale, _SCORING_BATCH))
        true_names, given_names = ([LABELS[index] for index in each] for each in (truth, probabilities.argmax(1)))
        figures, intervals = score(true_names, given_names, LABELS, probabilities, [clip.subject for clip in clips])
        return {**{key: figures[key] for key in _FIGURES}, "intervals": intervals}


def _sets(job: Job) -> Sets:
    clips, test = list_clips(job.dataset), list_clips(job.test) if job.test else []
    unknown = _unknown(clips + test)
    if unknown and not job.allow_unknown_subjects:
        raise HarError(
            f"{unknown} captures name no subject, so that one person may be in training and validation; name "
            "subjects in capture.json, or add --allow-unknown-subjects and expect flattering figures"
        )
    train, validation = split_by_subject(clips, job.profile.validation_share, job.profile.seed)
    seen = {clip.subject for clip in train + validation} & {clip.subject for clip in test}
    if seen:
        raise HarError(f"'{job.test}' shows people of '{job.dataset}', such as {min(seen)}; test on other people")
    return Sets(train, validation, test, job.profile.validation_share)


def _unknown(clips: Sequence[Clip]) -> int:
    return sum(clip.subject.startswith(UNKNOWN_SUBJECT) for clip in clips)


def _doubts(sets: Sets) -> list[str]:
    """Return what makes the figures less than they seem."""
    doubts, share = [], len(sets.validation) / len(sets.train + sets.validation)
    if unknown := _unknown(sets.all):
        doubts.append(f"{unknown} captures name no subject: people may be on both sides, and the figures flatter")
    if abs(share - sets.wanted_share) > _SHARE_TOLERANCE:
        doubts.append(f"whole subjects could only be split with {share:.0%} for validation; record more subjects")
    return doubts


def _try_folder(folder: Path) -> None:
    """Try the model's folder now: after the training is too late to learn that it can't be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise HarError(f"can't write into '{folder}' ({error.strerror}); give another folder with --out") from None
    if not any(folder.iterdir()):
        folder.rmdir()


def _claim(job: Job, sets: Sets) -> None:
    """Take the run's folder, or go on with what is in it where the job is the same."""
    path = job.folder / _RECORD_FILE
    clips = [str(clip.folder) for clip in sets.all]
    record = {"version": __version__, "profile": asdict(job.profile), "clips": clips}
    if not path.is_file():
        job.folder.mkdir(parents=True, exist_ok=True)
        write_json(path, record)
    elif not job.resume:
        raise HarError(f"'{job.folder}' holds a run; add --resume to go on with it, or give another --run-dir")
    elif _read_record(path) != record:
        raise HarError(f"the run in '{job.folder}' had another dataset, profile or version; give another --run-dir")


def _read_record(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise HarError(f"'{path}' is damaged; delete '{path.parent}' or give another --run-dir") from None


def _prune(job: Job, sets: Sets, trunk: Trunk, network: HarNetwork, before: FeatureStore) -> None:
    """Prune the trunk for good and the network under masks; the trunk learns to give the maps of `before`."""
    prune.add_masks(network, job.profile.sparsity)
    path = job.folder / "pruned_trunk.pt"
    if path.is_file():
        trunk.load_state_dict(load_state(path))
        return
    prune.add_masks(trunk, job.profile.sparsity)
    prune.recover(trunk, sets.train, before, job.profile)
    prune.remove_masks(trunk)
    save_state(trunk.state_dict(), path)


def _check_sparsity(folder: Path, sparsity: float) -> None:
    wrong = {name: share for name, share in zero_shares(folder).items() if abs(share - sparsity) > _SPARSITY_TOLERANCE}
    if wrong:
        raise HarError(f"pruning missed its sparsity in {wrong}; train again with another seed")


def _publish(folder: Path, out: Path) -> None:
    """Copy a finished model over what is there: all of it first, then each file by a rename, the card last."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as draft:
        for name in (ENCODER_FILE, HEAD_FILE, CARD_FILE):
            shutil.copyfile(folder / name, Path(draft, name))
        for name in (ENCODER_FILE, HEAD_FILE, CARD_FILE):
            Path(draft, name).replace(out / name)


def _write_card(job: Job, sets: Sets, folder: Path, stages: Sequence[_Stage], files: dict[str, Any]) -> None:
    profile, last = job.profile, stages[-1]
    sources = sorted({clip.source for clip in sets.all})
    training = {
        "dataset": _describe(job.dataset),
        "test_set": _describe(job.test) if job.test else None,
        "sources": sources,
        "synthetic": "simulated" in sources,
        "captures": {use: len(getattr(sets, use)) for use in ("train", "validation", "test")},
        "train_captures_per_class": dict(sorted(Counter(LABELS[clip.label] for clip in sets.train).items())),
        "subjects": {
            use: len({clip.subject for clip in getattr(sets, use)}) for use in ("train", "validation", "test")
        },
        "train_subjects": sorted({clip.subject for clip in sets.train}),
        "validation_subjects": sorted({clip.subject for clip in sets.validation}),
        "captures_without_subject": _unknown(sets.all),
        "backbone": {"weights": WEIGHTS_NAME, "sha256": WEIGHTS_SHA256},
        "epochs": {stage.name: len(stage.history) for stage in stages},
        "profile": asdict(profile),
        "command": job.command,
        "version": __version__,
    }
    metrics = {**last.figures, "files": files}
    if len(stages) > 1:
        shares = zero_shares(folder)
        metrics["before_pruning"] = stages[0].figures
        metrics["pruning"] = {
            "eligible": prune.ELIGIBLE,
            "layers": len(shares),
            "zeros_least": min(shares.values()),
            "zeros_most": max(shares.values()),
        }
    units = 4 * profile.video_units
    ModelCard(
        name=job.out.name,
        profile=profile.name,
        steps=STEPS,
        step_rate_hz=STEP_RATE_HZ,
        frame_size_px=profile.frame_size_px,
        feature_size=units,
        imu_mean=tuple(map(float, last.scale.mean)),
        imu_std=tuple(map(float, last.scale.std)),
        sha256={name: file_sha256(folder / name) for name in (ENCODER_FILE, HEAD_FILE)},
        pixel_scaling="uint8 BGR in; scaling to [0, 1] and ImageNet's mean and deviation are inside the encoder",
        training=training,
        metrics=metrics,
    ).save(folder)


def _describe(dataset: Path) -> dict[str, Any]:
    """Return a dataset's name, and how it was simulated if it was."""
    try:
        manifest = json.loads((dataset / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        manifest = {}
    made_with = {key: manifest[key] for key in ("seed", "per_class", "subjects", "mount", "version") if key in manifest}
    return {"name": dataset.name, **({"har_simulate": made_with} if made_with else {})}


def _told(figures: dict[str, Any]) -> str:
    parts = []
    for use, each in figures.items():
        low, high = each["accuracy_ci"]
        parts.append(f"{use} {each['accuracy']:.1%} ({low:.1%} to {high:.1%}, n={each['n']})")
    return ", ".join(parts)
