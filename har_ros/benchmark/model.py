"""The model's benchmark: streaming against the naive way, float against int8, one thread against two."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from har_ros.benchmark.peaks import PeakKernels, multiply_adds, peak_kernels
from har_ros.benchmark.streaming import Pictures, camera_pictures, filled, streaming_step
from har_ros.benchmark.timing import Timing, interleave
from har_ros.benchmark.verdicts import compare_gate, compare_models, greatest_difference
from har_ros.core.alarm_policy import AlarmPolicy
from har_ros.core.decision import AlarmMonitor
from har_ros.core.model_card import ENCODER_FILE
from har_ros.core.windows import WindowBuffer
from har_ros.dataset.capture import Capture
from har_ros.inference.model import HarModel
from har_ros.inference.naive import NaiveRecogniser
from har_ros.inference.recogniser import StreamingRecogniser

STRIDES = (1, 5, 15, 30)


def benchmark_model(
    folders: Mapping[str, Path], captures: Sequence[Capture], rounds: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the figures of the model and of the peaks.

    folders:  what streams, by the name in `stream_NAME`; its first is the float model, the naive way's, too.
    captures: whose pictures and readings are shown.
    """
    pictures = camera_pictures(captures[0])
    models = {name: HarModel(folder) for name, folder in folders.items()}
    (first, one), *others = models.items()
    two = HarModel(folders[first], threads=2)
    cases: dict[str, Callable[[], object]] = {
        "naive": _naive(one, pictures),
        "naive_2_threads": _naive(two, pictures),
        "naive_frame_by_frame": _frame_by_frame(one),
    }
    for name, model in models.items():
        cases[f"stream_{name}"] = _stream(model, pictures)
        cases[f"stream_{name}_2_threads"] = _stream(HarModel(folders[name], threads=2), pictures)
        cases[f"encoder_{name}"] = model.encoder.run
        cases["head" if name == first else f"head_{name}"] = _head(model)
    peaks = peak_kernels()
    peak_cases = {f"peak_{name}": kernel for name, kernel in peaks.kernels.items()}
    everything = interleave({**cases, **peak_cases}, rounds)
    timings = {name: everything[name] for name in cases}
    ratios = {f"stream_{name}": _ratio(timings, f"stream_{name}") for name in folders}
    model_figures = {
        "ms": {name: timing.median_ms for name, timing in timings.items()},
        "least_ms": {name: timing.least_ms for name, timing in timings.items()},
        "calls": {name: timing.calls for name, timing in timings.items()},
        "waited": {name: timing.waited for name, timing in timings.items()},
        "ratio": {"stream_fp32": None, "stream_int8": None, "stream_edge": None, **ratios},
        "ratio_2_threads": {name: _ratio(timings, f"{name}_2_threads", "naive_2_threads") for name in ratios},
        "ratio_of_least": {name: timings["naive"].least_ms / timings[name].least_ms for name in ratios},
        "stride": {str(stride): {name: ratio / stride for name, ratio in ratios.items()} for stride in STRIDES},
        "max_abs_diff": greatest_difference(one, captures),
        "verdicts": {name: compare_models(one, model, captures) for name, model in others},
        "gate": {name: compare_gate(model, captures) for name, model in models.items()},
    }
    return model_figures, _fractions(folders, everything, peaks)


def _naive(model: HarModel, pictures: Sequence[Pictures]) -> Callable[[], object]:
    naive, numbers = NaiveRecogniser(model), count()
    accel = np.array((0.0, 0.0, 9.8), np.float32)

    def step() -> object:
        return naive.add(pictures[next(numbers) % len(pictures)], accel)

    return filled(step)


def _frame_by_frame(model: HarModel) -> Callable[[], object]:
    """The naive window in thirty calls for thirty frames: processors don't gain from the batch."""

    def window() -> None:
        for _ in range(model.card.steps):
            model.encoder.run()

    return window


def _stream(model: HarModel, pictures: Sequence[Pictures]) -> Callable[[], object]:
    return streaming_step(StreamingRecogniser(model, AlarmMonitor(AlarmPolicy())), pictures)


def _head(model: HarModel) -> Callable[[], object]:
    window = WindowBuffer(model.card.feature_size, len(model.card.imu_channels), model.card.steps)
    return model.head_on(window).classify


def _ratio(timings: Mapping[str, Timing], name: str, opponent: str = "naive") -> float:
    return timings[opponent].median_ms / timings[name].median_ms


def _fractions(folders: Mapping[str, Path], timings: Mapping[str, Timing], peaks: PeakKernels) -> dict[str, Any]:
    """Return how much of the processor's peak the encoders reach, by the fastest call of each."""
    figures: dict[str, Any] = {"how": peaks.how, "gops": {}, "fp32_fraction": None, "int8_fraction": None}
    figures["multiply_adds"] = {name: multiply_adds(folder / ENCODER_FILE) for name, folder in folders.items()}
    for name, kernel in peaks.kernels.items():
        figures["gops"][name] = kernel() / timings[f"peak_{name}"].least_ms / 1e6
        if name in folders:
            gops = 2 * figures["multiply_adds"][name] / timings[f"encoder_{name}"].least_ms / 1e6
            figures[f"{name}_fraction"] = gops / figures["gops"][name]
    return figures
