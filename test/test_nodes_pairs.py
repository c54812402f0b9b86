"""Pairs of pictures and samples: right partners, no picture held for long, every picture counted once."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2, or the extra ros-jazzy")

from sensor_msgs.msg import Image

from har_ros.nodes.pairs import Pairs, stamp_ns_of

MS = 1_000_000


class Picture(Image):
    """An image that can be watched for being let go."""

    __slots__ = ("__weakref__",)


def at(kind: Any, stamp_ms: int) -> Any:
    message = kind()
    message.header.stamp.sec, milliseconds = divmod(stamp_ms, 1000)
    message.header.stamp.nanosec = milliseconds * 1_000_000
    return message


def make() -> tuple[Pairs, list[tuple[int, int]]]:
    found: list[tuple[int, int]] = []
    return Pairs(
        100, 0.02, 0.5, lambda image, sample_ns: found.append((stamp_ns_of(image) // MS, sample_ns // MS))
    ), found


def test_an_image_waits_for_its_sample_and_counts_once() -> None:
    pairs, found = make()
    pairs.add_image(at(Image, 1000))
    assert (pairs.paired, pairs.unpaired) == (0, 0), "who waits is not lost yet"
    pairs.add_sample(1005 * MS)
    assert found == [(1000, 1005)]
    for stamp_ms in range(1033, 3000, 33):
        pairs.add_image(at(Image, stamp_ms))
        pairs.add_sample(stamp_ms * MS)
    assert (pairs.paired, pairs.unpaired) == (len(found), 0)


def test_without_samples_only_the_last_half_second_of_images_is_held() -> None:
    pairs, found = make()
    alive = []
    for stamp_ms in range(1000, 4000, 100):
        image = at(Picture, stamp_ms)
        alive.append(weakref.ref(image))
        pairs.add_image(image)
        del image
    gc.collect()
    held = sum(reference() is not None for reference in alive)
    assert held == 6
    assert pairs.unpaired == len(alive) - held
    pairs.add_sample(1000 * MS)  # its image is gone
    pairs.add_sample(3900 * MS)
    assert found == [(3900, 3900)]


def test_a_restart_lets_time_begin_anew() -> None:
    pairs, found = make()
    for stamp_ms in range(60_000, 62_000, 10):
        pairs.add_sample(stamp_ms * MS)
    pairs.restart()
    pairs.add_sample(1000 * MS)
    pairs.add_image(at(Image, 1001))
    assert found == [(1001, 1000)]
