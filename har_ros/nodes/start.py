"""The executables `camera`, `imu_bridge`, `fusion` and `recorder`: each runs the node of its own name."""

from __future__ import annotations

import importlib
import signal
import sys
from pathlib import Path


def main() -> int:
    """Run the node that this executable is named after.

    Until the node has its own signal handlers, Ctrl-C ends the process without a word: importing ROS takes a
    good part of a second, and Python's own handler would print a traceback.
    """
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return int(importlib.import_module(f"har_ros.nodes.{Path(sys.argv[0]).name}").main())
