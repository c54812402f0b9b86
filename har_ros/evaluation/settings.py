"""The fusion node's parameters, read from files without ROS."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from har_ros.core.errors import HarError
from har_ros.core.fusion_parameters import PARAMETERS
from har_ros.core.fusion_settings import FusionSettings
from har_ros.core.parameters import AUTOSTART, check_sections, load_defaults, read_own, resolve

_NODE = "fusion"


def load_settings(params_file: Path | None = None, namespace: str = "/har") -> FusionSettings:
    """Return the package's defaults, overlaid with what a parameter file sets for the node of `namespace`.

    Raises HarError for what the node itself would refuse.
    """
    own = {}
    try:
        if params_file is not None:
            check_sections(params_file)
            own = read_own(params_file, f"{namespace.rstrip('/')}/{_NODE}")
        values = resolve(_NODE, (AUTOSTART, *PARAMETERS), load_defaults(_NODE), own)
    except HarError as error:
        raise HarError(f"--params-file: {error}") from None
    return FusionSettings(**{field.name: values[field.name] for field in fields(FusionSettings)})
