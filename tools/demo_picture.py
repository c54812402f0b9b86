"""Make docs/demo.png: the pictures that the running system publishes on annotated/compressed, each activity once.

usage: python tools/demo_picture.py [SCENARIO] [SEED]
Runs the nodes on a simulated person until every activity was published under its own name.
"""

import sys
import time
from pathlib import Path

import cv2
import numpy as np
import rclpy
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import String

from har_ros.core.labels import LABELS
from har_ros.graph import commands, make_plan
from har_ros.processes import NodeProcesses

OUT = Path(__file__).parents[1] / "docs" / "demo.png"
LONGEST_S = 240.0
STEADY_S = 3.0  # into an activity, so that the picture shows it and not the change


class Collector(Node):
    """Keeps one annotated picture of each activity, taken while truth and published label agree."""

    def __init__(self):
        super().__init__("collector", namespace="har")
        self.pictures = {}
        self.truth, self.label, self.since_s = "", "", 0.0
        self.create_subscription(String, "ground_truth", self.on_truth, 10)
        self.create_subscription(String, "activity/label", self.on_label, 10)
        self.create_subscription(CompressedImage, "annotated/compressed", self.on_picture, 2)

    def on_truth(self, message):
        if message.data != self.truth:
            self.truth, self.since_s = message.data, time.monotonic()

    def on_label(self, message):
        self.label = message.data

    def on_picture(self, message):
        steady = time.monotonic() - self.since_s > STEADY_S
        if steady and self.truth and self.truth == self.label and self.truth not in self.pictures:
            self.pictures[self.truth] = cv2.imdecode(np.frombuffer(message.data, np.uint8), cv2.IMREAD_COLOR)


def main():
    scenario, seed = (*sys.argv[1:], *("all_six", "1")[len(sys.argv) - 1 :])
    rclpy.init()
    collector = Collector()
    begun_s = time.monotonic()
    plan = make_plan({"simulation": "true", "scenario": scenario, "seed": seed})
    with NodeProcesses(commands(plan), print) as processes:
        while processes.watch() and len(collector.pictures) < len(LABELS) and time.monotonic() - begun_s < LONGEST_S:
            rclpy.spin_once(collector, timeout_sec=0.1)
    missing = [label for label in LABELS if label not in collector.pictures]
    if missing:
        sys.exit(f"no picture of {', '.join(missing)} in {LONGEST_S:g} s; try another seed")
    pictures = [cv2.resize(collector.pictures[label], (320, 240), interpolation=cv2.INTER_AREA) for label in LABELS]
    cv2.imwrite(str(OUT), np.vstack([np.hstack(pictures[:3]), np.hstack(pictures[3:])]))
    print(OUT)


if __name__ == "__main__":
    main()
