"""Which executor the nodes run on, and what has to be minded with it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from rclpy.executors import SingleThreadedExecutor

_TWO_ARGUMENTS = inspect.signature(lambda message, info: None)


def make_executor() -> Any:
    """Return rclpy's EventsExecutor, or the SingleThreadedExecutor where rclpy has none.

    The latter builds its list of everything to wait for anew for each message: with 130 messages a second that
    took 26 % of a core in the fusion node, and the EventsExecutor 11 %. Drive it by `spin_once` with a time limit:
    without one that of the wheels spins at full load and calls nothing. It takes no guard conditions, and no
    services that are coroutines.
    """
    try:
        from rclpy.experimental.events_executor import EventsExecutor
    except ImportError:
        return SingleThreadedExecutor()
    return EventsExecutor()


def with_info(callback: Callable[[Any, dict[str, Any]], None]) -> Callable[..., None]:
    """Return a subscription's callback that gets message and info: Jazzy's EventsExecutor hands both as one tuple."""

    def receive(*received: Any) -> None:
        message, info = received if len(received) == 2 else received[0]
        callback(message, info)

    receive.__signature__ = _TWO_ARGUMENTS  # type: ignore[attr-defined]  # by it rclpy knows what is wanted
    return receive
