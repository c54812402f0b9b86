"""The quality of service of each kind of topic, in one place; the README's table is made of these.

Sensors publish RELIABLE, so that any subscriber fits (REP-2003) and raw images survive: best-effort ones
of 640 x 480 lose 12 to 45 % of their frames with Fast DDS's standard transports.
"""

from __future__ import annotations

from rclpy.duration import Duration
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    LivelinessPolicy,
    QoSProfile,
    ReliabilityPolicy,
)


def _shallow(depth: int, durability: DurabilityPolicy = DurabilityPolicy.VOLATILE) -> QoSProfile:
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=durability,
    )


IMAGE = _shallow(2)  # a late picture is of no use
IMU = _shallow(200)  # a second or two of samples: none may be lost while an image is dealt with
EVENT = _shallow(10)
DIAGNOSTICS = _shallow(10)
LATCHED_INFO = _shallow(1, DurabilityPolicy.TRANSIENT_LOCAL)  # facts that stay true, never results


def result(period_s: float) -> QoSProfile:
    """Return the profile of a result published every `period_s`; it offers deadline and liveliness.

    Never latched: the last OK of a dead node would be the worst message of all.
    """
    profile = _shallow(1)
    profile.deadline = Duration(seconds=2.5 * period_s)
    profile.liveliness = LivelinessPolicy.AUTOMATIC
    profile.liveliness_lease_duration = Duration(seconds=2.5 * period_s)
    return profile
