"""The camera node as a process, with each kind of source, heard over DDS."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2, or the extra ros-jazzy")

from ros_helpers import Inbox, RosTest, stamp_ns
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import String

from har_ros.core.preprocess import to_model_frame

OK, WARN, ERROR, STALE = 0, 1, 2, 3
CALIBRATION = """
image_width: 64
image_height: 48
camera_name: test
distortion_model: plumb_bob
camera_matrix: {rows: 3, cols: 3, data: [50, 0, 32, 0, 50, 24, 0, 0, 1]}
distortion_coefficients: {rows: 1, cols: 5, data: [0.1, 0, 0, 0, 0]}
rectification_matrix: {rows: 3, cols: 3, data: [1, 0, 0, 0, 1, 0, 0, 0, 1]}
projection_matrix: {rows: 3, cols: 4, data: [50, 0, 32, 0, 0, 50, 24, 0, 0, 0, 1, 0]}
"""


def picture(level: int) -> np.ndarray:
    """A picture (48, 64, 3), blue, green and red apart so that a swap of channels shows."""
    return np.full((48, 64, 3), (level, level // 2, 255 - level), np.uint8)


@pytest.fixture
def video(tmp_path: Path) -> str:
    """Two seconds at 20 Hz whose brightness rises."""
    path = str(tmp_path / "video.avi")
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*"MJPG"), 20, (64, 48))
    for index in range(40):
        writer.write(picture(6 * index))
    writer.release()
    return path


def images(ros: RosTest) -> Inbox:
    return ros.listen(Image, "/har/camera/image_raw", 30)


def pixels(message: Image) -> np.ndarray:
    return np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, 3)


def stamps(messages: list[Image]) -> np.ndarray:
    return np.array([stamp_ns(message.header) for message in messages])


def test_a_video_plays_once_at_its_own_rate_and_then_turns_stale(ros: RosTest, video: str) -> None:
    inbox = images(ros)
    node = ros.start("camera", f"source:={video}", "loop:=false", "autostart:=false")
    ros.status("har/camera")
    assert ros.change_state("/har/camera", "configure")
    assert ros.change_state("/har/camera", "activate")
    ros.status("har/camera", lambda status: status.level == STALE)
    messages = inbox.all()
    assert 5 <= len(messages) <= 40
    first = messages[0]
    assert (first.encoding, first.step, first.is_bigendian) == ("bgr8", 192, 0)
    assert first.header.frame_id == "camera_optical_frame"
    steps = np.diff(stamps(messages)) / 50_000_000  # a busy machine may skip some, but never shifts one
    np.testing.assert_allclose(steps, np.round(steps), atol=0.01)
    assert steps.min() > 0.9
    assert abs(stamps(messages)[-1] - time.time_ns()) < 20_000_000_000
    blue, green, red = pixels(messages[-1]).mean(axis=(0, 1))
    np.testing.assert_allclose((green, red), (blue / 2, 255 - blue), atol=8)
    assert blue > pixels(first)[..., 0].mean() + 50
    assert node.output.count("has come to its end") == 1
    assert node.end() == 0


def test_a_looped_video_goes_on_and_is_thinned_out_and_resized(ros: RosTest, video: str) -> None:
    inbox = images(ros)
    ros.start("camera", f"source:={video}", "loop:=true", "rate_hz:=10.0", "width:=32", "height:=24")
    messages = inbox.wait(30)
    assert (messages[0].width, messages[0].height) == (32, 24)
    assert (np.diff(stamps(messages)) > 90_000_000).all()
    levels = [float(pixels(message)[..., 0].mean()) for message in messages]
    assert min(np.diff(levels)) < -100, "it never began again"


def test_the_camera_makes_pictures_small_as_the_network_does(ros: RosTest, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    drawn = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "pictures" / "noise.png"), drawn)
    inbox = images(ros)
    ros.start("camera", f"source:={tmp_path / 'pictures'}", "loop:=true", "rate_hz:=10.0", "width:=20", "height:=20")
    np.testing.assert_array_equal(pixels(inbox.wait()[0]), to_model_frame(drawn, 20))


SLOW = """
import time
from har_ros.core.preprocess import to_model_frame
from har_ros.nodes import camera

fill_image = camera.fill_image


def dawdle(*arguments):
    time.sleep(0.15)
    fill_image(*arguments)


