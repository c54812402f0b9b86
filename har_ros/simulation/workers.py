"""Makes clips on a dask cluster: this machine's own, or one that a scheduler's address names."""

from __future__ import annotations

import hashlib
import importlib.metadata
import logging
import platform
import resource
import signal
import time
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from itertools import islice
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

from distributed import Client, Future, KilledWorker, LocalCluster, WorkerPlugin, as_completed, get_worker

from har_ros import __version__
from har_ros.core.errors import HarError
from har_ros.core.stopping import stop_signals
from har_ros.dataset.capture import Capture
from har_ros.dataset.writer import Packed, pack_capture
from har_ros.simulation.clip import ClipMaker, Reject, taken_at
from har_ros.simulation.order import Clip
from har_ros.simulation.surfaces import Photos

CLIPS_A_WORKER = 150  # the renderer's memory grows with every scene: then a fresh process takes over
_QUEUED_A_THREAD = 3  # clips handed out and not back: enough to keep it busy, little to hold and to lose
_CONNECT_S, _WORKERS_S = 5, 15
_ALONE_S, _LOOK_S = 60, 0.25  # how long to wait for a worker when all have gone; between looks
_GONE = "the dask scheduler has gone; start it, and the same command goes on from there"
_LIBRARIES = ("numpy", "opencv-python-headless", "mujoco", "panda3d", "dask", "distributed")


@dataclass(frozen=True)
class Pictures:
    """Width and height in pixels, and which to make: with the person for a True, the room alone for a False."""

    width: int
    height: int
    with_person: tuple[bool, ...] = (True,)


@dataclass(frozen=True)
class Made:
    """A clip that was made, a capture for each of `Pictures.with_person`, the drafts rejected before, and by whom."""

    clip: Clip
    captures: tuple[Packed, ...]
    rejects: list[Reject]
    worker: str
    peak_rss_mb: float


class Workers:
    """Makes clips in the processes of a cluster. Leaving `local` or `remote` ends what they started."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def make(self, clips: Iterable[Clip], pictures: Pictures) -> Iterator[Made]:
        """Yield each clip as it is done, in any order; a clip whose worker died is made by another one.

        Raises HarError for what `ClipMaker.make` refuses, when the same clip ends three workers, and when the
        scheduler or all workers have gone.
        """
        todo = iter(clips)
        done = as_completed(with_results=True, raise_errors=True)
        self._hand_out(done, todo, pictures, self._room())
        try:
            for future, made in self._results(done):
                if future.cancelled():
                    raise HarError(_GONE)
                future.release()
                yield made
                self._hand_out(done, todo, pictures, self._room() - done.count())
        except KilledWorker:
            raise HarError(
                "the same capture ended several workers, perhaps for want of memory; run again with fewer --jobs"
            ) from None

    def _results(self, done: as_completed) -> Iterator[tuple[Future, Made]]:
        """Yield what is done, as it is done. Raises HarError when nobody works any more."""
        worked_s = time.monotonic()
        while not done.is_empty():
            if done.has_ready():
                yield next(done)
            elif self._threads():
                worked_s = time.monotonic()
                time.sleep(_LOOK_S)
            elif time.monotonic() < worked_s + _ALONE_S:
                time.sleep(_LOOK_S)
            else:
                raise HarError("all workers have gone; start some, and the same command goes on from there")

    def _room(self) -> int:
        return _QUEUED_A_THREAD * max(self._threads(), 1)

    def _threads(self) -> int:
        try:
            return sum(self._client.nthreads().values())
        except OSError:
            raise HarError(_GONE) from None

    def _hand_out(self, done: as_completed, todo: Iterator[Clip], pictures: Pictures, count: int) -> None:
        for clip in islice(todo, max(count, 0)):
            future: Future = self._client.submit(make_clip, clip, pictures, pure=False)
            done.add(future)


@contextmanager
def local(jobs: int, photos: Photos | None = None) -> Iterator[Workers]:
    """Start `jobs` processes on this machine, reachable from it alone."""
    with _quiet(), _without_interrupt():
        cluster = LocalCluster(
            n_workers=jobs, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None,
            silence_logs=logging.CRITICAL,
        )  # fmt: skip
        client = Client(cluster)
    try:
        with _brought(photos, client):
            yield Workers(client)
    finally:
        with _quiet(), _without_interrupt():
            client.close()
            cluster.close()


@contextmanager
def remote(scheduler: str, photos: Photos | None = None) -> Iterator[Workers]:
    """Use the workers of a running scheduler, such as tcp://10.0.0.5:8786; what runs there stays as it is.

    Raises HarError where nobody answers, nobody works, or they would make other captures than this machine.
    """
    with _quiet():
        try:
            client = Client(scheduler, timeout=_CONNECT_S)
        except (OSError, ValueError, ImportError) as error:
            raise HarError(
                f"no dask scheduler answers at '{scheduler}' ({_reason(error)}); start one, or correct the address"
            ) from None
        try:
            _check_workers(client, scheduler)
            with _brought(photos, client):
                yield Workers(client)
        finally:
            client.close()


class _Album(WorkerPlugin):
    """Brings the user's photographs to each worker, whenever it joins."""

    name = "har-photos"
    photos: Photos | None = None  # of this process

    def __init__(self, photos: Photos) -> None:
        self._brought = photos

    def setup(self, worker: Any) -> None:
        _Album.photos = self._brought

    def teardown(self, worker: Any) -> None:
        _Album.photos = None
        _maker.cache_clear()


