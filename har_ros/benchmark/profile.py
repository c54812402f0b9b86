"""Where the time of one streaming step goes: its parts, one step after the other and at a camera's pace."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from har_ros.benchmark.streaming import Pictures, streaming_step
from har_ros.core.alarm_policy import AlarmPolicy
from har_ros.core.decision import AlarmMonitor
from har_ros.core.windows import STEP_RATE_HZ, WindowBuffer
from har_ros.inference.model import FrameEncoder, HarModel, WindowHead
from har_ros.inference.recogniser import StreamingRecogniser

RESIZE, ENCODER, IMU, HEAD, ALARM, REST = PARTS = (
    "resize into the network's input",
    "encoder",
    "IMU steps",
    "window head",
    "evidence and alarm",
    "everything else",
)
WHOLE = "whole step"
_PACES_S = {"back_to_back": 0.0, "paced": 1 / STEP_RATE_HZ}
_STEPS_A_ROUND = 10


def step_profile(
    folders: Mapping[str, Path], pictures: Sequence[Pictures], rounds: int
) -> dict[str, dict[str, dict[str, float]]]:
    """Return the median microseconds of processor time of a step's parts, of each model: `back_to_back` and `paced`.

    Paced means 30 steps a second and sleep in between, as in a fusion node: the processor's caches are cold then.
    """
    profile = {}
    for name, folder in folders.items():
        laps = _Laps()
        step = streaming_step(_timed_recogniser(folder, laps), pictures)
        profile[name] = {
            pace: _medians_us(step, laps, rounds * _STEPS_A_ROUND, period_s) for pace, period_s in _PACES_S.items()
        }
    return profile


class _Laps:
    """Sums up the processor time of each part since `begin`: each lap begins where the last one ended, so none is lost.

    It is that of the calling thread, in which all parts run: what it waits for others is not theirs.
    """

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.ns = dict.fromkeys(PARTS, 0)
        self._last_ns = time.thread_time_ns()

    def end(self, part: str) -> None:
        now_ns = time.thread_time_ns()
        self.ns[part] += now_ns - self._last_ns
        self._last_ns = now_ns

    def timed(self, part: str, call: Callable[..., Any], before: str = REST) -> Callable[..., Any]:
        """Return `call` as a lap of `part`, and what leads there from the lap before it as one of `before`."""

        def lap(*words: Any) -> Any:
            self.end(before)
            result = call(*words)
            self.end(part)
            return result

        return lap


class _TimedModel(HarModel):
    """A model whose encoder and head are laps."""

    def __init__(self, folder: Path, laps: _Laps) -> None:
        self._laps = laps
        super().__init__(folder)

    def new_encoder(self) -> FrameEncoder:
        encoder: Any = super().new_encoder()
        encoder.put = self._laps.timed(RESIZE, encoder.put)
        encoder.run = self._laps.timed(ENCODER, encoder.run)
        return encoder

    def head_on(self, window: WindowBuffer) -> WindowHead:
        head: Any = super().head_on(window)
        head.classify = self._laps.timed(HEAD, head.classify, before=IMU)  # they come between encoder and head
        return head


def _timed_recogniser(folder: Path, laps: _Laps) -> StreamingRecogniser:
    alarm: Any = AlarmMonitor(AlarmPolicy())
    alarm.update = laps.timed(ALARM, alarm.update, before=ALARM)
    recogniser: Any = StreamingRecogniser(_TimedModel(folder, laps), alarm)
    recogniser.add_imu = laps.timed(IMU, recogniser.add_imu)
    return recogniser


def _medians_us(step: Callable[[], object], laps: _Laps, count: int, period_s: float) -> dict[str, float]:
    """Return the median of each part, and of the whole, over `count` steps that begin `period_s` apart at the least."""
    taken_ns = []
    due_s = time.perf_counter()
    for _ in range(count):
        due_s = max(due_s + period_s, time.perf_counter())
        time.sleep(max(0.0, due_s - time.perf_counter()))
        laps.begin()
        step()
        laps.end(REST)
        taken_ns.append({**laps.ns, WHOLE: sum(laps.ns.values())})
    return {part: statistics.median(each[part] for each in taken_ns) / 1e3 for part in (*PARTS, WHOLE)}
