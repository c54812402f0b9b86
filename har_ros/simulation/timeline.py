"""The motion of a scenario over time, simulated step by step as it is asked for, the same for the same seed."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from har_ros.simulation.drafts import first_good
from har_ros.simulation.imu import ImuSensor
from har_ros.simulation.motion import Performer, concatenate
from har_ros.simulation.scenario import GRID_S, Scenario, Shot
from har_ros.simulation.skeleton import Motion, Skeleton
from har_ros.simulation.streams import derive_seed, stream

_AHEAD_S = 30.0  # what is simulated beyond the time that is asked for
_MOST_DRAFTS = 8  # of a take: now and then somebody who falls doesn't come to rest
_KEPT_S = 120.0  # of parts not asked for lately, 33 MB: camera and device may be somewhat apart


@dataclass(frozen=True)
class Part:
    """One step as it was simulated: when it begins, and what the device read in it (N, 3), at its own rate."""

    shot: Shot
    begin_s: float
    motion: Motion
    accel_mps2: NDArray[np.float32]
    gyro_radps: NDArray[np.float32]

    def sample(self, t_s: float) -> int:
        """Return the index into the motion at `t_s` of the scenario."""
        index = round((t_s - self.begin_s) * self.motion.rate_hz)
        return min(max(index, 0), len(self.motion.label) - 1)


class Timeline:
    """Gives the part at any time; the next ones are simulated in a thread while the present one is shown.

    imu_rate_hz: a multiple of 10, so that readings are equally spaced over the seams. Parts of one take go on from
    each other, so that a time far from the last one asked for takes a while: its take is simulated from its begin.
    """

    def __init__(self, scenario: Scenario, skeleton: Skeleton, seed: int, imu_rate_hz: float) -> None:
        self._scenario, self._skeleton, self._seed = scenario, skeleton, seed
        self._sensor = ImuSensor.random(stream(seed, "sensor"), imu_rate_hz)
        self._shots = scenario.shots
        self._begins_s = [shot.begin_s for shot in self._shots]
        self._parts: OrderedDict[int, Future[Part]] = OrderedDict()
        self._simulator = ThreadPoolExecutor(1, thread_name_prefix="simulator")
        self._performer: Performer | None = None  # who is about to do the step of the number _next
        self._next = self._draft = 0
        self._before: Motion | None = None  # the end of the step before, in the same take

    def part(self, t_s: float) -> Part:
        """Return the part at `t_s` from the start; before it the first, after the end of one run the last."""
        first = last = self._number_at(t_s)
        part = self._ask_for(first)
        while self._exists(last + 1) and self._begin_s(last + 1) < t_s + _AHEAD_S:
            last += 1
            self._ask_for(last)
        self._forget_but(range(first, last + 1))
        return part.result()

    def _number_at(self, t_s: float) -> int:
        t_s = max(t_s + 1e-6, 0.0)
        run, within_s = divmod(t_s, self._scenario.duration_s)
        if run and not self._scenario.repeat:
            return len(self._shots) - 1
        return int(run) * len(self._shots) + bisect_right(self._begins_s, within_s) - 1

    def _exists(self, number: int) -> bool:
        return self._scenario.repeat or number < len(self._shots)

    def _begin_s(self, number: int) -> float:
        run, index = divmod(number, len(self._shots))
        return round(run * self._scenario.duration_s + self._begins_s[index], 2)

    def _ask_for(self, number: int) -> Future[Part]:
        if number not in self._parts:
            self._parts[number] = self._simulator.submit(self._simulate, number)
        self._parts.move_to_end(number)
        return self._parts[number]

    def _forget_but(self, wanted: range) -> None:
        """Drop the parts that were not asked for lately."""
        spare = [number for number in self._parts if number not in wanted]
        held_s = sum(self._shot(number).step.seconds for number in spare)
        for number in spare:
            if held_s > _KEPT_S:
                held_s -= self._shot(number).step.seconds
                self._parts.pop(number).cancel()

    def _shot(self, number: int) -> Shot:
        return self._shots[number % len(self._shots)]

    def _simulate(self, number: int) -> Part:
        shot = self._shot(number)
        if number != self._next or number == self._first_of_take(number):
            self._performer, self._draft = None, 0
        motion, rejected = first_good(
            lambda more: self._perform(number, self._draft + more),
            _MOST_DRAFTS - self._draft,
            f"what leads to {shot.step.act}",
        )
        self._draft += len(rejected)
        readings = self._read(motion, number)
        self._next, self._before = number + 1, _end_of(motion)
        return Part(shot, self._begin_s(number), motion, *readings)

    def _perform(self, number: int, draft: int) -> Motion:
        """Return the step's motion in a draft of its take. Raises RejectedError.

        Who performs goes on from the step before; without anybody the take is performed from its begin. Where another
        draft goes on from steps that were shown already, the person is suddenly elsewhere, and a long take lets one
        wait: better than an end of it.
        """
        first = self._first_of_take(number)
        performer, self._performer = self._performer, None
        if performer is None:
            place = number // len(self._shots), self._shot(number).take
            drawn = place if draft == 0 else (*place, draft)
            performer = Performer(self._skeleton, derive_seed(self._seed, "take", *drawn))
            self._before = None
            for earlier in range(first, number):
                self._before = _end_of(performer.perform(self._shot(earlier).step))
        motion = performer.perform(self._shot(number).step)
        self._performer = performer
        return motion

    def _first_of_take(self, number: int) -> int:
        run, index = divmod(number, len(self._shots))
        takes = [shot.take for shot in self._shots]
        return run * len(self._shots) + takes.index(takes[index])

    def _read(self, motion: Motion, number: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return what the device reads in a part; it felt the end of the part before, too."""
        felt = motion if self._before is None else concatenate([self._before, motion])
        _, accel, gyro = self._sensor.read(felt, stream(self._seed, "noise", number))
        count = round(motion.duration_s * self._sensor.rate_hz)
        return accel[-count:], gyro[-count:]


def _end_of(motion: Motion) -> Motion:
    """Return the last GRID_S of a motion."""
    count = round(GRID_S * motion.rate_hz)
    arrays = {field.name: getattr(motion, field.name)[-count:] for field in fields(Motion) if field.name != "rate_hz"}
    return Motion(motion.rate_hz, **arrays)
