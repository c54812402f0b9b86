"""What one window tells the alarm: the model's probabilities, and whether and how the sensor rests."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from har_ros.core.labels import Activity
from har_ros.core.model_card import ModelCard
from har_ros.core.mount import GRAVITY_TOLERANCE_MPS2, STILL_STD_MPS2
from har_ros.core.preprocess import STANDARD_GRAVITY_MPS2, Vector

SHORTEST_SHOCK_S = 0.06  # dropping and meeting the floor is felt for longer; sensors of 20 Hz and more don't miss it
ON_FOOT = (Activity.WALK, Activity.JOGGING)


@dataclass(frozen=True)
class Evidence:
    """One window's evidence; it ends at `stamp_ns`. What the samples say is worked out once.

    fall:        summed probability of the anomalies that are events, as a fall is.
    drowsiness:  probability of the anomaly that takes time to tell, DRIVERS_DROWSINESS.
    on_foot:     summed probability of walking and jogging, which nobody does lying.
    accel_mps2:  the window's accelerometer samples (N, 3), m/s^2 in the sensor's axes; nobody changes them.
    gap_s:       the longest time in the window without a sample.
    pictured:    whether the model saw pictures, too.
    told_normal: whether the label is that of a normal activity: no anomaly, and not `unknown`.
    """

    stamp_ns: int
    fall: float
    drowsiness: float
    on_foot: float
    accel_mps2: NDArray[np.float32]
    gap_s: float = 0.0
    pictured: bool = True
    told_normal: bool = False

    @property
    def score(self) -> float:
        """The anomaly score: the summed probability of all anomalies."""
        return self.fall + self.drowsiness

    @cached_property
    def still(self) -> bool:
        """Whether the sensor showed gravity alone for the whole window; nothing speaks against it without samples."""
        return len(self.accel_mps2) == 0 or is_still(self.accel_mps2)

    @property
    def alive(self) -> bool:
        """Whether the sensor sent, and did not repeat one reading."""
        least_mps2, most_mps2 = self._sizes_mps2
        return least_mps2 < most_mps2

    @property
    def shock_mps2(self) -> float:
        """How far the size of any sample was from gravity's; 0 for a sensor that is not alive.

        Who falls is light, and then meets the floor; who lies down with care feels hardly more than gravity. A shock
        may lie between two samples that are further apart than SHORTEST_SHOCK_S.
        """
        least_mps2, most_mps2 = self._sizes_mps2
        return max(STANDARD_GRAVITY_MPS2 - least_mps2, most_mps2 - STANDARD_GRAVITY_MPS2) if self.alive else 0.0

    @cached_property
    def _sizes_mps2(self) -> tuple[float, float]:
        """The size of the least and of the greatest sample; 0 without any."""
        squares = np.einsum("ij,ij->i", self.accel_mps2, self.accel_mps2)
        return (math.sqrt(squares.min()), math.sqrt(squares.max())) if len(squares) else (0.0, 0.0)

    @cached_property
    def up(self) -> Vector:
        """The mean acceleration, m/s^2, 0 without samples: at rest, and roughly in steady motion, it points up."""
        x, y, z = np.add.reduce(self.accel_mps2, 0, np.float64).tolist()
        count = max(len(self.accel_mps2), 1)
        return x / count, y / count, z / count


def gather_evidence(
    card: ModelCard,
    stamp_ns: int,
    probabilities: NDArray[np.float32],
    accel_mps2: NDArray[np.float32],
    gap_s: float = 0.0,
    pictured: bool = True,
    label: str = "",
) -> Evidence:
    """Return the evidence of a window: its probabilities (6,), its accelerometer samples (N, 3), m/s^2, and their gap.

    `label` is the one that is told. Without samples a fall that goes on being seen counts as lying still.
    """
    shares = dict(zip(card.labels, probabilities.tolist()))
    return Evidence(
        stamp_ns=stamp_ns,
        fall=sum(shares[label] for label in card.anomaly_labels if label != Activity.DRIVERS_DROWSINESS),
        drowsiness=sum(shares[label] for label in card.anomaly_labels if label == Activity.DRIVERS_DROWSINESS),
        on_foot=sum(shares[label] for label in ON_FOOT),
        accel_mps2=accel_mps2.copy(),
        gap_s=gap_s,
        pictured=pictured,
        told_normal=label in card.labels and label not in card.anomaly_labels,
    )


def is_still(accel_mps2: NDArray[np.float32]) -> bool:
    """Return whether samples (N, 3), m/s^2, are those of a sensor at rest: gravity's size and hardly any spread."""
    size_mps2 = float(np.linalg.norm(accel_mps2.mean(axis=0)))
    rests = abs(size_mps2 - STANDARD_GRAVITY_MPS2) <= GRAVITY_TOLERANCE_MPS2
    return rests and float(accel_mps2.std(axis=0).max()) <= STILL_STD_MPS2


def angle_rad(a: Vector, b: Vector) -> float:
    """Return the angle between two vectors, 0 to pi; NaN where one of them has no direction."""
    (ax, ay, az), (bx, by, bz) = a, b
    across = math.hypot(ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx)
    return math.atan2(across, ax * bx + ay * by + az * bz) if any(a) and any(b) else math.nan
