"""Work on many captures at once, with a progress bar."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from rich.progress import track

Result = TypeVar("Result")


def for_each_capture(work: Callable[[Path], Result], folders: list[Path], title: str) -> list[Result]:
    """Return `work(folder)` of every folder, in their order; the first exception, Ctrl-C too, ends it at once.

    Threads are enough: decoding pictures and running networks leave the interpreter to others.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            return list(track(pool.map(work, folders), title, total=len(folders), transient=True))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
