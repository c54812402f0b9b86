"""The thread that writes captures to the disk, so that the executor never waits for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from queue import Full, Queue

import numpy as np

from har_ros.core.errors import HarError
from har_ros.core.mount import rotation_matrix
from har_ros.dataset.capture import Capture, CaptureMeta
from har_ros.dataset.writer import write_capture
from har_ros.nodes.base import describe
from har_ros.nodes.capture_builder import Steps

_WAITING = 2  # more would fill the memory where the disk is slower than the camera


@dataclass(frozen=True)
class Outcome:
    """What became of a capture: its path, or the sentence that says why there is none."""

    success: bool
    message: str


@dataclass(frozen=True)
class Job:
    """A capture on its way to the disk, and whom to tell, in the writing thread.

    mount_rotation: from the sensor's axes, which the steps are in, to the body's; a quaternion x, y, z, w.
    """

    steps: Steps
    meta: CaptureMeta
    mount_rotation: Sequence[float]
    root: Path
    taken_at: datetime
    tell: Callable[[Outcome], None]


class CaptureQueue:
    """Writes the captures put into it, one after the other, until `stop` has let the last one out."""

    def __init__(self) -> None:
        self._jobs: Queue[Job | None] = Queue(_WAITING)
        self._thread = threading.Thread(target=self._write_on, name="capture-write")
        self._thread.start()

    def put(self, job: Job) -> bool:
        """Take a job; returns False, and drops it, where too many wait already."""
        try:
            self._jobs.put_nowait(job)
        except Full:
            return False
        return True

    def stop(self) -> None:
        """Return once everything put in is written."""
        self._jobs.put(None)
        self._thread.join()

    def _write_on(self) -> None:
        for job in iter(self._jobs.get, None):
            job.tell(_write(job))


def _write(job: Job) -> Outcome:
    try:
        path = write_capture(job.root, _capture(job), job.taken_at)
    except HarError as error:
        return Outcome(False, str(error))
    except Exception as error:  # noqa: BLE001  the thread must live on for the next capture
        return Outcome(False, describe(error))
    return Outcome(True, str(path))


def _capture(job: Job) -> Capture:
    """Return the capture in the body's axes, in which the fusion node gives readings to the model."""
    steps, rotation = job.steps, rotation_matrix(job.mount_rotation)
    turned = not np.array_equal(rotation, np.eye(3))
    note = {"mount_rotation": [float(number) for number in job.mount_rotation]} if turned else {}
    gyros = [sample.gyro_radps for sample in steps.samples if sample.gyro_radps is not None]
    return Capture(
        meta=replace(job.meta, extra={**job.meta.extra, **note}),
        frames=np.stack(steps.pictures),
        frame_stamps_ns=np.array(steps.stamps_ns, np.int64),
        readings_mps2=np.stack([sample.accel_mps2 for sample in steps.nearest]) @ rotation.T,
        imu_stamps_ns=np.array([sample.stamp_ns for sample in steps.samples], np.int64),
        imu_accel_mps2=np.stack([sample.accel_mps2 for sample in steps.samples]) @ rotation.T,
        imu_gyro_radps=np.stack(gyros) @ rotation.T if len(gyros) == len(steps.samples) else None,
    )
