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
from har_ros.dataset.parallel import for_each_capture
from har_ros.dataset.reader import find_captures
from har_ros.training.features import capture_digest
from har_ros.training.job import Job, Sets

_RECORD_FILE = "run.json"


def try_folder(folder: Path, option: str) -> None:
    """Try now whether a folder can be written, and leave no trace. Raises HarError that names the option.

    After the training is too late to learn that it can't.
    """
    try:
        places = (folder, *folder.absolute().parents)
        there = next(place for place in places if place.exists() or place.is_symlink())  # which may lead nowhere
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise HarError(f"can't write into '{folder}' ({error.strerror}); give another folder with {option}") from None


def claim(job: Job, sets: Sets) -> None:
    """Take the run's folder, or go on with what is in it where job and captures are the same. Raises HarError."""
    path = job.folder / _RECORD_FILE
    if path.is_file() and not job.resume:
        raise HarError(f"'{job.folder}' holds a run; add --resume to go on with it, or give another --run-dir")
    record = _record(job, sets)
    if not path.is_file():
        job.folder.mkdir(parents=True, exist_ok=True)
        write_json(path, record)
    elif _read_record(path) != record:
        raise HarError(
            f"the run in '{job.folder}' had other captures, another profile, beginning or version; give another "
            "--run-dir"
        )


def _record(job: Job, sets: Sets) -> Any:
    """Return what a run's checkpoints hang on, as JSON gives it back: also what each capture holds and of whom."""
    digests = for_each_capture(capture_digest, [clip.folder for clip in sets.all], "looking at captures")
    clips = [(clip.label, clip.subject, digest) for clip, digest in zip(sets.all, digests)]
    base = load_card(job.warm_start).identity if job.warm_start else None
    empty = for_each_capture(capture_digest, find_captures(job.empty), "looking at empty rooms") if job.empty else None
    record = {"version": __version__, "profile": asdict(job.profile), "clips": clips, "base": base, "empty": empty}
    return json.loads(json.dumps(record))


def _read_record(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise HarError(f"'{path}' is damaged; delete '{path.parent}' or give another --run-dir") from None
