"""What each node lets its user set: a table in code, its defaults in config/har.yaml, one check for both.

The nodes read their parameters by it, and `har evaluate` those that a robot's node had.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from har_ros.core.errors import HarError
from har_ros.core.resources import find_resource

DEFAULTS_FILE = "config/har.yaml"
NODES = ("camera", "imu_bridge", "fusion", "recorder")
ROS_OWN = ("use_sim_time", "start_type_description_service", "qos_overrides")
_KINDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list of numbers",
}


@dataclass(frozen=True)
class Parameter:
    """One parameter: its type, what it does, its unit, and what it may be.

    low, high: the bounds of a number, both included, or of each number of a list.
    choices:   the only texts allowed.
    check:     further rule; raises ValueError or HarError with a sentence.
    live:      may change while the node is configured; any other only before it.
    output:    the node sets it to tell others; nobody else does, and it has no default.
    """

    name: str
    kind: type
    description: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    check: Callable[[Any], Any] | None = None
    live: bool = False
    output: bool = False

    def accept(self, value: Any) -> Any:
        """Return `value` in the parameter's type; raises HarError with a sentence where it can't be one."""
        converted = self._converted(value)
        numbers = converted if isinstance(converted, list) else [converted]
        if self.low is not None and not all(self.low <= number <= self._top for number in numbers):
            raise HarError(f"parameter '{self.name}' is {value}; give {self.allowed}")
        if self.choices and converted not in self.choices:
            raise HarError(f"parameter '{self.name}' is '{value}'; choose one of {', '.join(self.choices)}")
        if self.check is not None:
            try:
                self.check(converted)
            except (ValueError, HarError) as error:
                raise HarError(f"parameter '{self.name}': {error}") from None
        return converted

    @property
    def allowed(self) -> str:
        """What the parameter may be, in words."""
        if self.choices:
            return ", ".join(self.choices)
        if self.low is None:
            return _KINDS[self.kind]
        bounds = f"{self.low:g} or more" if self.high is None else f"{self.low:g} to {self.high:g}"
        return f"{bounds} {self.unit}".strip()

    @property
    def _top(self) -> float:
        return math.inf if self.high is None else self.high

    def _converted(self, value: Any) -> Any:
        whole = isinstance(value, int) and not isinstance(value, bool)
        if self.kind is float and whole:
            return float(value)
        if self.kind is str and whole:  # YAML reads the device "0" as a number
            return str(value)
        if self.kind is list and isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
            values = list(value)
            if all(isinstance(number, (int, float)) and not isinstance(number, bool) for number in values):
                return [float(number) for number in values]
        if type(value) is not self.kind:
            raise HarError(f"parameter '{self.name}' takes {_KINDS[self.kind]}, not '{value}'")
        return value


AUTOSTART = Parameter("autostart", bool, "Configure and activate at once; false leaves both to a lifecycle manager")


def read_sections(path: Path) -> dict[str, dict[str, Any]]:
    """Return the `ros__parameters` of each section of a ROS parameter file. Raises HarError."""
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise HarError(f"parameter file '{path}' can't be read ({error.strerror}); give another file") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise HarError(f"parameter file '{path}' can't be read ({reason}); correct that line") from None
    return dict(_walk(path, "", content))


def _walk(path: Path, section: str, body: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the sections at and below `section`; those within another have its name before their own."""
    if not isinstance(body, dict) or not isinstance(body.get("ros__parameters", {}), dict):
        name = section.rpartition("/")[0] or section
        raise HarError(f"parameter file '{path}': section '{name}' needs 'ros__parameters:' with keys")
    for key, value in body.items():
        if key != "ros__parameters":
            yield from _walk(path, f"{section}/{key}" if section else str(key), value)
        else:
            yield section, {str(name): given for name, given in value.items()}


def check_sections(path: Path) -> list[str]:
    """Refuse a section whose name is nearly that of a node, which ROS would pass over without a word. Raises HarError.

    Returns those that are for none of NODES, as other packages' are.
    """
    names = {section: section.rsplit("/", 1)[-1] for section in read_sections(path)}
    others = {section: name for section, name in names.items() if name not in (*NODES, "*", "**")}
    for section, name in others.items():
        near = [node for node in NODES if name in node.split("_")]
        near += difflib.get_close_matches(name, NODES, n=1, cutoff=0.75)
        if near:
            raise HarError(f"section '{section}:' of '{path}' names no node; did you mean '{near[0]}'?")
    return list(others)


def load_defaults(node_name: str) -> dict[str, Any]:
    """Return the defaults of a node: those for all nodes, then its own."""
    sections = read_sections(find_resource(DEFAULTS_FILE))
    return {**sections.get("/**", {}), **sections.get(f"/**/{node_name}", {})}


def resolve(
    node_name: str, table: Sequence[Parameter], defaults: Mapping[str, Any], overrides: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the value of every parameter of `table`, from `overrides` or else from `defaults`.

    Raises HarError, naming the key, for one that the node does not have or that has no such value.
    """
    known = [parameter.name for parameter in table if not parameter.output]
    for key in overrides:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(sorted(known))}"
            raise HarError(f"there is no parameter '{key}' to set; {hint}")
    values = {}
    for parameter in table:
        if parameter.output:
            values[parameter.name] = parameter.kind()
            continue
        if parameter.name not in defaults:
            missing = f"{DEFAULTS_FILE} has no '{parameter.name}' for {node_name}"
            raise HarError(f"{missing}; install har_ros again")
        values[parameter.name] = parameter.accept(overrides.get(parameter.name, defaults[parameter.name]))
    return values


def read_own(path: Path, full_name: str) -> dict[str, Any]:
    """Return what a parameter file sets for one node, such as /har/fusion; of two sections the later one counts.

    ROS matches a section with the full name: `fusion:` is not `/har/fusion`, `/**/fusion:` is. Keys of ROS's own
    are left out. Raises HarError for a section of this node's name that ROS would silently pass over, but not for
    another namespace's, such as `/cell2/fusion:`, beside one for this node.
    """
    node_name = full_name.rsplit("/", 1)[-1]
    sections = read_sections(path)
    own = {name: body for name, body in sections.items() if re.fullmatch(_section_pattern(name), full_name)}
    for section in sections:
        elsewhere = own and section.startswith("/") and section.count("/") > 1
        if section not in own and section.rsplit("/", 1)[-1] == node_name and not elsewhere:
            raise HarError(
                f"section '{section}:' of '{path}' does not match the node {full_name}; call it '/**/{node_name}:'"
            )
    return {key: value for body in own.values() for key, value in body.items() if not key.startswith(ROS_OWN)}


def _section_pattern(section: str) -> str:
    pattern = re.escape("/" + section.lstrip("/"))
    return pattern.replace(r"/\*\*", "(/[^/]+)*").replace(r"\*", "[^/]+")
