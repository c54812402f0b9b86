"""Constant-sparsity magnitude pruning, layer by layer (paper section III.G), and the recovery of the frozen layers.

Pruned are the convolutions and the dense layer. Left whole are the stem, which sees raw pixels, the
depthwise convolutions, nine weights a channel, batch normalisation, the LSTMs, and the softmax layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
import torch
from rich.progress import track
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import prune

from har_ros.core.preprocess import mirror_frames, to_model_frame
from har_ros.dataset.reader import read_capture
from har_ros.training.backbone import Trunk
from har_ros.training.data import Clip
from har_ros.training.features import FeatureStore
from har_ros.training.network import HarNetwork, LastBlock
from har_ros.training.profile import Profile

ELIGIBLE = "convolutions except the stem and the depthwise ones, and the dense layer before the softmax layer"
_POOL_CLIPS, _PICTURES_A_CLIP = 8, 4  # taken together and mixed: reading one picture means reading its capture


def eligible(part: nn.Module) -> list[nn.Module]:
    """Return the layers of the trunk or of the network that pruning applies to."""
    if isinstance(part, HarNetwork):
        return [part.tail.pointwise, part.dense] if isinstance(part.tail, LastBlock) else [part.dense]
    convolutions = [module for module in part.modules() if isinstance(module, nn.Conv2d) and module.groups == 1]
    return convolutions[1:]  # the first one is the stem


def add_masks(part: nn.Module, sparsity: float) -> None:
    """Set the smallest weights of each eligible layer to zero, and keep them there while it is trained."""
    for layer in eligible(part):
        prune.l1_unstructured(layer, "weight", sparsity)


def remove_masks(part: nn.Module) -> None:
    """Take the pruning wrappers off: the zeros stay, the layers are plain again."""
    for layer in eligible(part):
        prune.remove(layer, "weight")


def recover(trunk: Trunk, clips: Sequence[Clip], store: FeatureStore, profile: Profile) -> list[float]:
    """Teach a masked trunk to give the maps again that it gave before, which `store` holds.

    Only its remaining weights and the scales and shifts of its batch normalisation learn, from pictures
    of the training clips. Returns the relative squared error of each step.
    """
    parameters = [each.requires_grad_() for each in trunk.blocks.parameters()]
    optimiser = torch.optim.Adam(parameters, profile.recovery_learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, profile.recovery_learning_rate, total_steps=profile.recovery_steps + 1
    )
    errors = []
    trunk.to(memory_format=torch.channels_last)
    pictures = islice(_pictures(clips, store, profile), profile.recovery_steps)
    for frames, wanted in track(pictures, "recovering pruned layers", total=profile.recovery_steps):
        given = trunk(frames).flatten(2).permute(0, 2, 1)
        error = functional.mse_loss(given, wanted) / wanted.square().mean()
        optimiser.zero_grad()
        error.backward()
        optimiser.step()
        schedule.step()
        errors.append(float(error.detach()))
    trunk.to(memory_format=torch.contiguous_format).requires_grad_(False)
    return errors


def _pictures(clips: Sequence[Clip], store: FeatureStore, profile: Profile) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield frames of training clips, mirrored or not, with the maps (N, P, C) they gave before pruning."""
    rng = np.random.default_rng(profile.seed)
    while True:
        drawn = []
        for index in rng.integers(len(clips), size=_POOL_CLIPS):
            images, maps = read_capture(clips[index].folder).frames, store.maps(clips[index].folder)
            for step in rng.choice(len(images), _PICTURES_A_CLIP, replace=False):
                frame = to_model_frame(images[step], profile.frame_size_px)
                flip = int(rng.integers(2))
                drawn.append((mirror_frames(frame) if flip else frame, maps[flip, step]))
        order = rng.permutation(len(drawn))
        for begin in range(0, len(order), profile.recovery_batch):
            frames, wanted = zip(*(drawn[index] for index in order[begin : begin + profile.recovery_batch]))
            yield torch.from_numpy(np.stack(frames)), torch.from_numpy(np.stack(wanted).astype(np.float32))
