"""The motion gate: tells whether a frame is so like the last one encoded that encoding it can be skipped."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_BLOCKS = 14  # along each side: a hand is a block or two of a person who fills the picture


class MotionGate:
    """Compares each frame with the last one that moved, not with the last one seen: slow drift adds up and is noticed.

    A skipped frame keeps the features of that last one, so the verdict may differ from the full network's by
    what the gate overlooks.
    """

    def __init__(self, threshold_levels: float) -> None:
        """Let frames pass in which some block's mean difference exceeds `threshold_levels` (of 255)."""
        self._threshold_levels = threshold_levels
        self._reference: NDArray[np.uint8] | None = None
        self._difference = np.zeros(0, np.uint8)
        self.seen = 0
        self.skipped = 0

    def still(self, frame: NDArray[np.uint8]) -> bool:
        """Take one frame (S, S, 3) uint8; True where nothing in it moved."""
        self.seen += 1
        if self._reference is None:
            self._reference, self._difference = frame.copy(), np.empty_like(frame)
            return False
        cv2.absdiff(frame, self._reference, dst=self._difference)
        blocks = cv2.resize(self._difference, (_BLOCKS, _BLOCKS), interpolation=cv2.INTER_AREA)
        if blocks.max() <= self._threshold_levels:
            self.skipped += 1
            return True
        self._reference[:] = frame
        return False

    def forget(self) -> None:
        """Let the next frame pass, whatever it shows."""
        self._reference = None


def make_gate(threshold_levels: float) -> MotionGate | None:
    """Return the gate that a setting asks for: none at 0, which encodes every frame."""
    return MotionGate(threshold_levels) if threshold_levels > 0 else None
