"""`har simulate`: write a dataset of simulated captures, in parallel, resumable and the same for a seed."""

from __future__ import annotations

import argparse
import fcntl
import json
import multiprocessing
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from har_ros import __version__
from har_ros.core.errors import HarError
from har_ros.core.labels import ACTIVITIES, LABELS
from har_ros.dataset.reader import find_captures, find_unfinished, read_meta
from har_ros.dataset.writer import write_capture
from har_ros.simulation.clip import ANY_MOUNT, Clip, ClipMaker, Reject
from har_ros.simulation.physics import MOUNTS

MANIFEST, REJECTED = "manifest.json", "rejected.jsonl"
_CLIPS_A_WORKER = 150  # the renderer's memory grows with every scene: then a fresh process takes over
_EXAMPLE = """example:
  har simulate --out Dataset --per-class 200 --seed 1
Six classes of 200 one-second captures of 50 people take 10 to 25 minutes on two cores. An interrupted run
goes on where it stopped when it is started again; the same seed gives the same captures.
Afterwards: har check Dataset, har train Dataset --out models/mine
"""


@dataclass(frozen=True)
class Order:
    """What a dataset is to hold. `per_class` may grow later; the other fields make it another dataset."""

    seed: int
    subjects: int
    width: int
    height: int
    mount: str
    per_class: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's options."""
    parser.epilog = _EXAMPLE
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the dataset's folder")
    parser.add_argument("--per-class", type=int, required=True, metavar="N", help="captures of each activity")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives other people and scenes (default 0)")
    parser.add_argument("--subjects", type=int, metavar="K", help="different people (default N/4, at least 10)")
    parser.add_argument(
        "--mount", choices=[*MOUNTS, ANY_MOUNT], default="waist", help="where the sensor is worn (default waist)"
    )
    parser.add_argument("--jobs", type=int, default=2, metavar="J", help="processes at work (default 2)")
    parser.add_argument("--width", type=int, default=320, help="width of the frames in pixels (default 320)")
    parser.add_argument("--height", type=int, default=240, help="height of the frames in pixels (default 240)")


