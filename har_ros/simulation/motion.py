"""The door to simulated motion: one body that does one act after the other, and what its sensor feels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from har_ros.core.errors import HarError
from har_ros.core.labels import TRUTHS, Activity
from har_ros.simulation.acts import ACTS, Act, Posture
from har_ros.simulation.clearance import lift_m
from har_ros.simulation.falls import LET_GO_S, fall_down
from har_ros.simulation.imu import felt
from har_ros.simulation.joining import Reference, join
from har_ros.simulation.lying import breathing
from har_ros.simulation.moves import BLOWS, GOES_ON, MOVES, ONWARD, WALKS, before_fall
from har_ros.simulation.person import Person
from har_ros.simulation.physics import MOUNTS, RATE_HZ, Mount, Pose
from har_ros.simulation.planning import Step, checked, plan
from har_ros.simulation.skeleton import SEGMENTS, Motion, Skeleton
from har_ros.simulation.streams import stream
from har_ros.simulation.tracking import Tracker
from har_ros.simulation.tracks import MARGIN, Track, blinks, ease, glide

__all__ = ["Performer", "Step", "concatenate", "perform", "plan"]
_FAR_M = 0.2  # from home
_FREE_S = 0.4  # until somebody who gets up is free of the floor
_LID_SAMPLES = 30  # in which lids move to where the next act wants them
_FALL = "fall_"
_UPRIGHT_S = (0.8, 1.5)  # walking, standing or sitting before a fall


@dataclass(frozen=True)
class _Done:
    """An act as it was simulated: the poses of its samples, and what its track says of each."""

    poses: list[Pose]
    eyes_closed: NDArray[np.float64]
    label: NDArray[np.int64]


class Performer:
    """One body that goes on from where it is: nothing jumps where two acts meet.

    On foot it begins and ends at home, the origin, heading +x; a chair, if there is one, stands behind it.
    """

    def __init__(self, skeleton: Skeleton, seed: int, mount: Mount = MOUNTS["waist"]) -> None:
        self._person = Person(skeleton, stream(seed, "habits"))
        self._seed, self._mount = seed, mount
        self._count = 0
        self._before: Reference | None = None
        self._posture: Posture | None = None
        self._last: Pose | None = None  # the pose before the next act
        self._next: Pose | None = None  # the first pose of the next act
        self._lids = 0.0  # how far they are closed

    def perform(self, step: Step, following: Step | None = None) -> Motion:
        """Return the motion of one act, going on from the end of the last. The same seed and steps give the same.

        Who knows the `following` step lets somebody walk on into it, where else they would stop at home.
        Raises HarError when the act can't begin in the present posture; `plan` puts in what leads there. Raises
        RejectedError for a fall that doesn't end as it should.
        """
        act = checked(step)
        self._check(act)
        rng = stream(self._seed, "act", self._count, step.act)
        count = round(step.seconds * RATE_HZ)
        if step.act.startswith(_FALL):
            done = self._fall(step.act.removeprefix(_FALL), count, rng)
        else:
            goes_on = step.act in ONWARD and following is not None and following.act in GOES_ON
            move = (ONWARD if goes_on else MOVES)[step.act]
            done = self._follow(move(self._person, step.seconds, rng), count)
        self._count += 1
        self._posture = act.after
        motion = self._motion(act, done)
        if step.act in BLOWS:
            accel, gyro = BLOWS[step.act](count, rng)
            motion.accel_mps2[:] += accel
            motion.gyro_radps[:] += gyro
        return motion

    def _check(self, act: Act) -> None:
        """Raise HarError when an act can't begin as the person is now."""
        if self._posture not in (None, act.before):
            raise HarError(f"{act.name} can't begin in the posture {self._posture.value}; let plan() join the steps")
        if self._person.going and act.name not in GOES_ON:
            raise HarError(f"{act.name} can't begin while walking; perform the walk without a following step")
        stands = self._posture is Posture.FOOT and not self._person.going
        if stands and np.linalg.norm(self._person.place_m) > _FAR_M and act.name not in WALKS:
            raise HarError(f"{act.name} can't begin away from home; walk there first, or let plan() join the steps")

    def _follow(self, track: Track, count: int) -> _Done:
        """Let the body follow a track that is MARGIN samples longer than `count`."""
        tracker, reference, first = self._tracker(track)
        poses = [*self._begin(tracker), *(tracker.step(first + index) for index in range(1, count + 1))]
        self._before = reference.tail(2 * MARGIN)
        self._next = poses.pop()
        self._person.place_m, self._person.heading_rad = track.root_m[-MARGIN, :2], float(track.root_angles[-MARGIN, 2])
        return _Done(poses, track.eyes_closed[:count], track.label[:count])

    def _fall(self, kind: str, count: int, rng: np.random.Generator) -> _Done:
        """Let the body walk, stand or sit for a moment, then fall, and lie until the end."""
        person, onset = self._person, round(rng.uniform(*_UPRIGHT_S) * RATE_HZ)
        track = before_fall(kind, person, onset / RATE_HZ + LET_GO_S, rng)
        tracker, _, first = self._tracker(track)
        poses = [*self._begin(tracker), *(tracker.step(first + index) for index in range(1, onset))]
        person.going = None
        falling, _ = fall_down(person.body, tracker, first + onset, kind, float(track.root_angles[onset, 2]), rng)
        poses += falling
        poses += breathing(poses[-1], count + 1 - len(poses), rng)
        qpos = np.repeat(person.body.data.qpos[None], 2 * MARGIN, axis=0)
        self._before = Reference(qpos[:, :3], qpos[:, 3:7], qpos[:, 7:])
        self._next = poses.pop()
        label = np.full(count, TRUTHS.index(Activity.FALL_OR_COLLAPSE))
        label[:onset] = track.label[:onset]
        t_s = np.arange(count) / RATE_HZ
        shut = ease(t_s, onset / RATE_HZ + rng.uniform(0.1, 0.8), 0.4) * rng.choice((0.0, 1.0))  # unconscious, or not
        return _Done(poses, np.maximum(blinks(t_s, rng), shut), label)

    def _tracker(self, track: Track) -> tuple[Tracker, Reference, int]:
        """Return a tracker of a track that goes on from what was before, its reference, and the track's start in it."""
        reference, first = Reference.of(track), 0
        if self._before is not None:
            reference, first = join(self._before, reference, track.blend_s), MARGIN
        if self._posture is Posture.FLOOR:
            into = glide(np.arange(len(reference.root_m)) / RATE_HZ, 0.05, _FREE_S)
            reference.root_m[:, 2] += into * lift_m(reference, self._person.dummy)
        return Tracker(self._person.body, reference), reference, first

    def _begin(self, tracker: Tracker) -> list[Pose]:
        """Return the first pose of an act, which the last one may have ended in."""
        if self._next is not None:
            return [self._next]
        tracker.place(0)
        return [tracker.step(0)]

    def _motion(self, act: Act, done: _Done) -> Motion:
        assert self._next is not None
        before = [] if self._last is None else [self._last]
        around = [*before, *done.poses, self._next]  # one more on either side, to differentiate
        inner = slice(len(before), -1)
        self._last = done.poses[-1]
        if before:
            lids = done.eyes_closed[:_LID_SAMPLES]
            lids += (self._lids - lids) * np.linspace(1, 0, _LID_SAMPLES)
        self._lids = float(done.eyes_closed[-1])
        position_m = np.array([pose.position_m for pose in around])
        rotation = np.array([pose.rotation for pose in around])
        segment = SEGMENTS.index(self._mount.segment)
        place_m = position_m[:, segment] + rotation[:, segment] @ np.array(self._mount.offset_m)
        accel, gyro = (values[inner] for values in felt(place_m, rotation[:, segment], RATE_HZ))
        number = np.full(len(done.label), list(ACTS).index(act.name))
        return Motion(RATE_HZ, position_m[inner], rotation[inner], done.eyes_closed, done.label, number, accel, gyro)


def perform(steps: Sequence[Step], skeleton: Skeleton, seed: int, mount: Mount = MOUNTS["waist"]) -> Motion:
    """Return one motion of all steps, with what `plan` puts between them.

    Raises HarError as `plan` does, and RejectedError for a fall that doesn't end as it should.
    """
    performer = Performer(skeleton, seed, mount)
    planned = plan(steps)
    return concatenate(performer.perform(*pair) for pair in zip(planned, [*planned[1:], None]))


def concatenate(motions: Iterable[Motion]) -> Motion:
    """Return motions of one performer as one."""
    parts = list(motions)
    position_m, rotation, eyes_closed, label, act, accel, gyro = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("position_m", "rotation", "eyes_closed", "label", "act", "accel_mps2", "gyro_radps")
    )
    return Motion(RATE_HZ, position_m, rotation, eyes_closed, label, act, accel, gyro)
