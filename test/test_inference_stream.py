"""Streaming gives the verdict of the whole-window network, copies nothing, and may skip what doesn't move."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs onnx to write a model")
from tiny_model import write_tiny_model

from har_ros.core.decision import AlarmMonitor, AlarmPolicy, AlarmState, AnomalyVerdict
from har_ros.core.errors import HarError
from har_ros.core.evidence import Evidence
from har_ros.core.imu_steps import IMU_READINGS, imu_steps
from har_ros.core.labels import Activity
from har_ros.core.model_card import MODALITIES
from har_ros.core.preprocess import normalise_imu, to_model_frame
from har_ros.core.resources import find_model
from har_ros.dataset.capture import Capture, CaptureMeta
from har_ros.evaluation.classify import classify_capture
from har_ros.inference.model import Answer, HarModel
from har_ros.inference.motion_gate import MotionGate
from har_ros.inference.recogniser import Recognition, StreamingRecogniser
from har_ros.nodes.capture_builder import CaptureBuilder, Sample

START_NS = 1_700_000_000_000_000_000


def recogniser(model: HarModel, gate: MotionGate | None = None) -> StreamingRecogniser:
    return StreamingRecogniser(model, AlarmMonitor(AlarmPolicy()), gate)


def person(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return camera pictures (count, 120, 160, 3): coarse colours that change, so that no two are alike."""
    coarse = rng.integers(0, 230, (count, 6, 8, 3), np.uint8)
    return np.stack([cv2.resize(picture, (160, 120), interpolation=cv2.INTER_CUBIC) for picture in coarse])


def feed(stream: StreamingRecogniser, stamp_ns: int, picture: np.ndarray, accel: np.ndarray) -> Recognition | None:
    stream.add_imu(stamp_ns, accel)
    return stream.add_frame(stamp_ns, picture)


