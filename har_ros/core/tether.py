"""Ties a process to the one that started it, so that it never outlives it unseen."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

PARENT_VARIABLE = "HAR_PARENT_PID"
_PR_SET_PDEATHSIG = 1  # prctl(2)


def tethered_environment() -> dict[str, str]:
    """Return what to add to a child's environment so that `follow_parent` ties it to this process."""
    return {PARENT_VARIABLE: str(os.getpid())}


def follow_parent() -> None:
    """Ask the kernel for SIGTERM when the parent ends, however it ends, if the environment names one.

    `ros2 launch` leaves its processes behind when it gets SIGTERM, and anything does when it gets
    SIGKILL. Linux only; elsewhere, and for a process that nobody tethered, it does nothing.
    """
    text = os.environ.get(PARENT_VARIABLE, "0")
    if not text.isdecimal():
        sys.exit(f"{PARENT_VARIABLE} is '{text}', not a process id; unset it, har up and ros2 launch set it themselves")
    parent = int(text)
    if not parent or not sys.platform.startswith("linux"):
        return
    if os.getppid() == parent:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent and not _alive(parent):  # it ended before the signal was asked for
        sys.exit(1)


def _alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
