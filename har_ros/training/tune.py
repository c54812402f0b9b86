"""Fine-tuning of the backbone on pictures of clips, before features are taken from it.

ImageNet's features, pooled over the picture, hardly tell open eyes from shut ones or a leg in mid-step from one that
stands: nothing in ImageNet asked for it. Here the later layers learn it from the clips' own labels. A clip is shown
as a few of its pictures; the mean of their features and how much they differ go through one linear layer, which is
thrown away afterwards. Where captures say how far the eyes are shut in each frame, another such layer learns that:
two pictures of one clip then differ in nothing but the eyelids. The early layers, edges and colours, keep ImageNet's
weights, and so does all normalisation its statistics: they carry what thousands of real photographs taught. With
statistics that don't follow, a high rate of learning soon leaves nothing but zeros behind the ReLU6.
"""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor, nn
from torch.nn import functional

from har_ros.core.errors import HarError
from har_ros.core.labels import LABELS
from har_ros.core.preprocess import mirror_frames, to_model_frame
from har_ros.dataset.reader import read_capture
from har_ros.training.backbone import FEATURES, Trunk
from har_ros.training.batches import Batch
from har_ros.training.data import Clip
from har_ros.training.fit import half_precision, load_state, progress_bar, save_state
from har_ros.training.losses import training_loss
from har_ros.training.networks.base import Output
from har_ros.training.profile import Profile
from har_ros.training.team import DEVICE, LEADS, RANK, SIZE, shared, wait_for_all
from har_ros.training.views import augment

_KEPT_A_CLIP = 10  # pictures to draw from: neighbours look alike
_AS_TAKEN = 0.4  # share of clips that are shown without other light, blur and the like
_DROPOUT = 0.2
_HEAD_RATE = 10.0  # times the trunk's: the linear layers begin with nothing
_WEIGHT_DECAY = 1e-2


