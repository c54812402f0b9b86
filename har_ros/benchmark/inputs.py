"""What comes before the model: pictures made smaller, and pictures and samples paired."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from har_ros.benchmark.timing import interleave
from har_ros.core.pairing import ApproximateTimePairer, WaitingRoom
from har_ros.core.preprocess import to_model_frame

_SIZES = ((640, 480), (1280, 720), (1920, 1080))
_IMAGE, _SAMPLE = 0, 1
_QUEUE = 100
_PAIRING = "a picture and 3 samples"


def benchmark_inputs(frame_size_px: int, rounds: int) -> dict[str, dict[str, float]]:
    """Return the ms that a picture's preparation for the network takes, and its pairing with samples."""
    preparations = _preparations(frame_size_px)
    timings = interleave({**preparations, _PAIRING: _pairing()}, rounds)
    return {
        "preprocess_ms": {name: timings[name].median_ms for name in preparations},
        "sync_ms": {_PAIRING: timings[_PAIRING].median_ms},
    }


def _preparations(frame_size_px: int) -> dict[str, Callable[[], object]]:
    rng = np.random.default_rng(0)
    out = np.zeros((frame_size_px, frame_size_px, 3), np.uint8)
    cases: dict[str, Callable[[], object]] = {}
    for width, height in _SIZES:
        coarse = rng.integers(0, 255, (height // 16, width // 16, 3), np.uint8)
        picture = np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
        jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])[1]
        cases[f"{width} x {height} raw"] = partial(to_model_frame, picture, frame_size_px, out)
        cases[f"{width} x {height} JPEG"] = partial(_from_jpeg, jpeg, frame_size_px, out)
    return cases


def _from_jpeg(jpeg: Any, frame_size_px: int, out: NDArray[np.uint8]) -> object:
    picture = np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), np.uint8)
    return to_model_frame(picture, frame_size_px, out)


def _pairing() -> Callable[[], object]:
    """Images of 30 Hz and samples of 90 Hz through the pairing that replay uses and message_filters defines."""
    room = WaitingRoom(_QUEUE, 500_000_000)
    pairer = ApproximateTimePairer(2, _QUEUE, 20_000_000, lambda waiting, _sample: room.claim(waiting))
    numbers = count()

    def step() -> None:
        stamp_ns = next(numbers) * 33_333_333
        for sample in range(3):
            pairer.add(_SAMPLE, stamp_ns + sample * 11_111_111, None)
        pairer.add(_IMAGE, stamp_ns, room.enter(stamp_ns, None))

    return step
