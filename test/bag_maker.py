"""Bags for tests: pictures of one colour each, a still accelerometer, and the truth, as a robot would record them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
from onnx import numpy_helper
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore
from tiny_model import write_tiny_model

from har_ros.core.labels import LABELS
from har_ros.core.model_card import ENCODER_FILE, HEAD_FILE, file_sha256, load_card

TYPES = get_typestore(Stores.ROS2_JAZZY)
START_NS = 1_700_000_000_000_000_000
SIZE_PX = 32
DARK, BRIGHT, SHARPNESS = 24, 230, 24.0
Colour = tuple[int, int, int]


NO_COLOUR: Colour = (153, 153, 153)  # as far from each label's
# A label's colour, as write_colour_model's network knows it.
COLOURS: dict[str, Colour] = {
    label: (BRIGHT if number & 1 else DARK, BRIGHT if number & 2 else DARK, BRIGHT if number & 4 else DARK)
    for number, label in enumerate(LABELS)
}


def write_colour_model(folder: Path) -> Path:
    """Write a model that tells the label by the window's mean colour and is sure of it."""
    card = load_card(write_tiny_model(folder))
    encoder, head = onnx.load(str(folder / ENCODER_FILE)), onnx.load(str(folder / HEAD_FILE))
    mixing = next(numpy_helper.to_array(each) for each in encoder.graph.initializer if each.name == "weight")
    # The tiny encoder's features are linear in these roots: logits = -sharpness * (distance to the colour)^2.
    roots = np.sqrt(254.9 - np.array(list(COLOURS.values()))) / 16
    weight = np.zeros((card.steps, card.feature_size + len(card.imu_channels), len(LABELS)))
    weight[:, : card.feature_size] = np.linalg.pinv(mixing) @ (2 * SHARPNESS * roots.T) / card.steps
    values = {"weight": weight.reshape(-1, len(LABELS)), "bias": -SHARPNESS * (roots**2).sum(axis=1)}
    for each in head.graph.initializer:
        each.CopyFrom(numpy_helper.from_array(values[each.name].astype(np.float32), each.name))
    onnx.save(head, str(folder / HEAD_FILE))
    replace(card, name="colour", sha256={name: file_sha256(folder / name) for name in card.sha256}).save(folder)
    return folder


def write_bag(
    folder: Path,
    stretches: Sequence[tuple[float, Colour, str]],
    *,
    namespace: str = "/har",
    storage: str = "mcap",
    image: str = "bgr8",
    truth: bool = True,
    start_ns: int = START_NS,
    accel_of: Any = lambda t_s: (0.0, 0.0, 20.0 if t_s % 1 < 0.015 else 9.8),
    imu_late_s: Any = lambda _t_s: 0.0,
    silent: Any = lambda _kind, _t_s: False,
) -> Path:
    """Write stretches of (seconds, colour, true label): 30 pictures, 100 samples and 10 truths a second.

    By default the upright sensor feels a knock each second, so that a fall is believed. A sample of the time t_s
    arrives `imu_late_s(t_s)` later, anything else at once. What is `silent(kind, t_s)`, an `image` or
    `imu`, is left out.
    """
    total_s = sum(seconds for seconds, _, _ in stretches)
    rates_hz = {"imu": 100, "image": 30, **({"truth": 10} if truth else {})}
    taken = [(i / rate_hz, kind) for kind, rate_hz in rates_hz.items() for i in range(int(total_s * rate_hz))]
    heard = [(t_s, kind) for t_s, kind in taken if not silent(kind, t_s)]
    events = [(t_s + (imu_late_s(t_s) if kind == "imu" else 0.0), kind, t_s) for t_s, kind in heard]
    with Writer(folder, version=9, storage_plugin=StoragePlugin[storage.upper()]) as writer:
        image_type = "CompressedImage" if image == "jpeg" else "Image"
        image_topic = "camera/image_raw/compressed" if image == "jpeg" else "camera/image_raw"
        topics = {
            "image": (f"sensor_msgs/msg/{image_type}", image_topic),
            "imu": ("sensor_msgs/msg/Imu", "imu/data_raw"),
            "truth": ("std_msgs/msg/String", "ground_truth"),
        }
        connections = {
            kind: writer.add_connection(f"{namespace}/{topic}", msgtype, typestore=TYPES)
            for kind, (msgtype, topic) in topics.items()
            if truth or kind != "truth"
        }
        for arrival_s, kind, t_s in sorted(events):
            stamp_ns = start_ns + round(t_s * 1e9)
            _, colour, label = _at(stretches, t_s)
            if kind == "image":
                message = _image(stamp_ns, colour, image)
            elif kind == "imu":
                message = _imu(stamp_ns, accel_of(t_s))
            else:
                message = TYPES.types["std_msgs/msg/String"](data=label)
            arrival_ns = start_ns + round(arrival_s * 1e9)
            writer.write(connections[kind], arrival_ns, TYPES.serialize_cdr(message, message.__msgtype__))
    return folder


def _at(stretches: Sequence[tuple[float, Colour, str]], t_s: float) -> tuple[float, Colour, str]:
    for stretch in stretches:
        if t_s < stretch[0]:
            return stretch
        t_s -= stretch[0]
    return stretches[-1]


def _header(stamp_ns: int) -> Any:
    time = TYPES.types["builtin_interfaces/msg/Time"](sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
    return TYPES.types["std_msgs/msg/Header"](stamp=time, frame_id="camera")


def _image(stamp_ns: int, colour: Colour, encoding: str) -> Any:
    picture = np.empty((SIZE_PX, SIZE_PX, 3), np.uint8)
    picture[:] = colour
    if encoding == "jpeg":
        data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].reshape(-1)
        return TYPES.types["sensor_msgs/msg/CompressedImage"](header=_header(stamp_ns), format="jpeg", data=data)
    if encoding == "rgb8":
        picture = picture[..., ::-1]
    padded = np.zeros((SIZE_PX, SIZE_PX * 3 + 4), np.uint8)  # rows may be longer than their pixels
    padded[:, : SIZE_PX * 3] = picture.reshape(SIZE_PX, -1)
    return TYPES.types["sensor_msgs/msg/Image"](
        header=_header(stamp_ns),
        height=SIZE_PX,
        width=SIZE_PX,
        encoding=encoding,
        is_bigendian=0,
        step=padded.shape[1],
        data=padded.reshape(-1),
    )


def _imu(stamp_ns: int, accel: Sequence[float]) -> Any:
    vector, quaternion = TYPES.types["geometry_msgs/msg/Vector3"], TYPES.types["geometry_msgs/msg/Quaternion"]
    unknown = np.array([-1.0, *[0.0] * 8])
    return TYPES.types["sensor_msgs/msg/Imu"](
        header=_header(stamp_ns),
        orientation=quaternion(x=0.0, y=0.0, z=0.0, w=1.0),
        orientation_covariance=unknown,
        angular_velocity=vector(x=0.0, y=0.0, z=0.0),
        angular_velocity_covariance=unknown,
        linear_acceleration=vector(*map(float, accel)),
        linear_acceleration_covariance=np.zeros(9),
    )
