"""One simulated capture: a second of one subject doing one activity, seen by a camera and felt by a sensor.

Nothing around the person may tell what they do: scene, camera, place, heading, mount and device are drawn
from streams that don't know the activity's particulars, by the same rules for each. The one exception is
the car, where drowsy and half of the sitting people are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import numpy as np
from numpy.typing import NDArray

from har_ros.core.errors import HarError
from har_ros.core.labels import Activity
from har_ros.core.windows import STEP_RATE_HZ, STEPS
from har_ros.dataset.capture import Capture, CaptureMeta
from har_ros.simulation.episodes import CAPTURE_S, Episode, capture_span, simulate_episode
from har_ros.simulation.imu import ImuSensor
from har_ros.simulation.physics import MOUNTS
from har_ros.simulation.renderer import Renderer
from har_ros.simulation.scenario import CAR, SCENES, SEATS
from har_ros.simulation.skeleton import Motion
from har_ros.simulation.stage import LARGEST_AREA_M, SMALLEST_AREA_M, Stage
from har_ros.simulation.streams import derive_seed, stream
from har_ros.simulation.subject import Subject

ANY_MOUNT = "any"  # one of MOUNTS by chance
_FIRST_DAY = datetime(2025, 1, 1, 8, tzinfo=timezone.utc)
_MOST_DRAFTS = 30
_EPISODE_S = 6.0  # a fall, from walking to lying still, takes five
_FRAME_JITTER_S = 0.002
_CURVED_SHARE = 0.6  # of walks and jogs; the others go straight on


@dataclass(frozen=True)
class Clip:
    """Names one capture of a dataset; everything about it follows from these. mount: one of MOUNTS, or ANY_MOUNT."""

    seed: int
    activity: Activity
    index: int
    subject: int
    mount: str = "waist"

    def stream(self, what: str, draft: int) -> np.random.Generator:
        """Return the random stream that decides `what` in this draft of the clip."""
        return stream(self.seed, what, str(self.activity), self.index, draft)


@dataclass(frozen=True)
class Reject:
    """A draft that was thrown away, and why."""

    label: str
    index: int
    draft: int
    subject: str
    reason: str


class ClipMaker:
    """Makes captures with one renderer. Belongs to one thread, as the renderer does."""

    def __init__(self, width: int, height: int) -> None:
        self._renderer = Renderer(width, height)

    def make(self, clip: Clip) -> tuple[Capture, datetime, list[Reject]]:
        """Return the capture, when it is said to be taken, and the drafts rejected before it.

        Raises HarError when no draft will do.
        """
        subject = Subject.of(clip.seed, clip.subject)
        rejects: list[Reject] = []
        for draft in range(_MOST_DRAFTS):
            outcome = self._draft(clip, draft, subject)
            if isinstance(outcome, Capture):
                return outcome, _taken_at(clip), rejects
            rejects.append(Reject(str(clip.activity), clip.index, draft, subject.name, outcome))
        raise HarError(
            f"none of {_MOST_DRAFTS} drafts of {clip.activity} {clip.index} will do ({outcome}); use another seed"
        )

    def _draft(self, clip: Clip, draft: int, subject: Subject) -> Capture | str:
        """Return a capture, or why this draft won't do."""
        width, height = self._renderer.width, self._renderer.height
        episode = _episode(clip, draft)
        kind = CAR if episode.seat == CAR else str(clip.stream("scene kind", draft).choice(SCENES))
        mount = clip.mount
        if mount == ANY_MOUNT:
            mount = str(clip.stream("mount", draft).choice(list(MOUNTS)))
        seed = derive_seed(clip.seed, "motion", str(clip.activity), clip.index, draft)
        try:
            motion = simulate_episode(episode, subject.body.skeleton, seed, MOUNTS[mount])
        except HarError as error:
            return str(error)
        begin_s = capture_span(motion, clip.activity, clip.stream("span", draft))
        frame_s = begin_s + _frame_times(clip.stream("stamps", draft), motion.duration_s - begin_s)
        area_m = float(clip.stream("area", draft).uniform(SMALLEST_AREA_M, LARGEST_AREA_M))
        stage = Stage.random(kind, clip.stream("stage", draft), width, height, area_m, episode.seat == "chair")
        stage = stage.holding(motion, begin_s, begin_s + CAPTURE_S)
        if complaint := stage.complaint(subject.body, motion, frame_s[[0, STEPS // 2, STEPS - 1]]):
            return complaint
        self._renderer.set_scene(stage.scene, subject.body, subject.dressed(clip.stream("clothes", draft)))
        noise = clip.stream("picture noise", draft)
        frames = np.stack([stage.frame(self._renderer, motion, t_s, noise) for t_s in frame_s])
        meta = CaptureMeta(
            clip.activity, subject=subject.name, session=f"sim-{clip.seed}", mount=mount, source="simulated",
            extra={"seed": clip.seed, "index": clip.index, "draft": draft, "scene": kind, "seat": episode.seat,
                   "path_radius_m": episode.path_radius_m, "begin_s": round(begin_s, 3)},
        )  # fmt: skip
        return _capture(clip, draft, frames, frame_s - begin_s, *_readings(clip, draft, motion, begin_s), meta)


def _episode(clip: Clip, draft: int) -> Episode:
    rng = clip.stream("episode", draft)
    radius_m = None
    if clip.activity in (Activity.WALK, Activity.JOGGING) and rng.random() < _CURVED_SHARE:
        radius_m = round(float(rng.uniform(0.9, 2.2)), 2)
    seats = SEATS[clip.activity]
    seat = seats[stream(clip.seed, "seat", clip.index).integers(len(seats))]  # whatever was rejected before
    return Episode(clip.activity, _EPISODE_S, seat, radius_m)


def _frame_times(rng: np.random.Generator, room_s: float) -> NDArray[np.float64]:
    """Return when each of the frames is taken, s from the capture's begin: 30 Hz with a camera's jitter."""
    jitter = np.clip(rng.normal(0, _FRAME_JITTER_S, STEPS), -3 * _FRAME_JITTER_S, 3 * _FRAME_JITTER_S)
    return np.clip(np.arange(STEPS) / STEP_RATE_HZ + 3 * _FRAME_JITTER_S + jitter, 0, room_s - 0.01)


def _readings(
    clip: Clip, draft: int, motion: Motion, begin_s: float
) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float32]]:
    """Return what the device reads in the capture's second: stamps (s from its begin), accel, gyro."""
    device = ImuSensor.random(clip.stream("device", draft))
    t_s, accel, gyro = device.read(motion, clip.stream("device noise", draft))
    inside = (t_s >= begin_s) & (t_s <= begin_s + CAPTURE_S)
    return t_s[inside] - begin_s, accel[inside], gyro[inside]


def _capture(
    clip: Clip, draft: int, frames: NDArray[np.uint8], frame_s: NDArray[np.float64],
    imu_s: NDArray[np.float64], accel: NDArray[np.float32], gyro: NDArray[np.float32], meta: CaptureMeta,
) -> Capture:  # fmt: skip
    taken_ns = round(_taken_at(clip).timestamp()) * 1_000_000_000
    nearest = np.abs(imu_s[None, :] - frame_s[:, None]).argmin(axis=1)
    return Capture(
        meta=meta,
        frames=frames,
        frame_stamps_ns=taken_ns + (frame_s * 1e9).astype(np.int64),
        readings_mps2=accel[nearest],
        imu_stamps_ns=taken_ns + (imu_s * 1e9).astype(np.int64),
        imu_accel_mps2=accel,
        imu_gyro_radps=gyro,
    )


def _taken_at(clip: Clip) -> datetime:
    return _FIRST_DAY + timedelta(seconds=10 * clip.index)
