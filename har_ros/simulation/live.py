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

from har_ros.core.labels import TRUTHS, Activity
from har_ros.simulation.renderer import Renderer
from har_ros.simulation.scenario import CAR, Scenario, load_scenario
from har_ros.simulation.stage import LARGEST_AREA_M, Stage
from har_ros.simulation.streams import stream
from har_ros.simulation.subject import Subject
from har_ros.simulation.timeline import TICK_HZ, Part, Timeline

ImuSample = tuple[float, NDArray[np.float32], NDArray[np.float32]]


class SimulatedPerson:
    """One person who follows a scenario (a Scenario, its file, or the name of a shipped one).

    The same scenario and seed give the same person, motion and readings. Raises HarError for a bad scenario.
    """

    def __init__(self, scenario: Scenario | str | Path, seed: int = 0) -> None:
        self.scenario = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
        self.seed = seed
        self.subject = Subject.of(seed, "live")
        self._timeline = Timeline(self.scenario, self.subject.body.skeleton, seed)

    @property
    def duration_s(self) -> float:
        """Length of one run through the scenario; unless it says otherwise it begins again then."""
        return self.scenario.duration_s

    def label(self, t_s: float) -> Activity:
        """Return what the person does at `t_s`; a fall is one from the moment the person loses hold."""
        part = self.part(t_s)
        return TRUTHS[int(part.motion.label[part.sample(t_s)])]

    def imu(self, t0_s: float = 0.0) -> Iterator[ImuSample]:
        """Yield the device's readings from `t0_s` on, without waiting for their time to come.

        Each is its time (s), acceleration (3,) m/s^2 with gravity, angular rate (3,) rad/s. Ends with a
        scenario that doesn't repeat.
        """
        for tick in count(max(int(np.ceil(t0_s * TICK_HZ)), 0)):
            if self._timeline.last_tick is not None and tick > self._timeline.last_tick:
                return
            part = self.part(tick / TICK_HZ)
            index = tick - part.begin_tick
            yield tick / TICK_HZ, part.accel_mps2[index], part.gyro_radps[index]

    def part(self, t_s: float) -> Part:
        """Return the simulated step at `t_s`."""
        return self._timeline.part(t_s)


class SimulatedCamera:
    """Sees a simulated person. Belongs to the thread that makes it, as its renderer does.

    One scene for the whole scenario, with a chair when the person sits; the car is another one.
    """

    def __init__(self, person: SimulatedPerson, width: int, height: int) -> None:
        self._person = person
        self._views: dict[str, tuple[Stage, Renderer]] = {}
        look = person.subject.dressed(stream(person.seed, "clothes"))
        for seat in dict.fromkeys(step.seat for step in person.scenario.steps):  # all now: no stall at a change
            scene = CAR if seat == CAR else person.scenario.scene
            rng = stream(person.seed, "stage", scene)
            stage = Stage.random(scene, rng, width, height, LARGEST_AREA_M, seated=seat == "chair")
            renderer = Renderer(width, height)
            renderer.set_scene(stage.scene, person.subject.body, look)
            self._views[seat] = stage, renderer
        self._shown: Part | None = None

    def frame(self, t_s: float) -> NDArray[np.uint8]:
        """Return the picture (H, W, 3) uint8 BGR at `t_s`."""
        part = self._person.part(t_s)
        if part is not self._shown:
            self._shown = part
            stage, self._renderer = self._views[part.step.seat]
            self._stage = stage.holding(part.motion, *self._span(part))
        noise = stream(self._person.seed, "picture noise", round(t_s * 1e6))
        return self._stage.frame(self._renderer, part.motion, part.sample(t_s) / part.motion.rate_hz, noise)

    @staticmethod
    def _span(part: Part) -> tuple[float, float]:
        """Return from when to when (s of the part) the person must be in view: the activity, not its run-up."""
        showing = np.flatnonzero(part.motion.label == TRUTHS.index(part.step.activity))
        return float(showing[0]) / part.motion.rate_hz, float(showing[-1] + 1) / part.motion.rate_hz