def tune(trunk: Trunk, clips: Sequence[Clip], profile: Profile, checkpoint: Path) -> None:
    """Train a trunk that pools its maps, from block `tuning.first_block` on; it ends frozen again.

    After each epoch everything is in `checkpoint`, from which another call goes on. The processes of a team each
    take their share of an epoch's clips. Raises HarError for a clip that can't be read, and where a team of another
    size began.
    """
    steps = -(-(len(clips) // SIZE) // profile.tuning.batch_size)
    tuning = _Tuning(trunk, profile, steps, checkpoint)
    wait_for_all()  # before the checkpoint changes, everyone has read it
    if tuning.epochs_done < profile.tuning.epochs:
        pictures = _read(clips, profile.pictures.frame_size_px, checkpoint.parent)
        with progress_bar() as bar:
            task = bar.add_task("tuning the backbone", total=profile.tuning.epochs * steps, figures="")
            bar.advance(task, tuning.epochs_done * steps)
            while tuning.epochs_done < profile.tuning.epochs:
                for loss in tuning.epoch(pictures, clips):
                    bar.update(task, advance=1, figures=f"loss {loss:.3f}")
    trunk.to("cpu", memory_format=torch.contiguous_format).requires_grad_(False)


class _Tuning:
    """A trunk, a layer that classifies its features, and all that their training keeps from epoch to epoch."""

    def __init__(self, trunk: Trunk, profile: Profile, steps: int, checkpoint: Path) -> None:
        settings = profile.tuning
        self._profile, self._checkpoint, self.epochs_done = profile, checkpoint, 0
        self._network = network = _PictureClassifier(trunk).to(DEVICE, memory_format=torch.channels_last)
        tuned = [each.requires_grad_() for each in trunk.blocks[settings.first_block :].parameters()]
        rates = [settings.learning_rate, _HEAD_RATE * settings.learning_rate]
        new = [*network.classes.parameters(), *network.eyes.parameters()]
        groups = [{"params": tuned, "lr": rates[0]}, {"params": new, "lr": rates[1]}]
        self._optimiser = torch.optim.AdamW(groups, weight_decay=_WEIGHT_DECAY)
        total = settings.epochs * steps + 1
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(self._optimiser, rates, total_steps=total)
        self._shared = shared(network)
        self._kept = {"network": network, "optimiser": self._optimiser, "schedule": self._schedule}
        if checkpoint.is_file():
            state = load_state(checkpoint)
            self.epochs_done = state["epochs"]
            began = state.get("processes", SIZE)  # older checkpoints don't say
            if began != SIZE and self.epochs_done < settings.epochs:  # an epoch would have other steps
                raise HarError(
                    f"the tuning in '{checkpoint}' had another number of processes ({began}, not {SIZE}); go on with "
                    "as many, or give another --run-dir"
                )
            for name, part in self._kept.items():
                part.load_state_dict(state[name])

    def epoch(self, pictures: NDArray[np.uint8], clips: Sequence[Clip]) -> Iterator[float]:
        """Train on each clip once and yield the loss of each batch."""
        torch.manual_seed(self._profile.seed + self.epochs_done)
        for batch, shut in _batches(pictures, clips, self._profile, self.epochs_done):
            logits, eyes = self._shared(batch.maps)
            loss = training_loss(Output(logits), batch, self._profile.learning)
            loss = loss + 0 * eyes.sum()  # a team waits for each weight's gradient, even where no eyes are told of
            said = ~shut.isnan()
            if said.any():
                loss = loss + functional.binary_cross_entropy_with_logits(eyes[said], shut[said])
            self._optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self._network.parameters(), self._profile.learning.clip_norm)
            self._optimiser.step()
            self._schedule.step()
            yield float(loss.detach())
        self.epochs_done += 1
        state = {name: part.state_dict() for name, part in self._kept.items()}
        if LEADS:
            save_state({"epochs": self.epochs_done, "processes": SIZE, **state}, self._checkpoint)


class _PictureClassifier(nn.Module):
    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        self.trunk = trunk
        self.dropout = nn.Dropout(_DROPOUT)
        self.classes = nn.Linear(2 * FEATURES, len(LABELS))
        self.eyes = nn.Linear(FEATURES, 1)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (B, 6) of the activities and (B, K) of shut eyes, of pictures (B, K, H, W, 3) uint8."""
        with half_precision():
            maps = self.trunk(pictures.flatten(0, 1))
        features = maps.float().flatten(1).unflatten(0, pictures.shape[:2])
        seen = torch.cat([features.mean(1), features.std(1)], 1)
        return self.classes(self.dropout(seen)), self.eyes(self.dropout(features))[..., 0]


def _kept(steps: int) -> NDArray[np.int64]:
    """Return which of a clip's frames are kept."""
    return np.linspace(0, steps - 1, _KEPT_A_CLIP).round().astype(np.int64)


def _read(clips: Sequence[Clip], size_px: int, folder: Path) -> NDArray[np.uint8]:
    """Return pictures (clips, 10, size, size, 3) uint8 in a file without a name in `folder`: memory may not do.

    Raises OSError where the disk has no room for them: without it taken now, writing to them would end the process.
    """
    shape = (len(clips), _KEPT_A_CLIP, size_px, size_px, 3)
    with tempfile.TemporaryFile(dir=folder) as file:
        os.posix_fallocate(file.fileno(), 0, math.prod(shape))
        pictures = np.memmap(file, np.uint8, "r+", shape=shape)

    def read(index: int) -> None:
        frames = read_capture(clips[index].folder).frames
        for place, step in enumerate(_kept(len(frames))):
            to_model_frame(frames[step], size_px, pictures[index, place])

    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        for _ in track(pool.map(read, range(len(clips))), "reading pictures", total=len(clips), disable=not LEADS):
            pass
    return pictures


def _batches(
    pictures: NDArray[np.uint8], clips: Sequence[Clip], profile: Profile, epoch: int
) -> Iterator[tuple[Batch, Tensor]]:
    """Yield an epoch's clips, shuffled: a few pictures of each, and how far the eyes are shut in them, NaN if unknown.

    Clips are mirrored and shown in another view by chance.
    """
    rng = np.random.default_rng([profile.seed, epoch])
    settings = profile.tuning
    order = rng.permutation(len(clips))[: len(clips) // SIZE * SIZE][RANK::SIZE]
    for begin in range(0, len(order), settings.batch_size):
        chosen = order[begin : begin + settings.batch_size]
        places = [np.sort(rng.choice(_KEPT_A_CLIP, settings.pictures, replace=False)) for _ in chosen]
        shown = np.stack([_view(np.asarray(pictures[index][each]), rng) for index, each in zip(chosen, places)])
        shut = np.stack([_eyes_closed(clips[index])[each] for index, each in zip(chosen, places)])
        labels = torch.tensor([clips[index].label for index in chosen])
        there = torch.ones(len(chosen), 1)
        batch = Batch(*(each.to(DEVICE) for each in (torch.from_numpy(shown), there, there, labels)))
        yield batch, torch.from_numpy(shut).to(DEVICE)


def _view(shown: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    if rng.random() < 0.5:
        shown = mirror_frames(shown)
    return shown if rng.random() < _AS_TAKEN else augment(shown, rng)


def _eyes_closed(clip: Clip) -> NDArray[np.float32]:
    """Return how far the eyes are shut in the frames that are kept, NaN where the capture doesn't say."""
    if not clip.eyes_closed:
        return np.full(_KEPT_A_CLIP, np.nan, np.float32)
    return np.array(clip.eyes_closed, np.float32)[_kept(len(clip.eyes_closed))]
