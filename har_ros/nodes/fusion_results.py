"""The fusion node's topics: what it says, and the picture with it."""

from __future__ import annotations

from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode
from rclpy.qos import QoSProfile
from rclpy.time import Time
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Bool, Float32, String

from har_ros.core.model_card import ModelCard
from har_ros.nodes import qos
from har_ros.nodes.annotate import blank
from har_ros.nodes.convert import FAILED, STALE, Report, ResultMessages, mirrors

_LAST_WORD_S = 0.3  # how long the last STALE may take to reach its readers


class FusionResults:
    """Publishes the reports of one model, every `period_s` at least."""

    def __init__(self, node: LifecycleNode, card: ModelCard, period_s: float) -> None:
        self._node = node
        self._offered: list[Any] = []
        self._messages = ResultMessages(card, node.get_namespace())
        profile = qos.result(period_s)
        self._activity = self._offer(DiagnosticArray, "activity", profile)
        self._anomaly = self._offer(DiagnosticArray, "anomaly", profile)
        self._mirrors = (
            self._offer(String, "activity/label", profile),
            self._offer(Float32, "anomaly/score", profile),
            self._offer(Bool, "anomaly/active", profile),
        )
        self._annotated = self._offer(CompressedImage, "annotated/compressed", qos.IMAGE)
        self._model_info = self._offer(DiagnosticArray, "model_info", qos.LATCHED_INFO)

    @property
    def watched(self) -> bool:
        """Whether somebody looks at the annotated pictures."""
        return bool(self._annotated.get_subscription_count() > 0)

    def introduce(self, stamp_ns: int) -> None:
        """Say which model speaks."""
        self._model_info.publish(self._messages.model_info(stamp_ns))

    def publish(self, report: Report) -> None:
        """Publish a report, with its mirrors where somebody reads them."""
        activity, anomaly = self._messages.results(report)
        self._activity.publish(activity)
        self._anomaly.publish(anomaly)
        for publisher, message in zip(self._mirrors, mirrors(report)):
            if publisher.get_subscription_count():
                publisher.publish(message)

    def show(self, report: Report, picture: CompressedImage | None) -> None:
        """Publish the picture of a new verdict, or one that says why there is no verdict."""
        if report.recognition is None:
            picture = blank(FAILED if report.failed else STALE, report.reason)
        if picture is not None:
            picture.header.stamp = Time(nanoseconds=report.stamp_ns).to_msg()
            picture.header.frame_id = report.frame_id
            self._annotated.publish(picture)

    def wait_for_readers(self) -> None:
        """Wait a moment for the last report to arrive."""
        for publisher in (self._activity, self._anomaly):
            publisher.wait_for_all_acked(Duration(seconds=_LAST_WORD_S))

    def withdraw(self) -> None:
        """Withdraw the topics."""
        while self._offered:
            self._node.destroy_lifecycle_publisher(self._offered.pop())

    def _offer(self, message_type: type, topic: str, profile: QoSProfile) -> Any:
        self._offered.append(self._node.create_lifecycle_publisher(message_type, topic, profile))
        return self._offered[-1]
