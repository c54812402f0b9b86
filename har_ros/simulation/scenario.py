"""Scenarios: what a simulated person does, one activity after the other, as readable YAML.

A file says, for example: `scenario: har.scenario/1`, `scene: room`, `repeat: true`, and under `steps:`
a list such as `- {activity: WALK, seconds: 20}` and `- {activity: SITTING, seconds: 10, seat: car}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from har_ros.core.errors import HarError
from har_ros.core.labels import Activity, parse_activity
from har_ros.core.resources import find_resource

SCHEMA = "har.scenario/1"
SCENES = ("room", "workshop", "outdoor")
CAR = "car"
Seat = Literal["none", "chair", "car"]
SEATS: dict[Activity, tuple[Seat, ...]] = {  # on what a person may sit, the usual first
    **dict.fromkeys(Activity, ("none",)),
    Activity.SITTING: ("chair", "car"),
    Activity.DRIVERS_DROWSINESS: ("car",),
}
MIN_STEP_S, MAX_STEP_S = 5.0, 60.0  # a fall takes five seconds; a step is simulated and held as a whole


@dataclass(frozen=True)
class Step:
    """One activity for `seconds`, and on what the person sits if they do."""

    activity: Activity
    seconds: float
    seat: Seat


@dataclass(frozen=True)
class Scenario:
    """The steps of one simulated person, the scene around all of them but those in the car."""

    name: str
    scene: str
    steps: tuple[Step, ...]
    repeat: bool = True

    @property
    def duration_s(self) -> float:
        """Length of one run through all steps."""
        return sum(step.seconds for step in self.steps)


def load_scenario(name_or_file: str | Path) -> Scenario:
    """Read a scenario from its file, or from the name of one under config/scenarios. Raises HarError."""
    path = Path(name_or_file).expanduser()
    if path.suffix not in (".yaml", ".yml") and not path.exists():
        path = find_shipped(str(name_or_file))
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise HarError(f"scenario '{path}' can't be read ({error}); give a YAML file") from None
    return parse_scenario(text, path.stem)


def find_shipped(name: str) -> Path:
    """Return the file of a scenario that the package ships. Raises HarError with the names there are."""
    folder = find_resource("config/scenarios")
    names = sorted(path.stem for path in folder.glob("*.yaml"))
    if name not in names:
        raise HarError(f"there is no scenario '{name}'; give a YAML file, or one of {', '.join(names)}")
    return folder / f"{name}.yaml"


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
    if data["scenario"] != SCHEMA:
        raise HarError(f"{where} has the format '{data['scenario']}'; this version reads '{SCHEMA}'")
    scene = _one_of(data["scene"], SCENES, f"scene of {where}")
    repeat = data.get("repeat", True)
    if not isinstance(repeat, bool):
        raise HarError(f"repeat of {where} is '{repeat}'; write true or false")
    steps = data["steps"]
    if not isinstance(steps, list) or not steps:
        raise HarError(f"{where} has no steps; list at least one {{activity: WALK, seconds: 20}}")
    return Scenario(name, scene, tuple(_step(step, f"step {i} of {where}") for i, step in enumerate(steps, 1)), repeat)


def _step(data: Any, where: str) -> Step:
    _expect_keys(data, where, required=("activity", "seconds"), optional=("seat",))
    try:
        activity = parse_activity(str(data["activity"]))
    except ValueError as error:
        raise HarError(f"{where}: {error}") from None
    seconds = data["seconds"]
    is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    if not is_number or not MIN_STEP_S <= seconds <= MAX_STEP_S:
        raise HarError(f"{where} lasts '{seconds}' seconds; give {MIN_STEP_S:g} to {MAX_STEP_S:g}")
    seat = data.get("seat", SEATS[activity][0])
    if seat not in SEATS[activity]:
        raise HarError(f"{where} has the seat '{seat}', but {activity} takes {' or '.join(SEATS[activity])}")
    return Step(activity, round(float(seconds), 2), seat)


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
