"""What streaming, int8 and the motion gate change in the verdicts, on captures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from har_ros.core.alarm_policy import AlarmPolicy
from har_ros.core.decision import AlarmMonitor
from har_ros.dataset.capture import Capture
from har_ros.inference.model import HarModel
from har_ros.inference.motion_gate import MotionGate
from har_ros.inference.naive import NaiveRecogniser
from har_ros.inference.recogniser import StreamingRecogniser

GATE_LEVELS = 6.0
_PERIOD_NS = 33_333_333
_EQUAL_STEPS = 12  # windows that are compared with the naive network's


def greatest_difference(model: HarModel, captures: Sequence[Capture]) -> float:
    """Return how far streaming is from the naive network at the most, over windows of one long sequence."""
    naive, recogniser = NaiveRecogniser(model), StreamingRecogniser(model, AlarmMonitor(AlarmPolicy()))
    steps = [step for capture in captures[:2] for step in zip(capture.frames, capture.readings_mps2)]
    greatest = 0.0
    for number, (picture, accel) in enumerate(steps[: model.card.steps + _EQUAL_STEPS]):
        recogniser.add_imu((number + 1) * _PERIOD_NS, accel)
        verdict = recogniser.add_frame((number + 1) * _PERIOD_NS, picture)
        expected = naive.add(picture, accel)
        if verdict is not None and expected is not None:
            greatest = max(greatest, float(np.abs(verdict.activity.probabilities - expected).max()))
    return greatest


def compare_models(reference: HarModel, model: HarModel, captures: Sequence[Capture]) -> dict[str, float]:
    """Return how a model's verdicts on captures compare with the reference's and with the truth."""
    before, after = (np.array([_verdict(each, capture) for capture in captures]) for each in (reference, model))
    return _compare(before, after, captures, reference.card.labels)


def compare_gate(model: HarModel, captures: Sequence[Capture]) -> dict[str, float]:
    """Return how often the motion gate skips the encoder on captures, and what that costs."""
    gates = [MotionGate(GATE_LEVELS) for _ in captures]
    gated = np.array([_verdict(model, capture, gate) for capture, gate in zip(captures, gates)])
    plain = np.array([_verdict(model, capture) for capture in captures])
    skip_rate = sum(gate.skipped for gate in gates) / sum(gate.seen for gate in gates)
    costs = _compare(plain, gated, captures, model.card.labels)
    return {"threshold_levels": GATE_LEVELS, "skip_rate": skip_rate, **costs}


def _compare(
    ours: NDArray[np.float32], theirs: NDArray[np.float32], captures: Sequence[Capture], labels: Sequence[str]
) -> dict[str, float]:
    truths = np.array([labels.index(capture.label) for capture in captures])
    return {
        "captures": len(captures),
        "same_verdict": float((ours.argmax(1) == theirs.argmax(1)).mean()),
        "max_probability_difference": float(np.abs(ours - theirs).max()),
        "accuracy": float((theirs.argmax(1) == truths).mean()),
        "accuracy_before": float((ours.argmax(1) == truths).mean()),
    }


def _verdict(model: HarModel, capture: Capture, gate: MotionGate | None = None) -> NDArray[np.float32]:
    recogniser = StreamingRecogniser(model, AlarmMonitor(AlarmPolicy()), gate)
    verdict = None
    for number, (picture, accel) in enumerate(zip(capture.frames, capture.readings_mps2)):
        recogniser.add_imu((number + 1) * _PERIOD_NS, accel)
        verdict = recogniser.add_frame((number + 1) * _PERIOD_NS, picture)
    assert verdict is not None, "a capture has 30 frames"
    return verdict.activity.probabilities
