"""What the benchmarks of a model stream: pictures of a usual camera, step by step as in the fusion node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count

import cv2
import numpy as np
from numpy.typing import NDArray

from har_ros.core.windows import STEPS
from har_ros.dataset.capture import Capture
from har_ros.inference.recogniser import StreamingRecogniser

_CAMERA = (640, 480)
_PERIOD_NS, _SAMPLE_NS, _SAMPLES_A_FRAME = 33_333_333, 10_000_000, 3
_AT_REST_MPS2 = (0.0, 0.0, 9.8)
Pictures = NDArray[np.uint8]


def camera_pictures(capture: Capture) -> list[Pictures]:
    """Return a capture's pictures in the size of a usual camera's, (480, 640, 3)."""
    return [np.asarray(cv2.resize(frame, _CAMERA), np.uint8) for frame in capture.frames]


def streaming_step(recogniser: StreamingRecogniser, pictures: Sequence[Pictures]) -> Callable[[], object]:
    """Return one step as in the fusion node, some accelerometer samples and one picture; the window is full."""
    numbers = count()
    to_body = np.eye(3, dtype=np.float32)

    def step() -> object:
        number = next(numbers)
        stamp_ns = (number + 1) * _PERIOD_NS
        stamps_ns = [stamp_ns + place * _SAMPLE_NS for place in range(_SAMPLES_A_FRAME)]
        recogniser.add_samples((each, to_body @ np.array(_AT_REST_MPS2, np.float32)) for each in stamps_ns)
        return recogniser.add_frame(stamp_ns, pictures[number % len(pictures)])

    return filled(step)


def filled(step: Callable[[], object]) -> Callable[[], object]:
    """Return a step after it has filled its window."""
    for _ in range(STEPS):
        step()
    return step
