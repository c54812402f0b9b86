"""The folders of a run: tried before it, and claimed, so that another job can't go on in them."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from har_ros import __version__
from har_ros.core.errors import HarError
from har_ros.core.model_card import load_card
from har_ros.dataset.json_file import write_json
from har_ros.training.job import Job, Sets

_RECORD_FILE = "run.json"


def try_folder(folder: Path) -> None:
    """Try the model's folder now: after the training is too late to learn that it can't be written. Raises HarError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise HarError(f"can't write into '{folder}' ({error.strerror}); give another folder with --out") from None
    if not any(folder.iterdir()):
        folder.rmdir()


def claim(job: Job, sets: Sets) -> None:
    """Take the run's folder, or go on with what is in it where the job is the same. Raises HarError."""
    path = job.folder / _RECORD_FILE
    clips = [str(clip.folder) for clip in sets.all]
    base = load_card(job.warm_start).identity if job.warm_start else None
    empty = str(job.empty) if job.empty else None
    record = {"version": __version__, "profile": asdict(job.profile), "clips": clips, "base": base, "empty": empty}
    record = json.loads(json.dumps(record))
    if not path.is_file():
        job.folder.mkdir(parents=True, exist_ok=True)
        write_json(path, record)
    elif not job.resume:
        raise HarError(f"'{job.folder}' holds a run; add --resume to go on with it, or give another --run-dir")
    elif _read_record(path) != record:
        raise HarError(
            f"the run in '{job.folder}' had another dataset, profile, beginning or version; give another --run-dir"
        )


def _read_record(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise HarError(f"'{path}' is damaged; delete '{path.parent}' or give another --run-dir") from None
