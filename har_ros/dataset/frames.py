"""Frames out of a dataset, as the encoder takes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from har_ros.core.errors import HarError
from har_ros.core.preprocess import to_model_frame
from har_ros.dataset.reader import find_captures, read_capture

_FRAMES_A_CAPTURE = 3  # the first, the middle and the last: the others look much like them


def spread_frames(dataset: Path, count: int, size_px: int) -> Iterator[NDArray[np.uint8]]:
    """Yield up to `count` frames (size_px, size_px, 3), spread over the captures and so over the activities.

    Raises HarError where `dataset` holds no captures.
    """
    for folder in spread(find_captures(dataset), -(-count // _FRAMES_A_CAPTURE), dataset):
        pictures = read_capture(folder).frames
        for index in np.linspace(0, len(pictures) - 1, _FRAMES_A_CAPTURE).astype(int):
            yield to_model_frame(pictures[index], size_px)


def spread(captures: Sequence[Path], count: int, dataset: Path) -> list[Path]:
    """Return up to `count` captures, evenly spread. Raises HarError where there is none."""
    if not captures:
        raise HarError(f"'{dataset}' holds no captures; record some, or make them with `har simulate`")
    places = np.linspace(0, len(captures) - 1, min(count, len(captures))).round().astype(int)
    return [captures[place] for place in places]
