"""The accelerometer within a window's steps: readings of the moment, statistics of the full rate."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from capture_maker import make_capture
from hypothesis import given
from hypothesis import strategies as st

from har_ros.core.imu_steps import IMU_READINGS, IMU_STATISTICS, imu_steps, step_edges
from har_ros.core.windows import STEP_RATE_HZ, STEPS, ImuTrack

PERIOD_NS = 33_333_333
ENDS_NS = np.arange(1, STEPS + 1) * PERIOD_NS
EDGES_NS = np.concatenate([[0], ENDS_NS])


def still(rate_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the stamps and samples of a second at rest."""
    stamps_ns = np.arange(0, 1_010_000_000, round(1e9 / rate_hz))
    return stamps_ns, np.tile(np.array((0, 0, 9.8), np.float32), (len(stamps_ns), 1))


@pytest.mark.parametrize("begins_ms", range(300, 334, 3))
def test_an_impact_of_20_ms_is_seen_wherever_it_falls(begins_ms: int) -> None:
    stamps_ns, accel = still(100)
    accel[(stamps_ns >= begins_ms * 1_000_000) & (stamps_ns < (begins_ms + 20) * 1_000_000)] = (0, 0, 60)
    statistics, _ = imu_steps(IMU_STATISTICS, stamps_ns, accel, EDGES_NS)
    assert statistics[:, 3].max() == pytest.approx(60) and statistics[:, 4].min() == pytest.approx(9.8)


def test_a_reading_of_the_moment_can_miss_an_impact() -> None:
    stamps_ns, accel = still(100)
    accel[(stamps_ns == 310_000_000) | (stamps_ns == 320_000_000)] = (0, 0, 60)
    readings, _ = imu_steps(IMU_READINGS, stamps_ns, accel, EDGES_NS)
    assert readings.max() == pytest.approx(9.8)


@given(
    st.lists(st.tuples(st.integers(1, 90_000_000), st.integers(-100, 100)), min_size=1, max_size=120),
    st.integers(0, 200_000_000),
)
def test_each_sample_counts_in_exactly_one_step(samples: list[tuple[int, int]], first_ns: int) -> None:
    stamps_ns = np.cumsum([gap for gap, _ in samples])
    accel = np.array([(value, 0, 0) for _, value in samples], np.float32)
    edges_ns = first_ns + EDGES_NS
    steps, offsets_ns = imu_steps(IMU_STATISTICS, stamps_ns, accel, edges_ns)
    for step, (begin_ns, end_ns) in enumerate(pairwise(edges_ns)):
        own = accel[(stamps_ns > begin_ns) & (stamps_ns <= end_ns), 0]
        distance_ns = np.abs(stamps_ns - end_ns)
        assert abs(offsets_ns[step]) == distance_ns.min()
        if len(own):
            expected = (own.mean(), np.abs(own).max(), np.abs(own).min())
            np.testing.assert_allclose(steps[step, [0, 3, 4]], expected, rtol=1e-5, atol=1e-4)
        else:
            assert steps[step, 0] in accel[distance_ns == distance_ns.min(), 0]
            assert steps[step, 3] == steps[step, 4] == abs(steps[step, 0])


def test_a_track_and_a_capture_give_the_same_steps() -> None:
    capture = make_capture(seed=3)
    track = ImuTrack()
    for stamp_ns, accel in zip(capture.imu_stamps_ns, capture.imu_accel_mps2):
        track.add(int(stamp_ns), accel)
    edges_ns = step_edges(capture.frame_stamps_ns, STEP_RATE_HZ)
    for channels in (IMU_READINGS, IMU_STATISTICS):
        live, _ = track.steps(channels, edges_ns)
        np.testing.assert_allclose(capture.imu_steps(channels), live, atol=1e-5)
