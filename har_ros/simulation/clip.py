"""One simulated capture: a second of one subject doing one act, seen by a camera and felt by a sensor.

Nothing around the person may tell what they do: scene, camera, place, heading, clothes, mount and device are
drawn from streams that don't know the act (see har_ros.simulation.order). The exceptions are the car, where
drowsy and half of the sitting people are, the chair of who sits, and the wall of who slides down it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from har_ros.core.windows import MAX_GAP_S, STEP_RATE_HZ, STEPS
from har_ros.dataset.capture import EYES_CLOSED, Capture, CaptureMeta
from har_ros.simulation.drafts import RejectedError, first_good
from har_ros.simulation.imu import ImuSensor, mirrored, mount_at
from har_ros.simulation.live import LIVE_AREA_M
from har_ros.simulation.motion import Step, perform
from har_ros.simulation.order import ANY_MOUNT, GROUPS, Clip
from har_ros.simulation.physics import MOUNTS
from har_ros.simulation.radio import Radio
from har_ros.simulation.renderer import Renderer
from har_ros.simulation.scenario import CAR, SCENES
from har_ros.simulation.skeleton import Motion
from har_ros.simulation.span import CAPTURE_S, capture_begin, clip_steps
from har_ros.simulation.stage import SMALLEST_AREA_M, Stage
from har_ros.simulation.streams import derive_seed
from har_ros.simulation.subject import Subject
from har_ros.simulation.surfaces import Photos

_FIRST_DAY = datetime(2025, 1, 1, 8, tzinfo=timezone.utc)
_DAYS_A_GROUP = 20  # room for more clips than an order may have
_MOST_ROOMS, _DRAFTS_A_ROOM = 30, 8  # another movement before another room: what an act needs must not choose the room
_MOST_STAGES = 10  # drawn for a room
_OF_THE_ROOM = ("too small", "too far away")  # the standing person tells; one who bends must not choose a nearer camera
_FRAME_JITTER_S = 0.002
_WALL_M = (0.15, 0.6)  # behind the body
_RATES_HZ = (50.0, 200.0)
_FAR_M = 1000.0  # beyond what the renderer draws


@dataclass(frozen=True)
class Reject:
    """A draft that was thrown away, and why."""

    group: str
    number: int
    draft: int
    act: str
    subject: str
    reason: str


class ClipMaker:
    """Makes captures with one renderer. Belongs to one thread, as the renderer does."""

    def __init__(self, width: int, height: int, photos: Photos | None = None) -> None:
        """photos: the user's own, as surfaces of the rooms."""
        self._renderer = Renderer(width, height)
        self._photos = photos

    def make(self, clip: Clip, pictured: tuple[bool, ...] = (True,)) -> tuple[list[Capture], list[Reject]]:
        """Return the captures of a clip, and the drafts rejected before.

        There is one with the person for each True in `pictured`, and one without for each False, otherwise alike.
        Raises HarError when no draft will do.
        """
        subject = Subject.of(clip.seed, clip.subject)
        stage_of = lru_cache(1)(lambda room: self._room(clip, room, subject))

        def draw(draft: int) -> list[Capture]:
            room = draft // _DRAFTS_A_ROOM
            return self._draft(clip, draft, room, stage_of(room), subject, pictured)

        captures, reasons = first_good(draw, _MOST_ROOMS * _DRAFTS_A_ROOM, f"{clip.group} {clip.number}")
        return captures, [
            Reject(clip.group, clip.number, draft, clip.act.name, subject.name, reason)
            for draft, reason in enumerate(reasons)
        ]

    def _draft(
        self, clip: Clip, draft: int, room: int, stage: Stage, subject: Subject, pictured: tuple[bool, ...]
    ) -> list[Capture]:  # fmt: skip
        mount = clip.mount
        if mount == ANY_MOUNT:
            mount = str(clip.shared("mount", room).choice(list(MOUNTS)))
        motion = _motion(clip, draft, subject, mount)
        begin_s = capture_begin(motion, clip.act, clip.stream("span", draft))
        if begin_s is None:
            raise RejectedError("the act doesn't show")
        frame_s = begin_s + _frame_times(clip.shared("stamps", room))
        stage = stage.holding(motion, begin_s, begin_s + CAPTURE_S)
        if clip.with_wall:
            stage = _before_wall(stage, motion, begin_s, float(clip.shared("wall distance", 0).uniform(*_WALL_M)))
        for at_s in frame_s[[0, STEPS // 2, STEPS - 1]]:
            complaint = stage.complaint(subject.body, motion, np.array([at_s]))
            if complaint and complaint not in _OF_THE_ROOM:
                raise RejectedError(complaint)
        meta = CaptureMeta(
            clip.act.label, subject=subject.name, session=f"sim-{clip.seed}", mount=mount, source="simulated",
            extra={"seed": clip.seed, "group": clip.group, "number": clip.number, "draft": draft,
                   "act": clip.act.name, "variant": clip.variant, "scene": stage.scene.kind,
                   "background": clip.background, "chair": clip.with_chair,
                   "begin_s": round(begin_s, 3), **_lids(clip, motion, frame_s)},
        )  # fmt: skip
        readings = _readings(clip, draft, motion, begin_s)
        self._renderer.set_scene(stage.scene, subject.body, subject.dressed(clip.shared("clothes", room)))
        captures = []
        for with_person in pictured:
            noise = clip.stream("picture noise", draft)
            shown = motion if with_person else _gone(motion)
            frames = np.stack([stage.frame(self._renderer, shown, t_s, noise) for t_s in frame_s])
            captures.append(_capture(clip, frames, frame_s - begin_s, *readings, meta))
        return captures

    def _room(self, clip: Clip, room: int, subject: Subject) -> Stage:
        """Return a stage on which the subject, standing, is seen well: whatever they do must not choose it."""
        standing = perform([Step("stand", 1.0)], subject.body.skeleton, derive_seed(clip.seed, "standing", clip.number))
        for number in range(_MOST_STAGES):
            stage = self._stage(clip, room * _MOST_STAGES + number)
            if not stage.complaint(subject.body, standing, np.zeros(1)):
                break
        return stage

    def _stage(self, clip: Clip, number: int) -> Stage:
        kind = CAR if clip.in_car else str(clip.shared("scene kind", number).choice(SCENES))
        area_m = float(clip.shared("area", number).uniform(SMALLEST_AREA_M, LIVE_AREA_M))
        width, height = self._renderer.width, self._renderer.height
        return Stage.random(kind, clip.shared("stage", number), width, height, area_m, clip.with_chair, self._photos)


def taken_at(clip: Clip) -> datetime:
    """Return when a clip is said to be taken: its own time among those of its seed."""
    return _FIRST_DAY + timedelta(days=_DAYS_A_GROUP * GROUPS.index(clip.group), seconds=10 * clip.number)


def _motion(clip: Clip, draft: int, subject: Subject, mount: str) -> Motion:
    seed = derive_seed(clip.seed, "motion", clip.group, clip.number, draft)
    steps = clip_steps(clip.act, clip.stream("steps", draft))
    motion = perform(steps, subject.body.skeleton, seed, mount_at(mount, clip.shared("mount place", 0)))
    swapped = not clip.in_car and clip.stream("mirror", draft).random() < 0.5  # a car has its wheel on one side
    return mirrored(motion) if swapped else motion


def _before_wall(stage: Stage, motion: Motion, begin_s: float, distance_m: float) -> Stage:
    """Return the stage with a wall that far behind wherever the body is in the capture."""
    span = slice(round(begin_s * motion.rate_hz), round((begin_s + CAPTURE_S) * motion.rate_hz))
    ahead = np.array([np.cos(stage.yaw_rad), np.sin(stage.yaw_rad)])
    places_m = np.array([stage.pose(motion, index)[0][:, :2] for index in range(span.start, span.stop, 10)])
    middle_m = places_m.mean(axis=(0, 1))
    behind_m = float(((places_m - middle_m) @ ahead).min()) - distance_m
    return stage.walled(middle_m + behind_m * ahead, stage.yaw_rad)


def _lids(clip: Clip, motion: Motion, at_s: NDArray[np.float64]) -> dict[str, list[float]]:
    """Return how far the eyes are shut in each frame, 0 to 1, under its key: what one would have to note by hand.

    In a room the camera is too far away to see it: there it is left out.
    """
    shut = motion.eyes_closed[np.round(at_s * motion.rate_hz).astype(int)]
    return {EYES_CLOSED: [round(float(share), 2) for share in shut]} if clip.in_car else {}


def _gone(motion: Motion) -> Motion:
    return replace(motion, position_m=motion.position_m + np.array([0.0, _FAR_M, 0.0]))


def _frame_times(rng: np.random.Generator) -> NDArray[np.float64]:
    """Return when each of the frames is taken, s from the capture's begin: 30 Hz with a camera's jitter."""
    jitter = np.clip(rng.normal(0, _FRAME_JITTER_S, STEPS), -3 * _FRAME_JITTER_S, 3 * _FRAME_JITTER_S)
    return np.arange(STEPS) / STEP_RATE_HZ + 3 * _FRAME_JITTER_S + jitter


def _readings(
    clip: Clip, draft: int, motion: Motion, begin_s: float
) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float32]]:
    """Return what comes of the device's readings in the capture's second: stamps (s from its begin), accel, gyro."""
    rate_hz = float(np.round(clip.shared("rate", 0).uniform(*_RATES_HZ)))
    device = ImuSensor.random(clip.shared("device", 0), rate_hz)
    t_s, accel, gyro = device.read(motion, clip.stream("device noise", draft))
    arrived = np.isfinite(Radio.random(clip.shared("radio", 0)).carry(t_s, clip.stream("radio noise", draft)))
    inside = arrived & (t_s >= begin_s) & (t_s <= begin_s + CAPTURE_S)
    imu_s = t_s[inside] - begin_s
    if np.diff(imu_s, prepend=0.0, append=CAPTURE_S).max() > MAX_GAP_S:
        raise RejectedError("a gap of the radio")
    return imu_s, accel[inside], gyro[inside]


def _capture(
    clip: Clip, frames: NDArray[np.uint8], frame_s: NDArray[np.float64],
    imu_s: NDArray[np.float64], accel: NDArray[np.float32], gyro: NDArray[np.float32], meta: CaptureMeta,
) -> Capture:  # fmt: skip
    taken_ns = round(taken_at(clip).timestamp()) * 1_000_000_000
    distance_s = np.abs(imu_s[None, :] - frame_s[:, None])
    return Capture(
        meta=meta,
        frames=frames,
        frame_stamps_ns=taken_ns + (frame_s * 1e9).astype(np.int64),
        readings_mps2=accel[distance_s.argmin(axis=1)],
        imu_stamps_ns=taken_ns + (imu_s * 1e9).astype(np.int64),
        imu_accel_mps2=accel,
        imu_gyro_radps=gyro,
    )
