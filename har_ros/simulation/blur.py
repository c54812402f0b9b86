"""Motion blur of a moving person: each fast segment is smeared along its way over the picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from har_ros.simulation.skeleton import SEGMENTS

Image = NDArray[np.uint8]
_LEAST_PIXELS = 1.5  # a shorter way can't be seen
_THICKNESS_M = 0.12
_PAIRS = tuple(  # segments whose two joints bound a limb, and limbs' ends that stand for themselves
    (SEGMENTS.index(first), SEGMENTS.index(second))
    for first, second in (
        ("pelvis", "chest"), ("chest", "head"), ("head", "head"),
        *((f"{upper}_{side}", f"{lower}_{side}") for side in ("left", "right") for upper, lower in (
            ("upper_arm", "forearm"), ("forearm", "forearm"), ("thigh", "shin"), ("shin", "foot"))),
    )
)  # fmt: skip


def smear(image: Image, before: NDArray[np.float64], after: NDArray[np.float64], pixels_per_m: float) -> Image:
    """Return the picture (H, W, 3) with each limb blurred along its way during the exposure.

    before, after: (14, 2) pixel places of the segments' joints when the shutter opens and when it shuts.
    """
    height, width = image.shape[:2]
    result = image.copy()
    for first, second in _PAIRS:
        way = ((after - before)[first] + (after - before)[second]) / 2
        length = float(np.hypot(*way))
        if not _LEAST_PIXELS < length < width / 3:
            continue
        thick = max(3, round(2 * _THICKNESS_M * pixels_per_m))
        ends = np.stack([before[first], before[second], after[first], after[second]])
        pad = thick + length
        left, top = np.maximum(np.floor(ends.min(axis=0) - pad), 0).astype(int)
        right, bottom = np.minimum(np.ceil(ends.max(axis=0) + pad), (width, height)).astype(int)
        if right - left < 4 or bottom - top < 4:
            continue
        mask = np.zeros((bottom - top, right - left), np.uint8)
        offset = np.array([left, top])
        for start, end in ((before[first], before[second]), (after[first], after[second])):
            a, b = (np.rint(start - offset).astype(int), np.rint(end - offset).astype(int))
            cv2.line(mask, (int(a[0]), int(a[1])), (int(b[0]), int(b[1])), 255, thick)
        soft = cv2.blur(mask, (thick | 1, thick | 1))[..., None].astype(np.float32) / 255
        area = result[top:bottom, left:right]
        streaked = cv2.filter2D(area, -1, _streak(way))
        result[top:bottom, left:right] = area + soft * (streaked.astype(np.float32) - area)
    return result


def _streak(way: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return a kernel that averages along a way of so many pixels."""
    half = int(np.ceil(np.abs(way).max() / 2)) + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.uint8)
    x, y = np.rint(8 * way / 2).astype(int)  # three bits of fraction
    middle = half << 3
    cv2.line(kernel, (middle - x, middle - y), (middle + x, middle + y), 255, 1, cv2.LINE_AA, 3)
    return np.asarray(kernel / max(int(kernel.sum()), 1), np.float32)
