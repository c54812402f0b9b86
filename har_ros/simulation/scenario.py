"""Scenarios: what a simulated person does, one act after the other, as readable YAML.

A file says, for example: `scenario: har.scenario/2`, `scene: room`, `repeat: true`, and under `steps:` a list such
as `- {act: walk, seconds: 20}` and `- {act: fall_trip, seconds: 10}`. Instead of an act a step may name an activity,
such as `- {activity: SITTING, seconds: 10, seat: car}`, for the usual act of it. What must come between two steps,
such as sitting down or getting up, is put in; going into or out of the car is a cut, and so is a repeat.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, groupby
from pathlib import Path
from typing import Any

from har_ros.core.errors import HarError
from har_ros.core.labels import Activity, parse_activity
from har_ros.core.resources import find_resource, user_path
from har_ros.simulation.acts import ACTS, Posture
from har_ros.simulation.planning import Step, checked, plan

SCHEMA = "har.scenario/2"
_READ = ("har.scenario/1", SCHEMA)  # the first one knows no acts
SCENES = ("room", "workshop", "outdoor")
CAR = "car"
_USUAL: dict[Activity, str] = {
    Activity.WALK: "walk", Activity.JOGGING: "jog", Activity.STAND: "stand", Activity.SITTING: "sit",
    Activity.DRIVERS_DROWSINESS: "drowse", Activity.FALL_OR_COLLAPSE: "fall_trip",
}  # fmt: skip
_SEATS: dict[Activity, dict[str, str]] = {  # the acts that a seat chooses
    Activity.SITTING: {"chair": "sit", CAR: "drive"},
    Activity.DRIVERS_DROWSINESS: {CAR: "drowse"},
}
LONGEST_STEP_S = 180.0  # a step is simulated and held as a whole
GRID_S = 0.1  # every step lasts a whole number of these, and so a whole number of readings at 50, 60 ... 200 Hz


@dataclass(frozen=True)
class Shot:
    """A step as it is performed: when it begins in a run, s, and which take it belongs to, between two cuts."""

    step: Step
    begin_s: float
    take: int

    @property
    def in_car(self) -> bool:
        """Whether it happens at the wheel."""
        return _in_car(self.step)

    @property
    def on_chair(self) -> bool:
        """Whether a chair is used."""
        return Posture.CHAIR in (ACTS[self.step.act].before, ACTS[self.step.act].after)


@dataclass(frozen=True)
class Scenario:
    """The steps of one simulated person, the scene around all of them but those in the car."""

    name: str
    scene: str
    steps: tuple[Step, ...]
    repeat: bool = True

    @cached_property
    def shots(self) -> tuple[Shot, ...]:
        """The steps of one run, with what comes between them. Raises HarError where they don't fit together."""
        takes = [plan(list(steps)) for _, steps in groupby(self.steps, key=_in_car)]
        steps = [(number, step) for number, take in enumerate(takes) for step in take]
        begins = accumulate((step.seconds for _, step in steps), initial=0.0)
        return tuple(Shot(step, round(begin_s, 2), number) for (number, step), begin_s in zip(steps, begins))

    @property
    def duration_s(self) -> float:
        """Length of one run through all steps."""
        return round(self.shots[-1].begin_s + self.shots[-1].step.seconds, 2)


def load_scenario(name_or_file: str | Path) -> Scenario:
    """Read a scenario from its file, or from the name of one under config/scenarios. Raises HarError."""
    path = user_path(name_or_file)
    if path.suffix not in (".yaml", ".yml") and not path.exists():
        path = find_shipped(str(name_or_file))
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise HarError(f"scenario '{path}' can't be read ({error}); give a YAML file") from None
    return parse_scenario(text, path.stem)


def find_shipped(name: str) -> Path:
    """Return the file of a scenario that the package ships. Raises HarError with the names there are."""
    if name not in shipped_names():
        raise HarError(f"there is no scenario '{name}'; give a YAML file, or one of {', '.join(shipped_names())}")
    return find_resource("config/scenarios") / f"{name}.yaml"


def shipped_names() -> list[str]:
    """Return the names of the scenarios that the package ships."""
    return sorted(path.stem for path in find_resource("config/scenarios").glob("*.yaml"))


def parse_scenario(text: str, name: str) -> Scenario:
    """Read a scenario from its YAML text; `name` stands in messages. Raises HarError."""
    import yaml  # here, so that only those who read a scenario need it

    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise HarError(f"scenario '{name}' is no YAML ({problem}); correct that line") from None
    where = f"scenario '{name}'"
    _expect_keys(data, where, required=("scenario", "scene", "steps"), optional=("repeat",))
    if data["scenario"] not in _READ:
        raise HarError(f"{where} has the format '{data['scenario']}'; this version reads '{SCHEMA}'")
    scene = _one_of(data["scene"], SCENES, f"scene of {where}")
    repeat = data.get("repeat", True)
    if not isinstance(repeat, bool):
        raise HarError(f"repeat of {where} is '{repeat}'; write true or false")
    steps = data["steps"]
    if not isinstance(steps, list) or not steps:
        raise HarError(f"{where} has no steps; list at least one {{act: walk, seconds: 20}}")
    performed = tuple(_step(step, f"step {number} of {where}") for number, step in enumerate(steps, 1))
    scenario = Scenario(name, scene, performed, repeat)
    scenario.shots  # noqa: B018  now, so that what doesn't fit together is told now
    return scenario


def _step(data: Any, where: str) -> Step:
    if isinstance(data, dict) and "act" in data:
        _expect_keys(data, where, required=("act", "seconds"), optional=())
        act = str(data["act"])
    else:
        _expect_keys(data, where, required=("activity", "seconds"), optional=("seat",))
        act = _usual_act(data, where)
    seconds = data["seconds"]
    is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not is_number or not 0 < seconds <= LONGEST_STEP_S:
        raise HarError(f"{where} lasts '{seconds}' seconds; give a number up to {LONGEST_STEP_S:g}")
    step = Step(act, round(round(seconds / GRID_S) * GRID_S, 1))
    try:
        checked(step)
    except HarError as error:
        raise HarError(f"{where}: {error}") from None
    return step


def _usual_act(data: dict[str, Any], where: str) -> str:
    try:
        activity = parse_activity(str(data["activity"]))
    except ValueError as error:
        raise HarError(f"{where}: {error}") from None
    if activity not in _USUAL:
        raise HarError(f"{where} is {activity}, which is many acts; name the act instead: act: kneel")
    if "seat" not in data:
        return _USUAL[activity]
    seats = _SEATS.get(activity, {})
    if str(data["seat"]) not in seats:
        allowed = f"takes {' or '.join(seats)}" if seats else "takes none"
        raise HarError(f"{where} has the seat '{data['seat']}', but {activity} {allowed}")
    return seats[str(data["seat"])]


def _in_car(step: Step) -> bool:
    return ACTS[step.act].before is Posture.CAR


def _expect_keys(data: Any, where: str, required: tuple[str, ...], optional: tuple[str, ...]) -> None:
    known = required + optional
    if not isinstance(data, dict):
        raise HarError(f"{where} is no mapping; write the keys {', '.join(known)}")
    for key in data:
        if key not in known:
            raise HarError(f"{where} has the unknown key '{key}'; known are {', '.join(known)}")
    for key in required:
        if key not in data:
            raise HarError(f"{where} lacks the key '{key}'; add it")


def _one_of(value: Any, allowed: tuple[str, ...], where: str) -> str:
    if value not in allowed:
        raise HarError(f"{where} is '{value}'; choose one of {', '.join(allowed)}")
    return str(value)
