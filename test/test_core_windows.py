"""Windows are spans of time: any frame rate, jitter, hole or jump of the clock gives a true window."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from har_ros.core.imu_steps import IMU_READINGS
from har_ros.core.windows import STEPS, ImuTrack, StepGrid, WindowBuffer

SECOND_NS = 1_000_000_000


def steps_of(stamps_ns: list[int]) -> list[int | None]:
    grid = StepGrid()
    return [grid.advance(stamp) for stamp in stamps_ns]


@pytest.mark.parametrize("rate_hz", [7.5, 10, 15, 20, 24, 25, 29.97, 30, 50, 60, 120])
def test_any_frame_rate_fills_thirty_steps_a_second(rate_hz: float) -> None:
    frames = [round(index * SECOND_NS / rate_hz) for index in range(int(rate_hz * 20))]
    total = sum(steps or 0 for steps in steps_of(frames))
    assert total == pytest.approx(30 * 20, rel=0.05)


@pytest.mark.parametrize("rate_hz", [29.5, 29.97, 30, 30.5])
def test_a_camera_near_the_step_rate_gives_one_step_a_frame_in_spite_of_jitter(rate_hz: float) -> None:
    jitter_ns = np.random.default_rng(0).uniform(-8e6, 8e6, 600)
    frames = [round(index * SECOND_NS / rate_hz + jitter_ns[index]) for index in range(600)]
    assert set(steps_of(frames)[1:]) == {1}


def test_a_hole_or_a_backward_jump_starts_anew() -> None:
    assert steps_of([0, 33_000_000, 400_000_000]) == [None, 1, None]
    assert steps_of([SECOND_NS, SECOND_NS + 33_000_000, 0]) == [None, 1, None]


@given(st.lists(st.integers(0, 250_000_000), max_size=60))
def test_steps_never_drift_from_the_frames(gaps_ns: list[int]) -> None:
    stamps = np.cumsum([0, *gaps_ns]).tolist()
    total = sum(steps or 0 for steps in steps_of(stamps))
    # The phase may follow the frames by a tenth of a period a frame, and rounds by half a step.
    assert abs(total - stamps[-1] * 30 / SECOND_NS) <= 1 + 0.05 * len(stamps)


@given(st.lists(st.tuples(st.integers(0, 240_000_000), st.floats(-50, 50, width=32)), min_size=1, max_size=80))
def test_the_track_finds_the_nearest_sample(samples: list[tuple[int, float]]) -> None:
    track = ImuTrack(capacity=100)
    kept: list[tuple[int, float]] = []
    stamp = 0
    for gap, value in samples:
        stamp += gap
        track.add(stamp, np.full(3, value, np.float32))
        if not kept or stamp > kept[-1][0]:
            kept.append((stamp, value))
    for query in (0, stamp // 2, stamp, stamp + 10):
        (accel,), (offset,) = track.steps(IMU_READINGS, np.array([query - 1, query]))
        best = min(abs(at - query) for at, _ in kept)
        assert abs(offset) == best
        assert accel[0] in [np.float32(value) for at, value in kept if abs(at - query) == best]


def test_the_track_gives_the_samples_of_a_span_and_never_none() -> None:
    track = ImuTrack(capacity=20)
    for index in range(30):
        track.add(index * 10_000_000, np.full(3, index, np.float32))

    def between(start_ms: int, end_ms: int) -> list[float]:
        return track.between(start_ms * 1_000_000, end_ms * 1_000_000)[0][:, 0].tolist()

    assert between(110, 140) == [11, 12, 13, 14]
    assert between(111, 139) == [12, 13]
    assert between(131, 132) == [14], "between two samples"
    assert between(400, 500) == [29]
    assert between(0, 100) == [10], "older ones are dropped"
    track.add(450_000_000, np.zeros(3, np.float32))
    gaps_s = [track.between(start_ns, 450_000_000)[1] for start_ns in (200_000_000, 449_000_000)]
    assert gaps_s == [0.16, 0.0]


def test_the_track_drops_the_oldest_and_restarts_after_a_hole() -> None:
    track = ImuTrack(capacity=10)
    for index in range(57):
        assert track.add(index * 10_000_000, np.full(3, index, np.float32))
    assert len(track) == 10
    assert track.steps(IMU_READINGS, np.array([-1, 0]))[0][0, 0] == 47
    assert not track.add(SECOND_NS * 5, np.zeros(3, np.float32))
    assert len(track) == 1
    assert track.add(SECOND_NS * 5 - 5_000_000, np.ones(3, np.float32))  # merely late: dropped
    assert len(track) == 1


@settings(max_examples=30)
@given(st.integers(0, 100))
def test_the_buffer_shows_the_newest_steps_in_order(count: int) -> None:
    buffer = WindowBuffer(feature_size=2, imu_channels=3)
    for index in range(count):
        buffer.append(index * 1_000_000, np.full(2, index, np.float32), np.full(3, -index, np.float32), index)
    assert buffer.full == (count >= STEPS)
    if buffer.full:
        features, imu = buffer.view(buffer.start)
        assert features[:, 0].tolist() == list(range(count - STEPS, count))
        assert imu[:, 2].tolist() == [-float(index) for index in range(count - STEPS, count)]
        span = buffer.span()
        assert (span.start_ns, span.end_ns) == ((count - STEPS) * 1_000_000, (count - 1) * 1_000_000)
        assert span.max_gap_ms == pytest.approx(1.0)
        assert span.max_sync_offset_ms == pytest.approx((count - 1) / 1e6)
