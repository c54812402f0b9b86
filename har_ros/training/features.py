"""What the frozen trunk says of each frame, computed once and kept on disk.

<cache>/<trunk>/<capture>.npy      (2, 30, P, C) float16: as taken and mirrored, at P positions of each picture
<cache>/<trunk>/<capture>.imu.npy  (30, 3) float32: the frames' readings, m/s^2
Both names are hashes, so that other weights, captures or versions never meet a stale file.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from har_ros import __version__
from har_ros.core.preprocess import mirror_frames, to_model_frame
from har_ros.dataset.reader import read_capture
from har_ros.training.backbone import Trunk
from har_ros.training.export import export_trunk, open_session


class FeatureStore:
    """The cached maps and readings of captures under one trunk."""

    def __init__(self, cache: Path, trunk: Trunk, frame_size_px: int) -> None:
        self._trunk, self._size_px = trunk, frame_size_px
        self._folder = cache / _trunk_digest(trunk, frame_size_px)
        self._names: dict[Path, str] = {}
        self._readings: dict[Path, NDArray[np.float32]] = {}
        self.positions = 0

    def fill(self, captures: Sequence[Path], threads: int, title: str) -> None:
        """Compute what is missing of `captures`, under a progress bar; an interrupted run loses nothing.

        Raises HarError for a capture that can't be read.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        missing = [folder for folder in captures if not self._path(folder).is_file()]
        if missing:
            session = open_session(export_trunk(self._trunk, self._size_px, self._folder), 1)
            pool = ThreadPoolExecutor(threads)
            try:
                done = pool.map(lambda folder: self._compute(session, folder), missing)
                for _ in track(done, title, total=len(missing)):
                    pass
            finally:
                pool.shutdown(cancel_futures=True)
        self.positions = self.maps(captures[0]).shape[2]

    def maps(self, capture: Path) -> NDArray[np.float16]:
        """Return a view of the maps (2, 30, P, C) of a capture: as taken, mirrored."""
        maps: NDArray[np.float16] = np.load(self._path(capture), mmap_mode="r")
        return maps

    def readings(self, capture: Path) -> NDArray[np.float32]:
        """Return the readings (30, 3) of a capture, m/s^2."""
        if capture not in self._readings:
            self._readings[capture] = np.load(self._path(capture).with_suffix(".imu.npy"))
        return self._readings[capture]

    def _path(self, capture: Path) -> Path:
        if capture not in self._names:
            self._names[capture] = capture_digest(capture)
        return self._folder / f"{self._names[capture]}.npy"

    def _compute(self, session: Any, folder: Path) -> None:
        capture = read_capture(folder)
        frames = np.stack([to_model_frame(frame, self._size_px) for frame in capture.frames])
        maps = [_by_position(session.run(None, {"frames": each})[0]) for each in (frames, mirror_frames(frames))]
        path = self._path(folder)
        _save(path.with_suffix(".imu.npy"), capture.readings_mps2)
        _save(path, np.stack(maps))  # the last: where it is, both are


def capture_digest(folder: Path) -> str:
    """Return a hash of all that a capture holds: its files' names and contents."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder)} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:32]


def _save(path: Path, values: NDArray[Any]) -> None:
    """Write a file whole or not at all, even while another process writes the same one."""
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as draft:
        np.save(draft, values)
    Path(draft.name).replace(path)


def _trunk_digest(trunk: Trunk, frame_size_px: int) -> str:
    digest = hashlib.sha256(f"{__version__} {frame_size_px}".encode())  # another version may read captures otherwise
    for name, tensor in trunk.state_dict().items():
        digest.update(name.encode() + tensor.numpy().tobytes())
    return digest.hexdigest()[:16]


def _by_position(maps: NDArray[np.float32]) -> NDArray[np.float16]:
    """Bring maps (N, C, h, w) into the form (N, h * w, C)."""
    return np.ascontiguousarray(maps.reshape(*maps.shape[:2], -1).transpose(0, 2, 1)).astype(np.float16)
