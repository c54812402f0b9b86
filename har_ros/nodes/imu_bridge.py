"""The imu_bridge node: one ESP32's samples, from its socket to imu/data_raw (REP-145)."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Sequence

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.impl.rcutils_logger import RcutilsLogger
from rclpy.time import Time
from sensor_msgs.msg import Imu

from har_ros.core.body import why_no_body
from har_ros.core.errors import HarError
from har_ros.link.config import MODES, LinkConfig
from har_ros.link.link import ImuLink
from har_ros.link.session import LinkStats, StampedReading
from har_ros.nodes import qos
from har_ros.nodes.base import HarNode, Health, describe
from har_ros.nodes.neighbours import Neighbours
from har_ros.nodes.parameters import Parameter
from har_ros.nodes.running import run_node

SAMPLES = "imu/data_raw"
_LINK_PARAMETERS = ("mode", "host", "port", "data_timeout_s", "units", "token", "tls_cert", "tls_key", "tls_ca")
_REPEAT_S = 10.0


class RosLog(logging.Handler):
    """Hands the link's log on to ROS; a sentence that is said again and again is heard every ten seconds."""

    def __init__(self, ros: RcutilsLogger, thread_name: str) -> None:
        """Take the log of the link whose thread has that name: other nodes of the process have links, too."""
        super().__init__()
        self.addFilter(lambda record: record.threadName == thread_name)
        self._ros = ros
        self._said, self._said_s = "", 0.0

    def emit(self, record: logging.LogRecord) -> None:
        """Log one record."""
        text = record.getMessage()
        if text == self._said and time.monotonic() - self._said_s < _REPEAT_S:
            return
        self._said, self._said_s = text, time.monotonic()
        if record.levelno >= logging.WARNING:  # rclpy wants one line of code for each severity
            self._ros.warning(text)
        else:
            self._ros.info(text)