camera.fill_image = dawdle
"""


def test_a_camera_that_drops_pictures_says_so(ros: RosTest, video: str) -> None:
    node = ros.start("camera", f"source:={video}", "loop:=true", first=SLOW)
    status = ros.status("har/camera", lambda status: "were dropped" in status.message)
    assert status.level == WARN and int(status.values["dropped"]) > 0
    assert node.end() == 0


def damaged(video: str) -> None:
    """Blank the pictures 5, 6 and 7 of an AVI file."""
    path = Path(video)
    content = bytearray(path.read_bytes())
    chunks = [found.start() for found in re.finditer(b"00dc", content)][5:8]
    for chunk in chunks:
        size = int.from_bytes(content[chunk + 4 : chunk + 8], "little")
        content[chunk + 8 : chunk + 8 + size] = bytes(size)
    path.write_bytes(content)


def test_damaged_pictures_of_a_video_are_stepped_over_and_counted(ros: RosTest, video: str) -> None:
    damaged(video)
    inbox = images(ros)
    node = ros.start("camera", f"source:={video}", "loop:=true")
    levels = [float(pixels(message)[..., 0].mean()) for message in inbox.wait(45)]
    assert max(levels) > 180, "it never came past the damage"
    assert min(np.diff(levels)) < -100, "it never began again"
    ros.status("har/camera", lambda status: int(status.values.get("unreadable", 0)) >= 3)
    assert node.end() == 0
    assert node.output.count("pictures that can't be read are skipped") == 1


def test_a_calibration_is_scaled_to_the_pictures_and_withheld_where_it_can_not_be(
    ros: RosTest, video: str, tmp_path: Path
) -> None:
    (tmp_path / "camera.yaml").write_text(CALIBRATION, encoding="utf-8")
    options = (f"source:={video}", f"camera_info_file:={tmp_path / 'camera.yaml'}")
    infos = ros.listen(CameraInfo, "/small/camera/camera_info", 30)
    ros.start("camera", *options, "width:=32", "height:=24", namespace="/small")
    info = infos.wait()[0]
    assert (info.width, info.height) == (32, 24)
    np.testing.assert_allclose(info.k, [25, 0, 16, 0, 25, 12, 0, 0, 1])
    np.testing.assert_allclose(info.p, [25, 0, 16, 0, 0, 25, 12, 0, 0, 0, 1, 0])

    infos = ros.listen(CameraInfo, "/square/camera/camera_info", 30)
    ros.start("camera", *options, "width:=32", "height:=32", namespace="/square")
    status = ros.status("square/camera", lambda status: int(status.values.get("published", 0)) > 0)
    assert (status.level, status.message) == (
        WARN, "running without camera_info: calibrated for 64 x 48, not for 32 x 32"
    )  # fmt: skip
    assert infos.all() == []


def test_a_folder_is_shown_in_natural_order_with_jpeg_and_calibration(ros: RosTest, tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for index in range(12):
        cv2.imwrite(str(folder / f"frame_{index}.png"), picture(20 * index))
    (folder / "frame_5.png").write_bytes(b"broken")
    (tmp_path / "camera.yaml").write_text(CALIBRATION, encoding="utf-8")
    inbox = images(ros)
    jpegs = ros.listen(CompressedImage, "/har/camera/image_raw/compressed", 30)
    infos = ros.listen(CameraInfo, "/har/camera/camera_info", 30)
    info_file = f"camera_info_file:={tmp_path / 'camera.yaml'}"
    ros.start("camera", f"source:={folder}", "loop:=true", "rate_hz:=20.0", info_file)
    numbers = np.array([int(pixels(message)[0, 0, 0]) // 20 for message in inbox.wait(36)])
    assert set(numbers) <= set(range(12)) - {5}
    assert (np.diff(numbers) % 12 < 6).all(), f"not forward in natural order: {numbers}"
    assert (np.diff(numbers) < 0).any(), "it never began again"
    jpeg = jpegs.wait()[0]
    assert cv2.imdecode(np.frombuffer(jpeg.data, np.uint8), cv2.IMREAD_COLOR).shape == (48, 64, 3)
    info = infos.wait()[0]
    assert (info.width, info.k[0], info.p[2], len(info.d)) == (64, 50.0, 32.0, 5)
    assert stamp_ns(info.header) in set(stamps(inbox.all()))


class _Mjpeg(BaseHTTPRequestHandler):
    """A network camera: pictures in a multipart stream, until its server is told to hang up."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        jpeg = cv2.imencode(".jpg", picture(100))[1].tobytes()
        while not self.server.hang_up.is_set():
            self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\n")
            self.wfile.write(f"Content-Length: {len(jpeg)}\r\n\r\n".encode() + jpeg + b"\r\n")
            time.sleep(0.05)
            while self.server.hangs.is_set():
                time.sleep(0.05)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def network_camera() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Mjpeg)
    server.hang_up, server.hangs = threading.Event(), threading.Event()
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.hang_up.set()
    server.hangs.clear()
    server.shutdown()
    server.server_close()


