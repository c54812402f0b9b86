"""Fine-tuning of the backbone on pictures of clips, before features are taken from it.

ImageNet's features, pooled over the picture, hardly tell open eyes from shut ones or a leg in mid-step from one that
stands: nothing in ImageNet asked for it. Here the later layers learn it from the clips' own labels. A clip is shown
as a few of its pictures; the mean of their features and how much they differ go through one linear layer, which is
thrown away afterwards. The early layers, edges and colours, keep ImageNet's weights, and so does all normalisation
its statistics: they carry what thousands of real photographs taught.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track
from torch import Tensor, nn

from har_ros.core.labels import LABELS
from har_ros.core.preprocess import mirror_frames, to_model_frame
from har_ros.dataset.reader import read_capture
from har_ros.training.backbone import FEATURES, Trunk
from har_ros.training.batches import Batch
from har_ros.training.data import Clip
from har_ros.training.fit import DEVICE, load_state, progress_bar, save_state
from har_ros.training.losses import training_loss
from har_ros.training.networks.base import Output
from har_ros.training.profile import Profile
from har_ros.training.views import augment

_KEPT_A_CLIP = 10  # pictures to draw from: neighbours look alike
_AS_TAKEN = 0.2  # share of clips that are shown without other light, blur and the like
_DROPOUT = 0.2
_HEAD_RATE = 5.0  # times the trunk's: the linear layer begins with nothing
_WEIGHT_DECAY = 1e-2


def tune(trunk: Trunk, clips: Sequence[Clip], profile: Profile, checkpoint: Path) -> None:
    """Train a trunk that pools its maps, from block `tuning.first_block` on; it ends frozen again.

    After each epoch everything is in `checkpoint`, from which another call goes on. Raises HarError for a clip that
    can't be read.
    """
    steps = -(-len(clips) // profile.tuning.batch_size)
    tuning = _Tuning(trunk, profile, steps, checkpoint)
    if tuning.epochs_done < profile.tuning.epochs:
        pictures = _read(clips, profile.pictures.frame_size_px)
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
        groups = [{"params": tuned, "lr": rates[0]}, {"params": network.classes.parameters(), "lr": rates[1]}]
        self._optimiser = torch.optim.AdamW(groups, weight_decay=_WEIGHT_DECAY)
        total = settings.epochs * steps + 1
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(self._optimiser, rates, total_steps=total)
        self._kept = {"network": network, "optimiser": self._optimiser, "schedule": self._schedule}
        if checkpoint.is_file():
            state = load_state(checkpoint)
            self.epochs_done = state["epochs"]
            for name, part in self._kept.items():
                part.load_state_dict(state[name])

    def epoch(self, pictures: NDArray[np.uint8], clips: Sequence[Clip]) -> Iterator[float]:
        """Train on each clip once and yield the loss of each batch."""
        torch.manual_seed(self._profile.seed + self.epochs_done)
        for batch in _batches(pictures, clips, self._profile, self.epochs_done):
            loss = training_loss(Output(self._network(batch.maps)), batch, self._profile.learning)
            self._optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self._network.parameters(), self._profile.learning.clip_norm)
            self._optimiser.step()
            self._schedule.step()
            yield float(loss.detach())
        self.epochs_done += 1
        state = {name: part.state_dict() for name, part in self._kept.items()}
        save_state({"epochs": self.epochs_done, **state}, self._checkpoint)


class _PictureClassifier(nn.Module):
    def __init__(self, trunk: Trunk) -> None:
        super().__init__()
        self.trunk = trunk
        self.dropout = nn.Dropout(_DROPOUT)
        self.classes = nn.Linear(2 * FEATURES, len(LABELS))

    def forward(self, pictures: Tensor) -> Tensor:
        """Return logits (B, 6) of pictures (B, K, H, W, 3) uint8."""
        features = self.trunk(pictures.flatten(0, 1)).flatten(1).unflatten(0, pictures.shape[:2])
        seen = torch.cat([features.mean(1), features.std(1)], 1)
        logits: Tensor = self.classes(self.dropout(seen))
        return logits


def _read(clips: Sequence[Clip], size_px: int) -> NDArray[np.uint8]:
    """Return pictures (clips, 10, size, size, 3) uint8 in a file without a name: memory may not do for them."""
    with tempfile.TemporaryFile() as file:
        pictures = np.memmap(file, np.uint8, "w+", shape=(len(clips), _KEPT_A_CLIP, size_px, size_px, 3))

    def read(index: int) -> None:
        frames = read_capture(clips[index].folder).frames
        for place, step in enumerate(np.linspace(0, len(frames) - 1, _KEPT_A_CLIP).round().astype(int)):
            to_model_frame(frames[step], size_px, pictures[index, place])

    with ThreadPoolExecutor(torch.get_num_threads()) as pool:
        for _ in track(pool.map(read, range(len(clips))), "reading pictures", total=len(clips)):
            pass
    return pictures


def _batches(pictures: NDArray[np.uint8], clips: Sequence[Clip], profile: Profile, epoch: int) -> Iterator[Batch]:
    """Yield the clips of an epoch, shuffled: a few pictures of each, mirrored and in another view by chance."""
    rng = np.random.default_rng([profile.seed, epoch])
    settings = profile.tuning
    order = rng.permutation(len(clips))
    for begin in range(0, len(order), settings.batch_size):
        chosen = order[begin : begin + settings.batch_size]
        shown = np.stack([_view(pictures[index], settings.pictures, rng) for index in chosen])
        labels = torch.tensor([clips[index].label for index in chosen])
        there = torch.ones(len(chosen), 1)
        yield Batch(*(each.to(DEVICE) for each in (torch.from_numpy(shown), there, there, labels)))


def _view(pictures: NDArray[np.uint8], count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    shown = np.asarray(pictures[np.sort(rng.choice(len(pictures), count, replace=False))])
    if rng.random() < 0.5:
        shown = mirror_frames(shown)
    return shown if rng.random() < _AS_TAKEN else augment(shown, rng)
