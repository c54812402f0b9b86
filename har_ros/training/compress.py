"""Makes a trained model smaller: whole channels out, small weights to zero, 8-bit integers; in any combination."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from backports import zstd

from har_ros.core.errors import HarError
from har_ros.core.model_card import ENCODER_FILE, HEAD_FILE
from har_ros.core.preprocess import to_model_frame
from har_ros.core.windows import WindowBuffer
from har_ros.dataset.frames import spread
from har_ros.dataset.reader import read_capture
from har_ros.inference.model import HarModel
from har_ros.inference.quantise import quantise_encoder
from har_ros.training import prune
from har_ros.training.backbone import Trunk
from har_ros.training.data import Clip
from har_ros.training.export import export_trunk
from har_ros.training.fit import load_state, save_state
from har_ros.training.networks.base import ActivityNetwork
from har_ros.training.profile import INT8, SPARSE, STRUCTURED, Profile
from har_ros.training.structured import remove_channels

_CALIBRATION_CAPTURES, _TIMED_CALLS, _ZSTD_LEVEL = 60, 60, 19
_LOOKED_AT = 192  # pictures that tell which channels a trunk can do without


@dataclass
class Compressible:
    """A model on its way to a smaller one.

    trunk:   as torch knows it, None once it is in integers.
    file:    the trunk as an ONNX file, from which features come.
    clips:   whose pictures teach and calibrate: those of the training.
    folder:  where each step leaves what it made, for a resumed run to find.
    """

    trunk: Trunk | None
    file: Path
    network: ActivityNetwork
    clips: Sequence[Clip]
    profile: Profile
    folder: Path

    def apply(self, step: str) -> None:
        """Take one step of the profile's compression; the network has to be fine-tuned on the new features."""
        target = self.folder / f"trunk_{step}.onnx"
        if step == INT8:
            if not target.is_file():
                quantise_encoder(self.file, target, self._calibration_frames())
            self.trunk = None
        else:
            self._prune(step)
            export_trunk(self._float_trunk(), self.profile.pictures.frame_size_px, target)
        self.file = target

    def _prune(self, step: str) -> None:
        trunk, settings = self._float_trunk(), self.profile.compression
        if step == SPARSE:
            prune.cut(self.network.prunable(), settings.sparsity)
            prune.cut(prune.prunable(trunk), settings.sparsity)
        elif step == STRUCTURED:
            remove_channels(trunk, settings.structured, self._batches())
        done = self.folder / f"trunk_{step}.pt"
        if done.is_file():
            trunk.load_state_dict(load_state(done))
            return
        read = copy.deepcopy(self.network.frame_encoder()).cpu().eval().requires_grad_(False)
        prune.recover(trunk, self.file, read, self.clips, self.profile)
        save_state(trunk.state_dict(), done)

    def check_sparsity(self) -> dict[str, Any]:
        """Return what was pruned and how many zeros that gave. Raises HarError where it missed its sparsity."""
        layers = [*prune.prunable(self._float_trunk()), *self.network.prunable()]
        shares = prune.zero_shares(layers)
        for layer, share in zip(layers, shares):  # integers may have more zeros than were asked for
            if share < self.profile.compression.sparsity - 1 / layer.weight.numel():
                raise HarError(f"pruning left only {share:.2%} zeros in a layer; report it with your profile")
        return {
            "eligible": prune.ELIGIBLE,
            "layers": len(shares),
            "zeros_least": min(shares),
            "zeros_most": max(shares),
        }

    def _float_trunk(self) -> Trunk:
        assert self.trunk is not None, "profiles have int8 last"
        return self.trunk

    def _batches(self) -> list[torch.Tensor]:
        count = -(-_LOOKED_AT // self.profile.compression.recovery_batch)
        return [torch.from_numpy(frames) for frames in islice(prune.pictures(self.clips, self.profile, seed=1), count)]

    def _calibration_frames(self) -> list[np.ndarray]:
        folders = spread([clip.folder for clip in self.clips], _CALIBRATION_CAPTURES, self.folder)
        size_px = self.profile.pictures.frame_size_px
        return [to_model_frame(frame, size_px) for folder in folders for frame in read_capture(folder).frames[::15]]


def sizes_and_times(folder: Path) -> dict[str, Any]:
    """Return the bytes of a model folder's networks, raw and by zstd, and the ms of a frame and of a window.

    The ms are medians on one thread of this machine, whatever else it does.
    """
    contents = [(folder / name).read_bytes() for name in (ENCODER_FILE, HEAD_FILE)]
    model = HarModel(folder)
    head = model.head_on(WindowBuffer(model.card.feature_size, len(model.card.imu_channels), model.card.steps))
    return {
        "bytes": sum(map(len, contents)),
        "bytes_zstd": sum(len(zstd.compress(content, _ZSTD_LEVEL)) for content in contents),
        "encoder_ms": _median_ms(model.encoder.run),
        "head_ms": _median_ms(head.classify),
    }


def _median_ms(call: Callable[[], object]) -> float:
    times_s = []
    for _ in range(_TIMED_CALLS):
        began_s = time.perf_counter()
        call()
        times_s.append(time.perf_counter() - began_s)
    return round(1000 * float(np.median(times_s)), 4)
