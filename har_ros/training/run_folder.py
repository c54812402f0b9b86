"""The folders of a run: tried before it, and claimed, so that another job can't go on in them."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from har_ros import __version__
from har_ros.core.errors import HarError
from har_ros.core.model_card import CARD_FILE, load_card
from har_ros.dataset.json_file import write_json
from har_ros.dataset.parallel import for_each_capture
from har_ros.dataset.reader import find_captures
from har_ros.training.features import capture_digest
from har_ros.training.job import Job, Sets

_RECORD_FILE = "run.json"
_WORDS = {
    "version": "version of har_ros",
    "profile": "profile or compression",
    "clips": "set of captures, or other contents (of the dataset or of --test)",
    "base": "model to begin with",
    "empty": "set of empty rooms",
}


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
        raise HarError(
            f"'{job.folder}' holds a run; add --resume to go on with it, delete it, or give another --run-dir"
        )
    if not job.resume and (job.out / CARD_FILE).exists():
        raise HarError(f"'{job.out}' holds a model; delete it, or give another folder with --out")
    record = _record(job, sets)
    if not path.is_file():
        job.folder.mkdir(parents=True, exist_ok=True)
        write_json(path, record)
        return
    before = _read_record(path)
    other = [words for key, words in _WORDS.items() if before.get(key) != record[key]]
    if other:
        raise HarError(
            f"the run in '{job.folder}' had another {' and another '.join(other)}; delete it, or give another --run-dir"
        )


def _record(job: Job, sets: Sets) -> dict[str, Any]:
    """Return what a run's checkpoints hang on, as JSON gives it back: also what each capture holds and of whom."""
    digests = for_each_capture(capture_digest, [clip.folder for clip in sets.all], "looking at captures")
    clips = [(clip.label, clip.subject, digest) for clip, digest in zip(sets.all, digests)]
    base = load_card(job.warm_start).identity if job.warm_start else None
    empty = for_each_capture(capture_digest, find_captures(job.empty), "looking at empty rooms") if job.empty else None
    record = {"version": __version__, "profile": asdict(job.profile), "clips": clips, "base": base, "empty": empty}
    kept: dict[str, Any] = json.loads(json.dumps(record))
    return kept


def _read_record(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise HarError(f"'{path}' is damaged; delete '{path.parent}' or give another --run-dir")
    return record
