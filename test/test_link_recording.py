"""Recordings of many makes are understood, and what was guessed is said."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from har_ros.core.errors import HarError
from har_ros.link.recording import read_recording


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "recording.csv"
    path.write_text(text)
    return path


def rows(form: str, count: int = 50) -> str:
    return "".join(form.format(i=i, t=i * 0.02, ms=i * 20, us=i * 20_000) + "\n" for i in range(count))


@pytest.mark.parametrize(
    ("text", "gyro"),
    [("t,ax,ay,az\n" + rows("{t},0.1,0.2,9.8"), False),
     (rows("{i},{us},0.1,0.2,9.8,1,2,3"), True),
     ("gx;gy;gz;time;ax;ay;az\n" + rows("1;2;3;{ms};0.1;0.2;9.8"), True),
     (rows("{ms} 0.1 0.2 9.8"), False),
     ("Accel X (m/s^2),Accel Y (m/s^2),Accel Z (m/s^2),Time [ms]\n" + rows("0.1,0.2,9.8,{ms}"), False),
     ("time_us,ax,ay,az\n" + rows("{us},0.1,0.2,9.8"), False),
     ("seconds_elapsed,t_ms,ax,ay,az\n" + rows("{t},{ms},0.1,0.2,9.8"), False),
     (rows("{ms},0.1,0.2,9.8") + "1000,0.1", False)],
)  # fmt: skip
def test_layouts(tmp_path: Path, text: str, gyro: bool) -> None:
    recording = read_recording(write(tmp_path, text))
    assert recording.rate_hz == pytest.approx(50, rel=0.01)
    assert np.allclose(recording.accel_mps2, [0.1, 0.2, 9.8])
    assert (recording.gyro_radps is not None) == gyro


def test_a_logger_with_a_preamble_and_a_colon_before_the_milliseconds(tmp_path: Path) -> None:
    lines = [f"2019-08-06 10:25:{50 + i // 50}:{i % 50 * 20:03d},-0.4,0.7,0.5,0,0,31.6" for i in range(200)]
    text = "Device Type,Watch\nNotes\n" + "\n" * 20 + "\n".join(lines)
    recording = read_recording(write(tmp_path, text))
    assert recording.rate_hz == pytest.approx(50, rel=0.01)
    assert recording.gyro_radps is None
    assert np.allclose(np.linalg.norm(recording.accel_mps2, axis=1), 0.9486 * 9.80665, rtol=1e-3)
    assert "taken as g" in " ".join(recording.assumptions)


@pytest.mark.parametrize(
    "form",
    ["{s}.{ms:03d}", "{s}.{us:06d}", "{s}.{us:06d}789", "{s},{ms:03d}", "{s}:{ms:d}",
     "{s}.{cs:02d}", "{s}.{ms:03d}Z", "{s}.{ms:03d}+02:00", "{s}.{ms:03d}+0200"],
)  # fmt: skip
def test_dates_in_the_forms_of_many_loggers(tmp_path: Path, form: str) -> None:
    steps = [(f"2019-08-06T10:25:{50 + i // 50}", i % 50 * 2) for i in range(200)]
    dates = [form.format(s=s, cs=cs, ms=cs * 10, us=cs * 10_000) for s, cs in steps]
    recording = read_recording(write(tmp_path, "time;ax;ay;az\n" + "".join(f"{date};0;0;9.8\n" for date in dates)))
    assert np.allclose(np.diff(recording.times_s), 0.02, atol=1e-6)


def test_lines_without_a_sample_are_left_out_and_counted(tmp_path: Path) -> None:
    lines = rows("{ms},0.1,0.2,9.8").splitlines()
    lines[20], lines[30] = "400,nan,0.2,9.8", "600,0.1"
    recording = read_recording(write(tmp_path, "\n".join(lines)))
    assert len(recording.times_s) == 48
    assert recording.times_s[-1] == pytest.approx(0.98)
    assert "2 of 50 lines left out" in recording.assumptions[0]


def test_degrees_are_told_from_radians(tmp_path: Path) -> None:
    recording = read_recording(write(tmp_path, "t,ax,ay,az,gx,gy,gz\n" + rows("{t},0,0,9.8,180,0,0")))
    assert recording.gyro_radps is not None
    assert np.allclose(recording.gyro_radps, [np.pi, 0, 0])
    assert "deg/s" in " ".join(recording.assumptions)


def test_a_told_rate_and_unit_go_before_the_files_own(tmp_path: Path) -> None:
    recording = read_recording(write(tmp_path, rows("{i},0,0,9.8")), rate_hz=25.0, units="g")
    assert recording.rate_hz == pytest.approx(25)
    assert np.allclose(recording.accel_mps2, [0, 0, 9.8 * 9.80665])


@pytest.mark.parametrize("rate_hz", [0.0, -5.0, float("nan"), float("inf")])
def test_a_senseless_rate_is_refused(tmp_path: Path, rate_hz: float) -> None:
    with pytest.raises(HarError, match="--rate HZ"):
        read_recording(write(tmp_path, rows("0,0,9.8")), rate_hz=rate_hz)


def test_a_loop_runs_on_in_time(tmp_path: Path) -> None:
    recording = read_recording(write(tmp_path, "t,ax,ay,az\n" + rows("{t},0.1,0.2,9.8", 10)))
    times = [at_s for at_s, _, _ in islice(recording.samples(loop=True), 35)]
    assert np.allclose(np.diff(times), 0.02)
    assert len(list(recording.samples(loop=False))) == 10


@pytest.mark.parametrize(
    ("text", "words"),
    [(rows("{i},0,0,9.8"), "counts its samples"), (rows("{ms},0,0,1000"), "neither g nor"),
     ("", "no two lines of numbers"), (rows("0,0,9.8") + '"' + "x" * 200_000, "no two lines of numbers"),
     ("hello\nworld\n", "no two lines of numbers"), ("a,b,c\n" + rows("1,2,3"), "name three of them"),
     ("ax,ay,az\n" + rows("1,2,3"), "--rate HZ"),
     ("t,ax,ay,az\n" + rows("{t},1,2,3") + rows("{t},1,2,3"), "go back by 0.98 s at its sample 51"),
     ("t,ax,ay,az\n" + rows("{t},nan,1,2"), "no two lines of numbers")],
)  # fmt: skip
def test_files_that_can_not_be_played_are_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(HarError, match=words):
        read_recording(write(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(HarError, match=r"nothing\.csv' can't be read"):
        read_recording(tmp_path / "nothing.csv")
