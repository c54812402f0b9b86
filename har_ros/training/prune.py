"""Pruning of the trunk and of the network after it, and the recovery of the trunk.

Constant sparsity, layer by layer, by magnitude (paper section III.G): pruned are the convolutions and the dense
layers. Left whole are the stem, which sees raw pixels, the depthwise convolutions, nine weights a channel, batch
normalisation, the LSTMs, and the softmax layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from rich.progress import track
from torch import Tensor, nn
from torch.nn import functional

from har_ros.core.preprocess import mirror_frames, to_model_frame
from har_ros.dataset.reader import read_capture
from har_ros.inference.sessions import open_session
from har_ros.training.backbone import Trunk
from har_ros.training.data import Clip
from har_ros.training.profile import Profile
from har_ros.training.views import augment

ELIGIBLE = "convolutions except the stem and the depthwise ones, and dense layers before the softmax layer"
_POOL_CLIPS, _PICTURES_A_CLIP = 8, 4  # taken together and mixed: reading one picture means reading its capture


def prunable(trunk: Trunk) -> list[nn.Module]:
    """Return the layers of a trunk whose small weights may become zero."""
    convolutions = [module for module in trunk.modules() if isinstance(module, nn.Conv2d) and module.groups == 1]
    return convolutions[1:]  # the first one is the stem


def cut(layers: Sequence[nn.Module], sparsity: float) -> None:
    """Set the smallest weights of each layer to zero, for good."""
    for layer in layers:
        with torch.no_grad():
            weights = layer.weight.view(-1)
            weights[weights.abs().argsort()[: round(sparsity * len(weights))]] = 0
    hold_zeros(layers)


def hold_zeros(layers: Sequence[nn.Module]) -> None:
    """Keep weights that are zero so while the layers are trained: an optimiser leaves them without a gradient."""
    for layer in layers:
        mask = layer.weight.detach() != 0
        layer.weight.requires_grad_().register_hook(lambda gradient, mask=mask: gradient * mask.to(gradient))


def zero_shares(layers: Sequence[nn.Module]) -> list[float]:
    """Return the share of zeros in the weights of each layer."""
    return [float((layer.weight == 0).float().mean()) for layer in layers]


def recover(
    trunk: Trunk, teacher: Path, frame_encoder: nn.Module, clips: Sequence[Clip], profile: Profile
) -> list[float]:
    """Teach a pruned trunk to give the maps of the ONNX file `teacher`, what it was before.

    What `frame_encoder` makes of the maps counts as much as they do: it is all that the head is given. Only the
    trunk's remaining weights and the scales and shifts of its batch normalisation learn, from pictures of the training
    clips. Returns the sum of both relative squared errors of each step.
    """
    settings, session = profile.compression, open_session(teacher)
    parameters = [each.requires_grad_() for each in trunk.blocks.parameters()]
    optimiser = torch.optim.Adam(parameters, settings.recovery_learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.recovery_learning_rate, total_steps=settings.recovery_steps + 1
    )
    errors = []
    trunk.to(memory_format=torch.channels_last)
    steps = islice(pictures(clips, profile, seed=0), settings.recovery_steps)
    for frames in track(steps, "recovering pruned layers", total=settings.recovery_steps):
        wanted = torch.from_numpy(session.run(None, {"frames": frames})[0])
        given = trunk(torch.from_numpy(frames))
        error = _error(given, wanted) + _error(frame_encoder(given), frame_encoder(wanted))
        optimiser.zero_grad()
        error.backward()
        optimiser.step()
        schedule.step()
        errors.append(float(error.detach()))
    trunk.to(memory_format=torch.contiguous_format).requires_grad_(False)
    return errors


def _error(given: Tensor, wanted: Tensor) -> Tensor:
    return functional.mse_loss(given, wanted) / wanted.square().mean()


def pictures(clips: Sequence[Clip], profile: Profile, seed: int) -> Iterator[np.ndarray]:
    """Yield batches of frames of training clips, mirrored or not, in the views that the profile trains on."""
    rng = np.random.default_rng([profile.seed, seed])
    size_px, views = profile.pictures.frame_size_px, profile.pictures.views
    while True:
        drawn = []
        for index in rng.integers(len(clips), size=_POOL_CLIPS):
            images = read_capture(clips[index].folder).frames
            for step in rng.choice(len(images), _PICTURES_A_CLIP, replace=False):
                frame = to_model_frame(images[step], size_px)
                frame = mirror_frames(frame) if rng.integers(2) else frame
                drawn.append(augment(frame[None], rng)[0] if rng.integers(views + 2) >= 2 else frame)
        order = rng.permutation(len(drawn))
        for begin in range(0, len(order), profile.compression.recovery_batch):
            yield np.stack([drawn[index] for index in order[begin : begin + profile.compression.recovery_batch]])
