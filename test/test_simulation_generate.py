"""Simulated datasets: the same for a seed, resumed after a kill, with a manifest and a log of what was rejected."""

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import har_ros
from har_ros.cli import main
from har_ros.core.labels import ACTIVITIES, LABELS, Activity
from har_ros.dataset.check import check_dataset
from har_ros.dataset.reader import find_captures, find_unfinished, read_capture, read_meta
from har_ros.simulation import stage as stages
from har_ros.simulation.clip import ClipMaker
from har_ros.simulation.generate import REJECTED
from har_ros.simulation.manifest import MANIFEST, claim
from har_ros.simulation.order import GROUPS, HARD_NEGATIVES, Clip, Order

SIZE = ("--width", "96", "--height", "72")


def simulate(*options: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "har_ros.cli", "simulate", *options, *SIZE]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


@pytest.fixture
def refusal(capsys):
    """Return a function that gives the one sentence with which an order is refused."""

    def refuse(*options: str) -> str:
        assert main(["simulate", *options]) == 1
        errors = capsys.readouterr().err
        assert errors.count("\n") == 1
        return errors

    return refuse


def children(pid: int) -> list[int]:
    """Return the processes that a process or one of its threads started."""
    texts = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(child) for text in texts for child in text.split()]


def renderers(pid: int) -> list[int]:
    """Return the worker processes of a run that have drawn something."""
    maps = {child: Path(f"/proc/{child}/maps") for child in children(pid)}
    return [child for child, path in maps.items() if path.exists() and "panda3d" in path.read_text()]


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


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def maker() -> ClipMaker:
    return ClipMaker(96, 72)


def test_a_clip_is_the_same_whatever_was_made_before(maker):
    clip = Clip(11, "FALL_OR_COLLAPSE", 0, subject=0)
    (first,), rejects = maker.make(clip)
    maker.make(Clip(11, "SITTING", 1, subject=1))
    (second,), again = maker.make(clip)
    assert rejects == again
    assert first.meta == second.meta
    for name in ("frames", "frame_stamps_ns", "readings_mps2", "imu_stamps_ns", "imu_accel_mps2", "imu_gyro_radps"):
        assert np.array_equal(getattr(first, name), getattr(second, name)), name
    (other,), _ = maker.make(replace(clip, seed=12))
    assert not np.array_equal(first.frames, other.frames)


@pytest.mark.parametrize("group", GROUPS)
def test_a_capture_is_one_second_of_frames_and_readings(maker, group):
    clip = Clip(11, group, 1, subject=1, mount="any")
    (capture, empty), _ = maker.make(clip, (True, False))
    frame_s, imu_s = capture.frame_stamps_ns / 1e9, capture.imu_stamps_ns / 1e9
    assert capture.label is clip.act.label
    assert 0.9 < np.ptp(frame_s) < 1.0
    assert np.diff(frame_s).min() > 0.02
    assert np.diff(frame_s).max() < 0.05
    assert 1 / 200 < np.median(np.diff(imu_s)) < 1 / 49
    nearest = [np.abs(capture.imu_stamps_ns - stamp).argmin() for stamp in capture.frame_stamps_ns]
    assert np.array_equal(capture.readings_mps2, capture.imu_accel_mps2[nearest])
    assert capture.meta.subject == "sim-11-s001"
    assert (capture.meta.extra["scene"] == "car") == clip.in_car
    assert capture.meta.extra["act"] == clip.act.name
    assert capture.meta.mount in ("waist", "chest", "wrist", "pocket")
    drowsy = capture.label is Activity.DRIVERS_DROWSINESS
    assert (sum(np.array(capture.meta.eyes_closed) > 0.7) >= 10) == drowsy  # longer than any blink
    assert not np.array_equal(capture.frames, empty.frames)
    assert empty.meta == capture.meta


def test_nothing_around_the_person_tells_the_activity(maker):
    shown = {activity: Clip(11, str(activity), 4, subject=4) for activity in ACTIVITIES}
    rooms = {}
    for activity, clip in shown.items():
        (empty,), _ = maker.make(clip, (False,))
        rooms.setdefault((clip.in_car, clip.with_chair), {})[activity] = empty.frames[0].astype(float)
    alike = [pictures for pictures in rooms.values() if len(pictures) > 1]
    assert alike
    for pictures in alike:
        first, *others = pictures.values()
        still = [np.abs(first - other)[36:].mean() for other in others]  # below: not the landscape beside a road
        assert max(still) < 8
    chairs = {activity: np.mean([Clip(1, str(activity), n, 0).with_chair for n in range(200)]) for activity in shown}
    assert chairs[Activity.WALK] == chairs[Activity.STAND] == chairs[Activity.JOGGING]
    assert abs(chairs[Activity.WALK] - chairs[Activity.FALL_OR_COLLAPSE]) < 0.1


