"""The radio between a sensor and its listener: readings that come late, and readings that never come."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_GAP_S = (0.05, 0.3)  # how long a link is gone
_QUICKEST_S, _SLOWEST_S = 0.005, 0.06  # the way over the air, but for spikes
_SPIKE_S = (0.05, 0.25)  # a packet that had to be sent again and again; what comes after it waits


@dataclass(frozen=True)
class Radio:
    """One link and how bad it is.

    loss:     share of single readings lost, 0 to 1. gaps_hz: gaps of 50 to 300 ms a second, in which all is lost.
    delay_s:  mean time on the way; jitter_s: its standard deviation. spikes_hz: spikes of delay a second.
    """

    loss: float
    gaps_hz: float
    delay_s: float
    jitter_s: float
    spikes_hz: float

    @staticmethod
    def random(rng: np.random.Generator) -> Radio:
        """Draw a link: up to 2 % single losses, a gap every 20 s or more, 8 to 40 ms on the way."""
        return Radio(
            loss=rng.uniform(0, 0.02),
            gaps_hz=rng.uniform(0, 0.05),
            delay_s=rng.uniform(0.008, 0.04),
            jitter_s=rng.uniform(0.001, 0.008),
            spikes_hz=rng.uniform(0, 0.2),
        )

    def carry(self, sent_s: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
        """Return when readings sent at these rising times arrive, s; NaN for what is lost.

        Readings keep their order, as on one link they do: behind a late one, the others wait.
        """
        if not len(sent_s):
            return np.empty(0)
        delay_s = np.clip(rng.normal(self.delay_s, self.jitter_s, len(sent_s)), _QUICKEST_S, _SLOWEST_S)
        for at_s in self._moments(sent_s, self.spikes_hz, rng):
            hit = np.searchsorted(sent_s, at_s)
            delay_s[hit : hit + 1] += rng.uniform(*_SPIKE_S)
        arrival_s = np.maximum.accumulate(sent_s + delay_s)
        lost = rng.uniform(size=len(sent_s)) < self.loss
        for at_s in self._moments(sent_s, self.gaps_hz, rng):
            lost |= (sent_s >= at_s) & (sent_s < at_s + rng.uniform(*_GAP_S))
        return np.where(lost, np.nan, arrival_s)

    @staticmethod
    def _moments(sent_s: NDArray[np.float64], rate_hz: float, rng: np.random.Generator) -> NDArray[np.float64]:
        count = rng.poisson(rate_hz * (sent_s[-1] - sent_s[0]))
        return rng.uniform(sent_s[0], sent_s[-1], count)
