"""Simulated datasets: the same for a seed, resumed after a kill, with a log of what was rejected."""

import fcntl
import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from har_ros.cli import main
from har_ros.core.labels import ACTIVITIES, Activity
from har_ros.dataset.reader import find_captures, find_unfinished, read_capture, read_meta
from har_ros.simulation import stage as stages
from har_ros.simulation.clip import Clip, ClipMaker
from har_ros.simulation.generate import MANIFEST, REJECTED

SIZE = ("--width", "96", "--height", "72")


def simulate(out: Path, *options: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "har_ros.cli", "simulate", "--out", str(out), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def refusal(capsys):
    """Return a function that gives the one sentence with which an order is refused."""

    def refuse(out: Path, *options: str) -> str:
        assert main(["simulate", "--out", str(out), *options]) == 1
        errors = capsys.readouterr().err
        assert errors.count("\n") == 1
        return errors

    return refuse


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it didn't happen in time"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def maker() -> ClipMaker:
    return ClipMaker(96, 72)


def test_a_clip_is_the_same_whatever_was_made_before(maker):
    clip = Clip(11, Activity.FALL_OR_COLLAPSE, 0, subject=0)
    first, taken_at, rejects = maker.make(clip)
    maker.make(Clip(11, Activity.SITTING, 1, subject=1))
    second, *rest = maker.make(clip)
    assert [taken_at, rejects] == rest
    assert first.meta == second.meta
    for name in ("frames", "frame_stamps_ns", "readings_mps2", "imu_stamps_ns", "imu_accel_mps2", "imu_gyro_radps"):
        assert np.array_equal(getattr(first, name), getattr(second, name)), name
    other, *_ = maker.make(replace(clip, seed=12))
    assert not np.array_equal(first.frames, other.frames)


@pytest.mark.parametrize("activity", ACTIVITIES)
def test_a_capture_is_one_second_of_frames_and_readings(maker, activity):
    capture, *_ = maker.make(Clip(11, activity, 1, subject=1))
    frame_s, imu_s = capture.frame_stamps_ns / 1e9, capture.imu_stamps_ns / 1e9
    assert capture.label is activity
    assert 0.9 < np.ptp(frame_s) < 1.0
    assert np.diff(frame_s).min() > 0.02
    assert np.diff(frame_s).max() < 0.05
    assert np.allclose(np.diff(imu_s), 0.01, atol=1e-4)
    nearest = [np.abs(capture.imu_stamps_ns - stamp).argmin() for stamp in capture.frame_stamps_ns]
    assert np.array_equal(capture.readings_mps2, capture.imu_accel_mps2[nearest])
    assert np.abs(capture.imu_stamps_ns[nearest] - capture.frame_stamps_ns).max() <= 11e6
    assert capture.meta.subject == "sim-11-s001"
    assert (capture.meta.extra["scene"] == "car") == (capture.meta.extra["seat"] == "car")


def test_what_is_hardly_seen_is_rejected_and_drawn_again(maker, monkeypatch):
    monkeypatch.setattr(stages, "_LEAST_LONG_SHARE", 0.5)
    made = [maker.make(Clip(11, Activity.STAND, index, subject=0)) for index in range(3)]
    rejects = [reject for *_, of_clip in made for reject in of_clip]
    assert {reject.reason for reject in rejects} == {"too far away"}
    assert [capture.meta.extra["draft"] for capture, *_ in made] == [len(of_clip) for *_, of_clip in made]


@pytest.mark.timeout(480)
def test_a_killed_run_goes_on_where_it_stopped(tmp_path, refusal):
    options = ("--per-class", "2", "--seed", "3", "--subjects", "2", *SIZE)
    process = simulate(tmp_path, *options)
    try:
        wait_until(lambda: find_captures(tmp_path) or process.poll() is not None, 150)
        workers = children(process.pid)
    finally:
        process.kill()
        process.communicate(timeout=60)
    assert workers
    wait_until(lambda: not any(map(is_running, workers)), 60)
    before = {path: path.stat().st_mtime_ns for path in find_captures(tmp_path)}
    assert 1 <= len(before) < 12

    process = simulate(tmp_path, *options)
    said, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors
    assert f"{12 - len(before)} captures made" in said
    after = find_captures(tmp_path)
    metas = [read_meta(path) for path in after]
    assert Counter((meta.label, meta.extra["index"]) for meta in metas) == {
        (activity, index): 1 for activity in ACTIVITIES for index in range(2)
    }
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert find_unfinished(tmp_path) == []
    assert {meta.subject for meta in metas} == {"sim-3-s000", "sim-3-s001"}
    assert all(len(read_capture(path).frames) == 30 for path in after)
    assert json.loads((tmp_path / MANIFEST).read_text())["seed"] == 3
    drafts = {(meta.label.value, meta.extra["index"]): meta.extra["draft"] for meta in metas}
    logged = Counter((line["label"], line["index"]) for line in map(json.loads, (tmp_path / REJECTED).open()))
    assert logged.keys() <= drafts.keys()
    assert all(count <= drafts[clip] for clip, count in logged.items())

    assert "was begun with --seed 3" in refusal(tmp_path, *options, "--seed", "4")
    assert "give the same, or another folder" in refusal(tmp_path, *options, "--width", "100")


def test_bad_orders_are_refused_in_one_sentence(tmp_path, refusal):
    assert "--per-class is 0" in refusal(tmp_path / "new", "--per-class", "0")
    assert "--subjects" in refusal(tmp_path / "new", "--per-class", "1", "--subjects", "0")
    assert not (tmp_path / "new").exists()
    (tmp_path / "file").write_text("")
    assert "can't be written" in refusal(tmp_path / "file", "--per-class", "1")
    with (tmp_path / REJECTED).open("a") as log:
        fcntl.flock(log, fcntl.LOCK_EX)
        assert "another `har simulate` writes" in refusal(tmp_path, "--per-class", "1")
    (tmp_path / MANIFEST).write_text("{}")
    assert "is no manifest" in refusal(tmp_path, "--per-class", "1")