def test_what_is_hardly_seen_is_rejected_and_drawn_again(maker, monkeypatch):
    monkeypatch.setattr(stages, "_LEAST_FREE_SHARE", 0.95)
    made = [maker.make(Clip(11, "FALL_OR_COLLAPSE", number, subject=0)) for number in range(3)]
    rejects = [reject for _, of_clip in made for reject in of_clip]
    assert "hidden" in {reject.reason for reject in rejects}
    assert [capture.meta.extra["draft"] for (capture,), _ in made] == [len(of_clip) for _, of_clip in made]


@pytest.mark.timeout(300)
def test_a_run_survives_kills_and_ctrl_c_and_is_the_same_as_one_without(tmp_path, refusal):
    order = ("--per-class", "2", "--seed", "3", "--subjects", "2")
    out, empty = tmp_path / "killed", tmp_path / "empty"
    options = ("--out", str(out), "--empty", str(empty), *order)

    process = simulate(*options)
    try:
        wait_until(lambda: find_captures(out) if out.exists() else process.poll() is not None, 150)
        workers = children(process.pid)
    finally:
        process.kill()
        process.communicate(timeout=60)
    assert workers
    wait_until(lambda: not any(map(is_running, workers)), 60)
    before = {path: path.stat().st_mtime_ns for path in find_captures(out)}
    assert 1 <= len(before) < 12
    assert [note for note in check_dataset(out)["warnings"] if "never came to its end" in note]

    process = simulate(*options)
    wait_until(lambda: len(find_captures(out)) > len(before) or process.poll() is not None, 150)
    os.killpg(process.pid, signal.SIGINT)
    said, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "")
    assert "the same command goes on from there" in said

    process = simulate(*options, "--jobs", "1")
    wait_until(lambda: renderers(process.pid) or process.poll() is not None, 150)
    for worker in renderers(process.pid):
        os.kill(worker, signal.SIGKILL)
    said, errors = process.communicate(timeout=200)
    assert (process.returncode, errors) == (0, "")
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert find_unfinished(out) == []
    assert check_dataset(out)["warnings"] == []

    whole = tmp_path / "whole"
    process = simulate("--out", str(whole), *order)
    _, errors = process.communicate(timeout=200)
    assert (process.returncode, errors) == (0, "")
    assert contents(whole) == contents(out)

    metas = [read_meta(path) for path in find_captures(out)]
    assert Counter((meta.label, meta.extra["number"]) for meta in metas) == {
        (activity, number): 1 for activity in ACTIVITIES for number in range(2)
    }
    assert {meta.subject for meta in metas} == {"sim-3-s000", "sim-3-s001"}
    drafts = {(meta.extra["group"], meta.extra["number"]): meta.extra["draft"] for meta in metas}
    logged = Counter((line["group"], line["number"]) for line in map(json.loads, (out / REJECTED).open()))
    assert logged == {clip: count for clip, count in drafts.items() if count}

    assert [path.relative_to(out) for path in find_captures(out)] == [
        path.relative_to(empty) for path in find_captures(empty)
    ]
    for path in find_captures(out):
        with_person, without = read_capture(path), read_capture(empty / path.relative_to(out))
        assert np.array_equal(with_person.readings_mps2, without.readings_mps2)
        assert np.abs(with_person.frames.astype(int) - without.frames).max() > 30

    assert "was begun with --seed 3" in refusal(*options, "--seed", "4")
    assert "give the same, or another folder" in refusal(*options, "--width", "100")


@pytest.mark.timeout(200)
@pytest.mark.parametrize("send", [os.kill, os.killpg])
def test_a_run_that_is_asked_to_end_does_so_in_order_and_leaves_no_process(tmp_path, send):
    process = simulate("--out", str(tmp_path), "--per-class", "2")
    wait_until(lambda: renderers(process.pid) or process.poll() is not None, 60)
    workers = children(process.pid)
    send(process.pid, signal.SIGTERM)
    said, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "")
    assert "captures made; the same command goes on from there" in said
    wait_until(lambda: not any(map(is_running, workers)), 60)


