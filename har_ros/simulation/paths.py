"""Ways over the floor: closed loops from home to home, and the way back home from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from har_ros.simulation.going import Circle
from har_ros.simulation.postures import CHAIR_X_M
from har_ros.simulation.tracks import Curve

_RADII_M = (0.9, 1.2)  # of the circle round home; smaller ones would lead through the chair
_OPENING_RAD = 1.2  # of the polar angle, while the way winds from home out to the circle
_POINTS = 3000
_QUARTERS = np.arange(3, 2000, 2)  # of a turn round home: a way ends beside home, never behind it
_CLEAR_M = 0.75  # from the chair's middle


@dataclass(frozen=True)
class Way:
    """A line on the floor as points (N, 2), dense enough to differentiate."""

    points_m: Curve

    @property
    def length_m(self) -> float:
        """Length along the line."""
        return float(self._along[-1])

    @property
    def _along(self) -> Curve:
        steps = np.linalg.norm(np.diff(self.points_m, axis=0), axis=1)
        return np.concatenate([[0.0], np.cumsum(steps)])

    def at(self, along_m: Curve) -> tuple[Curve, Curve]:
        """Return the places (T, 2) and the headings (T,), rad, without jumps, after so much of the way."""
        along = self._along
        place = np.stack([np.interp(along_m, along, axis) for axis in self.points_m.T], axis=1)
        steps = np.diff(self.points_m, axis=0)
        heading = np.unwrap(np.arctan2(steps[:, 1], steps[:, 0]))
        return place, np.interp(along_m, (along[1:] + along[:-1]) / 2, heading)


def loop(length_m: float, side: int) -> Way:
    """Return a loop round home of about this length, to the left (side 1) or right (-1).

    It leaves home ahead, winds out to a circle that keeps clear of the chair behind home, follows it, and comes
    back to home from one side. The shortest is about 4.5 m; length is otherwise met as well as radii allow.
    """
    factors = np.array([_round(Circle(1.0, side), quarters, True, True).length_m for quarters in _QUARTERS[:2]])
    lengths = factors[0] + (factors[1] - factors[0]) / 2 * (_QUARTERS - 3)
    radius = np.clip(length_m / lengths, *_RADII_M)
    best = int(np.argmin(np.abs(np.log(radius * lengths / length_m))))
    return _round(Circle(float(radius[best]), side), int(_QUARTERS[best]), True, True)


def loop_home(length_m: float, circle: Circle) -> Way:
    """Return the way on along a circle and to home from one side, of about this length."""
    ends_m = circle.radius_m * (_QUARTERS * np.pi / 2 - circle.angle_rad)
    likely = np.where(ends_m > _RADII_M[1] * _OPENING_RAD, np.abs(ends_m - length_m), np.inf)
    return _round(circle, int(_QUARTERS[np.argmin(likely)]), False, True)


def loop_on(length_m: float, circle: Circle) -> tuple[Way, Circle]:
    """Return the way on along a circle, from home where its angle is 0, and where on it one is at the end."""
    quarters = int(np.ceil((circle.angle_rad + length_m / circle.radius_m) / (np.pi / 2))) + 1
    way = _round(circle, quarters, circle.angle_rad == 0.0, False)
    steps = np.linalg.norm(np.diff(way.points_m, axis=0), axis=1)
    count = int(np.searchsorted(np.cumsum(steps), length_m)) + 1
    end = circle.angle_rad + (quarters * np.pi / 2 - circle.angle_rad) * count / (len(way.points_m) - 1)
    return Way(way.points_m[: count + 1]), replace(circle, angle_rad=float(end))


def draw_circle(rng: np.random.Generator) -> Circle:
    """Draw a circle to go round, from home."""
    return Circle(float(rng.uniform(*_RADII_M)), int(rng.choice((-1, 1))))


def _round(circle: Circle, quarters: int, from_home: bool, to_home: bool) -> Way:
    """Return the way along a circle up to so many quarters of a turn, winding out from home, and back in to it."""
    begin, end = circle.angle_rad, quarters * np.pi / 2
    angle = np.linspace(begin, end, _POINTS * max(quarters // 4, 1))
    distance = np.full(len(angle), circle.radius_m)
    for winds, share in ((from_home, (angle - begin) / _OPENING_RAD), (to_home, (end - angle) / _OPENING_RAD)):
        if winds:
            distance *= 1 - (1 - np.clip(share, 0, 1)) ** 3
    return Way(np.stack([distance * np.cos(angle), circle.side * distance * np.sin(angle)], axis=1))


def way_home(place_m: Curve) -> Way:
    """Return the way from a place (2,) to home, round the chair if that stands between."""
    corners = [np.asarray(place_m, dtype=float), np.zeros(2)]
    line = corners[1] - corners[0]
    chair = np.array([CHAIR_X_M, 0.0])
    share = np.clip((chair - corners[0]) @ line / max(line @ line, 1e-9), 0, 1)
    nearest = corners[0] + share * line
    if np.linalg.norm(nearest - chair) < 0.4 and corners[0][0] < CHAIR_X_M / 2:
        beside = 1.0 if corners[0][1] >= 0 else -1.0
        corners.insert(1, np.array([CHAIR_X_M, beside * _CLEAR_M]))
    return joined([np.linspace(a, b, _POINTS) for a, b in pairwise(corners)])


def joined(lines: list[Curve]) -> Way:
    """Return one way of several lines, each beginning where the last one ended."""
    return Way(np.concatenate([lines[0], *(line[1:] for line in lines[1:])]))
