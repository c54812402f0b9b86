"""What did not come, and what is missing of what did: counted, and said where it is much."""

from __future__ import annotations

import time

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2, or the extra ros-jazzy")
from har_ros.nodes.rates import SPAN_S, LossMeter, MissingWatch


@pytest.mark.parametrize(
    ("numbers", "before", "lost"),
    [
        ([1, 2, 3], 0, 0),
        ([2, 3], 1, 0),
        ([1, 4, 5, 8], 0, 4),
        ([501, 502, 505], 500, 2),
        ([1, 2, 9, 3, 4], 2, 6),  # the publisher was started again
        ([7, 7], 12, 0),  # and again
        ([None, None], 0, 0),
    ],
)
def test_what_did_not_come_is_counted(numbers: list[int | None], before: int, lost: int) -> None:
    meter = LossMeter()
    for number in numbers:
        meter.note(number)
    assert (meter.before, meter.lost) == (before, lost)


def test_missing_pictures_are_spoken_of_where_they_are_more_than_a_tenth_and_lately() -> None:
    watch = MissingWatch()
    assert watch.sentence(0, {"never came": 0, "were refused": 0}) == ""
    assert watch.sentence(100, {"never came": 10, "were refused": 0}) == ""
    assert watch.sentence(110, {"never came": 14, "were refused": 0}) == "of the last 110 pictures 14 never came"
    assert watch.sentence(120, {"never came": 14, "were refused": 3}) == (
        "of the last 120 pictures 14 never came, 3 were refused"
    )
    time.sleep(SPAN_S)
    assert watch.sentence(220, {"never came": 20, "were refused": 7}) == "", "ten of the last hundred"
