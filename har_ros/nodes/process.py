"""What a node's process minds before and beside ROS: its command line, its log folder, and the signals that end it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from har_ros.core.errors import HarError
from har_ros.core.stopping import stop_signals

_ECHO_S = 1.0


class StopSignal:
    """Notes the first signal that asks for an end; one that comes later ends the process as it would any other.

    Ctrl-C reaches the nodes of `ros2 launch` twice, from the terminal and from launch: such an echo counts for
    nothing. rclpy's own handlers would close the connections at once, before a node could say its last word.
    """

    def __init__(self) -> None:
        self._seen_s: float | None = None
        for number in stop_signals():
            signal.signal(number, self._note)

    @property
    def seen(self) -> bool:
        """Whether the process is to end."""
        return self._seen_s is not None

    def _note(self, number: int, frame: FrameType | None) -> None:
        now_s = time.monotonic()
        if self._seen_s is None:
            self._seen_s = now_s
        elif now_s - self._seen_s > _ECHO_S:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)


def refuse_stray_words(arguments: Sequence[str]) -> None:
    """Refuse words outside of `--ros-args`, which ROS passes over or takes for remappings. Raises HarError."""
    in_ros_args = False
    for word in arguments:
        if word in ("--ros-args", "--"):
            in_ros_args = word == "--ros-args"
        elif not in_ros_args:
            raise HarError(f"'{word}' means nothing here; parameters are given as --ros-args -p name:=value")


def require_log_folder() -> None:
    """Refuse a log folder that can't be written: rclpy's own message does not say which one it is."""
    home = Path(os.environ.get("ROS_HOME") or Path.home() / ".ros")
    folder = Path(os.environ.get("ROS_LOG_DIR") or home / "log").expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        raise HarError(f"can't write logs to '{folder}'; set ROS_LOG_DIR to a folder that you may write")
