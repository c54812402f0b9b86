"""message_filters where it is installed (any full ROS 2); else our own classes of the same behaviour."""

from __future__ import annotations

try:
    from message_filters import (
        ApproximateTimeSynchronizer,
        Cache,
        SimpleFilter,
        Subscriber,
        TimeSynchronizer,
    )
except ModuleNotFoundError:  # in no package registry, so missing beside the wheels
    from har_ros.nodes.own_message_filters import (
        ApproximateTimeSynchronizer,
        Cache,
        SimpleFilter,
        Subscriber,
        TimeSynchronizer,
    )

__all__ = ["ApproximateTimeSynchronizer", "Cache", "SimpleFilter", "Subscriber", "TimeSynchronizer"]
