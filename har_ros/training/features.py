"""What a trunk says of each frame, computed once and kept on disk.

<cache>/<trunk>/<capture>.<V>.npy  (V, 30, P, C) float16: as taken, mirrored, other views; P positions of a picture
<cache>/<trunk>/<capture>.imu.npz  the accelerometer at its full rate and the frames' stamps
Both names are hashes, so that other weights, captures or versions never meet a stale file.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from har_ros import __version__
from har_ros.core.imu_steps import imu_steps, step_edges
from har_ros.core.preprocess import mirror_frames, to_model_frame
from har_ros.core.windows import STEP_RATE_HZ
from har_ros.dataset.reader import read_capture
from har_ros.dataset.sensing import Samples
from har_ros.inference.sessions import open_session
from har_ros.training import views
from har_ros.training.views import augment

PLAIN_VIEWS = 2  # as taken, mirrored


@dataclass(frozen=True)
class Motion:
    """A capture's accelerometer, and the edges (31,) of its frames' steps, ns."""

    samples: Samples
    edges_ns: NDArray[np.int64]

    def steps(self, channels: tuple[str, ...], samples: Samples | None = None) -> NDArray[np.float32]:
        """Return the values (30, C) of the steps, from other samples where they are given."""
        return imu_steps(channels, *(samples or self.samples), self.edges_ns)[0]


_VIEWS = hashlib.sha256(Path(views.__file__).read_bytes()).hexdigest()  # the way in which further ones are drawn


class FeatureStore:
    """The cached maps and readings of captures under one trunk."""

    def __init__(self, cache: Path, trunk: Path, frame_size_px: int) -> None:
        """`trunk` is an ONNX file, frames -> maps."""
        self.trunk = trunk
        self._size_px = frame_size_px
        about = f"{__version__} {frame_size_px} {_VIEWS}"  # another version may read captures otherwise
        self._folder = cache / hashlib.sha256(about.encode() + trunk.read_bytes()).hexdigest()[:16]
        self._paths: dict[Path, Path] = {}
        self._motions: dict[Path, Motion] = {}
        self.positions = self.channels = 0

    def fill(self, captures: Sequence[Path], views: int, threads: int, title: str) -> None:
        """Compute what is missing of so many views of `captures`, under a progress bar.

        An interrupted run loses nothing. From then on `maps` gives these views of these captures.
        Raises HarError for a capture that can't be read.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        for folder in captures:
            self._paths[folder] = self._folder / f"{capture_digest(folder)}.{views}.npy"
        missing = [folder for folder in captures if not self._paths[folder].is_file()]
        if missing:
            session = open_session(self.trunk)
            pool = ThreadPoolExecutor(threads)
            try:
                done = pool.map(lambda folder: self._compute(session, folder, views), missing)
                for _ in track(done, title, total=len(missing)):
                    pass
            finally:
                pool.shutdown(cancel_futures=True)
        self.positions, self.channels = self.maps(captures[0]).shape[2:]

    def maps(self, capture: Path) -> NDArray[np.float16]:
        """Return a view of the maps (V, 30, P, C) of a capture: as taken, mirrored, then the other views."""
        maps: NDArray[np.float16] = np.load(self._paths[capture], mmap_mode="r")
        return maps

    def motion(self, capture: Path) -> Motion:
        """Return the accelerometer of a capture."""
        if capture not in self._motions:
            with np.load(_motion_path(self._paths[capture])) as file:
                edges_ns = step_edges(file["frame_stamps_ns"], STEP_RATE_HZ)
                self._motions[capture] = Motion(Samples(file["stamps_ns"], file["accel_mps2"]), edges_ns)
        return self._motions[capture]

    def _compute(self, session: Any, folder: Path, views: int) -> None:
        capture = read_capture(folder)
        frames = np.stack([to_model_frame(frame, self._size_px) for frame in capture.frames])
        path = self._paths[folder]
        rng = np.random.default_rng(int(path.name.split(".")[0], 16))
        plain = (frames, mirror_frames(frames))
        others = (augment(plain[view % PLAIN_VIEWS], rng) for view in range(PLAIN_VIEWS, views))
        shown = (*plain[:views], *others)
        maps = [_by_position(session.run(None, {"frames": view})[0]) for view in shown]
        motion = {"stamps_ns": capture.imu_stamps_ns, "accel_mps2": capture.imu_accel_mps2}
        with _draft(_motion_path(path)) as draft:
            np.savez(draft, frame_stamps_ns=capture.frame_stamps_ns, **motion)
        with _draft(path) as draft:  # the last: where it is, both are
            np.save(draft, np.stack(maps))


def capture_digest(folder: Path) -> str:
    """Return a hash of all that a capture holds: its files' names and contents."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder)} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:32]


def _motion_path(maps: Path) -> Path:
    return maps.with_name(maps.name.split(".")[0] + ".imu.npz")


@contextmanager
def _draft(path: Path) -> Iterator[Any]:
    """Give a file to write; it appears whole or not at all, whoever writes the same one and whenever power fails."""
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as draft:
        try:
            yield draft
            draft.flush()
            os.fsync(draft.fileno())
        except BaseException:
            Path(draft.name).unlink()
            raise
    Path(draft.name).replace(path)


def _by_position(maps: NDArray[np.float32]) -> NDArray[np.float16]:
    """Bring maps (N, C, h, w) into the form (N, h * w, C)."""
    return np.ascontiguousarray(maps.reshape(*maps.shape[:2], -1).transpose(0, 2, 1)).astype(np.float16)
