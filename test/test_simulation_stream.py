"""Continuous recordings of a simulated person: a bag and a folder hold the same, with the exact truth."""

import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from har_ros.cli import main
from har_ros.core.labels import Activity
from har_ros.evaluation.bag import Input, open_bag, picture, stamp_ns
from har_ros.simulation.live import SimulatedPerson
from har_ros.simulation.scenario import load_scenario

TEXT = """
scenario: har.scenario/2
scene: room
steps:
  - {act: knock, seconds: 2}
  - {act: sit, seconds: 2}
  - {act: drowse, seconds: 2}
"""
OPTIONS = ("--width", "96", "--height", "72", "--seed", "4")
SECONDS = 8.0  # with the way onto the chair


@pytest.fixture(scope="module")
def scenario(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("scenario") / "brief.yaml"
    path.write_text(TEXT)
    return path


@pytest.fixture(scope="module")
def bag(scenario) -> Path:
    out = scenario.parent / "bag"
    assert main(["simulate", "--stream", "--scenario", str(scenario), "--out", str(out), *OPTIONS]) == 0
    return out


@pytest.fixture(scope="module")
def folder(scenario) -> Path:
    out = scenario.parent / "folder"
    assert main(["simulate", "--stream", "folder", "--scenario", str(scenario), "--out", str(out), *OPTIONS]) == 0
    return out


def read(bag: Path) -> dict[Input, list]:
    found: dict[Input, list] = {kind: [] for kind in Input}
    with open_bag(bag) as opened:
        assert opened.namespace == "/har"
        for kind, recorded_ns, message in opened.messages():
            found[kind].append((recorded_ns, message))
    return found


def test_a_bag_holds_pictures_readings_and_the_exact_truth(bag, scenario):
    found = read(bag)
    assert len(found[Input.IMAGE]) == round(30 * SECONDS)
    assert len(found[Input.IMU]) == pytest.approx(100 * SECONDS, abs=4)
    assert all(stamp_ns(message) == at_ns for kind in (Input.IMAGE, Input.IMU) for at_ns, message in found[kind])
    assert picture(found[Input.IMAGE][0][1]).shape == (72, 96, 3)
    person = SimulatedPerson(load_scenario(scenario), seed=4)
    begin_ns = found[Input.IMAGE][0][0]
    told = [(at_ns, Activity(message.data)) for at_ns, message in found[Input.TRUTH]]
    assert [label for _, label in told] == [person.label((at_ns - begin_ns) / 1e9) for at_ns, _ in told]
    assert {label for _, label in told} == {
        Activity.STAND, Activity.OTHER, Activity.SITTING, Activity.DRIVERS_DROWSINESS
    }  # fmt: skip
    named = [message.data for _, message in found[Input.HARD_NEGATIVE]]
    assert "knock" in named
    assert named == [person.hard_negative((at_ns - begin_ns) / 1e9) for at_ns, _ in found[Input.HARD_NEGATIVE]]
    accel = found[Input.IMU][50][1].linear_acceleration
    _, expected, _ = list(zip(range(51), person.imu()))[50][1]
    assert np.allclose([accel.x, accel.y, accel.z], expected)


def test_a_folder_holds_the_same(bag, folder):
    found = read(bag)
    with (folder / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows] == [message.data for _, message in found[Input.TRUTH]]
    assert [int(row["stamp_ns"]) for row in rows] == [at_ns for at_ns, _ in found[Input.IMAGE]]
    drawn = cv2.imread(str(folder / "frames" / rows[100]["frame"]))
    assert np.array_equal(drawn, picture(found[Input.IMAGE][100][1]))
    readings = np.loadtxt(folder / "imu.csv", delimiter=",", skiprows=1)
    assert readings.shape == (len(found[Input.IMU]), 7)
    assert json.loads((folder / "recording.json").read_text())["seed"] == 4


def test_minutes_repeat_or_shorten_a_scenario(scenario, tmp_path, capsys):
    out = tmp_path / "out"
    options = ["simulate", "--stream", "folder", "--scenario", str(scenario), "--out", str(out), *OPTIONS]
    assert main([*options, "--minutes", "0.15", "--rate", "50"]) == 0
    assert len(list((out / "frames").iterdir())) == 270
    assert len((out / "imu.csv").read_text().splitlines()) == pytest.approx(450, abs=4)
    assert main(options) == 1
    assert "exists already" in capsys.readouterr().err
    assert main(["simulate", "--stream", "--scenario", str(scenario), "--out", str(out)]) == 1
    assert "exists already" in capsys.readouterr().err
    assert main(["simulate", "--stream", "--scenario", str(scenario)]) == 1
    assert "give a new one with --out" in capsys.readouterr().err
    for wrong, complaint in ((("--minutes", "0"), "--minutes is 0"), (("--rate", "99"), "give 50, 60 ... 200")):
        assert main([*options, "--out", str(tmp_path / "new"), *wrong]) == 1
        assert complaint in capsys.readouterr().err
    for option in (("--mount", "wrist"), ("--subjects", "3"), ("--scheduler", "tcp://h:1"), ("--per-class", "1")):
        assert main([*options, "--out", str(tmp_path / "new"), *option]) == 1
        assert f"a recording can't be made with {option[0]}" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_a_full_disk_ends_a_recording_in_one_sentence(scenario, tmp_path, capsys):
    code = (
        "import resource, signal, sys; from har_ros.cli import main; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000)); sys.exit(main(sys.argv[1:]))"
    )  # a file that may not grow is as good as a disk that is full
    options = ["--stream", "folder", "--scenario", str(scenario), "--out", str(tmp_path / "out"), *OPTIONS]
    command = [sys.executable, "-c", code, "simulate", *options]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "free space and record again" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_recording_that_is_stopped_is_complete_and_says_so(scenario, tmp_path, number):
    out = tmp_path / "out"
    options = ["--stream", "--scenario", str(scenario), "--out", str(out), "--minutes", "30", *OPTIONS]
    process = subprocess.Popen(
        [sys.executable, "-m", "har_ros.cli", "simulate", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while not any(path.stat().st_size > 100_000 for path in out.glob("*.mcap")):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        process.send_signal(number)
        said, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, errors) == (130, "")
    assert "stopped: " in said
    assert len(read(out)[Input.IMAGE]) > 10
