"""How somebody is on their way who doesn't stop between two acts."""

from __future__ import annotations

from dataclasses import dataclass

from har_ros.simulation.gait import Stride, Style


@dataclass(frozen=True)
class Circle:
    """Where somebody is on their way round home who doesn't stop: the circle, and how far round it, rad.

    side: 1 goes round to the left, -1 to the right, both beginning ahead of home.
    """

    radius_m: float
    side: int
    angle_rad: float = 0.0


@dataclass(frozen=True)
class Going:
    """How somebody goes at a moment: where, in which gait, and at which phase of a stride after the left foot stood."""

    circle: Circle
    style: Style
    stride: Stride
    phase: float
