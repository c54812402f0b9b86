"""The imu_bridge as a process: bytes on its socket, Imu messages over DDS."""

from __future__ import annotations

import contextlib
import itertools
import re
import signal
import socket
import threading
import time

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2, or the extra ros-jazzy")

from rcl_interfaces.msg import Log
from rclpy.qos import DurabilityPolicy, QoSProfile
from ros_helpers import NodeProcess, RosTest, stamp_ns
from sensor_msgs.msg import Imu

OK, WARN, ERROR = 0, 1, 2
WARN_LEVEL = 30  # of rcl_interfaces/Log
HELLO = b"#har-imu 1 id=esp32-test rate=100\n"


def start(ros: RosTest, *options: str) -> tuple[NodeProcess, int]:
    """Start a bridge on a free port of this machine; return it and the port."""
    ros.diagnostics.clear()
    node = ros.start("imu_bridge", "host:=127.0.0.1", "port:=0", *options)
    status = ros.status("har/imu_bridge", lambda status: status.values.get("bound_port", "0") != "0")
    return node, int(status.values["bound_port"])


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=10)


def send(device: socket.socket, first: int, count: int, gyro: str = "") -> None:
    """Send `count` samples of 100 Hz; ax is a hundredth of the sample's number."""
    for seq in range(first, first + count):
        device.sendall(f"{seq},{seq * 10_000},{seq / 100},0.5,9.8{gyro}\n".encode())
        time.sleep(0.01)


def send_until(heard: threading.Event, device: socket.socket, line: str) -> None:
    """Send a hello and lines 100 times a second, until the bridge is heard or hangs up."""
    with contextlib.suppress(OSError):
        device.sendall(HELLO)
        for seq in itertools.count():
            if heard.wait(0.01):
                return
            device.sendall((line.format(seq=seq, t_us=seq * 10_000, t_ms=seq * 10) + "\n").encode())


def test_samples_arrive_as_rep_145_says(ros: RosTest) -> None:
    node, port = start(ros)
    inbox = ros.listen(Imu, "/har/imu/data_raw", 500)
    assert ros.get_parameter("/har/imu_bridge", "bound_port") == port
    taken, reason = ros.set_parameter("/har/imu_bridge", "bound_port", 1)
    assert (taken, reason) == (False, "parameter 'bound_port' is set by the node alone")
    begun_ns = time.time_ns()
    with connect(port) as device:
        device.sendall(HELLO)
        send(device, 0, 150)
        send(device, 150, 50, gyro=",0.1,0.2,0.3")
        messages = inbox.wait(190)
        status = ros.status("har/imu_bridge", lambda status: status.level == OK)
    assert all(message.orientation_covariance[0] == -1 for message in messages)
    assert messages[0].header.frame_id == "imu_link"
    values = [message.linear_acceleration.x for message in messages]
    assert values == sorted(values)
    without, with_gyro = messages[0], messages[-1]
    assert without.angular_velocity_covariance[0] == -1
    assert with_gyro.angular_velocity_covariance[0] == 0
    assert (with_gyro.angular_velocity.x, with_gyro.linear_acceleration.z) == (0.1, 9.8)
    stamps = [stamp_ns(message.header) for message in messages]
    assert begun_ns - 1_000_000_000 < stamps[0] <= stamps[-1] < time.time_ns() + 1_000_000_000
    assert stamps == sorted(stamps)
    assert "esp32-test" in status.message
    assert node.end() == 0


def test_garbage_is_counted_by_kind_and_never_becomes_a_sample(ros: RosTest) -> None:
    node, port = start(ros)
    inbox = ros.listen(Imu, "/har/imu/data_raw", 500)
    with connect(port) as device:
        device.sendall(HELLO + b"\x00\xff\x12 nonsense\n1,2\nnan,0,0\n" + b"7" * 1000 + b"\n")
        send(device, 0, 20)
        status = ros.status("har/imu_bridge", lambda status: int(status.values.get("bad_lines", 0)) >= 4)
        messages = inbox.wait(20)
    assert {message.linear_acceleration.x for message in messages} == {seq / 100 for seq in range(20)}
    assert len([key for key in status.values if key.startswith("bad_lines.")]) >= 2
    assert node.end() == 0
    assert "Traceback" not in node.output


def test_a_silent_device_is_shown_and_its_return_too(ros: RosTest) -> None:
    node, port = start(ros, "data_timeout_s:=0.5")
    with connect(port) as device:
        device.sendall(HELLO)
        send(device, 0, 100)
        ros.status("har/imu_bridge", lambda status: status.level == OK)
    ros.diagnostics.clear()
    ros.status("har/imu_bridge", lambda status: status.level == ERROR and "no samples for" in status.message)
    with connect(port) as device:
        ros.diagnostics.clear()
        device.sendall(HELLO)
        send(device, 0, 150)
        status = ros.status("har/imu_bridge", lambda status: status.level == OK)
    assert int(status.values["reconnects"]) == 1
    assert node.end(signal.SIGTERM) == 0


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{seq},{t_us},0,0,1", "readings are of 1.0 m/s^2, and gravity alone is 9.8: if they are in g"),
        ("{seq},{t_ms},0,0,9.8", "does not run with time"),
        ("0,0,9.8,0,0,0", "what came can't be used, "),
    ],
)
def test_the_status_says_what_is_wrong_with_what_comes(ros: RosTest, line: str, words: str) -> None:
    node, port = start(ros)
    heard = threading.Event()
    with connect(port) as device:
        sender = threading.Thread(target=send_until, args=(heard, device, line))
        sender.start()
        try:
            ros.status("har/imu_bridge", lambda status: status.level == WARN and words in status.message)
        finally:
            heard.set()
            sender.join()
    assert node.end() == 0


