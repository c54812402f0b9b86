"""Captures come back as they were written, appear whole or not at all, and broken ones are named."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path

import cv2
import numpy as np
import pytest
from capture_maker import START_NS, make_capture

from har_ros.cli import main
from har_ros.core.errors import HarError
from har_ros.core.imu_steps import IMU_READINGS
from har_ros.core.labels import Activity
from har_ros.dataset.check import check_dataset
from har_ros.dataset.reader import find_captures, find_unfinished, read_capture, read_meta
from har_ros.dataset.writer import write_capture

TAKEN_AT = datetime(2024, 5, 6, 7, 8, 9, tzinfo=timezone.utc)
NAME = "capture_20240506_070809"


def papers_capture(root: Path, readings: int = 30, frames: int = 30, shelf: str = "Walking") -> Path:
    folder = root / shelf / NAME
    (folder / "readings").mkdir(parents=True)
    (folder / "frames").mkdir()
    lines = (f"{0.1 * index:.2f} 0.2 9.8" for index in range(readings))
    (folder / "readings/esp.txt").write_text("\n".join(lines))
    for index in range(frames):
        cv2.imwrite(str(folder / f"frames/frame_{index}.jpg"), np.full((24, 32, 3), 5 * index, np.uint8))
    return folder


@pytest.mark.parametrize("gyro", [True, False])
def test_a_capture_comes_back_as_it_was(tmp_path: Path, gyro: bool) -> None:
    capture = make_capture(gyro=gyro, subject="Zoë", session="a", mount="back", extra={"index": 7, "scene": ["dark"]})
    folder = write_capture(tmp_path, capture, TAKEN_AT)
    assert folder == tmp_path / "WALK" / NAME
    back = read_capture(folder)
    assert back.meta == capture.meta == read_meta(folder)
    assert back.assumptions == ()
    for name in ("frame_stamps_ns", "readings_mps2", "imu_stamps_ns", "imu_accel_mps2"):
        assert np.array_equal(getattr(back, name), getattr(capture, name)), name
    if gyro:
        assert np.array_equal(back.imu_gyro_radps, capture.imu_gyro_radps)
    else:
        assert back.imu_gyro_radps is None
    assert np.abs(back.frames.astype(int) - capture.frames).max() < 8  # JPEG


def test_it_can_be_read_by_what_was_written_for_the_papers_layout(tmp_path: Path) -> None:
    folder = write_capture(tmp_path, make_capture(), TAKEN_AT)
    assert sorted(path.name for path in (folder / "frames").iterdir()) == sorted(f"frame_{i}.jpg" for i in range(30))
    readings = np.loadtxt(folder / "readings/esp.txt", delimiter=",")
    assert np.allclose(readings, make_capture().readings_mps2)


def test_captures_of_one_second_get_different_names(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        folders = list(pool.map(lambda seed: write_capture(tmp_path, make_capture(seed=seed), TAKEN_AT), range(12)))
    assert sorted(path.name for path in folders) == sorted([NAME, *(f"{NAME}_{number}" for number in range(2, 13))])
    assert find_captures(tmp_path) == sorted(folders)
    for seed, folder in enumerate(folders):
        assert np.array_equal(read_capture(folder).readings_mps2, make_capture(seed=seed).readings_mps2)


def test_a_killed_writer_leaves_nothing_that_looks_like_a_capture(tmp_path: Path) -> None:
    writing = (
        "import sys; from datetime import datetime; from pathlib import Path; from capture_maker import make_capture\n"
        "from har_ros.dataset.writer import write_capture\n"
        "capture = make_capture(); print('go', flush=True)\n"
        "while True: write_capture(Path(sys.argv[1]), capture, datetime(2024, 5, 6, 7, 8, 9))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    unfinished = 0
    for delay_s in (0.01, 0.027, 0.05, 0.083):
        root = tmp_path / str(delay_s)
        process = subprocess.Popen(
            [sys.executable, "-c", writing, str(root)], stdout=subprocess.PIPE, env=environment, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "go\n"
        deadline = time.monotonic() + 30
        while not root.exists() and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(delay_s)
        process.send_signal(signal.SIGKILL)
        assert process.wait(timeout=30) == -signal.SIGKILL
        process.stdout.close()
        unfinished += len(find_unfinished(root))
        for folder in find_captures(root):
            read_capture(folder)  # whole, or this raises
    assert unfinished  # at least one was killed while it wrote, so that the above means something


def test_a_refused_write_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "WALK").write_text("in the way")
    with pytest.raises(HarError, match=r"can't write a capture to .* free space or choose another folder"):
        write_capture(tmp_path, make_capture(), TAKEN_AT)
    with pytest.raises(TypeError):
        write_capture(tmp_path, make_capture("SITTING", extra={"unfit": object()}), TAKEN_AT)
    assert not (tmp_path / "SITTING").exists()


def test_the_papers_files_alone_are_enough(tmp_path: Path) -> None:
    capture = read_capture(papers_capture(tmp_path))
    assert capture.label is Activity.WALK
    assert capture.frames.shape == (30, 24, 32, 3)
    assert capture.frames[3, 0, 0, 0] == pytest.approx(15, abs=2)
    assert np.allclose(capture.readings_mps2[:, 0], 0.1 * np.arange(30))
    assert capture.assumptions == ("no stamps: frames and readings span the same 0.97 s",)


@pytest.mark.parametrize(
    "name",
    ["{seconds:.3f}", "20240506_{number:03d}_640x480", "frame_3_cam{number}", "{number:03d}_of_30", "v1.{number}"],
)
def test_frames_are_in_the_order_of_their_numbers(tmp_path: Path, name: str) -> None:
    folder = papers_capture(tmp_path)
    for number in range(30):
        seconds = 1715000000.4 + number / 30  # the fraction begins anew on the way
        new = name.format(number=number, seconds=seconds)
        (folder / f"frames/frame_{number}.jpg").rename(folder / f"frames/{new}.jpg")
    colours = read_capture(folder).frames[:, 0, 0, 0].astype(int)
    assert (np.diff(colours) > 0).all()


@pytest.mark.parametrize("count", [25, 29, 31, 40])
def test_readings_and_frames_of_around_30_become_30(tmp_path: Path, count: int) -> None:
    capture = read_capture(papers_capture(tmp_path, readings=count, frames=count))
    assert capture.readings_mps2[0, 0] == 0
    assert capture.readings_mps2[-1, 0] == pytest.approx(0.1 * (count - 1))
    assert np.allclose(capture.readings_mps2[:, 0], np.linspace(0, 0.1 * (count - 1), 30), atol=0.0501), "the nearest"
    assert np.array_equal(capture.readings_mps2, capture.imu_steps(IMU_READINGS)), "as the network is given them"
    assert len(capture.imu_accel_mps2) == count
    assert f"30 readings picked by their times from {count}" in capture.assumptions
    assert f"30 frames picked evenly from {count}" in capture.assumptions


def test_notes_beside_the_papers_files_say_who_it_is(tmp_path: Path) -> None:
    folder = papers_capture(tmp_path)
    (folder / "capture.json").write_text('{"subject": "P01", "mount": "waist"}')
    meta = read_capture(folder).meta
    assert (meta.label, meta.subject, meta.mount, meta.source) == (Activity.WALK, "P01", "waist", "real")
    assert not meta.stamped and read_meta(folder) == meta
    (folder / "capture.json").write_text('{"subject": 1}')
    with pytest.raises(HarError, match=r"capture.json' is wrong at subject, which is no text; correct it, or"):
        read_capture(folder)


@pytest.mark.parametrize(("apart_s", "fits"), [(0.01, False), (0.02, True), (0.05, True), (0.2, False)])
def test_readings_with_times_must_span_a_second_or_so(tmp_path: Path, apart_s: float, fits: bool) -> None:
    folder = papers_capture(tmp_path)
    lines = (f"{apart_s * index:.3f},0.1,0.2,9.8" for index in range(30))
    (folder / "readings/esp.txt").write_text("\n".join(lines))
    if fits:
        assert read_capture(folder).imu_stamps_ns[-1] == pytest.approx(29e9 * apart_s, rel=1e-6)
    else:
        with pytest.raises(HarError, match=r"esp.txt' spans [\d.]+ s, and a capture is one second; record 30 readings"):
            read_capture(folder)


def claim_a_huge_size(folder: Path) -> None:
    path = folder / "frames/frame_7.jpg"
    coded = bytearray(path.read_bytes())
    begin = coded.index(b"\xff\xc0") + 5  # of height and width in the frame's header
    coded[begin : begin + 4] = b"\xff" * 4
    path.write_bytes(coded)


def shift_the_frames(folder: Path) -> None:
    path = folder / "capture.json"
    record = json.loads(path.read_text())
    record["frame_stamps_ns"] = [stamp + 3600 * 10**9 for stamp in record["frame_stamps_ns"]]
    path.write_text(json.dumps(record))


def breakers() -> dict[str, tuple[object, str]]:
    def text(path: str, content: str) -> object:
        return lambda folder: (folder / path).write_text(content)

    def edit(**changes: object) -> object:
        def apply(folder: Path) -> None:
            path = folder / "capture.json"
            path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

        return apply

    def cut(folder: Path) -> None:
        path = folder / "frames/frame_7.jpg"
        path.write_bytes(path.read_bytes()[:-20])

    return {
        "no frame": (lambda folder: (folder / "frames/frame_29.jpg").unlink(), "frame_29.jpg' can't be read"),
        "cut frame": (cut, "frame_7.jpg' is cut off or no picture"),
        "huge frame": (claim_a_huge_size, "frame_7.jpg' is cut off or no picture"),
        "deep json": (text("capture.json", "[" * 100_000), "capture.json' can't be read as JSON"),
        "empty frame": (text("frames/frame_0.jpg", ""), "frame_0.jpg' is cut off or no picture"),
        "no esp": (lambda folder: (folder / "readings/esp.txt").unlink(), "esp.txt' can't be read"),
        "short esp": (text("readings/esp.txt", "0,0,9.8\n" * 29), "takes readings of shape \\(30, 3\\)"),
        "word in esp": (text("readings/esp.txt", "0,0,9.8\n0,oops,9.8\n"), "esp.txt' line 2 is no reading"),
        "no imu": (lambda folder: (folder / "readings/imu.csv").unlink(), "imu.csv' can't be read"),
        "no heading": (text("readings/imu.csv", "1,0,0,9.8\n"), "imu.csv' begins with none of the headings"),
        "bad imu": (text("readings/imu.csv", "stamp_ns,ax,ay,az\n1,0,0\n"), "imu.csv' is no table"),
        "empty imu": (text("readings/imu.csv", "stamp_ns,ax,ay,az\n"), "holds no samples"),
        "falling": (text("readings/imu.csv", "stamp_ns,ax,ay,az\n2,0,0,9\n1,0,0,9\n"), "run backwards"),
        "nan": (text("readings/imu.csv", "stamp_ns,ax,ay,az\n2,0,0,nan\n"), "not finite"),
        "no json": (text("capture.json", "{"), "capture.json' can't be read as JSON"),
        "schema": (edit(schema="har.capture/9"), "is not of schema har.capture/1"),
        "label": (edit(label="SWIM"), "capture.json' is wrong at 'SWIM'"),
        "moved": (edit(label="SITTING"), "says SITTING in its capture.json"),
        "no subject": (edit(subject=None), "wrong at subject, which is no text; correct it"),
        "session": (edit(session=3), "wrong at session, which is no text"),
        "an hour off": (shift_the_frames, r"imu.csv has no sample within 0.25 s of frame 0"),
        "other esp": (text("readings/esp.txt", "0,0,9.8\n" * 30), "reading 0 of readings/esp.txt is no sample"),
        "source": (edit(source="dream"), "one of real, simulated, bag"),
        "stamps": (edit(frame_stamps_ns="soon"), "no list of frame_stamps_ns"),
        "eyes": (edit(extra={"eyes_closed": [2.0] * 30}), "wrong at eyes_closed, which must be 30 numbers from 0 to 1"),
        "few stamps": (edit(frame_stamps_ns=[1, 2]), "takes frame stamps of shape \\(30,\\)"),
    }


@pytest.mark.parametrize("case", breakers())
def test_a_broken_capture_is_named(tmp_path: Path, case: str) -> None:
    apply, sentence = breakers()[case]
    folder = write_capture(tmp_path, make_capture(), TAKEN_AT)
    apply(folder)  # type: ignore[operator]
    with pytest.raises(HarError, match=sentence) as refusal:
        read_capture(folder)
    assert str(folder) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_broken_capture_of_the_papers_files_is_named(tmp_path: Path) -> None:
    with pytest.raises(HarError, match="frames' holds 12 frames, not 25 to 40"):
        read_capture(papers_capture(tmp_path / "a", frames=12))
    with pytest.raises(HarError, match=r"esp.txt' holds 41 readings, not 25 to 40"):
        read_capture(papers_capture(tmp_path / "b", readings=41))
    with pytest.raises(HarError, match="put it into a folder named after its activity"):
        read_capture(papers_capture(tmp_path / "c", shelf="holiday"))
    with pytest.raises(HarError, match="there is no capture"):
        read_capture(tmp_path / "nowhere")
    folder = papers_capture(tmp_path / "d")
    frame = min((folder / "frames").iterdir())
    frame.unlink()
    frame.with_suffix(".png").touch()
    with pytest.raises(HarError, match=r"\.png' is cut off or no picture"):
        read_capture(folder)


def test_check_counts_and_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed, label in enumerate(("WALK", "WALK", "SITTING", "STAND", "JOGGING", "FALL_OR_COLLAPSE")):
        write_capture(tmp_path, make_capture(label, seed), TAKEN_AT)
    papers_capture(tmp_path)
    write_capture(tmp_path, make_capture("STAND", subject="S3 "), TAKEN_AT)
    (tmp_path / "holiday").mkdir()
    (tmp_path / "WALK/.unfinished_1").mkdir()
    late = make_capture("STAND", 9)
    late.frame_stamps_ns[15:] += 400_000_000
    late.imu_stamps_ns[50:] += 400_000_000
    gap = write_capture(tmp_path, late, TAKEN_AT)
    assert main(["check", str(tmp_path), "--json", str(tmp_path / "report.json")]) == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert report == check_dataset(tmp_path)
    assert report["captures"] == 9
    assert report["classes"]["WALK"] == {
        "captures": 3,
        "subjects": 2,
        "sessions": 0,
        "without_subject": 1,
        "broken": 0,
    }
    assert report["gaps"] == {str(gap): 0.433}
    assert report["imu_rate_hz"]["median"] == pytest.approx(100)
    assert report["frame_rate_hz"]["max"] == pytest.approx(30, abs=0.01)
    assert report["imu_rate_hz"]["min"] > 60, "the capture without stamps has no rate"
    said = capsys.readouterr().out
    for part in ("no captures of DRIVERS_DROWSINESS", "'Walking' is taken for WALK", "'holiday' is no activity"):
        assert part in said
    assert "1 captures name no subject" in said
    assert ".unfinished_1" in said and "'S3 ' and 's3' count as different subjects" in said
    assert "9 captures, all usable" in said

    (gap / "frames/frame_3.jpg").unlink()
    assert main(["check", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert f"broken: '{gap / 'frames/frame_3.jpg'}' can't be read (No such file or directory)" in said
    assert "9 captures, 1 broken" in said


@pytest.mark.parametrize(("path", "sentence"), [("nowhere", "can't be listed"), ("", "holds no captures; give")])
def test_check_refuses_what_is_no_dataset(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], path: str, sentence: str
) -> None:
    assert main(["check", str(tmp_path / path)]) == 1
    assert sentence in capsys.readouterr().err


def test_captures_without_stamps_have_no_rates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    papers_capture(tmp_path)
    report = check_dataset(tmp_path)
    assert (report["frame_rate_hz"], report["imu_rate_hz"], report["gaps"]) == ({}, {}, {})
    assert main(["check", str(tmp_path)]) == 0
    assert "Hz" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        (".", "is a folder"),
        ("nowhere/out.json", "(No such file or directory); give another file"),
        ("a_file/out.json", "(Not a directory); give another file"),
        (f"{'long' * 70}.json", "(File name too long); give another file"),
    ],
)
def test_a_place_for_no_report_is_refused_before_the_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], place: str, sentence: str
) -> None:
    write_capture(tmp_path / "set", make_capture(), TAKEN_AT)
    (tmp_path / "a_file").touch()
    assert main(["check", str(tmp_path / "set"), "--json", str(tmp_path / place)]) == 1
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert sentence in said.err
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a_file", "set"]


def test_stamps_stay_exact_in_ns(tmp_path: Path) -> None:
    back = read_capture(write_capture(tmp_path, make_capture(), TAKEN_AT))
    assert int(back.imu_stamps_ns[0]) == START_NS
