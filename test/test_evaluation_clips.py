"""`har clips`: real video files and CSVs, alone and together, with and without labels."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("scipy", reason="needs the extra evaluate")
pytest.importorskip("rosbags", reason="needs the extra evaluate")

from bag_maker import COLOURS, write_colour_model
from tiny_model import write_tiny_model

from har_ros.cli import main
from har_ros.core.labels import Activity
from har_ros.simulation.live import SimulatedPerson

WHITE = (255, 255, 255)  # on which a tiny model fails
ALL_CASES = ("camera+imu", "camera", "imu")


def write_video(path: Path, seconds: list[str], fps: float = 25.0) -> Path:
    """Write a video of one colour a second, that of an activity."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), fps, (64, 48))
    for label in seconds:
        for _ in range(round(fps)):
            writer.write(np.full((48, 64, 3), COLOURS.get(label, WHITE), np.uint8))
    writer.release()
    return path


def write_readings(path: Path, seconds: float, rate_hz: float = 50.0) -> Path:
    """Write an upright sensor's readings, in g, with a knock each second, so that a fall is believed."""
    sizes = (2 if index % rate_hz == 0 else 1 for index in range(round(seconds * rate_hz)))
    lines = (f"{index / rate_hz:.3f},0.01,0.0,{size}" for index, size in enumerate(sizes))
    path.write_text("\n".join(["t,ax,ay,az", *lines]) + "\n")
    return path