def test_the_status_says_why_a_device_that_knocks_is_not_let_in(ros: RosTest) -> None:
    node, port = start(ros, "token:=secret")
    ros.status("har/imu_bridge", lambda status: status.message == f"listening on port {port}; no device yet")
    with connect(port) as device:
        device.sendall(HELLO)
        assert device.recv(100)
    words = rf"listening on port {port}; refused 127\.0\.0\.1:\d+: wrong or missing token"
    assert ros.status("har/imu_bridge", lambda status: re.fullmatch(words, status.message)).level == WARN
    assert node.end() == 0


def test_the_status_of_a_caller_says_why_the_device_is_not_taken(ros: RosTest) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        node = ros.start("imu_bridge", "mode:=tcp_connect", "host:=127.0.0.1", f"port:={port}")
        words = f"connecting; refused 127.0.0.1:{port}: neither hello nor sample came"
        assert ros.status("har/imu_bridge", lambda status: status.message == words).level == WARN
    words = f"connecting; no connection to 127.0.0.1:{port}: Connection refused"
    ros.status("har/imu_bridge", lambda status: status.message == words)
    assert node.end() == 0


def test_a_device_that_begins_to_send_nonsense_is_told_with_its_kind(ros: RosTest) -> None:
    node, port = start(ros, "data_timeout_s:=0.5")
    heard = threading.Event()
    with connect(port) as device:
        device.sendall(HELLO + b"1,2\n")
        send(device, 0, 20)
        sender = threading.Thread(target=send_until, args=(heard, device, "{seq},{t_us},nan,nan,nan"))
        sender.start()
        try:
            words = r"no samples for .* can't be used, \d+ by range; see .*; 127.* sent no sample for 0.5 s; given up"
            status = ros.status("har/imu_bridge", lambda status: re.match(words, status.message))
        finally:
            heard.set()
            sender.join()
    assert (status.level, status.values["bad_lines.columns"]) == (ERROR, "1")
    assert node.end() == 0


def test_the_links_log_is_heard_in_ros(ros: RosTest) -> None:
    log = ros.listen(Log, "/rosout", QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL))
    node, port = start(ros, "token:=secret")
    with connect(port) as device:
        device.sendall(HELLO)
        refused = log.wait_for(lambda entry: "wrong or missing token" in entry.msg)
    log.wait_for(lambda entry: entry.msg == "link listening")
    assert (refused.name, refused.level) == ("har.imu_bridge", WARN_LEVEL)
    assert node.end() == 0


def test_a_link_that_dies_ends_the_node_with_one_sentence(ros: RosTest) -> None:
    fault = "import har_ros.link.session as session; session.parse_line = lambda *_: 1 / 0"
    ros.diagnostics.clear()
    node = ros.start("imu_bridge", "host:=127.0.0.1", "port:=0", first=fault)
    status = ros.status("har/imu_bridge", lambda status: status.values.get("bound_port", "0") != "0")
    with connect(int(status.values["bound_port"])) as device:
        device.sendall(HELLO)
        assert node.wait() == 1
    [sentence] = node.said("imu_bridge")
    assert "the link to the ESP32 has ended: unexpected ZeroDivisionError" in sentence
    assert "Traceback" not in node.output


def test_a_port_in_use_ends_the_node_with_one_sentence(ros: RosTest) -> None:
    with socket.create_server(("127.0.0.1", 0)) as blocker:
        port = blocker.getsockname()[1]
        node = ros.start("imu_bridge", "host:=127.0.0.1", f"port:={port}")
        assert node.wait() == 1
    assert len(node.said("imu_bridge")) == 1
    assert f"port {port} on 127.0.0.1 is in use" in node.said("imu_bridge")[0]
    assert "Traceback" not in node.output


def test_a_killed_bridge_is_replaced_by_one_on_the_same_port(ros: RosTest) -> None:
    node, port = start(ros)
    device = connect(port)
    device.sendall(HELLO)
    assert node.end(signal.SIGKILL) == -9
    device.close()
    inbox = ros.listen(Imu, "/har/imu/data_raw", 500)
    again = ros.start("imu_bridge", "host:=127.0.0.1", f"port:={port}")
    ros.diagnostics.clear()
    ros.status("har/imu_bridge", lambda status: status.values.get("bound_port") == str(port))
    with connect(port) as device:
        device.sendall(HELLO)
        send(device, 0, 50)
        inbox.wait(40)
    assert again.end() == 0


def test_deactivating_frees_the_port_and_activating_takes_it_again(ros: RosTest) -> None:
    _, port = start(ros)
    assert ros.change_state("/har/imu_bridge", "deactivate")
    with pytest.raises(ConnectionRefusedError):
        connect(port)
    assert ros.change_state("/har/imu_bridge", "activate")
    connect(ros.get_parameter("/har/imu_bridge", "bound_port")).close()
