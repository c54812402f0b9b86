"""The user's own photographs as surfaces of simulated scenes: wall pictures, floors, walls and backdrops."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from har_ros.core.errors import HarError

FOLDERS = ("pictures", "floors", "walls", "backdrops")
_SIZE = 256  # pixels of a surface's side
_SHARE = 0.5  # of the surfaces show a photograph: however few there are, no two rooms should look alike
_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


@dataclass(frozen=True)
class Photos:
    """RGB photographs (256, 256, 3) uint8 by use: pictures, floors, walls (both repeat) and backdrops (far away)."""

    images: dict[str, list[NDArray[np.uint8]]] = field(default_factory=dict)

    @classmethod
    def load(cls, folder: Path) -> Photos:
        """Read the photographs in the sub-folders FOLDERS of `folder`, those that are there.

        Raises HarError where there are none, or where a file is no picture.
        """
        files = {use: [path for path in sorted((folder / use).glob("*")) if path.suffix.lower() in _ENDINGS]
                 for use in FOLDERS}  # fmt: skip
        if not any(files.values()):
            raise HarError(
                f"'{folder}' has no photographs; put .jpg or .png files into its folders {', '.join(FOLDERS)}"
            )
        return cls({use: [_square(path) for path in paths] for use, paths in files.items()})

    @property
    def digest(self) -> str:
        """Tells these photographs from others."""
        content = (use.encode() + image.tobytes() for use in sorted(self.images) for image in self.images[use])
        return hashlib.sha256(b"".join(content)).hexdigest()[:12]

    def draw(self, use: str, rng: np.random.Generator) -> NDArray[np.uint8] | None:
        """Return one of the photographs for that use; None half of the time, and where the user has given none."""
        there = self.images.get(use)
        return there[rng.integers(len(there))] if there and rng.random() < _SHARE else None


def _square(path: Path) -> NDArray[np.uint8]:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise HarError(f"'{path}' can't be read as a picture; save it anew as .jpg or .png, or take it away")
    small = cv2.resize(image, (_SIZE, _SIZE), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2RGB), np.uint8)
