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
from har_ros.simulation.surfaces import Photos
from har_ros.simulation.timeline import Part, Timeline

IMU_RATES_HZ = range(50, 201, 10)
LIVE_AREA_M = 1.5  # radius of the disc in which a person on foot stays, but when they fall far from home
_MOMENT_S = 0.01
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

    One scene for the whole scenario, with a chair where the person ever sits; the car is another one. While
    somebody slides down a wall and until they are up again, that wall stands there, and no chair; not where it would
    hide them.
    """

    def __init__(self, person: SimulatedPerson, width: int, height: int, photos: Photos | None = None) -> None:
        """photos: the user's own, as surfaces of the scenes."""
        self._person, self._photos = person, photos
        self._size = width, height
        self._look = person.subject.dressed(stream(person.seed, "clothes"))
        shots = person.scenario.shots
        chair = any(shot.on_chair for shot in shots)
        self._views: dict[bool, tuple[Stage, Renderer]] = {}
        for in_car in sorted({shot.in_car for shot in shots}):  # all now: no stall at a cut
            stage, renderer = self._stage(CAR if in_car else person.scenario.scene, chair), Renderer(width, height)
            self._show(stage, renderer)
            self._views[in_car] = stage, renderer
        self._wall: tuple[float, Stage | None] = (-1.0, None)  # since when somebody slides down it
        self._wall_renderer = Renderer(width, height)

    def frame(self, t_s: float) -> NDArray[np.uint8]:
        """Return the picture (H, W, 3) uint8 BGR at `t_s`."""
        part = self._person.part(t_s)
        stage, renderer = self._before_wall(part) or self._views[part.shot.in_car]
        noise = stream(self._person.seed, "picture noise", round(t_s * 1e6))
        return stage.frame(renderer, part.motion, part.sample(t_s) / part.motion.rate_hz, noise, clock_s=t_s)

    def _before_wall(self, part: Part) -> tuple[Stage, Renderer] | None:
        """Return the view with the wall that is slid down in this part, or was before they got up in it."""
        if part.shot.step.act == "get_up":
            part = self._person.part(part.begin_s - _MOMENT_S)
        if part.shot.step.act != "fall_slide_down":
            return None
        if self._wall[0] != part.begin_s:
            self._wall = part.begin_s, self._walled(part)
        stage = self._wall[1]
        return None if stage is None else (stage, self._wall_renderer)

    def _walled(self, part: Part) -> Stage | None:
        """Show the stage with the wall of this part; None where the person would hardly be seen."""
        stage = self._stage(self._person.scenario.scene, False).behind_back(part.motion)
        end_s = np.array([part.motion.duration_s - _MOMENT_S])
        if stage.complaint(self._person.subject.body, part.motion, end_s) == "hidden":
            return None
        self._show(stage, self._wall_renderer)
        return stage

    def _stage(self, kind: str, chair: bool) -> Stage:
        rng = stream(self._person.seed, "stage", kind)
        return Stage.random(kind, rng, *self._size, LIVE_AREA_M, chair, self._photos)

    def _show(self, stage: Stage, renderer: Renderer) -> None:
        renderer.set_scene(stage.scene, self._person.subject.body, self._look)