def whole_window(model: HarModel, pictures: np.ndarray, accels: np.ndarray) -> Answer:
    """Return what the naive network says of 30 pictures, and of as many samples (3,) a step or (n, 3)."""
    card = model.card
    frames = np.stack([to_model_frame(picture, card.frame_size_px) for picture in pictures])
    samples = accels.reshape(-1, 3)
    edges = np.arange(31) * (len(samples) // 30)
    values, _ = imu_steps(card.imu_channels, np.arange(1, len(samples) + 1), samples, edges)
    imu = normalise_imu(values, np.array(card.imu_mean, np.float32), np.array(card.imu_std, np.float32))
    return model.classify_frames(frames, imu)


@pytest.mark.parametrize("name", ["edge", "paper", "tiny"])
def test_streaming_equals_the_naive_network_on_each_window(name: str, tmp_path: Path) -> None:
    model = HarModel(write_tiny_model(tmp_path / "tiny") if name == "tiny" else find_model(name))
    looks = range(29, 95) if name == "tiny" else (29, 30, 44, 59, 60, 64)
    rng = np.random.default_rng(2)
    pictures = person(rng, max(looks) + 1)
    accels = rng.normal((0, 0, 9.8), 3, (len(pictures), 3, 3)).astype(np.float32)  # three samples a step
    stream = recogniser(model)
    for step, (picture, samples) in enumerate(zip(pictures, accels)):
        stamp_ns = START_NS + step * 33_333_333
        for sample, behind_ns in zip(samples, (20_000_000, 10_000_000, 0)):
            stream.add_imu(stamp_ns - behind_ns, sample)
        verdict = stream.add_frame(stamp_ns, picture)
        if step not in looks:
            continue
        window = slice(step - 29, step + 1)
        expected = whole_window(model, pictures[window], accels[window])
        assert verdict is not None and verdict.modalities == MODALITIES
        np.testing.assert_allclose(verdict.activity.probabilities, expected.probabilities, rtol=0, atol=1e-6)
        assert list(verdict.novelty) == list(model.card.novelty)
        np.testing.assert_allclose(list(verdict.novelty.values()), expected.novelty, rtol=1e-5)
        assert verdict.activity.probabilities.argmax() == expected.probabilities.argmax()


def test_a_slow_cameras_frame_fills_as_many_steps_as_it_lasts(tmp_path: Path) -> None:
    model = HarModel(write_tiny_model(tmp_path / "tiny"))
    rng = np.random.default_rng(3)
    pictures = person(rng, 16)
    stream, accel = recogniser(model), np.array((1, 2, 9), np.float32)
    for step, picture in enumerate(pictures):
        stamp_ns = START_NS + step * 66_666_667
        stream.add_imu(stamp_ns - 1_000_000, accel)
        verdict = feed(stream, stamp_ns, picture, accel)
    assert verdict is not None
    expected = whole_window(model, np.repeat(pictures[1:], 2, axis=0), np.tile(accel, (30, 1))).probabilities
    np.testing.assert_allclose(verdict.activity.probabilities, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("rate_hz", [10, 15, 30])
@pytest.mark.parametrize("name", ["edge", "paper"])
def test_a_recorded_second_is_judged_as_it_was_live(name: str, rate_hz: int) -> None:
    """A slow camera's picture stands for several steps, each with the accelerometer's values of its own time."""
    model = HarModel(find_model(name))
    rng = np.random.default_rng(5)
    stream, builder, recorded, sample_ns = recogniser(model), CaptureBuilder(slop_s=0.05), [], START_NS - 200_000_000
    for frame, picture in enumerate(person(rng, 2 * rate_hz + 1)):
        stamp_ns = START_NS + frame * 1_000_000_000 // rate_hz
        while sample_ns <= stamp_ns + 5_000_000:  # its nearest one is among them, as among pairs
            sample = Sample(sample_ns, rng.normal((0, 0, 9.8), 3).astype(np.float32), None)
            builder.add_sample(sample)
            stream.add_imu(sample_ns, sample.accel_mps2)
            sample_ns += 10_000_000
        verdict = stream.add_frame(stamp_ns, picture)
        if steps := builder.add_picture(stamp_ns, picture):
            recorded.append((steps, verdict))
    steps, verdict = recorded[-1]
    capture = Capture(
        meta=CaptureMeta(Activity.WALK),
        frames=np.stack(steps.pictures),
        frame_stamps_ns=np.array(steps.stamps_ns),
        readings_mps2=np.stack([sample.accel_mps2 for sample in steps.nearest]),
        imu_stamps_ns=np.array([sample.stamp_ns for sample in steps.samples]),
        imu_accel_mps2=np.stack([sample.accel_mps2 for sample in steps.samples]),
    )
    assert len(recorded) == 2 and verdict is not None, "the first one ends within what its last picture stands for"
    judged = classify_capture(model, capture)
    np.testing.assert_allclose(judged.probabilities, verdict.activity.probabilities, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(capture.imu_steps(IMU_READINGS), capture.readings_mps2)


def test_cameras_that_share_a_model_do_not_mix(tmp_path: Path) -> None:
    shared, own = (HarModel(write_tiny_model(tmp_path / "tiny")) for _ in range(2))
    rng = np.random.default_rng(4)
    left, right = person(rng, 40), person(rng, 40)
    accel = np.array((0, 0, 9.8), np.float32)
    streams, alone = (recogniser(shared, MotionGate(0.5)), recogniser(shared)), recogniser(own)
    for step in range(40):
        stamp_ns = START_NS + step * 33_333_333
        ours = [feed(stream, stamp_ns, pictures[step], accel) for stream, pictures in zip(streams, (left, right))]
        expected = feed(alone, stamp_ns, left[step], accel)
        if expected is None:
            continue
        assert ours[0] is not None and ours[1] is not None
        np.testing.assert_array_equal(ours[0].activity.probabilities, expected.activity.probabilities)
        assert (ours[1].activity.probabilities != expected.activity.probabilities).any()


def test_a_step_allocates_no_picture_and_no_window() -> None:
    model = HarModel(find_model("paper"))
    pictures = person(np.random.default_rng(5), 40)
    stream, accel = recogniser(model), np.array((0, 0, 9.8), np.float32)
    for step in range(32):
        feed(stream, START_NS + step * 33_333_333, pictures[step], accel)
    tracemalloc.start()
    for step in range(32, 40):
        assert feed(stream, START_NS + step * 33_333_333, pictures[step], accel) is not None
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 4 * model.card.steps * model.card.feature_size, "a window's features, or more"


def test_another_kind_of_image_is_refused_and_not_taken_for_the_last_one(tmp_path: Path) -> None:
    model = HarModel(write_tiny_model(tmp_path / "tiny"))
    stream, accel = recogniser(model), np.array((0, 0, 9.8), np.float32)
    odd = (np.zeros((48, 64), np.uint8), np.zeros((48, 64, 3), np.uint16), np.zeros((48, 64, 4), np.uint8))
    for step, picture in enumerate(odd):
        with pytest.raises(HarError, match="must be \\(H, W, 3\\) uint8 BGR"):
            feed(stream, START_NS + step * 33_333_333, picture, accel)


def test_other_thresholds_leave_the_first_model_alone(tmp_path: Path) -> None:
    model = HarModel(write_tiny_model(tmp_path / "tiny"))
    strict = model.with_card(replace(model.card, thresholds={**model.card.thresholds, "min_confidence": 1.0}))
    assert model.card.thresholds["min_confidence"] == 0.5
    pictures, accel = person(np.random.default_rng(6), 30), np.array((0, 0, 9.8), np.float32)
    verdicts = {}
    for each in (model, strict):
        stream = recogniser(each)
        for step, picture in enumerate(pictures):
            verdicts[each] = feed(stream, START_NS + step * 33_333_333, picture, accel)
    first, second = verdicts[model], verdicts[strict]
    assert first is not None and second is not None
    np.testing.assert_array_equal(first.activity.probabilities, second.activity.probabilities)
    assert second.activity.label == "unknown"


class Listening(AlarmMonitor):
    """Keeps what it was told of each window."""

    def update(self, evidence: Evidence) -> AnomalyVerdict:
        self.heard = evidence
        return super().update(evidence)


@pytest.mark.parametrize(
    ("level", "min_confidence", "normal"),
    [(200, 0.0, True), (200, 1.0, False), (5, 0.0, False)],
    ids=["told", "unknown", "a fall"],
)
def test_the_alarm_hears_whether_something_normal_was_told(
    tmp_path: Path, level: int, min_confidence: float, normal: bool
) -> None:
    model = HarModel(write_tiny_model(tmp_path / "tiny", favour_dark="FALL_OR_COLLAPSE"))
    model = model.with_card(replace(model.card, thresholds={**model.card.thresholds, "min_confidence": min_confidence}))
    alarm, rest = Listening(AlarmPolicy()), np.array((0, 0, 9.8), np.float32)
    stream = StreamingRecogniser(model, alarm)
    for step in range(30):
        feed(stream, START_NS + step * 33_333_333, np.full((120, 160, 3), level, np.uint8), rest)
    assert alarm.heard.told_normal is normal


def test_the_gate_lets_pass_what_moves_and_what_drifts() -> None:
    gate = MotionGate(4.0)
    frame = np.full((224, 224, 3), 100, np.uint8)
    assert not gate.still(frame), "the first frame"
    assert gate.still(frame + np.uint8(4)), "noise of the lighting"
    hand = frame.copy()
    hand[64:80, 32:48] += 60
    assert not gate.still(hand), "a hand moved"
    assert gate.still(hand)
    for level in range(1, 5):
        assert gate.still(hand + np.uint8(level))
    assert not gate.still(hand + np.uint8(5)), "small changes add up"
    gate.forget()
    assert not gate.still(hand + np.uint8(5)), "nothing to compare with"
    assert (gate.seen, gate.skipped) == (10, 6)


def test_a_gated_stream_keeps_the_verdict_while_nothing_moves(tmp_path: Path) -> None:
    model = HarModel(write_tiny_model(tmp_path / "tiny"))
    gate = MotionGate(2.0)
    gated, plain = recogniser(model, gate), recogniser(model)
    pictures = person(np.random.default_rng(7), 2)[[0] * 35 + [1] * 35]
    accel = np.array((0, 0, 9.8), np.float32)
    for step, picture in enumerate(pictures):
        stamp_ns = START_NS + step * 33_333_333
        one, other = feed(gated, stamp_ns, picture, accel), feed(plain, stamp_ns, picture, accel)
        assert (one is None) == (other is None)
        if one is not None and other is not None:
            np.testing.assert_array_equal(one.activity.probabilities, other.activity.probabilities)
    assert (gate.seen, gate.skipped) == (70, 68)


@pytest.mark.parametrize(
    ("impact", "hole_s", "raised"),
    [(False, 0.0, False), (True, 0.0, True), (True, 0.24, True), (False, 0.24, True)],
    ids=["none", "felt", "in a hole", "only a hole"],
)
def test_a_fall_must_be_felt_unless_the_sensor_was_away(
    tmp_path: Path, impact: bool, hole_s: float, raised: bool
) -> None:
    stream = recogniser(HarModel(write_tiny_model(tmp_path / "tiny", favour_dark="FALL_OR_COLLAPSE")))
    rng, alarms = np.random.default_rng(0), []
    for step in range(150):
        for sample in range(3):
            t_s = step / 30 + sample / 100
            hits = impact and 3.0 <= t_s < 3.06
            if not 2.9 <= t_s < 2.9 + hole_s:
                accel = rng.normal((0, 0, 25.0 if hits else 9.8), 0.2).astype(np.float32)
                stream.add_imu(START_NS + round(t_s * 1e9), accel)
        falls = step >= 80
        picture = np.full((120, 160, 3), 5 if falls else 200, np.uint8)
        verdict = stream.add_frame(START_NS + round((step / 30 + 0.021) * 1e9), picture)
        if verdict is not None:
            alarms.append(verdict.anomaly.state is AlarmState.ALARM)
    assert any(alarms) == raised
    assert not any(alarms[:40])
