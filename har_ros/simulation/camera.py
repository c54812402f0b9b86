"""Where the camera stands, and what its sensor does to the picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import NormalDist

import cv2
import numpy as np
from numpy.typing import NDArray

from har_ros.simulation.scene import Scene

Image = NDArray[np.uint8]
Points = NDArray[np.float64]
XYZ = tuple[float, float, float]
_NORMAL = np.array([NormalDist().inv_cdf((n + 0.5) / 256) for n in range(256)])  # so a byte draws a normal number


@dataclass(frozen=True)
class Camera:
    """A pinhole camera, upright.

    position_m, look_at_m: world places. fov_deg: vertical angle of view. width, height: picture in pixels.
    """

    position_m: XYZ
    look_at_m: XYZ
    fov_deg: float
    width: int
    height: int

    @classmethod
    def random(cls, rng: np.random.Generator, scene: Scene, points_m: Points, width: int, height: int) -> Camera:
        """Draw a camera that sees all of points_m (N, 3), such as the space a person may take.

        It stands 0.8 to 2.5 m high where the scene has room and a free view; in a car, low on the dashboard.
        """
        points = np.asarray(points_m, np.float64).reshape(-1, 3)
        centre = (points.min(axis=0) + points.max(axis=0)) / 2
        if scene.kind == "car":
            x, y, z = rng.uniform(0.74, 0.92), rng.uniform(-0.42, 0.2), rng.uniform(0.92, 1.04)
            aim = (0.0, float(rng.normal(0, 0.04)), float(rng.uniform(0.84, 0.92)))
            return cls((float(x), float(y), float(z)), aim, float(rng.uniform(50, 62)), width, height)
        best, best_room = None, -np.inf
        for _ in range(60):
            camera = _stand_off(cls._around(rng, centre, min(2.5, scene.ceiling_m), width, height), points, rng)
            x0, x1, y0, y1 = scene.bounds_m
            x, y, _ = camera.position_m
            room = min(x - x0, x1 - x, y - y0, y1 - y) - 0.15
            clear = scene.sees(np.array(camera.position_m), centre)
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
        return cls(eye, look, float(rng.uniform(45, 68)), width, height)

    def aimed_at(self, target_m: Points | XYZ) -> Camera:
        """Return the same camera turned to another target (a camera that pans)."""
        x, y, z = (float(value) for value in target_m)
        return replace(self, look_at_m=(x, y, z))

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
        return np.stack([self.width / 2 + scale * x / depth, self.height / 2 - scale * y / depth], axis=1)


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
    return replace(camera, position_m=inside, fov_deg=float(min(wider, 85)))


@dataclass(frozen=True)
class Sensor:
    """What a cheap camera adds to a picture.

    exposure: factor. balance: factors of blue, green, red. blur: sigma in pixels of a picture 480 high.
    noise: standard deviation in grey levels.
    """

    exposure: float = 1.0
    balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    blur: float = 0.0
    noise: float = 0.0

    @classmethod
    def random(cls, rng: np.random.Generator) -> Sensor:
        """Draw a sensor as webcams have them."""
        blue, red = rng.normal(1, 0.05, 2)
        return cls(
            float(np.clip(rng.normal(1.0, 0.13), 0.7, 1.3)), (float(blue), 1.0, float(red)),
            float(rng.choice((0.0, rng.uniform(0.3, 0.9)))), float(rng.uniform(0.5, 5.0)),
        )

    def capture(self, image: Image, rng: np.random.Generator) -> Image:
        """Return `image` (H, W, 3) uint8 BGR as this sensor sees it; `rng` draws the noise."""
        height, width = image.shape[:2]
        factors = self.exposure * np.asarray(self.balance)
        light = np.arange(256)[:, None] / 255 * factors
        film = (1 - np.exp(-1.6 * light)) / (1 - np.exp(-1.6))  # rolls off near white
        curve = np.clip(255 * (0.5 * film + 0.5 * light), 0, 255).astype(np.uint8)
        seen = np.asarray(cv2.LUT(image, curve[None]), np.uint8)
        if self.blur:
            seen = np.asarray(cv2.GaussianBlur(seen, (0, 0), self.blur * height / 480), np.uint8)
        if self.noise:
            grains = np.rint(self.noise * _NORMAL).astype(np.int8)
            grain = grains[np.frombuffer(rng.bytes(height * width), np.uint8).reshape(height, width)]
            seen = np.asarray(cv2.add(seen, cv2.merge([grain] * 3), dtype=cv2.CV_8U), np.uint8)
        return seen
