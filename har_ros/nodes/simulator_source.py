"""The simulated person as a picture source."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from har_ros.core.errors import HarError
from har_ros.nodes.camera_sources import FALLBACK_HZ, Frame, Pace, Wish
from har_ros.simulation.scenario import load_scenario

if TYPE_CHECKING:
    from har_ros.simulation.live import SimulatedCamera, SimulatedPerson

DEFAULT_SIZE = (320, 240)  # what `har simulate` draws too


class SimulatorSource:
    """Renders the person of a scenario and seed as they are at each picture's time.

    A fake ESP32 with the same scenario, seed and start shows the accelerometer of the same motion: in both the
    scene goes by the steady clock, so that it stays one person when the host's clock is set.
    """

    unreadable = 0

    def __init__(
        self, scenario: str, seed: int, start_ns: int, wish: Wish, now_ns: Callable[[], int]
    ) -> None:
        self._scenario = scenario
        self._seed = seed
        self._start_ns = start_ns
        self._size = (wish.width, wish.height) if wish.width else DEFAULT_SIZE
        self._rate_hz = wish.rate_hz or FALLBACK_HZ
        self._now_ns = now_ns
        self._camera: SimulatedCamera | None = None
        self._person: SimulatedPerson | None = None

    def check(self) -> None:
        """Read the scenario and look for the simulator's libraries."""
        load_scenario(self._scenario)
        try:
            import har_ros.simulation.live  # noqa: F401  heavy, and only needed here
        except ModuleNotFoundError as error:
            remedy = "install it with: pip install mujoco panda3d"
            raise HarError(f"the simulator needs '{error.name}'; {remedy}") from None

    def open(self) -> None:
        """Make the person and the camera; the renderer belongs to the thread that calls this."""
        from har_ros.simulation.live import SimulatedCamera, SimulatedPerson

        self._person = SimulatedPerson(load_scenario(self._scenario), self._seed)
        self._camera = SimulatedCamera(self._person, *self._size)
        self._pace = Pace(self._rate_hz, self._now_ns, self._start_ns or None)

    def read(self) -> Frame | None:
        """Render the picture that is due."""
        assert self._person is not None and self._camera is not None, "read before open"
        due = self._pace.next()
        t_s = due.at_s
        if t_s > self._person.duration_s and not self._person.scenario.repeat:
            return None
        picture = self._camera.frame(t_s)
        return Frame(picture, self._pace.wait_for(due), str(self._person.label(t_s)))

    def close(self) -> None:
        """Drop person and camera."""
        self._person = self._camera = None
