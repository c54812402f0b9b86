"""Reports as JSON files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from har_ros.core.errors import HarError


def write_json(path: Path, report: dict[str, Any]) -> None:
    """Write a report as JSON, whole or not at all. Raises HarError."""
    if path.is_dir():
        raise HarError(f"'{path}' is a folder; give a file for the JSON")
    draft = path.with_name(f".{path.name}.part")
    try:
        draft.write_text(json.dumps(report, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise HarError(f"can't write '{path}' ({error.strerror}); give another file") from None
