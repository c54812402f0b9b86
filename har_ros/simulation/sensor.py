"""What a cheap camera does to a picture: exposure, colours, lens, blur, noise, JPEG."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
_NORMAL = np.array([NormalDist().inv_cdf((n + 0.5) / 256) for n in range(256)])  # so a byte draws a normal number
_LEVELS = np.arange(256) / 255


@dataclass(frozen=True)
class Sensor:
    """How one camera takes its pictures.

    exposure: factor. balance: factors of blue, green, red. gamma: of the middle tones.
    blur: sigma in pixels of a picture 480 high.
    noise, shot: standard deviation in grey levels, in the dark and what white has more.
    barrel: how far a corner is drawn in, as a share of its distance from the middle.
    jpeg: quality of the camera's own compression, or 0 for none. shutter_s: how long a picture is exposed.
    """

    exposure: float = 1.0
    balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    gamma: float = 1.0
    blur: float = 0.0
    noise: float = 0.0
    shot: float = 0.0
    barrel: float = 0.0
    jpeg: int = 0
    shutter_s: float = 0.0

    @classmethod
    def random(cls, rng: np.random.Generator, level: float = 0.9) -> Sensor:
        """Draw a sensor as webcams have them; in a light of less than 0.9 it opens up, at the price of noise."""
        gain = float(np.clip((0.9 / level) ** 0.75, 0.9, 2.0))
        blue, red = rng.normal(1, 0.06, 2)
        return cls(
            exposure=gain * float(np.clip(rng.normal(1.0, 0.12), 0.75, 1.3)),
            balance=(float(blue), 1.0, float(red)),
            gamma=float(rng.uniform(0.85, 1.2)),
            blur=float(rng.choice((0.0, rng.uniform(0.3, 1.0)))),
            noise=gain * float(rng.uniform(0.5, 3.0)),
            shot=float(rng.uniform(0.0, 4.0)),
            barrel=float(rng.uniform(0.02, 0.10)) if rng.random() < 0.35 else 0.0,
            jpeg=int(rng.integers(35, 92)) if rng.random() < 0.4 else 0,
            shutter_s=float(rng.uniform(0.004, 0.033)),
        )

    def capture(self, image: Image, rng: np.random.Generator) -> Image:
        """Return `image` (H, W, 3) uint8 BGR as this sensor sees it; `rng` draws the noise."""
        height, width = image.shape[:2]
        light = (_LEVELS**self.gamma)[:, None] * (self.exposure * np.asarray(self.balance))
        film = (1 - np.exp(-1.6 * light)) / (1 - np.exp(-1.6))  # rolls off near white
        curve = np.clip(255 * (0.5 * film + 0.5 * light), 0, 255).astype(np.uint8)
        seen: Any = cv2.LUT(image, curve[None])
        if self.barrel:
            seen = cv2.remap(seen, *_barrel_map(width, height, self.barrel), cv2.INTER_LINEAR)
        if self.blur:
            seen = cv2.GaussianBlur(seen, (0, 0), self.blur * height / 480)
        if self.noise or self.shot:
            drawn = np.frombuffer(rng.bytes(height * width), np.uint8).reshape(height, width)
            grain = np.rint(16 * _NORMAL).astype(np.int16)[drawn]  # sixteenths of a deviation
            deviation = np.rint(16 * np.hypot(self.noise, self.shot * np.sqrt(_LEVELS))).astype(np.int16)
            amount = deviation[cv2.cvtColor(seen, cv2.COLOR_BGR2GRAY)]
            speck = ((grain * amount + 128) >> 8).astype(np.int16)
            seen = cv2.add(seen, cv2.merge([speck] * 3), dtype=cv2.CV_8U)
        if self.jpeg:
            packed = cv2.imencode(".jpg", seen, [cv2.IMWRITE_JPEG_QUALITY, self.jpeg])[1]
            seen = cv2.imdecode(packed, cv2.IMREAD_COLOR)
        return np.asarray(seen, np.uint8)


@lru_cache(maxsize=4)
def _barrel_map(width: int, height: int, barrel: float) -> tuple[Any, Any]:
    """Return where each pixel comes from, so that straight lines bow outwards and the corners stay in the picture."""
    x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    factor = (1 + barrel * (x**2 + y**2) / 2) / (1 + barrel)
    columns, rows = (factor * x + 1) * (width - 1) / 2, (factor * y + 1) * (height - 1) / 2
    return cv2.convertMaps(columns.astype(np.float32), rows.astype(np.float32), cv2.CV_16SC2)
