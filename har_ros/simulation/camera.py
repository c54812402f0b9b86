"""Where the camera stands and what it sees."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from har_ros.simulation.scene import NEAREST_M, Scene

Points = NDArray[np.float64]
XYZ = tuple[float, float, float]
_LEAST_SEEN_SHARE = 0.7  # of the room the person may take


@dataclass(frozen=True)
class Camera:
    """A pinhole camera.

    position_m, look_at_m: world places. fov_deg: vertical angle of view. width, height: picture in pixels.
    roll_deg: how far it leans to the right about its own axis.
    """

    position_m: XYZ
    look_at_m: XYZ
    fov_deg: float
    width: int
    height: int
    roll_deg: float = 0.0

    @classmethod
    def random(cls, rng: np.random.Generator, scene: Scene, points_m: Points, width: int, height: int) -> Camera:
        """Draw a camera that sees all of points_m (N, 3), such as the space a person may take.

        It stands 0.8 to 2.6 m high where the scene has room; what stands there may hide a part of the points.
        In a car it stands on the dashboard and looks at head and shoulders, as those that watch drivers do: eyelids
        take a few pixels each.
        """
        points = np.asarray(points_m, np.float64).reshape(-1, 3)
        centre = (points.min(axis=0) + points.max(axis=0)) / 2
        if scene.kind == "car":
            x, y, z = rng.uniform(0.72, 0.92), rng.uniform(-0.45, 0.22), rng.uniform(0.92, 1.06)
            aim = (0.0, float(rng.normal(0, 0.04)), float(rng.uniform(0.97, 1.07)))
            roll_deg = float(rng.normal(0, 2.0))
            return cls((float(x), float(y), float(z)), aim, float(rng.uniform(30, 48)), width, height, roll_deg)
        best, best_room = None, -np.inf
        for _ in range(60):
            camera = _stand_off(cls._around(rng, centre, min(2.6, scene.ceiling_m), width, height), points, rng)
            x0, x1, y0, y1 = scene.bounds_m
            x, y, _ = camera.position_m
            room = min(x - x0, x1 - x, y - y0, y1 - y) - 0.15
            eye = np.clip(camera.position_m, (x0 + 0.15, y0 + 0.15, 0), (x1 - 0.15, y1 - 0.15, 9))
            clear = scene.room_m(eye) > NEAREST_M and scene.visible_share(eye, points) > _LEAST_SEEN_SHARE
            if room > 0 and clear:
                return camera
            if room - 3.0 * (not clear) > best_room:
                best, best_room = camera, room - 3.0 * (not clear)
        assert best is not None
        return _drawn_inside(best, scene.bounds_m)

    @classmethod
    def _around(cls, rng: np.random.Generator, centre: Points, ceiling_m: float, width: int, height: int) -> Camera:
        azimuth, up = rng.uniform(0, 2 * np.pi), rng.uniform(0.8, ceiling_m)
        eye = (float(centre[0] + np.cos(azimuth)), float(centre[1] + np.sin(azimuth)), float(up))
        look = (float(centre[0]), float(centre[1]), float(centre[2]))
        return cls(eye, look, float(rng.uniform(45, 78)), width, height, float(np.clip(rng.normal(0, 2.0), -5, 5)))

    def project(self, points_m: NDArray[np.floating]) -> Points:
        """Return pixel places (N, 2) of world points (N, 3), x to the right, y down; behind the camera: nan."""
        forward = np.subtract(self.look_at_m, self.position_m)
        forward = forward / np.linalg.norm(forward)
        right = np.cross(forward, (0, 0, 1))
        right /= np.linalg.norm(right)
        axes = np.array([right, np.cross(right, forward), forward])
        x, y, depth = ((np.asarray(points_m, np.float64) - self.position_m) @ axes.T).T
        scale = 0.5 * self.height / np.tan(np.radians(self.fov_deg) / 2)
        depth = np.where(depth > 0.01, depth, np.nan)
        cosine, sine = np.cos(np.radians(self.roll_deg)), np.sin(np.radians(self.roll_deg))
        x, y = cosine * x - sine * y, sine * x + cosine * y
        return np.stack([self.width / 2 + scale * x / depth, self.height / 2 - scale * y / depth], axis=1)

    def pixels_per_m(self, point_m: Points) -> float:
        """Return how many pixels a metre across takes at that distance."""
        scale = 0.5 * self.height / np.tan(np.radians(self.fov_deg) / 2)
        return float(scale / max(float(np.linalg.norm(np.subtract(point_m, self.position_m))), 0.1))


def _stand_off(camera: Camera, points: Points, rng: np.random.Generator) -> Camera:
    """Step back until all points lie inside the picture, with some room around them, and no steeper than 30 degrees."""
    margin = rng.uniform(0.01, 0.1)
    low = margin * np.array([camera.width, camera.height])
    high = (1 - margin) * np.array([camera.width, camera.height])
    target = np.array(camera.look_at_m)
    away = np.subtract(camera.position_m[:2], target[:2])
    nearest = max(1.6, abs(camera.position_m[2] - target[2]) / np.tan(np.radians(30)))
    for distance in np.geomspace(nearest, 10.0, 24):
        eye = target[:2] + distance * away
        camera = replace(camera, position_m=(float(eye[0]), float(eye[1]), camera.position_m[2]))
        places = camera.project(points)
        if ((places > low) & (places < high)).all():
            break
    return camera


def _drawn_inside(camera: Camera, bounds_m: tuple[float, float, float, float]) -> Camera:
    """Move a camera to inside the bounds and widen its view by as much as it came nearer."""
    x0, x1, y0, y1 = bounds_m
    x, y, z = camera.position_m
    inside = (float(np.clip(x, x0 + 0.15, x1 - 0.15)), float(np.clip(y, y0 + 0.15, y1 - 0.15)), z)
    before, after = (np.linalg.norm(np.subtract(place, camera.look_at_m)) for place in (camera.position_m, inside))
    wider = 2 * np.degrees(np.arctan(np.tan(np.radians(camera.fov_deg) / 2) * before / after))
    return replace(camera, position_m=inside, fov_deg=float(min(wider, 90)))
