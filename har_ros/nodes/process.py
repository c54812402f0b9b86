"""What a process minds beside its nodes: its command line, how ROS starts in it, and the signals that end it."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import rclpy
from rclpy.context import Context
from rclpy.exceptions import NameValidationException
from rclpy.signals import SignalHandlerOptions

from har_ros.core.errors import HarError, first_line
from har_ros.core.stopping import stop_signals
from har_ros.nodes.discovery import announce_often

_ECHO_S = 1.0


class StopSignal:
    """Notes the first signal that asks for an end; one that comes later ends the process as it would any other.

    Ctrl-C reaches the nodes of `ros2 launch` twice, from the terminal and from launch: such an echo counts for
    nothing.
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


def start_ros(arguments: Sequence[str] = (), context: Context | None = None) -> None:
    """Start ROS, in the default context where none is given, and leave the signals alone.

    rclpy's own handlers would close the connections at once. Raises HarError where ROS can't start.
    """
    _require_log_folder()
    announce_often()
    try:
        rclpy.init(args=list(arguments), context=context, signal_handler_options=SignalHandlerOptions.NO)
    except (RuntimeError, NameValidationException) as error:
        reason = re.sub(r",? at /\S+", "", first_line(error))  # rcl adds places in its own source
        raise HarError(f"ROS can't start: {reason}") from None


def _require_log_folder() -> None:
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
