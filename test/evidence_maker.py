"""Made-up evidence for the alarm's tests: what a model and an accelerometer would say, window by window."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import numpy as np

from har_ros.core.alarm_policy import AlarmPolicy
from har_ros.core.decision import AlarmMonitor, AlarmState, AnomalyVerdict
from har_ros.core.evidence import Evidence

SECOND_NS = 1_000_000_000
RATE_HZ = 30.0
G_MPS2 = 9.81
SHAKE_MPS2 = 6.0  # per axis: of a fall
CARE_MPS2 = 1.0  # of who lies down with care
REST_MPS2 = 0.05
UPRIGHT, LYING = (0.0, 0.0, G_MPS2), (G_MPS2, 0.0, 0.0)
LIES = {"up": LYING, "still": True}
NO_SENSOR = {"up": (0.0, 0.0, 0.0), "still": True}


def evidence(
    at_s: float,
    fall: float = 0.0,
    drowsiness: float = 0.0,
    *,
    up: tuple[float, float, float] = UPRIGHT,
    still: bool = False,
    shake_mps2: float | None = None,
    on_foot: float = 0.0,
    pictured: bool = True,
    told_normal: bool | None = None,
) -> Evidence:
    """Return a window's evidence; a sensor that knows no `up` is one without samples, if it is to be still.

    Unless it says otherwise, what the model calls a fall is felt as one, and what is no anomaly is told as normal.
    """
    if still:
        shake_mps2 = REST_MPS2
    elif shake_mps2 is None:
        shake_mps2 = SHAKE_MPS2 if fall >= 0.5 else CARE_MPS2
    shaken = np.array(up) + np.array([[-shake_mps2], [shake_mps2]])
    samples = shaken if any(up) or not still else np.zeros((0, 3))
    felt = np.array(samples, np.float32)
    normal = fall + drowsiness < 0.5 if told_normal is None else told_normal
    return Evidence(round(at_s * SECOND_NS), fall, drowsiness, on_foot, felt, pictured=pictured, told_normal=normal)


class Person:
    """Yields the evidence of a person stretch by stretch, at a rate, on one time line."""

    def __init__(self, rate_hz: float = RATE_HZ) -> None:
        self.rate_hz = rate_hz
        self.windows: list[Evidence] = []

    def does(self, seconds: float, fall: float = 0.0, drowsiness: float = 0.0, **more: object) -> Person:
        """Go on for some time with the same evidence."""
        for _ in range(round(seconds * self.rate_hz)):
            self.windows.append(evidence(len(self.windows) / self.rate_hz, fall, drowsiness, **more))
        return self


def verdicts(windows: Iterable[Evidence], **policy: float) -> Iterator[AnomalyVerdict]:
    monitor = AlarmMonitor(AlarmPolicy(**policy))
    return (monitor.update(each) for each in windows)


def scored(scores: Iterable[float]) -> list[Evidence]:
    """Return windows of a fall's probabilities, at the ordinary rate."""
    return [evidence(index / RATE_HZ, fall) for index, fall in enumerate(scores)]


def alarm_spans(windows: list[Evidence], **policy: float) -> list[tuple[float, float]]:
    """Return from when to when (s) each alarm was on; the end of one that is still on is that of the windows."""
    spans = []
    said = zip(windows, verdicts(windows, **policy))
    for on, group in itertools.groupby(said, key=lambda pair: pair[1].state is AlarmState.ALARM):
        stamps = [window.stamp_ns for window, _ in group]
        if on:
            spans.append((stamps[0] / SECOND_NS, stamps[-1] / SECOND_NS))
    return spans
