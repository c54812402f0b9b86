"""The cards of a training's models: how they came about and how good they are."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from har_ros import __version__
from har_ros.core.labels import LABELS
from har_ros.core.model_card import ENCODER_FILE, HEAD_FILE, ModelCard, file_sha256, load_card
from har_ros.core.windows import STEP_RATE_HZ, STEPS
from har_ros.training.backbone import WEIGHTS_NAME, WEIGHTS_SHA256
from har_ros.training.data import known
from har_ros.training.job import Job, Sets
from har_ros.training.stage import Stage

_USES = ("train", "validation", "test")
_MADE_WITH = ("per_class", "negatives", "subjects", "seed", "mount", "surfaces", "version")
_PIXELS = "uint8 BGR in; scaling to [0, 1] and ImageNet's mean and deviation are inside the encoder"


def write_card(job: Job, sets: Sets, stages: Sequence[Stage], findings: dict[str, Any]) -> None:
    """Write the card of each stage's model; that of each tells of the stages before it, and what was found out."""
    rows = []
    for count, stage in enumerate(stages, 1):
        card = _card(job, sets, stages[:count])
        card.save(stage.folder)  # its networks are timed under it
        rows.append(stage.row())
        metrics = {**card.metrics, "compression": list(rows), **findings}
        ModelCard(**{**card.__dict__, "metrics": metrics}).save(stage.folder)


def _card(job: Job, sets: Sets, stages: Sequence[Stage]) -> ModelCard:
    profile, last = job.profile, stages[-1]
    network, calibration = last.network, last.calibration
    metrics = {
        **last.figures,
        "calibration": calibration.figures,
        "onnx_difference": last.onnx_difference,
        **({"before_compression": stages[0].figures} if len(stages) > 1 else {}),
        **next(({"pruning": stage.pruning} for stage in stages if stage.pruning), {}),
    }
    return ModelCard(
        name=job.out.name,
        profile=profile.name,
        steps=STEPS,
        step_rate_hz=STEP_RATE_HZ,
        frame_size_px=profile.pictures.frame_size_px,
        feature_size=network.frame_size,
        imu_channels=network.imu_channels,
        imu_mean=tuple(map(float, last.scale.mean)),
        imu_std=tuple(map(float, last.scale.std)),
        sha256={name: file_sha256(last.folder / name) for name in (ENCODER_FILE, HEAD_FILE)},
        modalities=network.modalities,
        pixel_scaling=_PIXELS,
        temperature=calibration.temperature,
        novelty=calibration.novelty,
        thresholds=calibration.thresholds,
        min_confidence=calibration.min_confidence,
        training=_training(job, sets, stages),
        metrics=metrics,
    )


def _training(job: Job, sets: Sets, stages: Sequence[Stage]) -> dict[str, Any]:
    before = load_card(job.warm_start).training if job.warm_start else {}  # what it learnt then is in it still
    sources = sorted({clip.source for clip in sets.train + sets.validation} | set(before.get("sources", ())))
    by_use = {use: getattr(sets, use) for use in _USES}
    return {
        "dataset": _describe(job.dataset),
        "test_set": _describe(job.test) if job.test else None,
        "sources": sources,
        "synthetic": "simulated" in sources,
        "captures": {use: len(known(clips)) for use, clips in by_use.items()},
        "captures_of_none": {use: len(clips) - len(known(clips)) for use, clips in by_use.items()},
        "train_captures_per_class": dict(sorted(Counter(LABELS[clip.label] for clip in known(sets.train)).items())),
        "subjects": {use: len({clip.subject for clip in clips}) for use, clips in by_use.items()},
        "train_subjects": sorted({clip.subject for clip in sets.train}),
        "validation_subjects": sorted({clip.subject for clip in sets.validation}),
        **({"left_out": job.leave_out} if job.leave_out else {}),
        **_base(job),
        "captures_without_subject": sets.unknown + before.get("captures_without_subject", 0),
        "backbone": {"weights": WEIGHTS_NAME, "sha256": WEIGHTS_SHA256},
        "epochs": {stage.name: len(stage.history) if stage.kept else 0 for stage in stages},
        "profile": asdict(job.profile),
        "command": job.command,
        "version": __version__,
    }


def _base(job: Job) -> dict[str, Any]:
    """Return which model a job begins with, how good that was, and its people; nothing where it begins anew."""
    if job.warm_start is None:
        return {}
    card = load_card(job.warm_start)
    record = {key: card.training[key] for key in ("dataset", "test_set", "command", "base") if key in card.training}
    figures = {key: card.metrics[key] for key in ("compression", "other_seeds") if key in card.metrics}
    base = {"name": card.name, "identity": card.identity, **record, **figures}
    tuned_by = card.people - card.fitted_people
    return {"base": base, "base_fitted_to": sorted(card.fitted_people), "base_tuned_by": sorted(tuned_by)}


def _describe(dataset: Path) -> dict[str, Any]:
    """Return a dataset's name, and how it was simulated if it was."""
    try:
        manifest = json.loads((dataset / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        manifest = {}
    made_with = {key: manifest[key] for key in _MADE_WITH if key in manifest}
    return {"name": dataset.name, **({"har_simulate": made_with} if made_with else {})}
