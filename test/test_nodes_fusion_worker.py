"""The recognising thread: newest frame wins, no data is mixed across a restart, and an error is an outcome."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2, or the extra ros-jazzy")
pytest.importorskip("onnx", reason="needs onnx to write a model")
from tiny_model import write_tiny_model

from har_ros.core.alarm_policy import AlarmPolicy
from har_ros.core.decision import AlarmMonitor
from har_ros.core.preprocess import Vector
from har_ros.inference.model import HarModel
from har_ros.inference.pool import Turns
from har_ros.inference.recogniser import StreamingRecogniser
from har_ros.nodes.fusion_worker import Frame, FusionWorker, Outcome

PERIOD_NS = 33_333_333
REST = (0.0, 0.0, 9.8)
PATIENCE_S = 10.0


def to_body(accel_mps2: Vector) -> np.ndarray:
    """Return a reading of a sensor that sits straight."""
    return np.array(accel_mps2, np.float32)


class Feeder:
    """A worker whose decoding the test can hold up."""

    def __init__(self, folder: Path) -> None:
        recogniser = StreamingRecogniser(HarModel(write_tiny_model(folder)), AlarmMonitor(AlarmPolicy()))
        self.decoded: list[int] = []
        self.decoding = threading.Event()
        self.may_go = threading.Event()
        self.may_go.set()
        self.news = threading.Event()
        self.worker = FusionWorker(recogniser, self._to_bgr, to_body, self.news.set, Turns(1))
        self.worker.start()

    def _to_bgr(self, message: Any) -> np.ndarray:
        self.decoding.set()
        assert self.may_go.wait(PATIENCE_S)
        if message < 0:
            raise ValueError("bad picture")
        self.decoded.append(message)
        return np.full((32, 32, 3), 100, np.uint8)

    def feed(self, number: int, message: int | None = None) -> None:
        """Hand over one step's sample and frame."""
        stamp_ns = 1_000_000_000 + number * PERIOD_NS
        self.worker.add_imu(stamp_ns, REST)
        self.worker.add_frame(Frame(stamp_ns, "camera", number if message is None else message))

    def feed_calmly(self, numbers: range) -> None:
        """Hand over steps, each when the one before is done."""
        for number in numbers:
            self.feed(number)
            self.wait_for(lambda number=number: self.decoded[-1:] == [number])

    def wait_for(self, condition: Any) -> Any:
        until_s = time.monotonic() + PATIENCE_S
        while not (answer := condition()):
            assert time.monotonic() < until_s
            time.sleep(0.001)
        return answer

    def outcome_of(self, number: int) -> Outcome:
        """Wait for the outcome of a frame."""
        stamp_ns = 1_000_000_000 + number * PERIOD_NS
        found: Outcome = self.wait_for(
            lambda: (latest := self.worker.latest()) and latest.frame.stamp_ns == stamp_ns and latest
        )
        return found


@pytest.fixture
def feeder(tmp_path: Path) -> Any:
    started = Feeder(tmp_path / "model")
    yield started
    started.may_go.set()
    started.worker.stop()


def test_a_verdict_comes_with_the_thirtieth_step(feeder: Feeder) -> None:
    feeder.feed_calmly(range(29))
    assert feeder.worker.latest() is None
    feeder.feed(29)
    outcome = feeder.outcome_of(29)
    assert outcome.recognition is not None and outcome.failure == "" and outcome.picture is None
    assert outcome.recognition.span.end_ns == outcome.frame.stamp_ns
    assert (feeder.worker.judged, feeder.worker.skipped.count) == (30, 0)


def test_while_busy_the_newest_frame_wins_and_the_others_count(feeder: Feeder) -> None:
    feeder.feed_calmly(range(3))
    feeder.may_go.clear()
    feeder.decoding.clear()
    feeder.feed(3)
    assert feeder.decoding.wait(PATIENCE_S)
    for number in range(4, 8):
        feeder.feed(number)
    feeder.may_go.set()
    feeder.wait_for(lambda: feeder.decoded[-1] == 7)
    assert feeder.decoded == [0, 1, 2, 3, 7]
    feeder.wait_for(lambda: feeder.worker.judged == 5)
    assert feeder.worker.skipped.count == 3


def test_a_restart_forgets_the_window_and_the_outcome(feeder: Feeder) -> None:
    feeder.feed_calmly(range(30))
    feeder.outcome_of(29)
    feeder.worker.restart()
    assert feeder.worker.latest() is None
    feeder.feed_calmly(range(30, 59))
    assert feeder.worker.latest() is None
    feeder.feed(59)
    assert feeder.outcome_of(59).recognition is not None


def test_frames_that_a_restart_throws_away_count_as_skipped(feeder: Feeder) -> None:
    feeder.feed_calmly(range(3))
    feeder.may_go.clear()
    feeder.decoding.clear()
    feeder.feed(3)
    assert feeder.decoding.wait(PATIENCE_S)
    feeder.feed(4)
    feeder.worker.restart()  # frame 3 is in work and frame 4 waits
    feeder.may_go.set()
    feeder.feed_calmly(range(5, 7))
    feeder.wait_for(lambda: feeder.worker.judged == 5)
    assert feeder.decoded == [0, 1, 2, 3, 5, 6]
    assert feeder.worker.skipped.count == 2


def test_an_error_is_an_outcome_and_work_goes_on(feeder: Feeder) -> None:
    feeder.feed_calmly(range(30))
    feeder.feed(30, message=-1)
    outcome = feeder.outcome_of(30)
    assert outcome.recognition is None and "bad picture" in outcome.failure
    assert feeder.worker.judged == 31
    feeder.feed(31)
    assert feeder.outcome_of(31).recognition is not None


def test_a_frame_that_hangs_does_not_hold_up_the_end(feeder: Feeder) -> None:
    feeder.may_go.clear()
    feeder.feed(0)
    assert feeder.decoding.wait(PATIENCE_S)
    feeder.worker.stop()
    assert feeder.worker.latest() is None, "it waited until the frame gave up"


def test_a_picture_is_drawn_only_when_asked_for(feeder: Feeder) -> None:
    feeder.feed_calmly(range(29))
    feeder.worker.draws = True
    feeder.feed(29)
    picture = feeder.outcome_of(29).picture
    assert picture is not None and bytes(picture.data[:2]) == b"\xff\xd8"
