"""The generator of batches: clips with what happens to them by chance (paper section III.F)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from har_ros.core.imu_steps import IMU_STATISTICS
from har_ros.core.model_card import CAMERA, IMU, MODALITIES, modalities_of
from har_ros.core.preprocess import normalise_imu
from har_ros.training.data import Clip
from har_ros.training.disturb import disturbed_samples, shown_frames
from har_ros.training.features import PLAIN_VIEWS, FeatureStore
from har_ros.training.profile import Profile


class Batch(NamedTuple):
    """B clips: maps (B, 30, P, C), imu (B, 30, channels), presence (B, 2) of 1 or 0, and labels (B,)."""

    maps: Tensor
    imu: Tensor
    presence: Tensor
    labels: Tensor


@dataclass(frozen=True)
class ImuScale:
    """The channels that a network takes of each IMU step, and what they are scaled by."""

    channels: tuple[str, ...]
    mean: NDArray[np.float32]
    std: NDArray[np.float32]

    def of(self, steps: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return steps (..., C) in m/s^2 scaled."""
        return normalise_imu(steps, self.mean, self.std)


def imu_scale(channels: tuple[str, ...], clips: Sequence[Clip], store: FeatureStore) -> ImuScale:
    """Return the scale of a network's channels.

    That of the readings is taken from the training clips. A network that takes the statistics scales them itself,
    by constants in SI units, so that no dataset's habits are in it.
    """
    if channels == IMU_STATISTICS:
        return ImuScale(channels, np.zeros(len(channels), np.float32), np.ones(len(channels), np.float32))
    steps = np.concatenate([store.motion(clip.folder).steps(channels) for clip in clips])
    return ImuScale(channels, steps.mean(0).astype(np.float32), (steps.std(0) + 1e-3).astype(np.float32))


def training_batches(
    clips: Sequence[Clip], store: FeatureStore, scale: ImuScale, profile: Profile, epoch: int
) -> Iterator[Batch]:
    """Yield shuffled batches; the same for the same profile's seed and epoch.

    Each clip is mirrored whole, readings included, by chance, and meets with the other chances of the profile. Of
    a picture's positions a random few are taken, the same in all clips of a batch: pooled, they estimate the mean
    over all of them.
    """
    rng = np.random.default_rng([profile.seed, epoch])
    order = np.concatenate([rng.permutation(len(clips)) for _ in range(profile.learning.passes)])
    few, total = profile.pictures.train_positions, store.positions
    for begin in range(0, len(order), profile.learning.batch_size):
        positions = rng.permutation(total)[:few] if total > few else np.arange(total)
        chosen = [clips[index] for index in order[begin : begin + profile.learning.batch_size]]
        yield _collate(chosen, [_by_chance(clip, store, scale, profile, positions, rng) for clip in chosen])


def plain_batches(
    clips: Sequence[Clip], store: FeatureStore, scale: ImuScale, size: int, case: str | None = None
) -> Iterator[Batch]:
    """Yield batches in order, unmirrored and with all positions, in a case such as `imu`; without one nothing lacks."""
    present = MODALITIES if case is None else modalities_of(case)
    presence = np.array([each in present for each in MODALITIES], np.float32)
    for begin in range(0, len(clips), size):
        chosen = clips[begin : begin + size]
        yield _collate(
            chosen,
            [
                (
                    store.maps(clip.folder)[0].astype(np.float32),
                    scale.of(store.motion(clip.folder).steps(scale.channels)),
                    presence,
                )
                for clip in chosen
            ],
        )


_Arrays = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]


def _by_chance(
    clip: Clip,
    store: FeatureStore,
    scale: ImuScale,
    profile: Profile,
    positions: NDArray[np.int64],
    rng: np.random.Generator,
) -> _Arrays:
    settings = profile.augmentation
    mirror = rng.random() < settings.flip_probability
    maps, motion = store.maps(clip.folder), store.motion(clip.folder)
    view = rng.choice(np.arange(int(mirror), len(maps), PLAIN_VIEWS))
    frames = shown_frames(maps.shape[1], settings, rng)
    samples = disturbed_samples(motion.samples, settings, mirror, rng)
    fate = rng.random()
    withheld = {CAMERA: fate < settings.camera_withheld, IMU: fate > 1 - settings.imu_withheld}
    presence = np.array([not withheld[each] for each in MODALITIES], np.float32)
    shown = maps[view][frames].take(positions, 1).astype(np.float32)
    return shown, scale.of(motion.steps(scale.channels, samples)), presence


def _collate(clips: Sequence[Clip], arrays: Sequence[_Arrays]) -> Batch:
    maps, imu, presence = (torch.from_numpy(np.stack(each)) for each in zip(*arrays))
    return Batch(maps, imu, presence, torch.tensor([clip.label for clip in clips]))
