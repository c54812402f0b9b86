"""Makes what is missing of a simulated dataset, on many processes or machines, the same for a seed."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TextIO

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from har_ros.core.errors import HarError
from har_ros.dataset.reader import find_unfinished
from har_ros.dataset.writer import Packed, capture_name, write_packed
from har_ros.simulation import manifest
from har_ros.simulation.order import Clip, Order
from har_ros.simulation.surfaces import Photos
from har_ros.simulation.workers import CLIPS_A_WORKER, Made, Pictures, local, remote, versions

REJECTED = "rejected.jsonl"


@dataclass(frozen=True)
class Places:
    """Where a dataset goes: `out` with the people, `empty` the same pictures without them; one may be left out."""

    out: Path | None
    empty: Path | None = None

    @property
    def folders(self) -> dict[Path, bool]:
        """The folders, and whether each shows the person."""
        asked = ((self.out, True), (self.empty, False))
        return {folder: with_person for folder, with_person in asked if folder is not None}


@dataclass
class Account:
    """What a run did: clips made, drafts rejected, and the most memory (MB) of each worker."""

    made: int = 0
    rejected: int = 0
    peak_rss_mb: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Crew:
    """Who makes a dataset: `jobs` processes here, or the workers of a dask scheduler's address; with what photos."""

    jobs: int
    scheduler: str | None = None
    photos: Photos | None = None


def simulate_dataset(places: Places, order: Order, crew: Crew, account: Account) -> None:
    """Make what is missing of `order`.

    `account` is kept up to date, and so tells of a run that was interrupted, too. Raises HarError where a folder
    holds another dataset or can't be written, or the workers fail.
    """
    try:
        _make_missing(places, order, crew, account)
    except OSError as error:
        raise HarError(
            f"the work ended: {error.strerror or error}; free space, and the same command goes on from there"
        ) from None


def _make_missing(places: Places, order: Order, crew: Crew, account: Account) -> None:
    with ExitStack() as stack:
        logs = [stack.enter_context(_opened(folder, order)) for folder in places.folders]
        missing = _missing(places, order)
        bar = stack.enter_context(_progress_bar())
        task = bar.add_task("simulating", total=len(order), completed=len(order) - len(missing))
        pictures = Pictures(order.width, order.height, tuple(places.folders.values()))
        for made in _made(missing, pictures, crew):
            for log, folder, packed in zip(logs, places.folders, made.captures):
                _put(folder, packed)
                log.writelines(json.dumps(asdict(reject)) + "\n" for reject in made.rejects)
                log.flush()
            account.made += 1
            account.rejected += len(made.rejects)
            account.peak_rss_mb[made.worker] = made.peak_rss_mb
            bar.advance(task)
    for folder in places.folders:
        _sort_lines(folder / REJECTED)
        manifest.complete(folder, order)


def _opened(folder: Path, order: Order) -> TextIO:
    """Return the folder's log of rejects, locked against a second run for as long as it is open. Raises HarError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        log = (folder / REJECTED).open("a", encoding="utf-8")
    except OSError as error:
        raise HarError(f"'{folder}' can't be written ({error.strerror or error}); give another folder") from None
    try:
        fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        manifest.claim(folder, order, versions())
        for rest in find_unfinished(folder):  # of a run that was killed
            shutil.rmtree(rest)
    except BlockingIOError:
        log.close()
        raise HarError(f"another `har simulate` writes to '{folder}'; wait for it, or give another folder") from None
    except BaseException:
        log.close()
        raise
    return log


def _missing(places: Places, order: Order) -> list[Clip]:
    """Return the clips that at least one folder lacks."""
    held = set.intersection(*(manifest.held_clips(folder) for folder in places.folders))
    return [clip for clip in order.clips() if (clip.group, clip.number) not in held]


def _made(clips: list[Clip], pictures: Pictures, crew: Crew) -> Iterator[Made]:
    if crew.scheduler is not None:
        with remote(crew.scheduler, crew.photos) as workers:
            yield from workers.make(clips, pictures)
        return
    for begin in range(0, len(clips), CLIPS_A_WORKER * crew.jobs):
        batch = clips[begin : begin + CLIPS_A_WORKER * crew.jobs]
        with local(min(crew.jobs, len(batch)), crew.photos) as workers:
            yield from workers.make(batch, pictures)


def _put(folder: Path, packed: Packed) -> None:
    """Write a capture, unless it is there: a run was killed between its folders."""
    if not (folder / packed.label.value / capture_name(packed.taken_at)).exists():
        write_packed(folder, packed)


def _sort_lines(path: Path) -> None:
    """Put the log in an order that doesn't depend on which worker was faster, each line once."""
    lines = sorted(set(path.read_text(encoding="utf-8").splitlines(keepends=True)))
    draft = path.with_suffix(".part")
    draft.write_text("".join(lines), encoding="utf-8")
    draft.replace(path)


def _progress_bar() -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    return Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn())
