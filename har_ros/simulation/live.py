"""A simulated person to watch and measure live: a picture and an accelerometer of the same motion.

Camera and accelerometer may live in different processes: each makes the same person from the same scenario
and seed, and they agree on when t = 0 is.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from har_ros.core.errors import HarError
from har_ros.core.labels import TRUTHS, Activity
from har_ros.simulation.acts import ACTS
from har_ros.simulation.renderer import Renderer
from har_ros.simulation.scenario import CAR, Scenario, load_scenario
from har_ros.simulation.stage import Stage
from har_ros.simulation.streams import stream
from har_ros.simulation.subject import Subject
from har_ros.simulation.timeline import Part, Timeline

IMU_RATES_HZ = range(50, 201, 10)
LIVE_AREA_M = 1.5  # radius of the disc in which a person on foot stays, but when they fall far from home
ImuSample = tuple[float, NDArray[np.float32], NDArray[np.float32]]


class SimulatedPerson:
    """One person who follows a scenario (a Scenario, its file, or the name of a shipped one).

    The same scenario and seed give the same person and motion, and with the same imu_rate_hz (50, 60 ... 200) the
    same readings. Raises HarError for a bad scenario or rate.
    """

    def __init__(self, scenario: Scenario | str | Path, seed: int = 0, imu_rate_hz: float = 100.0) -> None:
        if imu_rate_hz not in IMU_RATES_HZ:
            rates = f"{IMU_RATES_HZ[0]}, {IMU_RATES_HZ[1]} ... {IMU_RATES_HZ[-1]}"
            raise HarError(f"a simulated person's sensor can't run at {imu_rate_hz:g} Hz; give {rates}")
        self.imu_rate_hz = float(imu_rate_hz)
        self.scenario = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
        self.seed = seed
        self.subject = Subject.of(seed, "live")
        self._timeline = Timeline(self.scenario, self.subject.body.skeleton, seed, self.imu_rate_hz)

    @property
    def duration_s(self) -> float:
        """Length of one run through the scenario; unless it says otherwise it begins again then."""
        return self.scenario.duration_s

    def label(self, t_s: float) -> Activity:
        """Return what the person does at `t_s`; a fall is one from the moment the person loses hold."""
        part = self.part(t_s)
        return TRUTHS[int(part.motion.label[part.sample(t_s)])]

    def hard_negative(self, t_s: float) -> str:
        """Return the name of the act at `t_s` if it only looks or feels like an anomaly, or else ""."""
        act = ACTS[self.part(t_s).shot.step.act]
        return act.name if act.hard_negative else ""

    def imu(self, t0_s: float = 0.0) -> Iterator[ImuSample]:
        """Yield the device's readings from `t0_s` on, without waiting for their time to come.

        Each is its time (s), acceleration (3,) m/s^2 with gravity, angular rate (3,) rad/s. Ends with a
        scenario that doesn't repeat.
        """
        rate_hz = self.imu_rate_hz
        for tick in count(max(int(np.ceil(t0_s * rate_hz - 1e-6)), 0)):
            t_s = tick / rate_hz
            if not self.scenario.repeat and t_s > self.duration_s - 0.5 / rate_hz:
                return
            part = self.part(t_s)
            index = tick - round(part.begin_s * rate_hz)
            yield t_s, part.accel_mps2[index], part.gyro_radps[index]

    def part(self, t_s: float) -> Part:
        """Return the simulated step at `t_s`."""
        return self._timeline.part(t_s)


class SimulatedCamera:
    """Sees a simulated person. Belongs to the thread that makes it, as its renderer does.

    One scene for the whole scenario, with a chair where the person ever sits; the car is another one.
    """

    def __init__(self, person: SimulatedPerson, width: int, height: int) -> None:
        self._person = person
        self._views: dict[bool, tuple[Stage, Renderer]] = {}
        look = person.subject.dressed(stream(person.seed, "clothes"))
        shots = person.scenario.shots
        for in_car in sorted({shot.in_car for shot in shots}):  # all now: no stall at a cut
            kind = CAR if in_car else person.scenario.scene
            chair = any(shot.on_chair for shot in shots)
            stage = Stage.random(kind, stream(person.seed, "stage", kind), width, height, LIVE_AREA_M, chair)
            renderer = Renderer(width, height)
            renderer.set_scene(stage.scene, person.subject.body, look)
            self._views[in_car] = stage, renderer

    def frame(self, t_s: float) -> NDArray[np.uint8]:
        """Return the picture (H, W, 3) uint8 BGR at `t_s`."""
        part = self._person.part(t_s)
        stage, renderer = self._views[part.shot.in_car]
        noise = stream(self._person.seed, "picture noise", round(t_s * 1e6))
        return stage.frame(renderer, part.motion, part.sample(t_s) / part.motion.rate_hz, noise, clock_s=t_s)
