"""What a training was asked for, and the clips that it gets: split by subject, nobody on two sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from har_ros.core.errors import HarError
from har_ros.core.labels import LABELS
from har_ros.core.model_card import load_card
from har_ros.training.data import (
    NONE_OF_THEM,
    Clip,
    known,
    list_clips,
    list_training_clips,
    split_by_subject,
    without_subject,
)
from har_ros.training.profile import Profile


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
    def scored(self) -> dict[str, list[Clip]]:
        """The clips of the six activities that figures are of, by their use; without a use that has none."""
        clips = {"validation": known(self.validation), "test": known(self.test)}
        return {use: each for use, each in clips.items() if each}

    @property
    def unknown(self) -> int:
        """How many name no subject."""
        return without_subject(self.all)


def sets_of(job: Job) -> Sets:
    """Return the clips of a job, split by subject. Raises HarError where one person would be on both sides."""
    clips, test = list_training_clips(job.dataset), list_clips(job.test) if job.test else []
    if not job.profile.learning.outlier_weight:
        clips = known(clips)
    train, validation = split_by_subject(clips, job.profile.validation_share, job.profile.seed)
    train, validation, test = (_without(job.leave_out, each) for each in (train, validation, test))
    base = load_card(job.warm_start).people if job.warm_start else set()
    sets = Sets(train, validation, test, job.profile.validation_share)
    if sets.unknown and not job.allow_unknown_subjects:
        raise HarError(
            f"{sets.unknown} captures name no subject, so that one person may be in training and validation; name "
            "subjects in capture.json, or add --allow-unknown-subjects and expect flattering figures"
        )
    tested = {clip.subject for clip in test}
    for whose, people in ((job.dataset, {clip.subject for clip in train + validation}), (job.warm_start, base)):
        if people & tested:
            raise HarError(f"'{job.test}' shows people of '{whose}', such as {min(people & tested)}; test on others")
    return sets


def _without(label: str | None, clips: Sequence[Clip]) -> list[Clip]:
    """Return the clips but those of an activity; the split was made with them, so that it is that of a whole model."""
    return [clip for clip in clips if clip.label == NONE_OF_THEM or LABELS[clip.label] != label]
