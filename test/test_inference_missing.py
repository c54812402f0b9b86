"""A model that can go without camera or accelerometer: the verdicts go on, say what they rest on, and go back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs onnx to write a model")
from tiny_model import write_tiny_model

from har_ros.core.alarm_policy import AlarmPolicy
from har_ros.core.decision import AlarmMonitor, AlarmState
from har_ros.core.errors import HarError
from har_ros.inference.model import HarModel, WindowHead
from har_ros.inference.recogniser import Recognition, StreamingRecogniser

CASES = ("camera+imu", "camera", "imu")
SAMPLE_NS = 10_000_000
BOTH, CAMERA, IMU = ("camera", "imu"), ("camera",), ("imu",)


@pytest.fixture
def model(tmp_path: Path) -> HarModel:
    return HarModel(write_tiny_model(tmp_path / "tiny", cases=CASES))


def run(
    model: HarModel,
    seconds: float,
    no_camera: tuple[float, float] = (9, 9),
    no_imu: tuple[float, float] = (9, 9),
    dead_imu: tuple[float, float] = (9, 9),
    late_s: float = 0.0,
    fps: int = 30,
) -> list[tuple[float, Recognition]]:
    """Feed a stream with its samples and frames in the order of arrival, and return the verdicts and their times.

    Frames come `late_s` after they were taken; with no_camera none is taken. A dead accelerometer gives zeros.
    """
    stream = StreamingRecogniser(model, AlarmMonitor(AlarmPolicy()))
    rng = np.random.default_rng(0)
    events = [(at, "sample") for at in range(0, int(seconds * 1e9), SAMPLE_NS)]
    late_ns = round(late_s * 1e9)
    events += [(at, "frame") for at in range(max(late_ns, 0), int(seconds * 1e9), round(1e9 / fps))]
    verdicts = []
    for at_ns, kind in sorted(events, key=lambda event: (event[0], event[1] == "frame")):
        at_s = at_ns / 1e9
        verdict = None
        if kind == "sample" and not no_imu[0] <= at_s < no_imu[1]:
            felt = rng.normal((0, 0, 9.8), 1) if not dead_imu[0] <= at_s < dead_imu[1] else np.zeros(3)
            verdict = stream.add_imu(at_ns, felt.astype(np.float32))
        if kind == "frame" and not no_camera[0] <= at_s - late_s < no_camera[1]:
            verdict = stream.add_frame(at_ns - late_ns, rng.integers(0, 230, (24, 32, 3), np.uint8))
        if verdict is not None:
            verdicts.append((at_s, verdict))
    return verdicts


def spells(verdicts: list[tuple[float, Recognition]]) -> list[tuple[tuple[str, ...], float]]:
    """Return each change of what the verdicts rest on, and when."""
    found: list[tuple[tuple[str, ...], float]] = []
    for at_s, verdict in verdicts:
        if not found or found[-1][0] != verdict.modalities:
            found.append((verdict.modalities, at_s))
    return found


def longest_silence_s(verdicts: list[tuple[float, Recognition]]) -> float:
    return float(np.diff([at_s for at_s, _ in verdicts]).max())


def test_with_both_every_verdict_rests_on_both(model: HarModel) -> None:
    verdicts = run(model, 3)
    assert spells(verdicts) == [(BOTH, pytest.approx(29 / 30, abs=0.02))]
    assert longest_silence_s(verdicts) < 0.04


def test_a_lost_camera_is_done_without_and_taken_back(model: HarModel) -> None:
    verdicts = run(model, 5, no_camera=(2, 3))
    assert spells(verdicts) == [
        (BOTH, pytest.approx(0.97, abs=0.02)),
        (IMU, pytest.approx(2.18, abs=0.05)),  # LOST_S after the last frame
        (BOTH, pytest.approx(4.0, abs=0.05)),  # a whole window of frames
    ]
    assert longest_silence_s(verdicts) < 0.25


@pytest.mark.parametrize("fps", [15, 30])
@pytest.mark.parametrize("late_s", [0.1, 0.15, 0.2, 0.3])
def test_a_camera_that_is_always_late_is_there(model: HarModel, late_s: float, fps: int) -> None:
    verdicts = run(model, 7, no_camera=(3, 4), late_s=late_s, fps=fps)
    first, *later = spells([verdict for verdict in verdicts if verdict[0] > 1.3 + 2 * late_s])
    assert first[0] == BOTH and [modalities for modalities, _ in later] == [IMU, BOTH]
    assert later[0][1] == pytest.approx(3.2 + late_s, abs=0.1)
    assert longest_silence_s(verdicts) < 0.25 + late_s, "who comes back late has to catch up"


@pytest.mark.parametrize("late_s", [0.45, 0.9])
def test_a_camera_of_another_time_is_done_without(model: HarModel, late_s: float) -> None:
    verdicts = run(model, 5, late_s=late_s)
    assert verdicts[-1][0] > 4.9 and verdicts[-1][1].modalities == IMU
    assert longest_silence_s([each for each in verdicts if each[0] > 1.5]) < 0.1


def test_lost_samples_are_done_without_and_taken_back(model: HarModel) -> None:
    verdicts = run(model, 5, no_imu=(2, 3))
    assert spells(verdicts) == [
        (BOTH, pytest.approx(0.97, abs=0.02)),
        (CAMERA, pytest.approx(2.25, abs=0.05)),  # MAX_GAP_S after the last sample
        (BOTH, pytest.approx(3.97, abs=0.25)),
    ]
    assert longest_silence_s(verdicts) < 0.04


def test_a_dead_sensor_is_done_without_and_taken_back(model: HarModel) -> None:
    verdicts = run(model, 7, dead_imu=(2, 4))
    assert spells(verdicts) == [
        (BOTH, pytest.approx(0.97, abs=0.02)),
        (CAMERA, pytest.approx(2.8, abs=0.1)),
        (BOTH, pytest.approx(5.1, abs=0.1)),
    ]
    assert longest_silence_s(verdicts) < 0.04


def test_a_dead_sensor_alone_gives_no_verdict(model: HarModel) -> None:
    verdicts = run(model, 7, no_camera=(0, 7), dead_imu=(2, 4))
    assert not any(2.9 < at_s < 5 for at_s, _ in verdicts) and verdicts[-1][0] > 6.9


def test_a_model_that_needs_a_dead_sensor_gives_no_verdict(tmp_path: Path) -> None:
    verdicts = run(HarModel(write_tiny_model(tmp_path / "paper")), 7, dead_imu=(2, 4))
    assert spells(verdicts) == [(BOTH, pytest.approx(0.97, abs=0.05))]
    assert not any(2.9 < at_s < 5 for at_s, _ in verdicts) and verdicts[-1][0] > 6.9


@pytest.mark.parametrize(("missing", "left"), [("no_camera", IMU), ("no_imu", CAMERA)])
def test_one_alone_is_enough_from_the_start(model: HarModel, missing: str, left: tuple[str, ...]) -> None:
    verdicts = run(model, 3, **{missing: (0, 3)})
    assert spells(verdicts)[0][0] == left and verdicts[0][0] < 1.3
    assert longest_silence_s(verdicts) < 0.05


def test_samples_that_waited_together_get_one_verdict_on_the_newest_window(
    model: HarModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    samples = [(at_ns, rng.normal((0, 0, 9.8), 1).astype(np.float32)) for at_ns in range(0, 3 * 10**9, SAMPLE_NS)]
    stream = StreamingRecogniser(model, AlarmMonitor(AlarmPolicy()))
    *_, last = filter(None, [stream.add_imu(*sample) for sample in samples])
    calls: list[str | None] = []
    classify = WindowHead.classify
    monkeypatch.setattr(WindowHead, "classify", lambda head, case: calls.append(case) or classify(head, case))
    verdict = StreamingRecogniser(model, AlarmMonitor(AlarmPolicy())).add_samples(samples)
    assert verdict is not None and calls == ["imu"]
    assert (verdict.span, verdict.activity.label, verdict.novelty) == (last.span, last.activity.label, last.novelty)


def test_what_is_missing_does_not_matter(model: HarModel) -> None:
    rng = np.random.default_rng(1)
    frames, imu = rng.integers(0, 230, (30, 32, 32, 3), np.uint8), rng.normal(size=(30, 5)).astype(np.float32)
    other_frames, other_imu = frames[::-1].copy(), imu[::-1].copy()
    for case, same in (("camera", (frames, other_imu)), ("imu", (other_frames, imu))):
        first, second = model.classify_frames(frames, imu, case), model.classify_frames(*same, case)
        np.testing.assert_array_equal(first.probabilities, second.probabilities)
    both = model.classify_frames(frames, imu).probabilities
    assert (both != model.classify_frames(frames, other_imu).probabilities).any()


def test_a_model_that_needs_both_says_nothing_without_one(tmp_path: Path) -> None:
    model = HarModel(write_tiny_model(tmp_path / "strict"))
    for missing in ({"no_camera": (0, 3)}, {"no_imu": (0, 3)}):
        assert run(model, 3, **missing) == []


@pytest.mark.parametrize("name", ["energy", "distance"])
def test_a_strange_window_is_unknown(model: HarModel, name: str) -> None:
    _, normal = run(model, 2)[-1]
    assert normal.activity.label != "unknown" and normal.novelty == {"energy": pytest.approx(1, abs=1)}
    wary = model.with_card(
        replace(
            model.card,
            novelty={name: dict.fromkeys(CASES, -10.0)},
            thresholds={**model.card.thresholds, "min_confidence": 0.0},
        )
    )
    _, strange = run(wary, 2)[-1]
    assert (strange.activity.label, strange.activity.reason) == ("unknown", "unlike the training")
    doubtful = replace(wary.card, novelty={"reconstruction": dict.fromkeys(CASES, -10.0)})
    assert run(model.with_card(doubtful), 2)[-1][1].activity.label != "unknown", "that score tells of anomalies"


def test_how_sure_one_must_be_depends_on_what_is_there(model: HarModel) -> None:
    card = replace(model.card, novelty={"energy": dict.fromkeys(CASES, 1e3)})
    strict = model.with_card(replace(card, min_confidence={"camera": 1.0}))
    assert run(strict, 3)[-1][1].activity.label != "unknown"
    assert run(strict, 3, no_imu=(0, 3))[-1][1].activity.label == "unknown"
    thresholds = {**card.thresholds, "min_confidence": 1.0}
    bold = model.with_card(replace(card, thresholds=thresholds, min_confidence={"camera": 0.0}))
    assert run(bold, 3)[-1][1].activity.label == "unknown"
    assert run(bold, 3, no_imu=(0, 3))[-1][1].activity.label != "unknown"


def test_a_card_that_promises_more_than_the_head_takes_is_refused(tmp_path: Path) -> None:
    folder = write_tiny_model(tmp_path / "strict")
    card = HarModel(folder).card
    replace(card, temperature=dict.fromkeys(CASES, 1.0)).save(folder)
    with pytest.raises(HarError, match=r"takes \['features', 'imu'\], but a HAR model takes .*presence"):
        HarModel(folder)


def test_a_fall_that_only_the_camera_sees_is_an_alarm(tmp_path: Path) -> None:
    model = HarModel(write_tiny_model(tmp_path / "falls", favour="FALL_OR_COLLAPSE", cases=CASES))
    verdicts = run(model, 8, no_imu=(0, 8))
    assert verdicts[-1][1].modalities == CAMERA
    assert verdicts[-1][1].anomaly.state is AlarmState.ALARM