@contextmanager
def _brought(photos: Photos | None, client: Client) -> Iterator[None]:
    if photos is None:
        yield
        return
    client.register_plugin(_Album(photos))
    try:
        yield
    finally:
        with suppress(OSError):  # the scheduler has gone
            client.unregister_worker_plugin(_Album.name)


def make_clip(clip: Clip, pictures: Pictures) -> Made:
    """Make a clip in this worker process. Raises HarError."""
    captures, rejects = _renderer_thread().submit(_make, clip, pictures).result()
    packed = tuple(pack_capture(capture, taken_at(clip)) for capture in captures)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Made(clip, packed, rejects, get_worker().address, peak_mb)


def versions() -> dict[str, str]:
    """Return what decides the bytes of a capture, or whether they can be sent: the versions of all that makes it."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    python = ".".join(platform.python_version_tuple()[:2])
    libraries = {name: importlib.metadata.version(name) for name in _LIBRARIES}
    return {"har_ros": f"{__version__} ({digest})", "python": python, **libraries}


def _check_workers(client: Client, scheduler: str) -> None:
    try:
        client.wait_for_workers(1, timeout=_WORKERS_S)
    except TimeoutError:
        raise HarError(f"'{scheduler}' has no workers; start some with: dask worker {scheduler} --nthreads 1") from None
    try:
        theirs = client.run(versions)
    except ModuleNotFoundError as error:
        raise HarError(f"the workers at '{scheduler}' lack '{error.name}'; install the extra 'sim' there") from None
    mine = versions()
    for worker, found in theirs.items():
        for name in mine:
            if found.get(name) != mine[name]:
                raise HarError(
                    f"worker {worker} has {name} {found.get(name)}, this machine {mine[name]}; install the same"
                )


@cache
def _renderer_thread() -> ThreadPoolExecutor:
    """Return the one thread of this process in which the renderer may be used, whatever threads a worker has."""
    return ThreadPoolExecutor(1, thread_name_prefix="renderer")


@cache
def _maker(width: int, height: int) -> ClipMaker:
    return ClipMaker(width, height, _Album.photos)


def _make(clip: Clip, pictures: Pictures) -> tuple[list[Capture], list[Reject]]:
    return _maker(pictures.width, pictures.height).make(clip, pictures.with_person)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep dask's own remarks from the terminal; what matters is raised."""
    for name in ("distributed", "distributed.client", "tornado"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _without_interrupt() -> Iterator[None]:
    """Hold stop signals back, here until the end and in whatever process is started, whose parent hears of them."""
    resource_tracker.ensure_running()  # now: started later, it would let some through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, stop_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _reason(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
