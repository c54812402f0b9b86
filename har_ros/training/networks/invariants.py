"""What the networks see of the accelerometer's steps.

Channels that no turn of the sensor changes, so that it may be mounted any way round; and, where it is always mounted
the same way, its axes beside them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from har_ros.core.preprocess import STANDARD_GRAVITY_MPS2

_REFERENCE_STEPS = 10  # a third of a second at the window's beginning and at its end
_SMOOTH_STEPS = 5
_SENSITIVITY = 10.0  # log(1 + 10 x) tells 0.02 g of swaying from rest and 4 g of an impact from 8 g
_TINY_MPS2 = 0.1


class InvariantChannels(nn.Module):
    """Steps (B, T, 5) of mean acceleration, peak and dip, m/s^2 -> channels (B, T, COUNT), about -1 to 5.

    In a fall gravity turns within the window. So there are two references for what is down: the mean over the
    window's first steps and that over its last ones. Against each the acceleration has a part along it, a part
    across, and an angle.
    """

    COUNT = 11

    def __init__(self) -> None:
        super().__init__()
        at_rest = torch.tensor([1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0])
        self.register_buffer("_excess_at_rest", _SENSITIVITY * at_rest, persistent=False)

    def forward(self, steps: Tensor) -> Tensor:
        """Return the channels: lengths of mean, peak, dip, along, across and jerk, then the angles.

        All that is alike is computed at once: at one window a call, each operation costs more than its numbers do.
        """
        accel = steps[..., :3]
        smooth = functional.avg_pool1d(
            accel.transpose(1, 2), _SMOOTH_STEPS, 1, _SMOOTH_STEPS // 2, count_include_pad=False
        ).transpose(1, 2)
        downs = _direction(torch.stack([part.mean(1, keepdim=True) for part in _ends(accel)], 1))  # (B, 2, 1, 3)
        along = _dot(accel[:, None], downs)
        across = _length(accel[:, None] - along * downs)
        jerk = _length(functional.pad(accel[:, 1:] - accel[:, :-1], (0, 0, 1, 0)))
        mps2 = torch.cat([_length(accel), steps[..., 3:], _beside(along), _beside(across), jerk], 2)
        turned = _beside(_dot(_direction(smooth)[:, None], downs))
        turn = _dot(downs[:, 0], downs[:, 1]).expand_as(jerk)
        return torch.cat([_scaled(mps2, self._excess_at_rest), turned, turn], 2)


class OrientedChannels(nn.Module):
    """Steps (B, T, 5 + N) -> the invariant channels, the three axes in g, and the N further values as they are.

    The axes tell movements apart that differ by a turn about what is up or along the limb alone, which the invariant
    channels can't. They are right only where the mount in use is that of the training.
    further: how many values come after the five, about -5 to 5 each, such as turn rates.
    """

    def __init__(self, further: int = 0) -> None:
        super().__init__()
        self.COUNT = InvariantChannels.COUNT + 3 + further
        self._invariants = InvariantChannels()

    def forward(self, steps: Tensor) -> Tensor:
        """Return the channels."""
        axes = steps[..., :3] / STANDARD_GRAVITY_MPS2
        return torch.cat([self._invariants(steps[..., :5]), axes, steps[..., 5:]], 2)


def _ends(accel: Tensor) -> tuple[Tensor, Tensor]:
    return accel[:, :_REFERENCE_STEPS], accel[:, -_REFERENCE_STEPS:]


def _beside(channels: Tensor) -> Tensor:
    """Return (B, T, 2) of (B, 2, T, 1)."""
    return channels[..., 0].transpose(1, 2)


def _length(vectors: Tensor) -> Tensor:
    return vectors.square().sum(-1, keepdim=True).add(1e-12).sqrt()


def _direction(vectors: Tensor) -> Tensor:
    """Return unit vectors; what is near 0 m/s^2, as in free fall, has next to no direction."""
    return vectors / (vectors.square().sum(-1, keepdim=True) + _TINY_MPS2**2).sqrt()


def _dot(vectors: Tensor, others: Tensor) -> Tensor:
    return (vectors * others).sum(-1, keepdim=True)


def _scaled(mps2: Tensor, excess_at_rest: Tensor) -> Tensor:
    """Return log(1 + |x|) with the sign of x, some tens of how many g there are more than at rest."""
    excess = _SENSITIVITY / STANDARD_GRAVITY_MPS2 * mps2 - excess_at_rest
    return torch.sign(excess) * torch.log(1 + torch.abs(excess))
