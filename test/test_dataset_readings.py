"""Readings come out of any usual form of esp.txt, and never out of garbage."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from har_ros.core.errors import HarError
from har_ros.dataset.readings import in_mps2, parse_readings

number = st.floats(-80, 80, width=32)
tables = st.lists(st.tuples(number, number, number), min_size=1, max_size=45)
separators = st.sampled_from([",", ", ", " ", "\t", ";", "  ", " , "])


@given(tables, separators, st.booleans(), st.booleans(), st.sampled_from(["\n", "\r\n"]), st.booleans())
@settings(max_examples=150, deadline=None)
def test_every_usual_form_gives_the_same_readings(
    table: list[tuple[float, ...]], separator: str, heading: bool, comments: bool, ending: str, bom: bool
) -> None:
    lines = [separator.join(repr(value) for value in row) for row in table]
    if heading:
        lines.insert(0, separator.join(("ax", "ay", "az")))
    if comments:
        lines = ["# from the ESP32", *lines, "", "   "]
    text = ("\ufeff" if bom else "") + ending.join(lines)
    readings = parse_readings(text, "esp.txt")
    assert np.array_equal(readings.accel, np.array(table))
    assert readings.times_s is None
    assert readings.notes == (("the first line is a heading",) if heading else ())


@pytest.mark.parametrize(("unit", "scale"), [("s", 1.0), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)])
@given(interval_s=st.floats(0.005, 0.2), start=st.floats(0, 1e9), count=st.integers(2, 45))
@settings(max_examples=40, deadline=None)
def test_a_leading_time_is_found_with_its_unit(
    unit: str, scale: float, interval_s: float, start: float, count: int
) -> None:
    times = (start + np.arange(count) * interval_s) * scale
    text = "\n".join(f"{time:.6f},0.1,0.2,9.8" for time in times)
    readings = parse_readings(text, "esp.txt")
    assert readings.times_s is not None
    assert np.allclose(readings.times_s, np.arange(count) * interval_s, atol=1e-4 * interval_s + 1e-6)
    assert readings.accel.shape == (count, 3)
    assert f"the first column is a time in {unit}" in readings.notes


def test_a_gyro_behind_is_left_out() -> None:
    readings = parse_readings("0.00 1 2 3 4 5 6\n0.03 1 2 3 4 5 6\n", "esp.txt")
    assert readings.accel.tolist() == [[1, 2, 3], [1, 2, 3]]
    assert readings.times_s is not None


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_text_gives_finite_readings_or_one_sentence(text: str) -> None:
    try:
        readings = parse_readings(text, "Dataset/WALK/x/readings/esp.txt")
    except HarError as error:
        assert "Dataset/WALK/x/readings/esp.txt" in str(error)
        assert "\n" not in str(error)
    else:
        assert readings.accel.ndim == 2
        assert readings.accel.shape[1] == 3
        assert np.isfinite(readings.accel).all()


@pytest.mark.parametrize("bad", ["nan,0,9.8", "1,2", "1,2,3,4,5", "a,b,c", "1e999,0,0", "1,,3", "0,0,9.8,7"])
def test_a_bad_line_is_named_with_its_number(bad: str) -> None:
    with pytest.raises(HarError, match=r"'esp.txt' line 3 is no reading of 3 finite numbers; correct or remove"):
        parse_readings(f"ax,ay,az\n0,0,9.8\n{bad}\n0,0,9.8\n", "esp.txt")


@pytest.mark.parametrize("broken", ["nan,0,9.8", "0.1,,9.8", "0.1 oops 9.8", "inf;0;9.8"])
def test_a_broken_first_reading_is_no_heading(broken: str) -> None:
    with pytest.raises(HarError, match=r"'esp.txt' line 1 is no reading of 3 finite numbers"):
        parse_readings(f"{broken}\n0,0,9.8\n", "esp.txt")


def test_units_are_told_by_gravity() -> None:
    still = np.tile([0.0, 0.0, 1.0], (30, 1))
    accel, notes = in_mps2(still, "esp.txt")
    assert np.allclose(accel[:, 2], 9.80665)
    assert notes == ("readings are in g",)
    accel, notes = in_mps2(still * 9.81, "esp.txt")
    assert np.allclose(accel[:, 2], 9.81)
    assert notes == ()
    with pytest.raises(HarError, match="neither m/s\\^2 nor g; convert"):
        in_mps2(still * 16384, "esp.txt")