def watched(model: Path, *arguments: str | Path) -> dict:
    out = model.parent / "clips.json"
    assert main(["clips", *map(str, arguments), "--model", str(model), "--json", str(out)]) == 0
    return json.loads(out.read_text())


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    assert main(["clips", *map(str, arguments)]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith("har: "), said
    return said


def test_a_video_with_its_readings_is_told_and_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, clips = write_colour_model(tmp_path / "model"), tmp_path / "clips"
    clips.mkdir()
    write_video(clips / "day.avi", ["WALK"] * 6 + ["FALL_OR_COLLAPSE"] * 6)
    write_readings(clips / "day.csv", 12)
    labels = tmp_path / "labels.csv"
    labels.write_text("clip,label,start_s,end_s\nday,walking,0,6\nday,STAND,6,9\nday,OTHER,9,12\n")
    report = watched(model, clips, "--labels", labels)
    day = report["clips"]["day"]
    assert set(day["verdicts"]) == {"WALK", "FALL_OR_COLLAPSE"}
    assert sum(day["verdicts"].values()) == day["seconds"] == len(day["timeline"]) == 12
    assert day["rests_on"] == {"camera+imu": day["windows"]}
    assert 0.2 < day["alarm_share"] < 0.6 and day["mean_confidence"] > 0.9
    assert any("taken as g" in note for note in day["assumptions"])
    assert "the video and the readings begin at the same moment" in day["assumptions"]
    scores = report["scores"]
    assert (scores["n"], scores["each_clip"]["day"]["count"]) == (7, 5)
    assert scores["accuracy_ci"][0] < 5 / 7 < scores["accuracy_ci"][1]
    assert (scores["others"]["unknown"]["count"], scores["others"]["alarm"]["count"]) == (0, 2)
    said = capsys.readouterr().out
    assert "5 of 7 labelled seconds right" in said
    assert "These are figures of 1 clip. Nothing is claimed of other people, places or sensors." in said


def test_either_alone_will_do_for_a_model_that_can(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = write_tiny_model(tmp_path / "model", favour="WALK", cases=ALL_CASES)
    video, readings = write_video(tmp_path / "seen.avi", ["WALK"] * 3), write_readings(tmp_path / "felt[b].csv", 4)
    report = watched(model, video, readings)
    assert set(report["clips"]["seen"]["rests_on"]) == {"camera"}
    assert set(report["clips"]["felt[b]"]["rests_on"]) == {"imu"}
    assert report["clips"]["felt[b]"]["seconds"] == 3 and report["scores"] is None
    assert capsys.readouterr().out.count("felt[b]") == 1 + len(report["clips"]["felt[b]"]["assumptions"])


def test_what_is_no_clip_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    video = write_video(tmp_path / "walk.avi", ["WALK"] * 2)
    (tmp_path / "notes.txt").touch()
    (tmp_path / "empty").mkdir()
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    model = ("--model", write_tiny_model(tmp_path / "model", cases=ALL_CASES))
    assert "needs imu, which clip 'walk' lacks" in refusal(capsys, video, "--model", "paper")
    assert "there is no" in refusal(capsys, tmp_path / "nowhere")
    assert "is neither a video" in refusal(capsys, tmp_path / "notes.txt")
    assert "holds no clips" in refusal(capsys, tmp_path / "empty")
    assert "can't be read as a video" in refusal(capsys, broken, *model)
    assert "never fills the window" in refusal(capsys, write_readings(tmp_path / "short.csv", 0.6), *model)
    (tmp_path / "dead.csv").write_text("\n".join(["t,ax,ay,az", *(f"{at / 50:.2f},0,0,0" for at in range(200))]))
    dead = refusal(capsys, tmp_path / "dead.csv", "--units", "m/s^2", *model)
    assert "clip 'dead' gives no verdict: its readings are of 0.0 m/s^2, and gravity" in dead
    again = write_video(tmp_path / "empty/walk.avi", ["WALK"])
    assert "have the same name" in refusal(capsys, video, again)


@pytest.mark.parametrize("noise_mps2", [0.0, 0.1])
def test_a_sensor_that_dies_while_its_wearer_walks_is_no_fall(tmp_path: Path, noise_mps2: float) -> None:
    person, rng = SimulatedPerson("all_six", seed=2), np.random.default_rng(0)
    assert person.label(0) == person.label(5) == Activity.WALK
    felt = [accel for _, (_, accel, _) in zip(range(500), person.imu())] + [*rng.normal(0, noise_mps2, (400, 3))]
    lines = (",".join(map(str, (number / 100, *accel))) for number, accel in enumerate(felt))
    (tmp_path / "dies.csv").write_text("\n".join(["t,ax,ay,az", *lines]))
    out = tmp_path / "clips.json"
    assert main(["clips", str(tmp_path / "dies.csv"), "--units", "m/s^2", "--json", str(out)]) == 0
    report = json.loads(out.read_text())["clips"]["dies"]
    assert report["alarm_share"] == 0 and report["verdicts"]["WALK"] >= 3


def test_a_clip_that_can_not_be_judged_is_named_and_the_others_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write_tiny_model(tmp_path / "model", favour="WALK", cases=ALL_CASES)
    clips, labels = tmp_path / "clips", tmp_path / "labels.csv"
    clips.mkdir()
    write_readings(clips / "short.csv", 0.6)
    write_readings(clips / "walk.csv", 6)
    (clips / "broken.mp4").write_bytes(b"no video")
    labels.write_text("clip,label\nshort,WALK\nwalk,WALK\n")
    report = watched(model, clips, "--labels", labels)
    assert list(report["clips"]) == ["walk"] and report["scores"]["n"] > 0
    assert set(report["left_out"]) == {"short", "broken"}
    said = capsys.readouterr().out
    assert "left out: clip 'short' never fills the window" in said and "can't be read as a video" in said


def test_a_clip_that_the_model_fails_on_is_never_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = write_tiny_model(tmp_path / "model", favour="WALK", cases=ALL_CASES)
    readings = write_readings(tmp_path / "walk.csv", 4)
    video = write_video(tmp_path / "white.avi", ["white"] * 3)
    assert "clip 'white' at " in refusal(capsys, readings, video, "--model", model)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("clip,label\nrun,WALK\n", "line 2: there is no clip 'run' but walk"),
        ("clip,label\nwalk,dancing\n", "'dancing' is no activity"),
        ("clip,label,start_s\nwalk,WALK,soon\n", "line 2: could not convert"),
        ("clip,label,start_s,end_s\nwalk,WALK,2,1\n", "line 2: from 2 to 1 s is no stretch"),
        ("clip,label,start_s\nwalk,WALK,nan\n", "line 2: from nan to inf s is no stretch"),
        ("clip,label,start_s,end_s\nwalk,WALK,0,5\nwalk,STAND,4,9\n", "line 3: part of it has a label already"),
        ("clip,label\n", "has no lines of labels"),
        ("clip,label,start_s,end_s\nwalk,WALK,0,1\n", "leave no second to score"),
    ],
)
def test_labels_that_say_nothing_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, sentence: str
) -> None:
    model = write_tiny_model(tmp_path / "model", cases=ALL_CASES)
    video, labels = write_video(tmp_path / "walk.avi", ["WALK"] * 2), tmp_path / "labels.csv"
    labels.write_text(text)
    assert sentence in refusal(capsys, video, "--labels", labels, "--model", model)
