"""The fusion node's parameters, read from files without ROS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from har_ros.core.errors import HarError
from har_ros.core.fusion_settings import FusionSettings
from har_ros.core.resources import find_resource


def load_settings(params_file: Path | None = None) -> FusionSettings:
    """Return the package's defaults, overlaid with those of a parameter file. Raises HarError."""
    values = _fusion_section(find_resource("config/har.yaml"))
    if params_file is not None:
        values |= _fusion_section(params_file)
    return FusionSettings(**{name: values[name] for name in FusionSettings.__dataclass_fields__})


def _fusion_section(path: Path) -> dict[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        sections = [content[key]["ros__parameters"] for key in content if key.split("/")[-1] == "fusion"]
        return {name: value for section in sections for name, value in section.items()}
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        reason = str(error).splitlines()[0]
        raise HarError(f"'{path}' is no ROS parameter file ({reason}); copy sections of config/har.yaml") from None
