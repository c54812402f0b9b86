"""Parameters as ROS knows them: core.parameters with descriptors, and the files named on a command line."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

from har_ros.core.parameters import AUTOSTART, Parameter, load_defaults, read_own, read_sections, resolve

__all__ = [
    "AUTOSTART",
    "Parameter",
    "describe_to_ros",
    "load_defaults",
    "read_sections",
    "refuse_missed_sections",
    "resolve",
]


def describe_to_ros(parameter: Parameter) -> ParameterDescriptor:
    """Return the ROS descriptor that `ros2 param describe` shows."""
    text = f"{parameter.description} [{parameter.unit}]" if parameter.unit else parameter.description
    descriptor = ParameterDescriptor(name=parameter.name, description=text)
    descriptor.additional_constraints = parameter.allowed
    if parameter.low is not None and parameter.high is not None and parameter.kind is float:
        span = FloatingPointRange(from_value=float(parameter.low), to_value=float(parameter.high))
        descriptor.floating_point_range = [span]  # in floats: an int's bits would be read as a tiny number
    elif parameter.low is not None and parameter.high is not None and parameter.kind is int:
        bounds = IntegerRange(from_value=int(parameter.low), to_value=int(parameter.high), step=1)
        descriptor.integer_range = [bounds]
    return descriptor


def refuse_missed_sections(arguments: Sequence[str], full_name: str) -> None:
    """Refuse a parameter file that has a section for this node which ROS would silently pass over. Raises HarError."""
    for option, value in pairwise(arguments):
        if option == "--params-file":
            read_own(Path(value), full_name)
