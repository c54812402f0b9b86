"""Which captures train and which validate, and the generator of batches (paper sections III.B and III.F)."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from har_ros.core.errors import HarError
from har_ros.core.labels import LABELS, Activity
from har_ros.core.preprocess import mirror_accel, normalise_imu
from har_ros.dataset.reader import find_captures, read_meta
from har_ros.training.features import FeatureStore, capture_digest
from har_ros.training.profile import Profile

Batch = tuple[Tensor, Tensor, Tensor]
UNKNOWN_SUBJECT = "unknown:"
_SPLIT_ATTEMPTS = 200


@dataclass(frozen=True)
class Clip:
    """One capture by its folder, the index of its label, who is seen and where it comes from."""

    folder: Path
    label: int
    subject: str
    source: str

    def moved(self, root: Path, other_root: Path) -> Clip:
        """Return the clip of the same name in another dataset."""
        return replace(self, folder=other_root / self.folder.relative_to(root))


@dataclass(frozen=True)
class ImuScale:
    """The training set's statistics of the IMU channels (3,), m/s^2."""

    mean: NDArray[np.float32]
    std: NDArray[np.float32]


def list_clips(dataset: Path) -> list[Clip]:
    """Return the clips of a dataset. Raises HarError where it is missing or a class is empty.

    Captures of anything else than the six activities are passed over. One that names no subject counts as a
    subject of its own, named by its content.
    """
    clips = []
    for folder in find_captures(dataset):
        meta = read_meta(folder)
        if meta.label is Activity.OTHER:
            continue
        subject = meta.subject or UNKNOWN_SUBJECT + capture_digest(folder)
        clips.append(Clip(folder, LABELS.index(meta.label.value), subject, meta.source))
    empty = [label for index, label in enumerate(LABELS) if all(clip.label != index for clip in clips)]
    if empty:
        raise HarError(f"'{dataset}' has no captures of {', '.join(empty)}; record some, or run har simulate")
    return clips


def split_by_subject(clips: Sequence[Clip], share: float, seed: int) -> tuple[list[Clip], list[Clip]]:
    """Return training and validation clips: no subject on both sides, all classes on both.

    Subjects are drawn in orders that depend on the seed alone; of the splits they give, the one whose
    validation share is nearest to `share` is taken. Raises HarError where no split is possible.
    """
    counts: dict[str, NDArray[np.int64]] = defaultdict(lambda: np.zeros(len(LABELS), np.int64))
    for clip in clips:
        counts[clip.subject][clip.label] += 1
    best, nearest = None, np.inf
    for attempt in range(_SPLIT_ATTEMPTS):
        order = sorted(counts, key=lambda name: hashlib.sha256(f"{seed}/{attempt}/{name}".encode()).digest())
        taken = np.cumsum([counts[subject] for subject in order], axis=0)
        possible = (taken > 0).all(1) & (taken[-1] - taken > 0).all(1)  # all classes on both sides
        miss = np.where(possible, np.abs(taken.sum(1) / len(clips) - share), np.inf)
        if miss.min() < nearest:
            nearest, best = miss.min(), set(order[: 1 + int(miss.argmin())])
    if best is None:
        raise HarError(
            f"{len(counts)} subjects can't be split so that training and validation both have all "
            f"{len(LABELS)} activities; record more subjects"
        )
    train = [clip for clip in clips if clip.subject not in best]
    return train, [clip for clip in clips if clip.subject in best]


def imu_scale(clips: Sequence[Clip], store: FeatureStore) -> ImuScale:
    """Return the statistics of the clips' readings."""
    readings = np.concatenate([store.readings(clip.folder) for clip in clips])
    return ImuScale(readings.mean(0).astype(np.float32), (readings.std(0) + 1e-3).astype(np.float32))


def training_batches(
    clips: Sequence[Clip], store: FeatureStore, scale: ImuScale, profile: Profile, epoch: int
) -> Iterator[Batch]:
    """Yield shuffled batches (maps, imu, labels); the same for the same profile's seed and epoch.

    Each clip is mirrored whole, readings included, by chance. Of a picture's positions a random few are
    taken, the same in all clips of a batch: pooled, they estimate the mean over all of them.
    """
    rng = np.random.default_rng([profile.seed, epoch])
    order = np.concatenate([rng.permutation(len(clips)) for _ in range(profile.passes)])
    for begin in range(0, len(order), profile.batch_size):
        chosen = [clips[index] for index in order[begin : begin + profile.batch_size]]
        flips = rng.random(len(chosen)) < profile.flip_probability
        total = store.positions
        positions = rng.permutation(total)[: profile.train_positions] if total > profile.train_positions else None
        yield _batch(chosen, flips, store, scale, positions)


def plain_batches(clips: Sequence[Clip], store: FeatureStore, scale: ImuScale, size: int) -> Iterator[Batch]:
    """Yield batches in order, unmirrored and with all positions."""
    for begin in range(0, len(clips), size):
        chosen = clips[begin : begin + size]
        yield _batch(chosen, np.zeros(len(chosen), bool), store, scale, None)


def _batch(
    clips: Sequence[Clip],
    flips: NDArray[np.bool_],
    store: FeatureStore,
    scale: ImuScale,
    positions: NDArray[np.int64] | None,
) -> Batch:
    maps, imu = [], []
    for clip, flip in zip(clips, flips):
        whole = store.maps(clip.folder)[int(flip)]
        maps.append((whole if positions is None else whole.take(positions, 1)).astype(np.float32))
        readings = store.readings(clip.folder)
        imu.append(normalise_imu(mirror_accel(readings) if flip else readings, scale.mean, scale.std))
    labels = torch.tensor([clip.label for clip in clips])
    return torch.from_numpy(np.stack(maps)), torch.from_numpy(np.stack(imu)), labels
