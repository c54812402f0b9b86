"""Captures for tests: random pictures and readings under a label."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from har_ros.core.labels import LABELS, Activity
from har_ros.dataset.capture import Capture, CaptureMeta
from har_ros.dataset.writer import write_capture

START_NS = 1_700_000_000_123_456_789


def make_capture(label: str = "WALK", seed: int = 0, gyro: bool = True, **meta: Any) -> Capture:
    """Return a capture of 30 frames at 30 Hz and 100 samples at 100 Hz, the nearest of which are its readings."""
    rng = np.random.default_rng(seed)
    smooth = rng.integers(0, 230, (30, 1, 1, 3), np.uint8)  # white would upset the tiny model
    frame_stamps_ns, imu_stamps_ns = START_NS + np.arange(30) * 33_333_333, START_NS + np.arange(100) * 10_000_000
    accel_mps2 = rng.normal((0, 0, 9.8), 3, (100, 3)).astype(np.float32)
    return Capture(
        meta=CaptureMeta(Activity(label), **{"subject": f"s{seed % 5}", "source": "simulated", **meta}),
        frames=np.broadcast_to(smooth, (30, 24, 32, 3)).copy(),
        frame_stamps_ns=frame_stamps_ns,
        readings_mps2=accel_mps2[np.abs(imu_stamps_ns - frame_stamps_ns[:, None]).argmin(axis=1)],
        imu_stamps_ns=imu_stamps_ns,
        imu_accel_mps2=accel_mps2,
        imu_gyro_radps=rng.normal(0, 1, (100, 3)).astype(np.float32) if gyro else None,
    )


def write_dataset(
    root: Path, subjects: tuple[str, ...] = ("one", "two"), labels: tuple[str, ...] = LABELS, **meta: Any
) -> Path:
    """Write a capture of each activity of each subject into `root`."""
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    for index, (label, subject) in enumerate(product(labels, subjects)):
        write_capture(root, make_capture(label, seed=index, subject=subject, **meta), start + timedelta(seconds=index))
    return root
