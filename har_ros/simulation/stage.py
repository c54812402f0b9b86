"""Where a simulated person is seen: the scene, the camera, and their place and heading in it.

Datasets and the live picture both draw through this, so that they look alike.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from har_ros.simulation.acts import ACTS
from har_ros.simulation.blur import smear
from har_ros.simulation.body import Body
from har_ros.simulation.camera import Camera
from har_ros.simulation.postures import CHAIR_SEAT_HEIGHT_M, CHAIR_X_M
from har_ros.simulation.renderer import Renderer
from har_ros.simulation.scenario import CAR
from har_ros.simulation.scene import Scene
from har_ros.simulation.sensor import Sensor
from har_ros.simulation.skeleton import SEGMENTS, Motion
from har_ros.simulation.surfaces import Photos

LARGEST_AREA_M = 1.2  # radius of the disc on the floor that a camera sees at most
SMALLEST_AREA_M = 0.6
_PLACE_SPREAD_M = 0.3
_LEAST_BODY_SHARE = 0.02  # of the picture
_LEAST_LONG_SHARE = 0.2  # of the picture's height, along the body's longer side
_LEAST_VISIBLE_SHARE = 0.85  # of the body, inside the picture
_LEAST_FREE_SHARE = 0.6  # of the body, not hidden by what stands before it
_HIDDEN_SHARE = 0.6  # of stages on which something is to stand before the person, where there is room for it
_WALL_SHARE = 0.25  # of stages on which a wall is to stand beside the person, as one does whom they slide down
_BEHIND_CHAIR_M = 0.75
_CELLS = (48, 64)
_SLIDES, _PELVIS, _BACK_M = list(ACTS).index("fall_slide_down"), SEGMENTS.index("pelvis"), 0.16
_CHAIR_M, _MOST_IN_CHAIR = 0.2, 0.06  # half width of what is under a seat; share of a body that may be there
_AREA_HEIGHT_M = 1.85


@dataclass(frozen=True)
class Stage:
    """A scene with a camera and room for one person.

    seated:   a car seat is at the person's place, or a chair stands behind it; it stays there whatever they do.
    place_m:  (2,) floor point of the person's middle; yaw_rad: their heading.
    origin_m: (2,) the point of the motion that comes to stand there.
    """

    scene: Scene
    camera: Camera
    sensor: Sensor
    seated: bool
    place_m: NDArray[np.float64]
    yaw_rad: float
    origin_m: NDArray[np.float64]

    @classmethod
    def random(
        cls, kind: str, rng: np.random.Generator, width: int, height: int, area_m: float, seated: bool,
        photos: Photos | None = None,
    ) -> Stage:  # fmt: skip
        """Draw a stage of one kind of scene.

        The camera sees the disc of radius `area_m` in which the person may move, whatever they do there.
        `seated` puts a chair behind the person and decides nothing else. photos: the user's own, as surfaces.
        """
        scene = Scene.random(kind, rng, photos)
        camera = Camera.random(rng, scene, _area(area_m), width, height)
        sensor = Sensor.random(rng, scene.light.level)
        if kind == CAR:
            return cls(scene, camera, sensor, True, np.zeros(2), 0.0, np.zeros(2))
        place_m, yaw_rad = rng.uniform(-_PLACE_SPREAD_M, _PLACE_SPREAD_M, 2), float(rng.uniform(-np.pi, np.pi))
        eye_m, room_m = np.array(camera.position_m), np.add(_area(0.25), (*place_m, 0.0))
        if rng.random() < _HIDDEN_SHARE:
            scene.place_between(eye_m, room_m, rng)
        if rng.random() < _WALL_SHARE:
            scene.place_wall_beside(eye_m, room_m, max(area_m, _BEHIND_CHAIR_M) + rng.uniform(0, 0.3), rng)
        if seated:
            x_m, y_m = place_m + CHAIR_X_M * np.array([np.cos(yaw_rad), np.sin(yaw_rad)])
            scene.place_seat(float(x_m), float(y_m), yaw_rad, CHAIR_SEAT_HEIGHT_M, rng)
        return cls(scene, camera, sensor, seated, place_m, yaw_rad, np.zeros(2))

    def holding(self, motion: Motion, begin_s: float, end_s: float) -> Stage:
        """Return the stage with the middle of where the body is from begin_s to end_s at the person's place.

        Where there is a seat the person stays at their place. A wall that they slide down appears behind them.
        """
        if self.seated:
            return self
        span = slice(round(begin_s * motion.rate_hz), round(end_s * motion.rate_hz))
        path = motion.position_m[span, :, :2].reshape(-1, 2)
        moved = replace(self, origin_m=(path.min(axis=0) + path.max(axis=0)) / 2)
        return moved.behind_back(motion) if (motion.act == _SLIDES).any() else moved

    def behind_back(self, motion: Motion) -> Stage:
        """Return the stage with a wall behind the back that has slid down it at the end of the act."""
        position_m, rotation = self.pose(motion, int(np.flatnonzero(motion.act == _SLIDES)[-1]))
        ahead = rotation[_PELVIS, :2, 0] / np.linalg.norm(rotation[_PELVIS, :2, 0])
        return self.walled(position_m[_PELVIS, :2] - _BACK_M * ahead, float(np.arctan2(ahead[1], ahead[0])))

    def walled(self, place_m: NDArray[np.float64], facing_rad: float) -> Stage:
        """Return the stage with a wall that stands at place_m (2,) of the scene and faces that way."""
        scene = copy(self.scene)
        scene.pieces, scene.obstacles = list(scene.pieces), list(scene.obstacles)
        rng = np.random.default_rng(int(1e6 * abs(self.yaw_rad)))
        scene.place_wall(float(place_m[0]), float(place_m[1]), facing_rad, rng)
        return replace(self, scene=scene)

    def pose(self, motion: Motion, index: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the segments' places (14, 3) and rotations (14, 3, 3) in the scene at a sample of the motion."""
        cosine, sine = np.cos(self.yaw_rad), np.sin(self.yaw_rad)
        turn = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
        position = (motion.position_m[index] - [*self.origin_m, 0.0]) @ turn.T + [*self.place_m, 0.0]
        return position, turn @ motion.rotation[index]

    def complaint(self, body: Body, motion: Motion, at_s: NDArray[np.float64]) -> str:
        """Return what is wrong with how the person is seen at the times `at_s`, or an empty string."""
        if self.scene.kind == CAR:
            return ""
        eye = np.array(self.camera.position_m)
        for index in (at_s * motion.rate_hz).round().astype(int):
            vertices = body.pose(*self.pose(motion, index), 0.0)
            some = vertices[::40].astype(np.float64)
            if self.scene.visible_share(eye, some) < _LEAST_FREE_SHARE:
                return "hidden"
            if any(obstacle.holds(some).any() for obstacle in self.scene.obstacles):
                return "inside something"
            if self.seated and self._inside_chair(vertices) > _MOST_IN_CHAIR:
                return "inside the chair"
            if complaint := self._too_little(self.camera.project(vertices)):
                return complaint
        return ""

    def _too_little(self, pixels: NDArray[np.float64]) -> str:
        """Return what is wrong with a body's places (V, 2) in the picture, or an empty string."""
        size = np.array([self.camera.width, self.camera.height])
        inside = pixels[np.all((pixels >= 0) & (pixels < size), axis=1)]  # nan: behind the camera
        if len(inside) < _LEAST_VISIBLE_SHARE * len(pixels):
            return "out of view"
        if np.ptp(inside, axis=0).max() < _LEAST_LONG_SHARE * self.camera.height:
            return "too far away"
        cells = np.zeros(_CELLS, bool)
        column, row = (inside * [_CELLS[1], _CELLS[0]] / size).astype(int).T
        cells[row, column] = True
        return "too small" if cells.mean() < _LEAST_BODY_SHARE else ""

    def _inside_chair(self, vertices: NDArray[np.float32]) -> float:
        """Return which share of a body is where the chair's legs are, under the seat."""
        c, s = np.cos(self.yaw_rad), np.sin(self.yaw_rad)
        x, y = ((vertices[:, :2] - self.place_m) @ np.array([[c, -s], [s, c]])).T
        under = np.maximum(np.abs(x - CHAIR_X_M), np.abs(y)) < _CHAIR_M
        return float((under & (vertices[:, 2] < 0.8 * CHAIR_SEAT_HEIGHT_M)).mean())

    def frame(
        self, renderer: Renderer, motion: Motion, t_s: float, noise: np.random.Generator,
        clock_s: float | None = None,
    ) -> NDArray[np.uint8]:  # fmt: skip
        """Return the picture (H, W, 3) uint8 BGR at a time of the motion, as the camera's sensor gives it.

        The renderer's scene must be this stage's. clock_s: when it is for the landscape, where the motion is a
        part of something longer; else t_s.
        """
        index = min(round(t_s * motion.rate_hz), len(motion.label) - 1)
        position_m, rotation = self.pose(motion, index)
        passed_s = t_s if clock_s is None else clock_s
        picture = renderer.frame(position_m, rotation, motion.eyes_closed[index], self.camera, passed_s)
        opened = max(index - round(self.sensor.shutter_s * motion.rate_hz), 0)
        if opened < index:
            before, now = (self.camera.project(place) for place in (self.pose(motion, opened)[0], position_m))
            if np.isfinite(before).all() and np.isfinite(now).all():
                picture = smear(picture, before, now, self.camera.pixels_per_m(position_m[0]))
        return self.sensor.capture(picture, noise)


def _area(radius_m: float) -> NDArray[np.float64]:
    """Return points (36, 3) around the room that a person takes who moves within a disc."""
    angle = np.arange(12) * np.pi / 6
    rim = np.stack([radius_m * np.cos(angle), radius_m * np.sin(angle), np.zeros(12)], axis=1)
    return np.concatenate([rim + np.array([0.0, 0.0, share * _AREA_HEIGHT_M]) for share in (0.0, 0.5, 1.0)])
