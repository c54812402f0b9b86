"""Listens to the fusion nodes of one graph or several as a consumer would, for benchmarks: when verdicts arrive."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import QoSProfile

from har_ros.core.errors import HarError
from har_ros.nodes.discovery import announce_often

_VERDICTS = (DiagnosticStatus.OK, DiagnosticStatus.WARN)
_SERVICE_S, _DISCOVERY_S = 10.0, 1.0


@dataclass
class Arrivals:
    """When the verdicts of one namespace came: for each window's newest picture its stamp and how much later."""

    latencies_ms: dict[int, float] = field(default_factory=dict)


class Probe:
    """A participant of its own, alive within a `with` block."""

    def __init__(self, namespaces: tuple[str, ...]) -> None:
        self._namespaces = namespaces
        self._lock = threading.Lock()
        self._arrivals = {namespace: Arrivals() for namespace in namespaces}
        self._diagnostics: dict[str, dict[str, str]] = {}
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._spin, name="probe", daemon=True)

    def __enter__(self) -> Probe:
        announce_often()
        self._context = rclpy.Context()
        self._context.init(args=[])
        self._node = Node("har_probe", context=self._context, enable_rosout=False)
        for namespace in self._namespaces:
            self._listen(namespace)
        self._node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, QoSProfile(depth=100))
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ending.set()
        self._thread.join(timeout=5)
        self._node.destroy_node()
        self._context.try_shutdown()

    def latencies_ms(self, namespace: str, since_ns: int = 0) -> list[float]:
        """Return how late each verdict came whose newest picture was taken after `since_ns`."""
        with self._lock:
            arrived = self._arrivals[namespace].latencies_ms
            return [latency_ms for stamp_ns, latency_ms in arrived.items() if stamp_ns >= since_ns]

    def diagnostics(self, node: str) -> dict[str, str]:
        """Return the newest diagnostics of a node such as `har/fusion`, with its level and message."""
        with self._lock:
            return dict(self._diagnostics.get(node, {}))

    def activate(self, node: str) -> None:
        """Configure and activate a lifecycle node such as `/har/camera`, in between let others find its topics.

        Raises HarError where it doesn't answer.
        """
        client = self._node.create_client(ChangeState, f"{node}/change_state")
        for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
            request = ChangeState.Request(transition=Transition(id=transition))
            done = threading.Event()
            if not client.wait_for_service(_SERVICE_S):
                raise HarError(f"{node} offers no service; run `har up` to see why")
            future = client.call_async(request)
            future.add_done_callback(lambda _future, done=done: done.set())
            if not done.wait(_SERVICE_S) or not future.result().success:
                raise HarError(f"{node} can't be activated; run `har up` to see why")
            time.sleep(_DISCOVERY_S)

    def _listen(self, namespace: str) -> None:
        arrivals = self._arrivals[namespace]

        def take(message: Any) -> None:
            now_ns = time.time_ns()
            if message.status[0].level in _VERDICTS:
                stamp_ns = message.header.stamp.sec * 1_000_000_000 + message.header.stamp.nanosec
                with self._lock:
                    arrivals.latencies_ms.setdefault(stamp_ns, (now_ns - stamp_ns) / 1e6)

        self._node.create_subscription(DiagnosticArray, f"/{namespace}/activity", take, QoSProfile(depth=10))

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        with self._lock:
            for status in message.status:
                values = {pair.key: pair.value for pair in status.values}
                self._diagnostics[status.name] = {**values, "message": status.message}

    def _spin(self) -> None:
        executor = SingleThreadedExecutor(context=self._context)
        executor.add_node(self._node)
        while not self._ending.is_set():
            try:
                executor.spin_once(timeout_sec=0.2)
            except ExternalShutdownException:
                return
