"""An int8 model stands for the float one: its verdicts, its bytes in, its card; what can't be quantised is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs the extra quantise")
import onnx
from capture_maker import make_capture
from onnx import numpy_helper
from tiny_model import write_tiny_model

from har_ros.cli import main
from har_ros.core.errors import HarError
from har_ros.core.model_card import ENCODER_FILE, HEAD_FILE, load_card
from har_ros.core.resources import find_model
from har_ros.dataset.frames import spread_frames
from har_ros.dataset.writer import write_capture
from har_ros.inference.model import HarModel
from har_ros.inference.quantise import quantise_model

SIZE_PX = 224


def pictures(count: int, seed: int) -> Iterator[np.ndarray]:
    """Yield smooth random pictures, whose features spread as those of real ones do."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        coarse = rng.integers(0, 256, (9, 12, 3), np.uint8)
        yield np.asarray(cv2.resize(coarse, (SIZE_PX, SIZE_PX), interpolation=cv2.INTER_CUBIC))


@pytest.fixture(scope="module")
def quantised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("int8") / "paper-int8"
    quantise_model(find_model("paper"), out, pictures(8, seed=1), "smooth pictures")
    return out


def test_its_features_and_verdicts_are_those_of_the_float_model(quantised: Path) -> None:
    before, after = HarModel(find_model("paper")), HarModel(quantised)
    imu = np.random.default_rng(2).normal((0, 0, 9.8), 1, (30, 3)).astype(np.float32)
    differences, sure = [], 0
    for picture in pictures(8, seed=3):
        features = []
        for model in (before, after):
            model.encoder.put(picture)
            model.encoder.run()
            features.append(model.encoder.feature.copy())
        assert np.corrcoef(features)[0, 1] > 0.99
        window = np.repeat(picture[None], 30, axis=0)
        verdicts = [model.classify_frames(window, imu).probabilities for model in (before, after)]
        differences.append(np.abs(verdicts[1] - verdicts[0]).max())
        if verdicts[0].max() > 0.6:  # what is nearly a tie may go either way
            sure += 1
            assert verdicts[0].argmax() == verdicts[1].argmax()
    assert sure > 0 and np.mean(differences) < 0.1


def test_bytes_go_straight_into_the_first_convolution(quantised: Path) -> None:
    graph = onnx.load(quantised / ENCODER_FILE).graph
    [transpose] = [node for node in graph.node if "frames" in node.input]
    [dequantise] = [node for node in graph.node if transpose.output[0] in node.input]
    [convolution] = [node for node in graph.node if dequantise.output[0] in node.input]
    assert (transpose.op_type, dequantise.op_type, convolution.op_type) == ("Transpose", "DequantizeLinear", "Conv")
    constants = {entry.name: numpy_helper.to_array(entry) for entry in graph.initializer}
    assert constants[dequantise.input[1]] == 1
    assert not {"Cast", "Sub", "Clip"} & {node.op_type for node in graph.node}
    weights = [value for name, value in constants.items() if value.dtype == np.int8 and "zero_point" not in name]
    assert len(weights) > 50
    assert max(int(np.abs(weight.astype(int)).max()) for weight in weights) <= 64, "pairs would overflow without VNNI"


def test_the_card_says_what_was_done(quantised: Path) -> None:
    before, after = load_card(find_model("paper")), load_card(quantised)
    assert after.name == "paper-int8"
    assert after.sha256[HEAD_FILE] == before.sha256[HEAD_FILE]
    assert after.sha256[ENCODER_FILE] != before.sha256[ENCODER_FILE]
    record = after.training["quantised"]
    assert record["from"] == {"name": "paper", "identity": before.identity}
    assert (record["calibrated_on"], record["calibration_frames"]) == ("smooth pictures", 8)
    assert "validation" not in after.metrics, "those figures are another model's"
    assert after.metrics["before_quantising"].keys() == before.metrics.keys()
    assert 0 < after.metrics["quantising"]["feature_difference"] < 0.2
    assert after.metrics["quantising"]["bytes"][ENCODER_FILE] < (find_model("paper") / ENCODER_FILE).stat().st_size / 3


def test_the_command_calibrates_on_a_dataset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    for index in range(3):
        write_capture(tmp_path / "set", make_capture("WALK", seed=index), start + timedelta(seconds=index))
    out = tmp_path / "small"
    assert main(["quantise", "paper", "--calibrate", str(tmp_path / "set"), "--out", str(out), "--frames", "4"]) == 0
    assert "int8, features within" in capsys.readouterr().out
    assert load_card(out).training["quantised"]["calibration_frames"] == 6, "three of each capture that is needed"


def test_frames_are_spread_over_the_captures(tmp_path: Path) -> None:
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    for index, label in enumerate(("SITTING", "STAND", "WALK")):
        write_capture(tmp_path, make_capture(label, seed=index), start)
    frames = list(spread_frames(tmp_path, 6, 64))
    assert len(frames) == 6 and frames[0].shape == (64, 64, 3)
    first, last = (make_capture(label, seed=index) for index, label in ((0, "SITTING"), (2, "WALK")))
    assert np.abs(frames[0][0, 0].astype(int) - first.frames[0][0, 0]).max() < 12, "JPEG changes a little"
    assert np.abs(frames[5][0, 0].astype(int) - last.frames[29][0, 0]).max() < 12


def test_what_can_not_be_quantised_is_refused(quantised: Path, tmp_path: Path) -> None:
    paper = find_model("paper")
    refused = (
        (quantised, pictures(1, 0), tmp_path / "a", "is int8 already"),
        (write_tiny_model(tmp_path / "tiny"), pictures(1, 0), tmp_path / "b", "does not begin as"),
        (paper, iter(()), tmp_path / "c", "no frames to calibrate on"),
        (paper, pictures(1, 0), paper, "is the model itself"),
        (tmp_path, pictures(1, 0), tmp_path / "d", "no model in"),
    )
    for source, frames, out, sentence in refused:
        with pytest.raises(HarError, match=sentence):
            quantise_model(source, out, frames, "nothing")
        assert out == paper or not out.exists()
    with pytest.raises(HarError, match="holds no captures"):
        next(spread_frames(tmp_path, 3, 64))
