"""Removes the shared memory that killed ROS processes leave behind: Fast DDS frees it only on a clean end."""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path

FOLDER = Path("/dev/shm")
_SEGMENT = re.compile(r"fast(rtps|dds)_[0-9a-f]{16}_el")
_LOCK = "_el"  # Fast DDS holds a lock on SEGMENT_el while the segment's owner lives


def remove_abandoned(since_s: float) -> int:
    """Remove this user's segments whose owner is dead and that are newer than `since_s` (epoch).

    Returns how many it removed. Segments of living processes are left alone, whoever they are, and so are
    ports: they are small, and processes yet to come use them again.
    """
    locks = [path for path in FOLDER.glob(f"fast*{_LOCK}") if _SEGMENT.fullmatch(path.name)]
    return sum(_remove_if_abandoned(lock, since_s) for lock in locks)


def _remove_if_abandoned(lock: Path, since_s: float) -> bool:
    try:
        status = lock.stat()
        if status.st_uid != os.getuid() or status.st_mtime < since_s:
            return False
        with lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            segment = lock.name.removesuffix(_LOCK)
            for name in (segment, f"sem.{segment}_mutex", lock.name):
                (FOLDER / name).unlink(missing_ok=True)
    except OSError:  # held by its owner, or removed by somebody else
        return False
    return True
