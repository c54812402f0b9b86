"""Lines and chunks: whatever comes over the wire, only true samples come out."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from har_ros.link.protocol import MAX_LINE_BYTES, BadLine, Comment, Hello, LineSplitter, Reading, parse_line

ACCEL = st.floats(-390, 390)
VECTORS = st.tuples(ACCEL, ACCEL, ACCEL)
RATES = st.floats(-90, 90)


@settings(deadline=None)
@given(VECTORS, st.none() | st.tuples(RATES, RATES, RATES), st.none() | st.tuples(*[st.integers(0, 2**32 - 1)] * 2))
def test_a_reading_survives_the_wire(accel, gyro, counters) -> None:
    seq, t_us = counters or (None, None)
    sent = Reading(accel, gyro if counters else None, seq, t_us)
    got = parse_line(sent.line().rstrip(b"\n"))
    assert isinstance(got, Reading)
    assert (got.seq, got.t_us) == (seq, t_us)
    assert np.allclose(got.accel_mps2, accel, rtol=1e-4, atol=1e-4)
    assert (got.gyro_radps is None) == (sent.gyro_radps is None)


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_give_a_verdict(line: bytes) -> None:
    got = parse_line(line.replace(b"\n", b""))
    assert isinstance(got, (Reading, Hello, Comment, BadLine))
    if isinstance(got, Reading):
        assert all(math.isfinite(value) and abs(value) <= 400 for value in got.accel_mps2)


@pytest.mark.parametrize(
    ("line", "kind"),
    [(b"1,2", "columns"), (b"1,2,3,4", "columns"), (b"1,2,x", "number"), (b"nan,0,0", "range"), (b"inf,0,0", "range"),
     (b"401,0,0", "range"), (b"-1,5,0,0,9.8", "range"), (b"\xff,1,2", "not_ascii"), (b"1" * 300, "too_long"),
     (b"#har-imu 2 id=a", "hello"), (b"#har-imu 1", "hello"), (b"#har-imu 1 id=a units=furlong", "hello"),
     (b"1.5,2,0,0,9.8", "number"), (b"1_0,0,9.8", "number"), (b"1,2,", "number"), (b"0x1,0,9.8", "number"),
     (b"0,0,9.8,1,2,3", "columns"), (b"#har-imu 1 id=\x1b[2J", "hello"), (b"#har-imu 1 id=a rate=nan", "hello"),
     (b"#har-imu 1 id=" + b"a" * 65, "hello")],
)  # fmt: skip
def test_bad_lines_are_named(line: bytes, kind: str) -> None:
    assert parse_line(line) == BadLine(kind)


def test_hello_scales_g_to_si() -> None:
    hello = parse_line(b"#har-imu 1 id=belt rate=100 units=g token=abc")
    assert hello == Hello("belt", 100.0, "g", "abc")
    assert parse_line(b"0,0,1", hello.scale).accel_mps2[2] == pytest.approx(9.80665)
    assert parse_line(hello.line().strip()) == hello
    assert parse_line(b"# a comment") == parse_line(b"  ") == Comment()


@settings(deadline=None)
@given(st.lists(st.text("0123456789,.-", min_size=1, max_size=60), max_size=20), st.data())
def test_chunks_may_be_cut_anywhere(lines: list[str], data) -> None:
    stream = "".join(line + "\n" for line in lines).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    splitter = LineSplitter()
    out = [line for a, b in itertools.pairwise([0, *cuts, len(stream)]) for line in splitter.feed(stream[a:b])]
    assert out == [line.encode() for line in lines]


@settings(deadline=None)
@given(st.integers(1, 50), st.integers(1, 4096))
def test_an_endless_line_is_one_bad_line_and_takes_no_memory(chunks: int, size: int) -> None:
    splitter = LineSplitter()
    lines = [line for _ in range(chunks) for line in splitter.feed(b"7" * size)]
    assert len(lines) <= 1
    assert len(splitter._rest) <= MAX_LINE_BYTES
    lines += splitter.feed(b"\n1,2,3\n")
    assert lines[-1] == b"1,2,3"
    if chunks * size > MAX_LINE_BYTES:
        assert parse_line(lines[0]) == BadLine("too_long")
