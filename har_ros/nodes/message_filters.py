"""message_filters where it is installed (any full ROS 2); else our own classes of the same behaviour.

Stamp is what either takes for a header's stamp as it is, without a conversion for each message.
"""

from __future__ import annotations

try:
    from message_filters import (
        ApproximateTimeSynchronizer,
        Cache,
        SimpleFilter,
        Subscriber,
        TimeSynchronizer,
    )
    from rclpy.time import Time as Stamp
except ModuleNotFoundError:  # in no package registry, so missing beside the wheels
    from har_ros.nodes.own_message_filters import (  # type: ignore[assignment]
        ApproximateTimeSynchronizer,
        Cache,
        SimpleFilter,
        Stamp,
        Subscriber,
        TimeSynchronizer,
    )

__all__ = ["ApproximateTimeSynchronizer", "Cache", "SimpleFilter", "Stamp", "Subscriber", "TimeSynchronizer"]
