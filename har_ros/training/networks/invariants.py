"""What the networks see of the accelerometer's steps.

Channels that no turn of the sensor changes, so that it may be mounted any way round; and, where it is always mounted
the same way, its axes beside them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from har_ros.core.preprocess import STANDARD_GRAVITY_MPS2
from har_ros.core.windows import STEPS

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
        self.register_buffer("_excess_at_rest", _SENSITIVITY * at_rest[:, None], persistent=False)
        self.register_buffer("_means", torch.cat([_smoothing(), _ends()], 1), persistent=False)
        self.register_buffer("_before", steps_before(1), persistent=False)

    def forward(self, steps: Tensor) -> Tensor:
        """Return the channels: lengths of mean, peak, dip, along, across and jerk, then the angles.

        All that is alike is computed at once: at one window a call, each operation costs more than its numbers do.
        """
        accel, extremes = steps.transpose(1, 2).split([3, 2], 1)  # (B, 3, T) and (B, 2, T)
        directions = _direction(accel @ self._means)  # (B, 3, T + 2)
        downs = directions[..., -2:].transpose(1, 2)  # (B, 2, 3)
        along = downs @ accel  # (B, 2, T)
        turned, _, ends = (downs @ directions).split([STEPS, 1, 1], 2)  # (B, 2, T), and each down against the two
        vectors = accel[:, None]  # (B, 1, 3, T)
        across = _length(vectors - downs[..., None] * along[:, :, None])
        jerk = _length(vectors - vectors[..., self._before])
        mps2 = torch.cat([_length(vectors), extremes, along, across, jerk], 1)
        turn = ends[:, :1].expand_as(jerk)
        return torch.cat([_scaled(mps2, self._excess_at_rest), turned, turn], 1).transpose(1, 2)


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


def steps_before(count: int) -> Tensor:
    """Return for each of a window's steps the place (T,) of the one `count` steps before, or its own without one."""
    places = torch.arange(STEPS)
    return torch.where(places < count, places, places - count)


def _smoothing() -> Tensor:
    """Return weights (T, T) of the mean of the steps around each, with as many as there are at the ends."""
    apart = torch.arange(STEPS) - torch.arange(STEPS)[:, None]
    near = (apart.abs() <= _SMOOTH_STEPS // 2).float()
    return near / near.sum(0)


def _ends() -> Tensor:
    """Return weights (T, 2) of the mean of the first steps and of the last ones."""
    ends = torch.zeros(STEPS, 2)
    ends[:_REFERENCE_STEPS, 0] = ends[-_REFERENCE_STEPS:, 1] = 1 / _REFERENCE_STEPS
    return ends


def _length(vectors: Tensor) -> Tensor:
    """Return the lengths (..., T) of vectors (..., 3, T)."""
    return torch.linalg.vector_norm(vectors, dim=-2)


def _direction(vectors: Tensor) -> Tensor:
    """Return unit vectors (..., 3, T); what is near 0 m/s^2, as in free fall, has next to no direction."""
    return vectors / (vectors.square().sum(-2, keepdim=True) + _TINY_MPS2**2).sqrt()


def _scaled(mps2: Tensor, excess_at_rest: Tensor) -> Tensor:
    """Return log(1 + |x|) with the sign of x, some tens of how many g there are more than at rest."""
    excess = _SENSITIVITY / STANDARD_GRAVITY_MPS2 * mps2 - excess_at_rest
    return torch.sign(excess) * torch.log(1 + torch.abs(excess))
