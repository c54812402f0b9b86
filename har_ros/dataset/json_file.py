"""Reports as files, JSON above all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from har_ros.core.errors import HarError


def require_place(path: Path | None) -> None:
    """Refuse a place where no report can be written, before the work that it is for. Raises HarError."""
    if path is not None:
        with _draft(path) as draft:
            draft.touch()


def write_json(path: Path, report: dict[str, Any]) -> None:
    """Write a report as JSON, whole or not at all. Raises HarError."""
    write_text(path, json.dumps(report, indent=1, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a report that is a text already, whole or not at all. Raises HarError."""
    with _draft(path) as draft:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)


@contextmanager
def _draft(path: Path) -> Iterator[Path]:
    """Give a file beside `path` to write first; it is gone afterwards. Raises HarError where there is no place."""
    draft = path.parent / f".{path.name}.part"
    try:
        if path.is_dir():
            raise HarError(f"'{path}' is a folder; give a file")
        yield draft
    except OSError as error:
        raise HarError(f"can't write '{path}' ({error.strerror}); give another file") from None
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
