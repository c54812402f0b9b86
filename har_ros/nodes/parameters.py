"""Parameters as ROS knows them: har_ros.core.parameters with descriptors, and the files named on a command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

from har_ros.core import parameters
from har_ros.core.parameters import load_defaults, read_own, read_sections, resolve

__all__ = ["AUTOSTART", "Parameter", "load_defaults", "read_sections", "refuse_missed_sections", "resolve"]


@dataclass(frozen=True)
class Parameter(parameters.Parameter):
    """A parameter that can describe itself to ROS."""

    def descriptor(self) -> ParameterDescriptor:
        """Return the ROS descriptor that `ros2 param describe` shows."""
        text = f"{self.description} [{self.unit}]" if self.unit else self.description
        descriptor = ParameterDescriptor(name=self.name, description=text)
        descriptor.additional_constraints = self.allowed
        if self.low is not None and self.high is not None and self.kind is float:
            descriptor.floating_point_range = [FloatingPointRange(from_value=self.low, to_value=self.high)]
        elif self.low is not None and self.high is not None and self.kind is int:
            bounds = IntegerRange(from_value=int(self.low), to_value=int(self.high), step=1)
            descriptor.integer_range = [bounds]
        return descriptor


AUTOSTART = Parameter(**vars(parameters.AUTOSTART))


def refuse_missed_sections(arguments: Sequence[str], node_name: str, full_name: str) -> None:
    """Refuse a parameter file that has a section for this node which ROS would silently pass over. Raises HarError."""
    for option, value in pairwise(arguments):
        if option == "--params-file":
            read_own(Path(value), full_name)