def run(args: argparse.Namespace) -> int:
    """Write the dataset that the options describe and print what was made. Raises HarError."""
    for name, low, high in (("per_class", 1, 100_000), ("jobs", 1, 64), ("width", 64, 1920), ("height", 64, 1080)):
        if not low <= getattr(args, name) <= high:
            option = "--" + name.replace("_", "-")
            raise HarError(f"{option} is {getattr(args, name)}; give a number from {low} to {high}")
    subjects = max(10, args.per_class // 4) if args.subjects is None else args.subjects
    if subjects < 1 or args.seed < 0:
        raise HarError("--subjects must be at least 1 and --seed at least 0; correct them")
    order = Order(args.seed, subjects, args.width, args.height, args.mount, args.per_class)
    made, rejected = simulate_dataset(args.out, order, args.jobs)
    print(f"{args.out}: {made} captures made, {order.per_class} of each activity there; {rejected} drafts rejected")
    return 0


def simulate_dataset(out: Path, order: Order, jobs: int) -> tuple[int, int]:
    """Make what is missing of `order` under `out`; return how many captures were made and drafts rejected.

    Raises HarError where `out` holds another dataset, can't be written, or a worker dies.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with (out / REJECTED).open("a", encoding="utf-8") as log:
            _lock(log, out)
            _claim(out, order)
            for rest in find_unfinished(out):  # of a run that was killed
                shutil.rmtree(rest)
            made, rejected = _fill(out, order, jobs, log)
            _sort_lines(out / REJECTED)
    except OSError as error:
        raise HarError(f"'{out}' can't be written ({error.strerror or error}); give another folder") from None
    except BrokenProcessPool:
        raise HarError("a worker process was killed, perhaps for want of memory; run again with --jobs 1") from None
    return made, rejected


def _fill(out: Path, order: Order, jobs: int, log: TextIO) -> tuple[int, int]:
    missing = _missing(out, order)
    total, rejected = order.per_class * len(LABELS), 0
    with _progress_bar() as bar:
        task = bar.add_task("simulating", total=total, completed=total - len(missing))
        for rejects in _work(out, order, missing, jobs):
            rejected += len(rejects)
            log.writelines(json.dumps(asdict(reject)) + "\n" for reject in rejects)
            log.flush()
            bar.advance(task)
    return len(missing), rejected


def _lock(log: TextIO, out: Path) -> None:
    """Keep a second run away from the dataset for as long as `log` is open."""
    try:
        fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise HarError(f"another `har simulate` writes to '{out}'; wait for it, or give another folder") from None


def _claim(out: Path, order: Order) -> None:
    """Write the manifest, unless the folder holds a dataset of another order."""
    path = out / MANIFEST
    if path.exists():
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
            differing = [key for key, value in asdict(order).items() if key != "per_class" and before[key] != value]
        except (ValueError, KeyError, TypeError):
            raise HarError(f"'{path}' is no manifest of a simulated dataset; give another folder") from None
        if differing:
            options = ", ".join(f"--{key} {before[key]}" for key in differing)
            raise HarError(f"'{out}' was begun with {options}; give the same, or another folder")
    manifest: dict[str, Any] = {"version": __version__, **asdict(order), "labels": list(LABELS)}
    draft = path.with_suffix(".part")
    draft.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    draft.replace(path)


def _missing(out: Path, order: Order) -> list[Clip]:
    """Return the clips of the order that `out` doesn't hold yet, the classes taking turns."""
    metas = [read_meta(folder) for folder in find_captures(out)]
    held = {(meta.label, meta.extra.get("index")) for meta in metas}
    return [
        Clip(order.seed, activity, index, subject=index % order.subjects, mount=order.mount)
        for index in range(order.per_class)
        for activity in ACTIVITIES
        if (activity, index) not in held
    ]


def _work(out: Path, order: Order, clips: list[Clip], jobs: int) -> Iterator[list[Reject]]:
    """Make the clips in worker processes; yield each one's rejected drafts as it is done."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # the workers inherit it: they share the cores already
    batch_size = _CLIPS_A_WORKER * jobs
    for begin in range(0, len(clips), batch_size):
        batch = clips[begin : begin + batch_size]
        pool = ProcessPoolExecutor(
            min(jobs, len(batch)),
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_start_worker,
            initargs=(out, order.width, order.height),
        )
        try:
            yield from _results(pool, batch)
        finally:
            pool.shutdown(cancel_futures=True)


def _results(pool: ProcessPoolExecutor, clips: list[Clip]) -> Iterator[list[Reject]]:
    waiting: set[Future[list[Reject]]] = {pool.submit(_make, clip) for clip in clips}
    while waiting:
        done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        for future in done:
            yield future.result()


_maker: ClipMaker
_out: Path


def _start_worker(out: Path, width: int, height: int) -> None:
    global _maker, _out  # a worker process has one maker for all its clips
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the parent, which lets us finish
    parent = multiprocessing.parent_process()
    assert parent is not None

    def end_with_parent() -> None:
        parent.join()
        os._exit(1)  # nothing to tidy: a capture appears whole or not at all

    threading.Thread(target=end_with_parent, daemon=True).start()
    _maker, _out = ClipMaker(width, height), out


def _make(clip: Clip) -> list[Reject]:
    capture, taken_at, rejects = _maker.make(clip)
    write_capture(_out, capture, taken_at)
    return rejects


def _sort_lines(path: Path) -> None:
    """Put the log in an order that doesn't depend on which worker was faster, each line once."""
    lines = sorted(set(path.read_text(encoding="utf-8").splitlines(keepends=True)))
    draft = path.with_suffix(".part")
    draft.write_text("".join(lines), encoding="utf-8")
    draft.replace(path)


def _progress_bar() -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    return Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn())
