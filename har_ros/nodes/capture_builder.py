"""Gathers 30 consecutive steps of a live camera and accelerometer: a whole capture or none."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from har_ros.core.imu_steps import step_edges
from har_ros.core.windows import STEP_RATE_HZ, STEPS, StepGrid

Vector = NDArray[np.float32]
_MARGIN_S = 0.1  # samples given from before the first frame, at least
_KEPT_SAMPLES = 4096


@dataclass(frozen=True)
class Sample:
    """One accelerometer sample: its stamp, m/s^2 (3,), and rad/s (3,) where there is a gyro."""

    stamp_ns: int
    accel_mps2: Vector
    gyro_radps: Vector | None


@dataclass(frozen=True)
class Steps:
    """30 steps: pictures (H, W, 3) with their stamps, and all samples of that time.

    nearest: the sample next to each step's end; a slow camera's picture stands for several steps.
    """

    pictures: list[NDArray[np.uint8]]
    stamps_ns: list[int]
    nearest: list[Sample]
    samples: list[Sample]


class CaptureBuilder:
    """Gives `Steps` once 30 paired pictures follow each other on the 30 Hz grid.

    A hole of more than 0.25 s, time running backwards or another picture size begins anew. Between two
    `restart` calls it goes on, capture after capture. A picture's sample lies less than `slop_s` from it.
    """

    def __init__(self, slop_s: float) -> None:
        self._margin_ns = int(max(_MARGIN_S, slop_s) * 1e9)  # so each picture finds its sample among those given
        self._samples: deque[Sample] = deque(maxlen=_KEPT_SAMPLES)
        self.restart()

    def restart(self) -> None:
        """Forget the steps gathered so far."""
        self._grid = StepGrid()
        self._begin_anew()

    def forget(self) -> None:
        """Forget the samples, too, as after a jump of time: they would be taken for later ones."""
        self._samples.clear()
        self.restart()

    @property
    def gathered(self) -> int:
        """How many steps there are."""
        return len(self._pictures)

    def add_sample(self, sample: Sample) -> None:
        """Note a sample; samples need not be paired."""
        self._samples.append(sample)

    def add_picture(self, stamp_ns: int, picture: NDArray[np.uint8]) -> Steps | None:
        """Take a picture (H, W, 3) that has a sample close by; return the steps once they are complete."""
        count = self._grid.advance(stamp_ns)
        if count is None or (self._pictures and self._pictures[0].shape != picture.shape):
            self._begin_anew()
            count = 1
        for _ in range(min(count, STEPS - self.gathered)):
            self._pictures.append(picture)
            self._stamps_ns.append(stamp_ns)
        if self.gathered < STEPS:
            return None
        first_ns, *ends_ns = step_edges(np.array(self._stamps_ns), STEP_RATE_HZ).tolist()
        samples = self._samples_since(first_ns)
        nearest = [min(samples, key=lambda sample: abs(sample.stamp_ns - at_ns)) for at_ns in ends_ns]
        steps = Steps(self._pictures, self._stamps_ns, nearest, samples)
        self._begin_anew()
        return steps

    def _begin_anew(self) -> None:
        self._pictures: list[NDArray[np.uint8]] = []
        self._stamps_ns: list[int] = []

    def _samples_since(self, first_ns: int) -> list[Sample]:
        since = [sample for sample in self._samples if sample.stamp_ns >= first_ns - self._margin_ns]
        return sorted(since, key=lambda sample: sample.stamp_ns)
