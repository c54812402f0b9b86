"""Pictures survive the way into a message and back, and broken messages are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("rclpy", reason="needs ROS 2, or the extra ros-jazzy")

from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CompressedImage, Image

from har_ros.core.errors import HarError
from har_ros.core.pictures import decompress, image_view
from har_ros.nodes.images import compress, fill_image, to_bgr

SIZES = st.tuples(st.integers(1, 40), st.integers(1, 40))


def random_picture(size: tuple[int, int], channels: int = 3) -> np.ndarray:
    shape = size if channels == 1 else (*size, channels)
    return np.random.default_rng(sum(size)).integers(0, 256, shape, np.uint8)


@given(sizes=st.lists(SIZES, min_size=1, max_size=4), encoding=st.sampled_from(["bgr8", "rgb8", "mono8"]))
@settings(deadline=None)
def test_a_message_used_again_always_holds_the_last_picture(sizes: list, encoding: str) -> None:
    message = Image()
    for size in sizes:
        picture = random_picture(size, 1 if encoding == "mono8" else 3)
        fill_image(message, picture, encoding)
        received = deserialize_message(serialize_message(message), Image)
        np.testing.assert_array_equal(image_view(received), picture)
        assert to_bgr(received).shape == (*size, 3)


def test_channels_keep_their_meaning() -> None:
    message = Image()
    fill_image(message, np.full((2, 2, 3), (200, 100, 0), np.uint8), "rgb8")
    assert to_bgr(message)[0, 0].tolist() == [0, 100, 200]
    fill_image(message, np.full((2, 2), 7, np.uint8), "mono8")
    assert to_bgr(message)[0, 0].tolist() == [7, 7, 7]


def test_padded_rows_and_views_of_larger_pictures() -> None:
    picture = random_picture((4, 5))
    padded = np.zeros((4, 20), np.uint8)
    padded[:, :15] = picture.reshape(4, 15)
    message = Image(height=4, width=5, step=20, encoding="bgr8", data=padded.tobytes())
    np.testing.assert_array_equal(to_bgr(message), picture)
    fill_image(message, random_picture((9, 9))[2:6, 1:6])
    np.testing.assert_array_equal(to_bgr(message), random_picture((9, 9))[2:6, 1:6])


def test_reading_is_a_view_and_not_a_copy() -> None:
    message = Image()
    fill_image(message, np.zeros((2, 2, 3), np.uint8))
    view = to_bgr(message)
    message.data[0] = 9
    assert view[0, 0, 0] == 9


@given(height=st.integers(0, 9), width=st.integers(0, 9), step=st.integers(0, 40), size=st.integers(0, 100))
@settings(deadline=None)
def test_an_image_that_contradicts_itself_is_refused(height: int, width: int, step: int, size: int) -> None:
    message = Image(height=height, width=width, step=step, encoding="bgr8", data=bytes(size))
    consistent = height > 0 and width > 0 and step >= 3 * width and size >= step * height
    if consistent:
        assert to_bgr(message).shape == (height, width, 3)
    else:
        with pytest.raises(HarError, match="broken image"):
            to_bgr(message)


def test_an_encoding_beyond_numpy_names_itself_and_the_package() -> None:
    try:
        import cv_bridge  # noqa: F401
    except ImportError:
        with pytest.raises(HarError, match=r"'16UC1' need cv_bridge; install ros-\S+-cv-bridge"):
            to_bgr(Image(height=1, width=1, step=2, encoding="16UC1", data=b"12"))
    else:
        pytest.skip("cv_bridge is installed")


def test_jpeg_comes_back_close_and_broken_data_are_refused() -> None:
    smooth = np.add.outer(np.arange(48), np.arange(64)).astype(np.uint8)
    picture = np.dstack([smooth, smooth // 2, 255 - smooth])
    message = compress(picture, 95)
    assert message.format == "bgr8; jpeg compressed bgr8"
    assert np.abs(decompress(message).astype(int) - picture).mean() < 3
    for data in (b"", b"no picture"):
        with pytest.raises(HarError, match="broken image"):
            decompress(CompressedImage(format="jpeg", data=data))
