"""`har bench` measures what it says; judged are its method and only the most generous of ratios."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnx", reason="needs the extra quantise")
from capture_maker import make_capture

from har_ros.benchmark import peaks
from har_ros.benchmark.profile import PARTS, WHOLE
from har_ros.benchmark.timing import interleave
from har_ros.cli import main
from har_ros.core.labels import LABELS
from har_ros.core.model_card import ENCODER_FILE, load_card
from har_ros.core.resources import find_model
from har_ros.dataset.writer import write_capture


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """One short run on the shipped models, which take pictures of different sizes; returns figures and page."""
    folder = tmp_path_factory.mktemp("bench")
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    for index, label in enumerate((*LABELS[:2], "OTHER")):
        write_capture(folder / "set", make_capture(label, seed=index), start + timedelta(seconds=index))
    words = ["bench", "--only", "model", "--captures", str(folder / "set"), "--rounds", "2"]
    assert main([*words, "--json", str(folder / "figures.json"), "--page", str(folder / "page.md")]) == 0
    return json.loads((folder / "figures.json").read_text()), (folder / "page.md").read_text()


def test_streaming_equals_and_beats_the_naive_way(measured: tuple[dict[str, Any], str]) -> None:
    model = measured[0]["model"]
    assert model["max_abs_diff"] <= 1e-6
    assert model["ratio"]["stream_fp32"] > 8, "30 are to be had"
    assert model["ratio"]["stream_edge"] > 16, "80 are to be had"
    assert set(model["ms"]) >= {"naive", "naive_2_threads", "stream_fp32", "stream_int8", "encoder_int8", "head"}
    assert model["stride"]["30"]["stream_fp32"] == pytest.approx(model["ratio"]["stream_fp32"] / 30)
    assert {"head_int8", "head_edge"} <= set(model["ms"])
    assert set(model["gate"]) == {"fp32", "int8", "edge"}
    for gate in model["gate"].values():
        assert gate["skip_rate"] < 0.1, "these pictures change colour with each frame"
    assert 0 <= model["verdicts"]["int8"]["same_verdict"] <= 1


def test_a_steps_parts_make_up_the_whole(measured: tuple[dict[str, Any], str]) -> None:
    figures, page = measured
    for name, paces in figures["model"]["step_us"].items():
        assert set(paces) == {"back_to_back", "paced"}
        for us in paces.values():
            parts_us = [us[part] for part in PARTS]
            assert all(part_us > 0 for part_us in parts_us)
            assert sum(parts_us) == pytest.approx(us[WHOLE], rel=0.2), "medians, whose sum is about the sum's median"
            assert us["encoder"] == max(parts_us)
        assert f"| {name}, back to back | {name}, paced |" in page
        whole_ms = figures["model"]["ms"][f"stream_{name}"]
        assert paces["back_to_back"][WHOLE] / 1e3 == pytest.approx(whole_ms, rel=1), "the same step"


def test_the_network_stays_below_the_measured_peak(measured: tuple[dict[str, Any], str]) -> None:
    peak = measured[0]["peak"]
    assert 0.02 < peak["fp32_fraction"] < 1
    assert peak["int8_fraction"] is None or 0.02 < peak["int8_fraction"] < 1
    assert peak["multiply_adds"]["int8"] == peak["multiply_adds"]["fp32"]


def test_the_page_holds_the_figures_and_says_how_they_came_about(measured: tuple[dict[str, Any], str]) -> None:
    figures, page = measured
    assert "`har bench --only model --captures set --rounds 2`" in page
    for name in figures["model"]["ms"]:
        assert f"| {name} |" in page
    assert f"fp32 {load_card(find_model('paper')).identity}, int8 " in figures["environment"]["models"]
    where = figures["environment"]
    for text in (where["processor"], where["models"], figures["peak"]["how"], "640 x 480 raw", "onnxruntime int8"):
        assert text in page


def test_multiply_adds_are_counted() -> None:
    # MobileNetV2 1.0 at 224: 300 million in its paper, table 4, with the classifier's 1280 x 1000
    work = peaks.multiply_adds(find_model("paper") / ENCODER_FILE)
    assert work - 1280 * 128 + 1280 * 1000 == pytest.approx(300e6, rel=0.005)


def test_without_a_compiler_the_peak_is_a_lower_bound_and_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = peaks.peak_kernels()
    assert set(found.kernels) == {"fp32"} and found.kernels["fp32"]() == 2 * 512**3
    assert found.how.startswith("no C compiler here: numpy's matrix product")


def test_cases_take_turns_and_slow_ones_are_told_from_fast_ones() -> None:
    order: list[str] = []

    def slow() -> None:
        order.append("slow")
        time.sleep(0.06)

    def fast() -> None:
        order.append("fast")
        time.sleep(0.01)

    timings = interleave({"slow": slow, "fast": fast}, rounds=3)
    turns = [name for name, before in zip(order, ["", *order]) if name != before]
    assert turns == ["slow", "fast"] * 4, "a warm-up, then three rounds"
    assert timings["slow"].calls == 3 and timings["fast"].calls >= 3
    assert timings["slow"].least_ms >= 60 and timings["fast"].least_ms >= 10
    assert timings["slow"].median_ms > timings["fast"].median_ms


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--rounds", "0"], "--rounds is 0; give a number from 1 to 1000"),
        (["--model", "nobody"], "there is no model 'nobody'"),
        (["--also", "nobody"], "there is no model 'nobody'"),
        (["--also", "edge", "edge"], "two models are called 'edge' here; copy one to a folder of another name"),
        (["--model", "edge"], "edge' is no float model, which comparing begins with; use --also, or --only"),
        (["--json", "/nowhere/figures.json"], "can't write '/nowhere/figures.json' (No such file or directory)"),
        (["--page", "/"], "'/' is a folder; give a file"),
        (["--tflite", "/nowhere.tflite"], "there is no file '/nowhere.tflite'"),
        (["--captures", "/nowhere"], "give a dataset's folder"),
    ],
)
def test_bad_options_are_refused_before_anything_is_done(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "--only", "model", *words]) == 1
    said = capsys.readouterr().err
    assert sentence in said and len(said.splitlines()) == 1, "no word of simulating or measuring"


def test_a_model_must_not_take_the_name_of_the_first_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(find_model("edge"), tmp_path / "int8")
    assert main(["bench", "--also", str(tmp_path / "int8")]) == 1
    assert "two models are called 'int8' here; copy one to a folder of another name" in capsys.readouterr().err


def test_without_onnx_the_command_explains_itself_and_says_what_to_install() -> None:
    """The package onnx, of the extra quantise, is not in what `make setup` installs."""
    words = [["bench", "--help"], ["bench", "--only", "model"]]
    for arguments, code, sentence in zip(words, (0, 1), ("examples:", "this needs 'onnx'; ")):
        script = f"import sys; sys.modules['onnx'] = None; from har_ros.cli import main; sys.exit(main({arguments}))"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == code and sentence in done.stdout + done.stderr, done.stderr
