"""What the sensors of other makers do to the same second: other rates, offsets, noise, lost frames, other clocks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from har_ros.core.preprocess import mirror_accel
from har_ros.dataset.sensing import Samples, next_shown
from har_ros.training.profile import Augmentation

_SLOW_S, _QUICK_S = 0.5, 0.1  # slower is posture; what lies between is how briskly somebody moves; quicker are shocks
_LEAST_PERIOD_NS = 1_000_000  # some devices stamp several samples alike
_KNOCKS, _KNOCK_S, _KNOCK_MPS2 = (1, 4), (0.01, 0.04), (1.5, 30.0)
_SLOWEST_IMU_HZ, _SLOWEST_CAMERA_FPS, _FPS = 25.0, 10.0, 30.0


def disturbed_samples(samples: Samples, settings: Augmentation, mirror: bool, rng: np.random.Generator) -> Samples:
    """Return the samples as another sensor on the same body would have given them; at least one is left."""
    stamps_ns, accel = samples
    if mirror:
        accel = mirror_accel(accel)
    if settings.imu_vigour > 1 and len(stamps_ns) > 1:
        accel = _moved_otherwise(stamps_ns, accel, settings.imu_vigour ** rng.uniform(-1, 1, 2))
    if settings.imu_knocks and rng.random() < settings.imu_knocks:
        accel = _knocked(stamps_ns, accel, rng)
    if settings.imu_slow and len(stamps_ns) > 1 and rng.random() < settings.imu_slow:
        kept = _thinned(stamps_ns, rng)
        stamps_ns, accel = stamps_ns[kept], accel[kept]
    if settings.imu_scale or settings.imu_bias_mps2:
        gains, offsets = rng.normal(1, settings.imu_scale, 3), rng.normal(0, settings.imu_bias_mps2, 3)
        accel = accel * gains + offsets
    if settings.imu_noise_mps2:
        accel = accel + rng.normal(0, rng.uniform(0, settings.imu_noise_mps2), accel.shape)
    if settings.imu_jitter and len(stamps_ns) > 1:
        period_ns = np.median(np.diff(stamps_ns))
        moved = stamps_ns + rng.uniform(-0.5, 0.5, len(stamps_ns)) * 2 * settings.imu_jitter * period_ns
        stamps_ns = np.sort(moved.astype(np.int64))
    if settings.sync_offset_s:
        stamps_ns = stamps_ns + round(1e9 * rng.uniform(-settings.sync_offset_s, settings.sync_offset_s))
    return Samples(stamps_ns, accel.astype(np.float32))


def shown_frames(steps: int, settings: Augmentation, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return which frame (steps,) each step shows, when a camera is slower or loses some.

    The last one is always there.
    """
    there = np.ones(steps, bool)
    if settings.slow_camera and rng.random() < settings.slow_camera:
        fps = rng.uniform(_SLOWEST_CAMERA_FPS, _FPS)
        ticks = np.floor((np.arange(steps) + rng.random()) * fps / _FPS)
        there = np.diff(ticks, prepend=ticks[0] - 1) > 0
    if settings.frame_drop and rng.random() < settings.frame_drop:
        there &= rng.random(steps) > rng.uniform(0, 0.3)
    there[-1] = True
    return next_shown(there)


def _moved_otherwise(
    stamps_ns: NDArray[np.int64], accel: NDArray[np.float32], gains: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Return the acceleration (N, 3) of somebody who moves more or less briskly, on harder or softer soles.

    gains (2,): of what is between half a second and a tenth, and of what is quicker.
    """
    period_ns = max(np.median(np.diff(stamps_ns)), _LEAST_PERIOD_NS)
    counts = (int(np.clip(round(1e9 * span_s / period_ns), 1, len(accel))) for span_s in (_SLOW_S, _QUICK_S))
    slow, brisk = (uniform_filter1d(accel, count, axis=0, mode="nearest") for count in counts)
    return np.asarray(slow + gains[0] * (brisk - slow) + gains[1] * (accel - brisk), np.float32)


def _knocked(stamps_ns: NDArray[np.int64], accel: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the acceleration (N, 3) of a sensor that something knocks against: short, and nobody falls by it."""
    accel = accel.copy()
    for _ in range(rng.integers(*_KNOCKS, endpoint=True)):
        length_ns = 1e9 * rng.uniform(*_KNOCK_S)
        begin_ns = rng.uniform(stamps_ns[0], stamps_ns[-1])
        inside = (stamps_ns >= begin_ns) & (stamps_ns < begin_ns + length_ns)
        way = rng.standard_normal(3)
        accel[inside] += np.exp(rng.uniform(*np.log(_KNOCK_MPS2))) * way / np.linalg.norm(way)
    return accel


def _thinned(stamps_ns: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the indices of the samples that a slower sensor would have taken."""
    duration_s = (stamps_ns[-1] - stamps_ns[0]) / 1e9
    rate_hz = (len(stamps_ns) - 1) / max(duration_s, 1e-3)
    wanted_hz = np.exp(rng.uniform(np.log(min(_SLOWEST_IMU_HZ, rate_hz)), np.log(rate_hz)))
    ticks = np.floor((stamps_ns - stamps_ns[0]) / 1e9 * wanted_hz + rng.random())
    kept = np.flatnonzero(np.diff(ticks, prepend=ticks[0]) > 0)
    return kept if len(kept) else np.arange(1)
