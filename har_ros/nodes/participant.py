"""A ROS participant of its own, whose callbacks run in a thread: for commands that watch the nodes from outside."""

from __future__ import annotations

import abc
import threading

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node

from har_ros.nodes.process import start_ros


class Participant(abc.ABC):
    """Joins the graph between `start` and `stop`; a subclass makes its subscriptions in `listen`."""

    NAME = "har_participant"

    def __init__(self, namespace: str = "") -> None:
        self._namespace = namespace
        self._lock = threading.Lock()  # for what the callbacks share with others
        self._thread = threading.Thread(target=self._spin, name=self.NAME, daemon=True)
        self._ending = threading.Event()

    @abc.abstractmethod
    def listen(self, node: Node) -> None:
        """Subscribe to what is to be heard."""

    def start(self) -> None:
        """Join the graph. Raises HarError where ROS can't start."""
        self._context = rclpy.Context()
        start_ros(context=self._context)
        self._node = Node(self.NAME, context=self._context, namespace=self._namespace, enable_rosout=False)
        self.listen(self._node)
        self._thread.start()

    def stop(self) -> None:
        """Leave the graph."""
        self._ending.set()
        self._thread.join(timeout=5)
        self._node.destroy_node()
        self._context.try_shutdown()

    def _spin(self) -> None:
        executor = SingleThreadedExecutor(context=self._context)
        executor.add_node(self._node)
        while not self._ending.is_set():
            try:
                executor.spin_once(timeout_sec=0.2)
            except ExternalShutdownException:
                return