class ImuBridgeNode(HarNode):
    """Publishes imu/data_raw: m/s^2 including gravity, rad/s, stamped by the device's clock where it has one."""

    NAME = "imu_bridge"
    PARAMETERS = (
        Parameter("mode", str, "Wait for the device, call it, or take its datagrams", choices=MODES),
        Parameter("host", str, "Address to listen on, or to call"),
        Parameter("port", int, "Port to listen on, or to call; 0 listens on any free one", "", 0, 65535),
        Parameter("data_timeout_s", float, "A connection that is silent for so long is given up", "s", 0.1, 60),
        Parameter("units", str, "Units of the readings of a device that says no hello", choices=("m/s2", "g")),
        Parameter("token", str, "Secret that the device must show; empty for none"),
        Parameter("tls_cert", str, "This side's certificate (PEM); empty for none"),
        Parameter("tls_key", str, "This side's private key (PEM); empty for none"),
        Parameter("tls_ca", str, "Authority whose certificate the device must show (PEM); empty for none"),
        Parameter("frame_id", str, "Frame of the published samples"),
        Parameter("bound_port", int, "Port that is really in use", output=True),
    )

    def __init__(self, arguments: Sequence[str] | None = None, neighbours: Neighbours | None = None) -> None:
        super().__init__(arguments)
        self._neighbours = neighbours or Neighbours()
        self._topic = self.resolve_topic_name(SAMPLES)
        self._neighbours.offer(self._topic)
        self._link: ImuLink | None = None
        self._publisher = None
        self._thread_name = f"imu-link of {self.get_fully_qualified_name()}"
        log = logging.getLogger("har_ros.link")
        log.setLevel(logging.INFO)
        log.addHandler(RosLog(self.get_logger(), self._thread_name))

    def open(self) -> None:
        """Check the settings and create the publisher."""
        self._config = LinkConfig(**{name: self.value(name) for name in _LINK_PARAMETERS})
        self._message = Imu()
        self._message.header.frame_id = self.value("frame_id")
        self._message.orientation_covariance[0] = -1.0  # REP-145: there is no orientation
        self._publisher = self.create_lifecycle_publisher(Imu, SAMPLES, qos.IMU)

    def start(self) -> None:
        """Open the port and begin to receive."""
        link = ImuLink(self._config, self._publish, self._thread_name)
        link.start()
        self._link = link
        self.publish_output("bound_port", link.stats().bound_port)

    def stop(self) -> None:
        """Close the port."""
        if self._link is not None:
            self._link.stop()
            self._link = None

    def close(self) -> None:
        """Destroy the publisher."""
        if self._publisher is not None:
            self.destroy_lifecycle_publisher(self._publisher)
            self._publisher = None

    def check(self) -> None:
        """Refuse to stay deaf once the link's thread has died."""
        if self._link is not None and self._link.failure is not None:
            raise HarError(f"the link to the ESP32 has ended: {describe(self._link.failure)}")

    def health(self) -> Health:
        """Say how the link fares."""
        assert self._link is not None, "active without a link"
        stats = self._link.stats()
        values = {
            "link_state": stats.state,
            "device": stats.device_id,
            "bound_port": stats.bound_port,
            "rate_hz": stats.rate_hz,
            "samples": stats.samples,
            "lost": stats.lost,
            "refused": stats.refused,
            "reconnects": stats.reconnects,
            "accel_mps2": stats.accel_mps2,
            "clock_synced": stats.clock_synced,
            "clock_residual_ms": stats.clock_residual_ms,
            "data_age_s": stats.data_age_s,
            "bad_lines": sum(stats.bad_lines.values()),
            **{f"bad_lines.{kind}": count for kind, count in sorted(stats.bad_lines.items())},
        }
        if stats.data_age_s <= self.value("data_timeout_s"):
            doubts = _doubts(stats)
            level = DiagnosticStatus.WARN if doubts else DiagnosticStatus.OK
            message = "; ".join([f"receiving from {stats.device_id or 'a device without a name'}", *doubts])
        else:
            level, message = DiagnosticStatus.ERROR if stats.samples else DiagnosticStatus.WARN, _why_silent(stats)
        return Health(level, message, values, hardware_id=stats.device_id)

    def _publish(self, reading: StampedReading) -> None:
        """Publish one sample; runs in the link's thread."""
        handed_on = self._neighbours.hand_on(self._topic, lambda: reading)
        if self._publisher is None or (handed_on and not self._publisher.get_subscription_count()):
            return
        message = self._message
        message.header.stamp = Time(nanoseconds=reading.stamp_ns).to_msg()
        accel, gyro = message.linear_acceleration, message.angular_velocity
        accel.x, accel.y, accel.z = reading.accel_mps2
        gyro.x, gyro.y, gyro.z = reading.gyro_radps or (0.0, 0.0, 0.0)
        message.angular_velocity_covariance[0] = 0.0 if reading.gyro_radps else -1.0
        self._publisher.publish(message)


def _doubts(stats: LinkStats) -> list[str]:
    """Return what can't be right about the samples that come."""
    doubts = []
    no_body = why_no_body(stats.accel_mps2)
    if no_body:
        remedy = "if they are in g, say units=g in the hello or set units; else look at the sensor's range and axes"
        doubts.append(f"{no_body}: {remedy}")
    if not stats.clock_keeps_time:
        doubts.append("the device's t_us does not run with time, so samples are stamped as they come; send micros()")
    return doubts


def _why_silent(stats: LinkStats) -> str:
    """Return since when no sample comes, and why, as far as is known."""
    place = f" on port {stats.bound_port}" if stats.bound_port else ""
    since = f"no samples for {stats.data_age_s:.1f} s; " if stats.samples else ""
    causes = []
    if stats.bad_since:
        counts = ", ".join(f"{count} by {kind}" for kind, count in sorted(stats.bad_since.items()))
        causes.append(f"what came can't be used, {counts}; see docs/wire-protocol.md")
    if stats.trouble:
        causes.append(stats.trouble)
    if not (causes or stats.samples):
        causes.append("no device yet")
    return "; ".join([f"{since}{stats.state}{place}", *causes])


def main() -> int:
    """Run the imu_bridge node."""
    return run_node(ImuBridgeNode)


if __name__ == "__main__":
    sys.exit(main())
