"""Runs a node, or several in one process, from the command line to the signal that ends it, without a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import rclpy

from har_ros.core.errors import HarError, first_line
from har_ros.core.tether import follow_parent
from har_ros.nodes.base import AUTOSTART, HarNode, MustRestartError, RclError, describe
from har_ros.nodes.process import StopSignal, refuse_stray_words, start_ros

_SPIN_S = 0.2  # the longest time a signal waits while nothing happens


def run_node(node_class: type[HarNode]) -> int:
    """Run a node until a signal ends it; return 0, or 1 after one sentence on stderr if it can't go on.

    Where something is stuck for ever the process aborts after that sentence, to be started again as after a crash.
    """
    node_class.prepare()
    return run_nodes(node_class.NAME, lambda: [node_class()], [sys.argv[1:]], sys.argv, node_class.EXECUTOR)


def run_nodes(
    name: str,
    make: Callable[[], Sequence[HarNode]],
    command_lines: Sequence[Sequence[str]],
    ros_arguments: Sequence[str],
    make_executor: Callable[[], Any],
) -> int:
    """Run nodes on one executor until a signal ends them or one can't go on; return as `run_node` does.

    make:          makes them, once ROS runs.
    command_lines: their words, to be refused where they mean nothing.
    ros_arguments: those of the whole process.
    """
    stop = StopSignal()
    follow_parent()
    try:
        for words in command_lines:
            refuse_stray_words(words)
        start_ros(ros_arguments)
        try:
            return _live(make(), make_executor(), stop)
        finally:
            rclpy.shutdown()
    except MustRestartError as error:
        print(f"{name}: {error}", file=sys.stderr, flush=True)
        os.abort()  # an end in order would wait for what is stuck
    except HarError as error:
        reason = str(error)
    except Exception as error:  # noqa: BLE001  the last door: a sentence instead of a traceback
        reason = describe(error)
    print(f"{name}: {reason}", file=sys.stderr)
    return 1


def _live(nodes: Sequence[HarNode], executor: Any, stop: StopSignal) -> int:
    for node in nodes:
        executor.add_node(node)
    try:
        for node in nodes:
            if node.value(AUTOSTART.name):
                _named(node, nodes, node.bring_up)
        while not stop.seen and any(node.state != "finalized" for node in nodes):
            try:
                executor.spin_once(timeout_sec=_SPIN_S)
            except RclError as error:  # such as an answer to somebody who has gone
                nodes[0].get_logger().warning(first_line(error))
            for node in nodes:
                _named(node, nodes, node.check_aloud)
        return 0
    finally:
        for node in nodes:
            node.wind_down()
        executor.shutdown()
        for node in nodes:
            node.destroy_node()


def _named(node: HarNode, nodes: Sequence[HarNode], do: Callable[[], None]) -> None:
    """Do it; of several nodes the one that refuses is named."""
    try:
        do()
    except HarError as error:
        which = f"{node.get_fully_qualified_name()}: " if len(nodes) > 1 else ""
        raise type(error)(f"{which}{error}") from None