def test_a_stream_that_hangs_up_is_connected_again(ros: RosTest, network_camera: ThreadingHTTPServer) -> None:
    inbox = images(ros)
    url = f"http://user:secret@127.0.0.1:{network_camera.server_address[1]}/video.mjpg"
    node = ros.start("camera", f"source:={url}", "read_timeout_s:=1.0")
    inbox.wait(10)
    network_camera.hang_up.set()
    status = ros.status("har/camera", lambda status: status.level == ERROR)
    assert "secret" not in str(status)
    network_camera.hang_up.clear()
    inbox.clear()
    inbox.wait(10)
    ros.diagnostics.clear()
    status = ros.status("har/camera", lambda status: status.level == OK)
    assert int(status.values["reconnects"]) >= 1
    assert node.end() == 0


def test_a_stream_that_hangs_is_an_error_long_before_it_is_given_up(
    ros: RosTest, network_camera: ThreadingHTTPServer
) -> None:
    url = f"http://127.0.0.1:{network_camera.server_address[1]}/video.mjpg"
    ros.start("camera", f"source:={url}", "read_timeout_s:=60.0")
    ros.status("har/camera", lambda status: status.level == OK)
    network_camera.hangs.set()
    status = ros.status("har/camera", lambda status: status.level == ERROR)
    assert status.message.startswith("no picture for ")
    network_camera.hangs.clear()
    ros.diagnostics.clear()
    status = ros.status("har/camera", lambda status: status.level == OK)
    assert status.values["reconnects"] == "0"


def test_a_stream_that_is_not_there_is_tried_again_and_does_not_hold_up_the_end(ros: RosTest) -> None:
    node = ros.start("camera", "source:=rtsp://127.0.0.1:9/nothing")
    ros.status("har/camera", lambda status: status.level == ERROR and "does not open" in status.message)
    begun_s = time.monotonic()
    assert node.end(signal.SIGTERM) == 0
    assert time.monotonic() - begun_s < 10


@pytest.mark.parametrize("name", ["97", "/dev/v4l/by-id/usb-no-camera", "link"])
def test_a_device_that_is_not_there_may_come_later(ros: RosTest, tmp_path: Path, name: str) -> None:
    (tmp_path / "link").symlink_to("/dev/video97")  # as udev makes them
    node = ros.start("camera", f"source:={tmp_path / name if name == 'link' else name}")
    ros.status("har/camera", lambda status: status.level == ERROR and int(status.values["reconnects"]) >= 1)
    assert node.end() == 0


def test_a_killed_camera_is_replaced_by_a_new_one(ros: RosTest, video: str) -> None:
    inbox = images(ros)
    node = ros.start("camera", f"source:={video}")
    inbox.wait(5)
    assert node.end(signal.SIGKILL) == -9
    inbox.clear()
    ros.start("camera", f"source:={video}")
    inbox.wait(5)


def test_a_source_that_never_works_ends_the_node(ros: RosTest, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("this is no video", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    sentences = {
        "missing.mp4": "is neither there as a file or folder",
        "text.mp4": "can't be read; give a video file",
        "empty": "holds no readable pictures",
    }
    nodes = {name: ros.start("camera", f"source:={tmp_path / name}") for name in sentences}
    for name, node in nodes.items():
        assert node.wait() == 1
        assert len(node.said("camera")) == 1
        assert sentences[name] in node.said("camera")[0]


def test_a_broken_calibration_ends_the_node(ros: RosTest, video: str, tmp_path: Path) -> None:
    nodes = {}
    broken = ("image_width: 64", "[]", "image_width: [", CALIBRATION.replace("0, 0, 1]", "0, 0]"))
    for index, text in enumerate(broken):
        path = tmp_path / f"camera_{index}.yaml"
        path.write_text(text, encoding="utf-8")
        nodes[path] = ros.start("camera", f"source:={video}", f"camera_info_file:={path}")
    for path, node in nodes.items():
        assert node.wait() == 1
        assert len(node.said("camera")) == 1
        assert node.said("camera")[0].startswith(f"camera: calibration '{path}' ")


def test_the_simulator_shows_a_person_and_says_what_they_do(ros: RosTest) -> None:
    pytest.importorskip("panda3d", reason="needs the extra sim")
    inbox = images(ros)
    truth = ros.listen(String, "/har/ground_truth")
    start_ns = time.time_ns() - 5_000_000_000
    ros.start(
        "camera", "source:=simulator", "simulation_scenario:=short", "simulation_seed:=3",
        f"simulation_start_ns:={start_ns}", "width:=160", "height:=120", "rate_hz:=10.0",
    )  # fmt: skip
    messages = inbox.wait(10, timeout_s=60)
    assert pixels(messages[0]).shape == (120, 160, 3)
    assert pixels(messages[0]).std() > 10, "an empty picture"
    steps = (stamps(messages) - start_ns) / 100_000_000
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-3)
    truth.wait_for(lambda message: message.data == "WALK", timeout_s=60)
