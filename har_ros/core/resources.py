"""Where the package's own files (config/, models/, launch/) are, however it was installed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from har_ros.core.errors import HarError

DEFAULT_MODEL = "edge"  # of every command; config/har.yaml names the same one for the fusion node


def _roots() -> list[Path]:
    source_tree = Path(__file__).resolve().parents[2]
    prefixes = [*os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep), sys.prefix]
    return [source_tree, *(Path(prefix) / "share" / "har_ros" for prefix in prefixes if prefix)]


def find_resource(relative: str) -> Path:
    """Return the path of a file or folder that the package ships, such as `config/har.yaml`.

    Looks in the source tree first, then in the share folders of colcon and pip. Raises HarError.
    """
    for root in _roots():
        if (root / relative).exists():
            return root / relative
    raise HarError(f"'{relative}' of the package is missing; install har_ros again")


def user_path(text: str | Path) -> Path:
    """Return the path that a user gave, with the home folder where it begins with ~. Raises HarError."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise HarError(f"'{text}' begins with the home folder of a user who isn't there; give the whole path") from None


def find_model(name_or_folder: str) -> Path:
    """Return a model's folder from its path, or from the name of one that the package ships. Raises HarError."""
    folder = user_path(name_or_folder)
    if folder.is_dir():
        return folder
    for root in _roots():
        if (root / "models" / name_or_folder).is_dir():
            return root / "models" / name_or_folder
    raise HarError(f"there is no model '{name_or_folder}'; give a model folder, or the name of one under models/")
