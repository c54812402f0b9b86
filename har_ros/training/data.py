"""Which captures train and which validate (paper section III.B)."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from har_ros.core.errors import HarError
from har_ros.core.labels import LABELS, Activity
from har_ros.dataset.reader import find_captures, read_meta
from har_ros.training.features import capture_digest

NONE_OF_THEM = -1
_UNKNOWN_SUBJECT = "unknown:"
_SPLIT_ATTEMPTS = 200


@dataclass(frozen=True)
class Clip:
    """One capture by its folder, the index of its label or NONE_OF_THEM, who is seen and where it comes from.

    eyes_closed: how far the eyes are shut in each frame, 0 to 1, where the capture says so.
    """

    folder: Path
    label: int
    subject: str
    source: str
    eyes_closed: tuple[float, ...] = ()

    def moved(self, root: Path, other_root: Path) -> Clip:
        """Return the clip of the same name in another dataset."""
        return replace(self, folder=other_root / self.folder.relative_to(root))


def list_clips(dataset: Path) -> list[Clip]:
    """Return the clips of a dataset. Raises HarError where it is missing or shows none of the six activities.

    One that names no subject counts as a subject of its own, named by its content.
    """
    clips = []
    for folder in find_captures(dataset):
        meta = read_meta(folder)
        subject = meta.subject or _UNKNOWN_SUBJECT + capture_digest(folder)
        label = NONE_OF_THEM if meta.label is Activity.OTHER else LABELS.index(meta.label.value)
        clips.append(Clip(folder, label, subject, meta.source, meta.eyes_closed))
    if not known(clips):
        raise HarError(f"'{dataset}' has no captures of the {len(LABELS)} activities; record some")
    return clips


def list_training_clips(dataset: Path) -> list[Clip]:
    """Return the clips of a dataset to train on. Raises HarError as `list_clips`, and where a class is empty."""
    clips = list_clips(dataset)
    empty = [label for index, label in enumerate(LABELS) if all(clip.label != index for clip in clips)]
    if empty:
        raise HarError(f"'{dataset}' has no captures of {', '.join(empty)}; record some, or run har simulate")
    return clips


def known(clips: Sequence[Clip]) -> list[Clip]:
    """Return the clips of the six activities."""
    return [clip for clip in clips if clip.label != NONE_OF_THEM]


def without_subject(clips: Iterable[Clip]) -> int:
    """Return how many clips name no subject."""
    return sum(clip.subject.startswith(_UNKNOWN_SUBJECT) for clip in clips)


def subject_folds(subjects: Iterable[str], folds: int) -> list[set[str]]:
    """Return who is left out in each fold, everyone once; as many folds as subjects leave out one at a time.

    Their order depends on the names alone. Raises HarError for more folds than subjects.
    """
    order = sorted(set(subjects), key=lambda name: hashlib.sha256(name.encode()).digest())
    if folds > len(order):
        raise HarError(f"{len(order)} subjects can't be left out in {folds} folds; give --folds {len(order)}")
    return [set(order[fold::folds]) for fold in range(folds)]


def split_by_subject(clips: Sequence[Clip], share: float, seed: int) -> tuple[list[Clip], list[Clip]]:
    """Return training and validation clips: no subject on both sides, all six activities on both.

    Subjects are drawn in orders that depend on the seed alone; of the splits they give, the one whose
    validation share is nearest to `share` is taken. Raises HarError where no split is possible.
    """
    counts: dict[str, NDArray[np.int64]] = defaultdict(lambda: np.zeros(len(LABELS), np.int64))
    for clip in known(clips):
        counts[clip.subject][clip.label] += 1
    total = sum(counts.values())
    best, nearest = None, np.inf
    for attempt in range(_SPLIT_ATTEMPTS):
        order = sorted(counts, key=lambda name: hashlib.sha256(f"{seed}/{attempt}/{name}".encode()).digest())
        taken = np.cumsum([counts[subject] for subject in order], axis=0)
        possible = (taken > 0).all(1) & (taken[-1] - taken > 0).all(1)  # all classes on both sides
        miss = np.where(possible, np.abs(taken.sum(1) / np.sum(total) - share), np.inf)
        if miss.min() < nearest:
            nearest, best = miss.min(), set(order[: 1 + int(miss.argmin())])
    if best is None:
        raise HarError(
            f"{len(counts)} subjects can't be split so that training and validation both have all "
            f"{len(LABELS)} activities; record more subjects"
        )
    train = [clip for clip in clips if clip.subject not in best]
    return train, [clip for clip in clips if clip.subject in best]
