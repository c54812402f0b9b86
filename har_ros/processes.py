"""Starts the nodes as processes, restarts those that crash, and ends them all."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType

from har_ros.core.tether import tethered_environment
from har_ros.shared_memory import remove_abandoned

RESTART_DELAY_S = 1.0
# How a child is ended, and how long each may take. SIGTERM means what SIGINT does to a node, and ends one
# that is still being imported without a word.
END_SIGNALS = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 2.0))


def node_environment() -> dict[str, str]:
    """Return what to add to the environment of a node's process: its tie to this one, numpy's threads, a safe path.

    With more threads than one numpy waits in a busy loop for products too small to share: a simulated camera then takes
    more than twice the CPU. Without the safe path (Python 3.11) `python -m` looks for har_ros in the folder where one
    stands, and takes a clone of that name there for the package.
    """
    threads = os.environ.get("OMP_NUM_THREADS", "1")
    return {"OMP_NUM_THREADS": threads, "PYTHONSAFEPATH": "1", **tethered_environment()}


@dataclass
class _Child:
    name: str
    command: Sequence[str]
    process: subprocess.Popen[str]
    reader: threading.Thread
    restart_at_s: float | None = None


class NodeProcesses:
    """Processes by their names and commands, such as graph.commands gives, alive within a `with` block.

    A child that a signal killed (as a crash does) is started again; one that ends by itself refused to go
    on, and ends the whole. Enter the block in the main thread: the children end when that thread does.
    on_line(name, line) gets every line that a child prints, from threads.
    """

    def __init__(self, commands: Mapping[str, Sequence[str]], on_line: Callable[[str, str], None]) -> None:
        self._commands = commands
        self._on_line = on_line
        self._children: list[_Child] = []
        self.exit_code: int | None = None

    def __enter__(self) -> NodeProcesses:
        self._begun_s = time.time()
        for name, command in self._commands.items():
            self._children.append(self._start(name, command))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def watch(self) -> bool:
        """Restart what crashed; returns False once a child has ended by itself, with `exit_code` set."""
        for child in self._children:
            code = child.process.poll()
            if code is not None and code >= 0:
                self.exit_code = code
                return False
            if code is not None:
                self._restart(child, code)
        return True

    def pids(self) -> dict[str, int]:
        """Return the process id of each child by its name."""
        return {child.name: child.process.pid for child in self._children}

    def stop(self) -> None:
        """End all children: ask, then kill."""
        for number, patience_s in END_SIGNALS:
            for child in self._living():
                child.process.send_signal(number)
            until_s = time.monotonic() + patience_s
            while self._living() and time.monotonic() < until_s:
                time.sleep(0.02)
        for child in self._children:
            child.reader.join(timeout=1)
        remove_abandoned(self._begun_s)

    def _living(self) -> list[_Child]:
        return [child for child in self._children if child.process.poll() is None]

    def _start(self, name: str, command: Sequence[str]) -> _Child:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, **node_environment(), "PYTHONUNBUFFERED": "1"},
            start_new_session=True,  # else Ctrl-C in a terminal would reach them twice
        )
        reader = threading.Thread(target=self._read, args=(name, process), daemon=True)
        reader.start()
        return _Child(name, command, process, reader)

    def _read(self, name: str, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                self._on_line(name, line.rstrip("\n"))

    def _restart(self, child: _Child, code: int) -> None:
        if child.restart_at_s is None:
            self._on_line(child.name, f"ended by {signal.Signals(-code).name}; starting it again")
            remove_abandoned(self._begun_s)
            child.restart_at_s = time.monotonic() + RESTART_DELAY_S
        elif time.monotonic() >= child.restart_at_s:
            self._children[self._children.index(child)] = self._start(child.name, child.command)
