"""The motion of a scenario over time, simulated step by step as it is asked for, the same for the same seed."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from har_ros.core.labels import Activity
from har_ros.simulation.episodes import Episode, simulate_episode
from har_ros.simulation.imu import ImuSensor
from har_ros.simulation.scenario import Scenario, Step
from har_ros.simulation.skeleton import Motion, Skeleton
from har_ros.simulation.streams import derive_seed, stream

TICK_HZ = 100  # the accelerometer's rate; every step lasts a whole number of ticks
PATH_RADIUS_M = {Activity.WALK: 0.8, Activity.JOGGING: 1.1}  # inside what the camera sees
_KEPT = 4


@dataclass(frozen=True)
class Part:
    """One step as it was simulated: what it shows, when it begins, and what the device read (N, 3) at TICK_HZ."""

    step: Step
    begin_tick: int
    motion: Motion
    accel_mps2: NDArray[np.float32]
    gyro_radps: NDArray[np.float32]

    def sample(self, t_s: float) -> int:
        """Return the index into the motion at `t_s` of the scenario."""
        index = round((t_s - self.begin_tick / TICK_HZ) * self.motion.rate_hz)
        return min(max(index, 0), len(self.motion.label) - 1)


class Timeline:
    """Gives the part at any time. The next part is simulated in a thread while the present one is shown."""

    def __init__(self, scenario: Scenario, skeleton: Skeleton, seed: int) -> None:
        self._scenario, self._skeleton, self._seed = scenario, skeleton, seed
        self._sensor = ImuSensor.random(stream(seed, "sensor"))
        self._ends = list(accumulate(round(step.seconds * TICK_HZ) for step in scenario.steps))
        self._parts: OrderedDict[int, Future[Part]] = OrderedDict()
        self._simulator = ThreadPoolExecutor(1, thread_name_prefix="simulator")

    @property
    def last_tick(self) -> int | None:
        """The last tick there is, None where the scenario repeats for ever."""
        return None if self._scenario.repeat else self._ends[-1] - 1

    def part(self, t_s: float) -> Part:
        """Return the part at `t_s` from the start; before it the first, after the end of one run the last."""
        tick = max(int(np.floor(t_s * TICK_HZ + 1e-6)), 0)
        if self.last_tick is not None:
            tick = min(tick, self.last_tick)
        run, within = divmod(tick, self._ends[-1])
        number = run * len(self._ends) + bisect_right(self._ends, within)
        part = self._ask_for(number)
        if self.last_tick is None or number + 1 < len(self._ends):
            self._ask_for(number + 1)
        while len(self._parts) > _KEPT:
            self._parts.popitem(last=False)
        return part.result()

    def _ask_for(self, number: int) -> Future[Part]:
        if number not in self._parts:
            self._parts[number] = self._simulator.submit(self._simulate, number)
        self._parts.move_to_end(number)
        return self._parts[number]

    def _simulate(self, number: int) -> Part:
        run, index = divmod(number, len(self._ends))
        step = self._scenario.steps[index]
        episode = Episode(step.activity, step.seconds, step.seat, PATH_RADIUS_M.get(step.activity))
        motion = simulate_episode(episode, self._skeleton, derive_seed(self._seed, "motion", number))
        _, accel, gyro = self._sensor.read(motion, stream(self._seed, "noise", number))
        begin_tick = run * self._ends[-1] + (self._ends[index - 1] if index else 0)
        return Part(step, begin_tick, motion, accel, gyro)
