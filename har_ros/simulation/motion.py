"""The door to simulated motion: one body that does one act after the other, and what its sensor feels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from har_ros.core.errors import HarError
from har_ros.simulation.acts import ACTS, Act, Posture
from har_ros.simulation.imu import felt
from har_ros.simulation.joining import Reference, join
from har_ros.simulation.moves import MOVES
from har_ros.simulation.person import Person
from har_ros.simulation.physics import MOUNTS, RATE_HZ, Mount, Pose
from har_ros.simulation.planning import Step, checked, plan
from har_ros.simulation.skeleton import SEGMENTS, Motion, Skeleton
from har_ros.simulation.streams import stream
from har_ros.simulation.tracking import Tracker
from har_ros.simulation.tracks import MARGIN, Track

__all__ = [
    "Performer", "Step", "concatenate", "perform", "plan",
]  # fmt: skip
_BLEND_S = 0.6


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

    def perform(self, step: Step) -> Motion:
        """Return the motion of one act, going on from the end of the last. The same seed and steps give the same.

        Raises HarError when the act can't begin in the present posture; `plan` puts in what leads there.
        """
        act = checked(step)
        if self._posture not in (None, act.before):
            raise HarError(f"{step.act} can't begin in the posture {self._posture.value}; let plan() join the steps")
        rng = stream(self._seed, "act", self._count, step.act)
        done = self._follow(MOVES[step.act](self._person, step.seconds, rng), round(step.seconds * RATE_HZ))
        self._count += 1
        self._posture = act.after
        return self._motion(act, done)

    def _follow(self, track: Track, count: int) -> _Done:
        """Let the body follow a track that is MARGIN samples longer than `count`."""
        reference = Reference.of(track)
        if self._before is not None:
            reference = join(self._before, reference, _BLEND_S)
        tracker = Tracker(self._person.body, reference)
        if self._next is None:
            tracker.place(0)
            self._next = tracker.step(0)
        poses = [self._next, *(tracker.step(index) for index in range(1, count + 1))]
        self._before = reference.tail(MARGIN)
        self._next = poses.pop()
        return _Done(poses, track.eyes_closed[:count], track.label[:count])

    def _motion(self, act: Act, done: _Done) -> Motion:
        assert self._next is not None
        before = self._last or done.poses[0]
        around = [before, *done.poses, self._next]  # one more on either side, to differentiate
        self._last = done.poses[-1]
        position_m = np.array([pose.position_m for pose in around])
        rotation = np.array([pose.rotation for pose in around])
        segment = SEGMENTS.index(self._mount.segment)
        place_m = position_m[:, segment] + rotation[:, segment] @ np.array(self._mount.offset_m)
        accel, gyro = (values[1:-1] for values in felt(place_m, rotation[:, segment], RATE_HZ))
        number = np.full(len(done.label), list(ACTS).index(act.name))
        return Motion(RATE_HZ, position_m[1:-1], rotation[1:-1], done.eyes_closed, done.label, number, accel, gyro)


def perform(steps: Sequence[Step], skeleton: Skeleton, seed: int, mount: Mount = MOUNTS["waist"]) -> Motion:
    """Return one motion of all steps, with what `plan` puts between them. Raises HarError as `plan` does."""
    performer = Performer(skeleton, seed, mount)
    return concatenate(performer.perform(step) for step in plan(steps))


def concatenate(motions: Iterable[Motion]) -> Motion:
    """Return motions of one performer as one."""
    parts = list(motions)
    position_m, rotation, eyes_closed, label, act, accel, gyro = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("position_m", "rotation", "eyes_closed", "label", "act", "accel_mps2", "gyro_radps")
    )
    return Motion(RATE_HZ, position_m, rotation, eyes_closed, label, act, accel, gyro)
