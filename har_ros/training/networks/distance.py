"""How far a window's motion is from that of every known activity.

What a network has not been shown may look to it like a very certain example of what it knows, as somebody who runs does
like somebody who walks; the distance from the known ones tells the two apart. Lee et al., "A Simple Unified Framework
for Detecting Out-of-Distribution Samples and Adversarial Attacks", 2018.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.covariance import LedoitWolf
from torch import Tensor, nn

from har_ros.core.labels import LABELS

_LEAST_SPREAD = 0.01  # of a recurrent layer's states, which lie between -1 and 1: one that is constant tells nothing
_LEAST_VARIANCE = 0.01  # in any direction, where each number's is 1: what hardly varies would outweigh all that does


class ClassDistance(nn.Module):
    """Mahalanobis' distance, the root mean square over the numbers: (B, size) -> (B,), to the nearest known class.

    What is known has one of about 1. It is 0 until it has learnt where that is, as it must anew whenever the weights
    before it change.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("_whitening", torch.zeros(size, size))
        self.register_buffer("_centres", torch.zeros(len(LABELS), size))

    def forward(self, numbers: Tensor) -> Tensor:
        """Return the distances."""
        apart = (numbers @ self._whitening)[:, None] - self._centres
        return apart.square().mean(2).amin(1).sqrt()

    def learn(self, numbers: NDArray[np.float32], labels: NDArray[np.int64]) -> None:
        """Take numbers (n, size) of known windows and the indices of their labels (n,) for what is usual.

        All classes have one covariance, which is shrunk where n is small (Ledoit and Wolf, 2004). A class of which
        there is none has the place of another one.
        """
        classes, of = np.unique(labels, return_inverse=True)
        spread = np.maximum(numbers.std(0), _LEAST_SPREAD)
        centres = np.stack([numbers[of == place].mean(0) for place in range(len(classes))])
        within = (numbers - centres[of]) / spread
        covariance = LedoitWolf(assume_centered=True).fit(within).covariance_ + _LEAST_VARIANCE * np.eye(len(spread))
        whitening = np.linalg.inv(np.linalg.cholesky(covariance)).T / spread[:, None]
        self._whitening.copy_(torch.from_numpy(whitening))
        self._centres.copy_(torch.from_numpy(np.resize(centres @ whitening, self._centres.shape)))

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *more: Any) -> None:
        """Take what is there: older networks have no distance until they are trained on, and that is kept."""
        for name, buffer in self.named_buffers():
            state_dict.setdefault(prefix + name, buffer)
        super()._load_from_state_dict(state_dict, prefix, *more)
