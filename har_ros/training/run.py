"""One training from beginning to end: split, features, training, compression, calibration, export, card.

Each stage leaves a checkpoint in the run's folder, so that the run goes on wherever it was stopped.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import torch

from har_ros.core.errors import HarError
from har_ros.core.model_card import load_card, publish_model
from har_ros.dataset.json_file import write_json
from har_ros.dataset.parallel import for_each_capture
from har_ros.dataset.reader import read_capture
from har_ros.evaluation.report import warn_of_passed_over
from har_ros.training.ablation import Sides, ablate
from har_ros.training.backbone import MobileNetV2, load_mobilenet, split
from har_ros.training.calibrate import FEW_PEOPLE
from har_ros.training.card import write_card
from har_ros.training.compress import Compressible
from har_ros.training.cross_validate import cross_validate, folds_of, other_seeds
from har_ros.training.data import known
from har_ros.training.export import HEADS_FILE, export_trunk
from har_ros.training.features import PLAIN_VIEWS, FeatureStore
from har_ros.training.job import Job, Sets, sets_of
from har_ros.training.networks.build import build_network
from har_ros.training.report import plot_curves, write_log
from har_ros.training.run_folder import claim, try_folder
from har_ros.training.stage import ADAPTED, DENSE, Stage
from har_ros.training.tune import tune
from har_ros.training.warm_start import begin_warm, warm_network

_SHARE_TOLERANCE = 0.1
_TUNED_FILE = "tuned.pt"


def train_model(job: Job) -> str:
    """Do all stages of a training and return lines that say what came out. Raises HarError."""
    profile, sets = job.profile, sets_of(job)
    for root in filter(None, (job.dataset, job.test)):
        warn_of_passed_over(root)
    begin = partial(_begin_anew, load_mobilenet(job.weights)) if job.warm_start is None else begin_warm
    torch.manual_seed(profile.seed)
    for folder, option in ((job.out, "--out"), (job.folder, "--run-dir"), (job.cache, "--cache")):
        try_folder(folder, option)
    _try_later_parts(job, sets)
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
    doubts = _doubts(job, sets)
    history = [epoch for stage in stages for epoch in stage.history]
    write_log(history, job.folder / "log.csv")
    if history:
        plot_curves(history, job.folder / "curves.png")
    last.plot(job.out.name, job.folder)
    publish_model(last.folder, job.out, also=[HEADS_FILE])
    told = [f"{stage.name}: {stage.told()}" for stage in stages]
    told += [f"new heads from seed {row['seed']}: {_told(row)}" for row in findings["other_seeds"]]
    lines = [f"{job.out}:", *(f"  {words}" for words in told), *doubts]
    return "\n".join(lines)


def help_to_train(job: Job) -> None:
    """Do this process's share of a training that another one leads."""
    if job.warm_start is None and job.profile.tuning.epochs:
        trunk, _ = split(load_mobilenet(job.weights), 0)
        tune(trunk, sets_of(job).train, job.profile, job.folder / _TUNED_FILE)


def _try_later_parts(job: Job, sets: Sets) -> None:
    """Raise HarError now for what would be found out after the first training."""
    if job.warm_start:
        warm_network(job.warm_start, job.profile)
    if job.folds:
        for _ in folds_of(sets.train + sets.validation, job.profile, job.folds):
            pass
    if job.empty:
        moved = Sides(known(sets.train), known(sets.validation)).moved(job.dataset, job.empty)
        lacking = [folder for folder in moved.folders if not folder.is_dir()]
        if lacking:
            raise HarError(f"'{job.empty}' lacks {len(lacking)} captures of the dataset, such as '{lacking[0]}'")
    for_each_capture(_try_capture, [clip.folder for clip in sets.validation + sets.test], "trying captures")


def _try_capture(folder: Path) -> None:
    """Raise HarError for a capture that can't be read; of those that can nothing is kept."""
    read_capture(folder)


def _begin_anew(net: MobileNetV2, job: Job, sets: Sets) -> Compressible:
    """Return an untrained network behind ImageNet's trunk."""
    profile = job.profile
    trunk, last_block = split(net, profile.pictures.trainable_blocks)
    if profile.tuning.epochs:
        tune(trunk, sets.train, profile, job.folder / _TUNED_FILE)
    file = job.folder / f"trunk_{DENSE}.onnx"
    export_trunk(trunk, profile.pictures.frame_size_px, file)
    torch.manual_seed(profile.seed)  # a resumed run has not tuned, and must begin with the same heads
    return Compressible(trunk, file, build_network(profile, last_block), known(sets.train), profile, job.folder)


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
    """Return the figures of leaving subjects out, if that was asked for; computed once for a run.

    A tuned backbone has learnt from those who are to be left out; then the folds are on ImageNet's own features.
    """
    path = job.folder / f"cross_validation_{job.folds}.json"
    if job.folds and not path.is_file():
        clips = sets.train + sets.validation
        if job.profile.tuning.epochs:
            file, size_px = job.folder / "trunk_untuned.onnx", job.profile.pictures.frame_size_px
            export_trunk(split(load_mobilenet(job.weights), 0)[0], size_px, file)
            store = FeatureStore(job.cache, file, size_px)
        views = PLAIN_VIEWS + job.profile.pictures.views
        store.fill([clip.folder for clip in clips], views, job.threads, "features, all subjects")
        write_json(path, cross_validate(clips, store, job.profile, job.folds, job.folder / f"folds_{job.folds}"))
    return json.loads(path.read_text(encoding="utf-8")) if job.folds else {}


def _other_seeds(job: Job, sets: Sets, store: FeatureStore) -> list[dict[str, Any]]:
    """Return the figures of heads from other seeds, if that was asked for; computed once for a run."""
    path = job.folder / f"other_seeds_{job.other_seeds}.json"
    if job.other_seeds and not path.is_file():
        rows = other_seeds(
            sets.train, sets.validation, sets.scored, store, job.profile, job.other_seeds, job.folder / "seeds"
        )
        write_json(path, rows)
    found: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8")) if job.other_seeds else []
    return found


def _told(row: dict[str, Any]) -> str:
    """Return the accuracies of another seed in words."""
    return ", ".join(f"{use} {figures['accuracy']:.1%}" for use, figures in row.items() if use != "seed")


def _doubts(job: Job, sets: Sets) -> list[str]:
    """Return what makes the figures less than they seem."""
    doubts, share = [], len(sets.validation) / len(sets.train + sets.validation)
    before = load_card(job.warm_start).fitted_people if job.warm_start else set()
    again = before & {clip.subject for clip in sets.validation}
    if again:
        doubts.append(
            f"'{job.warm_start}' was trained on {len(again)} of the validation's people: its figures, "
            "thresholds and temperatures flatter; record other people, too"
        )
    judges = len({clip.subject for clip in known(sets.validation)})
    if judges < FEW_PEOPLE:
        doubts.append(
            f"fewer than {FEW_PEOPLE} people validate ({judges}): the temperatures, and the limits of what is unknown, "
            "may not fit others; record more people"
        )
    if sets.unknown:
        doubts.append(f"{sets.unknown} captures name no subject: people may be on both sides, and the figures flatter")
    if abs(share - sets.wanted_share) > _SHARE_TOLERANCE:
        doubts.append(f"whole subjects could only be split with {share:.0%} for validation; record more subjects")
    return doubts
