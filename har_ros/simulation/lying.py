"""Lying on the floor."""

from __future__ import annotations

import numpy as np

from har_ros.simulation.imu import rotation
from har_ros.simulation.physics import RATE_HZ, Pose


def breathing(last: Pose, count: int, rng: np.random.Generator) -> list[Pose]:
    """Return a body that lies where it ended and rocks a little about the pelvis as it breathes, then as it ended."""
    t_s = np.arange(count) / RATE_HZ
    breath = 1 - np.cos(2 * np.pi * rng.uniform(0.2, 0.35) * t_s)
    breath *= np.clip((t_s[::-1] - 0.1) / 1.0, 0, 1) ** 2 * (3 - 2 * np.clip((t_s[::-1] - 0.1) / 1.0, 0, 1))
    axis_rad = rng.normal(0, 0.003, 3)
    pelvis_m = last.position_m[0]
    turns = [rotation(depth * axis_rad) for depth in breath]
    return [Pose(pelvis_m + (last.position_m - pelvis_m) @ turn.T, turn @ last.rotation) for turn in turns]
