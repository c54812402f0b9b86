"""From stamped frames and IMU samples to windows of equally spaced steps.

A window is a span of time (30 steps at 30 Hz: one second), not a count of frames, so that cameras of
15, 24, 30 and 60 fps give the same one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from har_ros.core.imu_steps import imu_steps

STEPS = 30
STEP_RATE_HZ = 30.0
MAX_GAP_S = 0.25  # a longer hole in either stream starts the window anew
LOST_S = 0.2  # a sensor silent for longer is done without, where the model can: before it is a hole in the window
LATEST_S = 0.35  # by which a camera may be late and is not done without: a verdict on it is no older than allowed
_PHASE_GAIN = 0.1  # lets the grid follow a camera that is within 5 % of the step rate


class StepGrid:
    """Says how many steps each frame fills.

    The grid's phase follows the frames slowly: a 29.97 fps camera gives exactly one step a frame, in
    spite of jitter up to half a step, while 15 fps gives two a frame and 60 fps one in two frames.
    """

    def __init__(self, rate_hz: float = STEP_RATE_HZ, max_gap_s: float = MAX_GAP_S) -> None:
        self._period_ns = 1e9 / rate_hz
        self._max_gap_ns = max_gap_s * 1e9
        self.newest_ns: int | None = None  # of the stamps it was advanced to
        self._last_step_ns = 0.0

    def advance(self, stamp_ns: int) -> int | None:
        """Return the number of steps up to the frame at `stamp_ns`; None where the window starts anew.

        It starts anew with the first frame, after a hole longer than `max_gap_s` and when time runs
        backwards; that frame then is its first step.
        """
        previous_ns, self.newest_ns = self.newest_ns, stamp_ns
        if previous_ns is None or not 0 <= stamp_ns - previous_ns <= self._max_gap_ns:
            self._last_step_ns = float(stamp_ns)
            return None
        steps = round((stamp_ns - self._last_step_ns) / self._period_ns)
        if steps > 0:
            self._last_step_ns += steps * self._period_ns
            self._last_step_ns += _PHASE_GAIN * (stamp_ns - self._last_step_ns)
        return max(steps, 0)


class ImuTrack:
    """The last seconds of IMU samples, in order of time."""

    def __init__(self, capacity: int = 2048, max_gap_s: float = MAX_GAP_S) -> None:
        self._stamps_ns = np.zeros(2 * capacity, np.int64)
        self._accel_mps2 = np.zeros((2 * capacity, 3), np.float32)
        self._capacity = capacity
        self._max_gap_ns = int(max_gap_s * 1e9)
        self._end = 0
        self._start = 0
        self.newest_ns = 0  # the stamp of the newest sample; without meaning while the track is empty

    def add(self, stamp_ns: int, accel_mps2: NDArray[np.float32]) -> bool:
        """Append one sample; return False where it starts the track anew.

        A hole longer than `max_gap_s` or a stamp far in the past does; a sample that is merely late
        by less than that is dropped, since its neighbours are already in use.
        """
        behind_ns = self.newest_ns - stamp_ns
        fresh_start = len(self) > 0 and abs(behind_ns) > self._max_gap_ns
        if fresh_start:
            self.clear()
        elif len(self) > 0 and behind_ns >= 0:
            return True
        if self._end == 2 * self._capacity:
            self._compact()
        self._stamps_ns[self._end] = stamp_ns
        self._accel_mps2[self._end] = accel_mps2
        self._end += 1
        self._start = max(self._start, self._end - self._capacity)
        self.newest_ns = stamp_ns
        return not fresh_start

    def steps(
        self, channels: tuple[str, ...], edges_ns: Sequence[int] | NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], list[int]]:
        """Return the values (T, C) of the steps between `edges_ns` (T + 1,) and how far off they are, ns (T,).

        See har_ros.core.imu_steps; the track must not be empty.
        """
        kept = slice(self._start, self._end)
        return imu_steps(channels, self._stamps_ns[kept], self._accel_mps2[kept], edges_ns)

    def between(self, start_ns: int, end_ns: int) -> tuple[NDArray[np.float32], float]:
        """Return a view of the samples (N, 3) stamped from `start_ns` to `end_ns`, or else of the one next to them.

        And the longest time between any of them, s: no gap where there is but one. The track must not be empty.
        """
        stamps_ns = self._stamps_ns[self._start : self._end]
        first, last = stamps_ns.searchsorted((start_ns, end_ns + 1)).tolist()
        first = min(first, len(self) - 1)
        last = max(last, first + 1)
        chosen_ns = stamps_ns[first:last]
        gap_ns = int((chosen_ns[1:] - chosen_ns[:-1]).max()) if last - first > 1 else 0
        return self._accel_mps2[self._start + first : self._start + last], gap_ns / 1e9

    @property
    def oldest_ns(self) -> int:
        """The stamp of the oldest sample. The track must not be empty."""
        return int(self._stamps_ns[self._start])

    def __len__(self) -> int:
        return self._end - self._start

    def clear(self) -> None:
        """Forget all samples."""
        self._start = self._end = 0

    def _compact(self) -> None:
        kept = self._end - self._start
        self._stamps_ns[:kept] = self._stamps_ns[self._start : self._end]
        self._accel_mps2[:kept] = self._accel_mps2[self._start : self._end]
        self._start, self._end = 0, kept


@dataclass(frozen=True)
class WindowSpan:
    """Where a window lies in time, and how well its parts fit together."""

    start_ns: int
    end_ns: int
    max_gap_ms: float
    max_sync_offset_ms: float


class WindowBuffer:
    """The newest `steps` steps: frame features (steps, F), IMU (steps, C), their stamps and what is missing.

    Features and IMU are kept twice, one after the other, so that the newest window is always one contiguous view.
    """

    def __init__(self, feature_size: int, imu_channels: int, steps: int = STEPS) -> None:
        self.steps = steps
        self._features = np.zeros((2 * steps, feature_size), np.float32)
        self._imu = np.zeros((2 * steps, imu_channels), np.float32)
        self._halves = [kept.reshape(2, steps, -1) for kept in (self._features, self._imu)]
        self._frame_ns: deque[int] = deque(maxlen=steps)
        self._offset_ns: deque[int] = deque(maxlen=steps)
        self._present = [0, 0]  # how many steps in a row have their frame, and how many their IMU values
        self._count = 0

    @property
    def full(self) -> bool:
        """True once `steps` steps were added without a restart."""
        return self._count >= self.steps

    def append(
        self, frame_ns: int, feature: NDArray[np.float32] | None, imu: NDArray[np.float32] | None, offset_ns: int
    ) -> None:
        """Add one step: the frame's stamp and feature (F,), the IMU values (C,) and their offset in time.

        Of a step without a frame or without IMU the feature or the values are None, and the stamp is the step's.
        """
        for place, (halves, given) in enumerate(zip(self._halves, (feature, imu))):
            halves[:, self.start] = 0.0 if given is None else given
            self._present[place] = 0 if given is None else self._present[place] + 1
        self._frame_ns.append(frame_ns)
        self._offset_ns.append(0 if imu is None else offset_ns)
        self._count += 1

    def clear(self) -> None:
        """Start anew."""
        self._count = 0
        self._present = [0, 0]

    @property
    def start(self) -> int:
        """The place in the ring, 0 to steps - 1, where the newest window begins."""
        return self._count % self.steps

    def view(self, start: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return views of the features (steps, F) and the IMU (steps, C) from place `start` on, oldest step first."""
        return self._features[start : start + self.steps], self._imu[start : start + self.steps]

    def present(self) -> tuple[bool, bool]:
        """Return whether every step of the newest window has its frame, and whether every one has its IMU values."""
        with_frame, with_imu = self._present
        return with_frame >= self.steps, with_imu >= self.steps

    def span(self) -> WindowSpan:
        """Return the window's place in time: the stamps of its oldest and newest frame, and its worst gaps."""
        return WindowSpan(
            start_ns=self._frame_ns[0],
            end_ns=self._frame_ns[-1],
            max_gap_ms=max(later_ns - earlier_ns for earlier_ns, later_ns in pairwise(self._frame_ns)) / 1e6,
            max_sync_offset_ms=max(map(abs, self._offset_ns)) / 1e6,
        )
