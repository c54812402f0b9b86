"""Listens to fusion nodes as a consumer would, for benchmarks: when their verdicts arrive."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.node import Node
from rclpy.qos import QoSProfile

from har_ros.core.errors import HarError
from har_ros.core.model_card import CAMERA
from har_ros.nodes.pairs import stamp_ns_of
from har_ros.nodes.participant import Participant

_VERDICTS = (DiagnosticStatus.OK, DiagnosticStatus.WARN)
_SERVICE_S, _DISCOVERY_S = 10.0, 1.0


class Probe(Participant):
    """Listens to the namespaces of one graph, within a `with` block."""

    NAME = "har_probe"

    def __init__(self, *namespaces: str) -> None:
        super().__init__()
        # By the stamp of the window's newest picture, ns.
        self._latencies_ms: dict[str, dict[int, float]] = {namespace: {} for namespace in namespaces}
        self._diagnostics: dict[str, dict[str, str]] = {}

    def __enter__(self) -> Probe:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def listen(self, node: Node) -> None:
        """Subscribe to verdicts and diagnostics."""
        for namespace, latencies_ms in self._latencies_ms.items():
            take = partial(self._on_activity, latencies_ms)
            node.create_subscription(DiagnosticArray, f"/{namespace}/activity", take, QoSProfile(depth=10))
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, QoSProfile(depth=100))

    def latencies_ms(self, namespace: str, since_ns: int = 0) -> list[float]:
        """Return how late each verdict on pictures of a namespace came whose newest was taken after `since_ns`.

        Verdicts that a model gives from the accelerometer alone are nobody's here: they carry the stamp of a sample.
        """
        with self._lock:
            verdicts = self._latencies_ms[namespace].items()
            return [latency_ms for stamp_ns, latency_ms in verdicts if stamp_ns >= since_ns]

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

    def _on_activity(self, latencies_ms: dict[int, float], message: Any) -> None:
        now_ns = time.time_ns()
        if _is_of_picture(message.status[0]):
            stamp_ns = stamp_ns_of(message)
            with self._lock:
                latencies_ms.setdefault(stamp_ns, (now_ns - stamp_ns) / 1e6)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        with self._lock:
            for status in message.status:
                values = {pair.key: pair.value for pair in status.values}
                self._diagnostics[status.name] = {**values, "message": status.message}


def _is_of_picture(status: DiagnosticStatus) -> bool:
    """Return whether a status of `activity` is a verdict that rests on pictures."""
    modalities = next((pair.value for pair in status.values if pair.key == "modalities"), "")
    return status.level in _VERDICTS and CAMERA in modalities.split(",")