@pytest.mark.timeout(200)
def test_the_manifest_divides_the_dataset_and_hard_negatives_are_other(tmp_path, capsys):
    assert main(["simulate", "--out", str(tmp_path), "--per-class", "1", "--negatives", "1", "--seed", "5",
                 "--subjects", "3", *SIZE]) == 0  # fmt: skip
    assert "17 captures made, 17 there" in capsys.readouterr().out
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    assert manifest["captures"].keys() == {str(path.relative_to(tmp_path)) for path in find_captures(tmp_path)}
    assert len(manifest["software"]) == 1 and "har_ros" in manifest["software"][0]
    assert manifest["counts"].keys() == {*LABELS, "OTHER"}
    assert manifest["acts"] == Counter(row["act"] for row in manifest["captures"].values())
    assert {act.name for act in HARD_NEGATIVES} <= manifest["acts"].keys()
    for by, parts in manifest["splits"].items():
        names = [name for part in parts.values() for name in part]
        assert len(names) == len(set(names))
        assert set(names) == {row[by] for row in manifest["captures"].values()}
        assert list(parts) == ["train", "validation", "test"]
    held_out = set(manifest["splits"]["variant"]["test"])
    assert held_out & {act.name for act in HARD_NEGATIVES}
    report = check_dataset(tmp_path)
    assert report["broken"] == {}
    assert report["classes"]["OTHER"]["captures"] == manifest["counts"]["OTHER"] > 3


@contextmanager
def dask(*arguments: str, package: Path = Path(har_ros.__file__).parents[1]) -> Iterator[None]:
    """Run a scheduler or a worker of dask, which finds har_ros in the folder `package`."""
    environment = {**os.environ, "PYTHONPATH": str(package)}
    process = subprocess.Popen(
        [sys.executable, "-m", "dask", *arguments, "--no-dashboard"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, cwd=package,
    )  # fmt: skip
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def listens(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.timeout(240)
def test_a_cluster_of_the_same_version_makes_the_captures(tmp_path, refusal):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    options = ("--out", str(tmp_path / "set"), "--per-class", "1", "--scheduler", address, *SIZE)
    assert f"no dask scheduler answers at '{address}'" in refusal(*options)
    other = tmp_path / "other"
    shutil.copytree(Path(har_ros.__file__).parent, other / "har_ros", ignore=shutil.ignore_patterns("__pycache__"))
    (other / "har_ros" / "simulation" / "clip.py").open("a").write("# another version\n")
    with dask("scheduler", "--host", "127.0.0.1", "--port", str(port)):
        wait_until(lambda: listens(port), 60)
        with dask("worker", address, "--nthreads", "1", package=other):
            assert "install the same" in refusal(*options)
        with dask("worker", address, "--nthreads", "2"):
            assert main(["simulate", *options]) == 0
    assert len(find_captures(tmp_path / "set")) == 6
    here, _ = ClipMaker(96, 72).make(Clip(0, "WALK", 0, subject=0))
    there = read_capture(next((tmp_path / "set" / "WALK").iterdir()))
    assert np.allclose(there.imu_accel_mps2, here[0].imu_accel_mps2)


def test_bad_orders_are_refused_in_one_sentence(tmp_path, refusal):
    new = str(tmp_path / "new")
    assert "--per-class is -1" in refusal("--out", new, "--per-class", "-1")
    assert "nothing is ordered" in refusal("--out", new)
    assert "there is no folder" in refusal("--per-class", "1")
    assert "give two folders" in refusal("--out", new, "--empty", new, "--per-class", "1")
    assert "--subjects" in refusal("--out", new, "--per-class", "1", "--subjects", "0")
    assert "can't be made with --minutes, --scenario" in refusal(
        "--out", new, "--per-class", "1", "--minutes", "1", "--scenario", "short"
    )
    assert "can't be made with --out, --per-class" in refusal("--sheets", new, "--out", new, "--per-class", "1")
    assert "has no photographs" in refusal("--out", new, "--per-class", "1", "--surfaces", new)
    assert not (tmp_path / "new").exists()
    (tmp_path / "file").write_text("")
    assert "can't be written" in refusal("--out", str(tmp_path / "file"), "--per-class", "1")
    with (tmp_path / REJECTED).open("a") as log:
        fcntl.flock(log, fcntl.LOCK_EX)
        assert "another `har simulate` writes" in refusal("--out", str(tmp_path), "--per-class", "1")
    claim(tmp_path, Order(0, 10, 96, 72, "waist", 1, surfaces="0123456789ab"), {"har_ros": "0.0.1"})
    assert "begun with --seed 0, other photographs as --surfaces;" in refusal(
        *SIZE,
        "--out", str(tmp_path), "--per-class", "1", "--seed", "4"
    )
    for version in ("0.0.1", "0.0.2"):
        claim(tmp_path, Order(0, 10, 96, 72, "waist", 2, surfaces="0123456789ab"), {"har_ros": version})
    makers = json.loads((tmp_path / MANIFEST).read_text())["software"]
    assert makers == [{"har_ros": "0.0.1"}, {"har_ros": "0.0.2"}], "who went on with it is told"
    (tmp_path / MANIFEST).write_text("{}")
    assert "is no manifest" in refusal("--out", str(tmp_path), "--per-class", "1")
