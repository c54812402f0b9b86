"""`har bench` on the running system, in short: what it says of latency, losses and several cameras, and its page."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2, or the extra ros-jazzy")
pytest.importorskip("onnx", reason="needs onnx to write a model")
from capture_maker import make_capture
from tiny_model import write_tiny_model

from har_ros.bench_cameras import benchmark_cameras
from har_ros.benchmark.page import make_page
from har_ros.cli import main
from har_ros.core.labels import LABELS
from har_ros.dataset.writer import write_capture

SECONDS = 5


@pytest.mark.parametrize("cases", [("camera+imu",), ("camera+imu", "camera", "imu")], ids=len)
def test_the_graphs_latency_is_measured_and_every_picture_accounted_for(
    cases: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ROS_LOG_DIR", str(tmp_path / "log"))
    write_capture(tmp_path / "set", make_capture(LABELS[0]), datetime(2026, 1, 1, tzinfo=timezone.utc))
    model = write_tiny_model(tmp_path / "model", cases=cases)
    monkeypatch.setitem(sys.modules, "onnx", None)  # as where the extra quantise isn't installed
    words = ["bench", "--only", "graph", "--model", str(model), "--captures", str(tmp_path / "set")]
    assert main([*words, "--seconds", str(SECONDS), "--json", str(tmp_path / "figures.json")]) == 0
    graph = json.loads((tmp_path / "figures.json").read_text())["graph"]
    assert graph["model"] == "model"
    assert graph["latency_ms"] == graph["latency_ms_of_models"]["model"]
    assert SECONDS <= graph["seconds"] < SECONDS + 1
    for run in (graph, graph["composed"]):
        latency = run["latency_ms"]
        assert 0 < latency["p50"] <= latency["p95"] <= latency["p99"] < 1000
        assert 30 <= latency["verdicts"] <= 30 * run["seconds"] + 1, "never more than there were pictures"
        assert set(run["frames_reported"]) == {"images_before", "lost_images", "unpaired", "skipped", "dropped"}
        published = 30 * (SECONDS + 5)  # before the time, in it and after it; a crowded camera comes late
        assert 0.9 * published <= run["frames"] <= published
        assert run["frames"] == run["frames_judged"] + sum(run["frames_reported"].values()), "published"
        assert run["frames_lost"] == 0
    nodes = {"camera", "imu_bridge", "fusion"}
    assert set(graph["cpu_percent"]) == {*nodes, "fake_imu", "all nodes"}
    assert graph["cpu_percent"]["all nodes"] == pytest.approx(sum(graph["cpu_percent"][node] for node in nodes))
    assert all(20 < graph["rss_mb"][node] < 500 for node in nodes)
    assert all(abs(graph["rss_growth_mb"][node]) < 50 for node in nodes)
    for node in nodes:
        first, *_, last = tenths = graph["rss_mb_each_tenth"][node]
        assert len(tenths) == 10
        assert (graph["rss_mb"][node], graph["rss_growth_mb"][node]) == (last, last - first)
    assert set(graph["composed"]["cpu_percent"]) == {"composed", "fake_imu", "all nodes"}
    assert graph["composed"]["rss_mb"]["composed"] < sum(graph["rss_mb"][node] for node in nodes)
    threads = graph["threads_percent"]
    assert sum(threads.values()) == pytest.approx(graph["cpu_percent"]["fusion"], rel=0.1, abs=1)
    assert all(threads[name] > 0 for name in ("main", "worker", "DDS"))
    assert 1 < graph["first_verdict_s"] < 30
    page = capsys.readouterr().out
    assert f"`har bench --only graph --model {model} --captures set --seconds {SECONDS}.0`" in page
    assert f"judged: {graph['frames_judged']};" in page and "lost without a word: 0." in page
    assert "| one process |" in page and "| worker |" in page


def test_a_run_that_is_broken_off_leaves_the_figures_it_has(tmp_path: Path) -> None:
    write_capture(tmp_path / "set", make_capture(LABELS[0]), datetime(2026, 1, 1, tzinfo=timezone.utc))
    figures = tmp_path / "figures.json"
    words = ["--model", write_tiny_model(tmp_path / "model"), "--captures", tmp_path / "set", "--json", figures]
    command = [sys.executable, "-m", "har_ros.cli", "bench", "--only", "graph", "--seconds", SECONDS, *words]
    environment = {**os.environ, "ROS_LOG_DIR": str(tmp_path / "log")}
    with subprocess.Popen([*map(str, command)], env=environment, stderr=subprocess.PIPE, text=True) as bench:
        end_s = time.monotonic() + 90
        while not figures.exists() and bench.poll() is None and time.monotonic() < end_s:
            time.sleep(0.1)
        bench.send_signal(signal.SIGINT)
        assert bench.stderr is not None and "Traceback" not in bench.stderr.read()
    assert bench.returncode == 130
    graph = json.loads(figures.read_text())["graph"]
    assert graph["latency_ms"]["p50"] > 0 and "composed" not in graph


def test_several_cameras_are_measured_and_stand_on_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROS_LOG_DIR", str(tmp_path / "log"))
    pictures = [np.full((48, 64, 3), level, np.uint8) for level in (60, 120)]
    cameras = benchmark_cameras(write_tiny_model(tmp_path / "model"), pictures, seconds=3, counts=(1, 2))
    assert [run["n"] for run in cameras] == [1, 2]
    for run in cameras:
        assert 0 < run["p50"] <= run["p99"] < 1000
        assert 5 < run["least_rate"] <= run["rate"] < 16.5, "of 15 pictures a second"
        assert 1 < run["cpu_percent"] < 200 and 20 < run["rss_mb"] < 500
        assert 1 < run["first_verdicts_s"] < 30
        assert run["verdicts"] == pytest.approx(run["n"] * run["rate"] * 3, rel=0.1)
    page = make_page({"environment": {}, "cameras_model": "tiny", "cameras": cameras}, "har bench")
    assert "## Several cameras" in page and f"| 2 | {cameras[1]['p50']:.3g} |" in page
