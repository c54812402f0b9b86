"""Real sockets on this machine: devices that come, go, die, lie, and come back."""

import itertools
import os
import signal
import socket
import subprocess
import sys
import time

import pytest
from link_rig import connect, device, free_port, running, udp_sender, until

from har_ros.core.errors import HarError
from har_ros.link.config import LinkConfig
from har_ros.link.fake_esp32 import FakeDevice
from har_ros.link.link import ImuLink


@pytest.mark.parametrize(("mode", "device_mode"), [("tcp_listen", "tcp_connect"), ("udp", "udp")])
def test_samples_come_in_order_with_the_devices_time(mode: str, device_mode: str) -> None:
    with running(mode=mode) as (link, readings), device(link.stats().bound_port, mode=device_mode, drift=5e-5):
        assert until(lambda: len(readings) > 250)
        stats = link.stats()
    assert stats.state == "connected"
    assert stats.device_id == "fake-esp32"
    assert stats.clock_synced
    assert 70 < stats.rate_hz < 130
    gaps = [(b.stamp_ns - a.stamp_ns) / 1e6 for a, b in itertools.pairwise(readings)]
    assert sum(gaps) / len(gaps) == pytest.approx(10, rel=0.05)
    assert [reading.seq for reading in readings] == sorted({reading.seq for reading in readings})
    assert 7 < readings[-1].accel_mps2[2] < 12


def test_the_bridge_can_call_the_device_and_calls_again() -> None:
    port = free_port()
    with running(mode="tcp_connect", port=port) as (link, readings):
        assert until(lambda: link.stats().state == "connecting")
        for wanted in (20, 40):
            with device(port, mode="tcp_listen"):
                assert until(lambda wanted=wanted: len(readings) > wanted)
        assert link.stats().reconnects >= 1


def test_the_bridge_calls_often_however_long_the_device_was_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        called_s = []
        with running(mode="tcp_connect", port=server.getsockname()[1]):
            for _ in range(8):
                server.accept()[0].close()
                called_s.append(time.monotonic())
    assert max(later - earlier for earlier, later in itertools.pairwise(called_s)) < 3


def test_a_killed_device_is_noticed_and_its_successor_welcome() -> None:
    with running() as (link, readings):
        command = [sys.executable, "-m", "har_ros.cli", "fake-imu", "--sine", "--port", str(link.stats().bound_port)]
        for wanted in (30, 60):
            process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
            assert until(lambda wanted=wanted: len(readings) > wanted)
            os.kill(process.pid, signal.SIGKILL)
            process.wait(5)
            assert until(lambda: link.stats().state == "listening")
        assert link.stats().reconnects == 1


def test_a_silent_connection_is_given_up() -> None:
    with running(data_timeout_s=0.3) as (link, readings), connect(link.stats().bound_port) as sock:
        sock.sendall(b"0,0,9.8\n")
        assert until(lambda: len(readings) == 1)
        assert until(lambda: link.stats().state == "listening")


def test_garbage_never_becomes_a_sample_nor_ends_the_link() -> None:
    with running(mode="tcp_listen") as (link, readings), connect(link.stats().bound_port) as sock:
        sock.sendall(b"0,0,9.8\n")
        assert until(lambda: len(readings) == 1)
        sock.sendall(os.urandom(200_000) + b"\n" + b"A" * 100_000 + b"\n1,2\nnan,1,1\n9999,0,0\n")
        sock.sendall(b"0,0,9.7\n")
        assert until(lambda: any(reading.accel_mps2 == (0, 0, 9.7) for reading in readings))
        bad = link.stats().bad_lines
    assert all(abs(value) <= 400 for reading in readings for value in reading.accel_mps2)
    assert {"columns", "range", "too_long", "not_ascii"} <= set(bad)


def test_overtaken_and_repeated_datagrams_are_dropped_and_the_clock_holds() -> None:
    order = list(range(200))
    for index in range(20, 200, 20):
        order[index - 1], order[index] = order[index], order[index - 1]
    with running(mode="udp") as (link, readings), udp_sender(link.stats().bound_port) as sender:
        for seq in [*order, 199]:
            sender.send(f"{seq},{seq * 10_000},0,0,9.8\n".encode())
        assert until(lambda: len(readings) + link.stats().bad_lines.get("late", 0) == 201)
        stats = link.stats()
    assert stats.bad_lines == {"late": 10}
    assert stats.lost == 9
    assert stats.clock_synced
    assert all(a.stamp_ns < b.stamp_ns for a, b in itertools.pairwise(readings))


def test_a_reboot_within_one_connection_starts_numbers_and_clock_anew() -> None:
    with running() as (link, readings), connect(link.stats().bound_port) as sock:
        for seq in range(200):
            sock.sendall(f"{seq},{seq * 10_000},0,0,9.8\n".encode())
        assert until(lambda: len(readings) == 200)
        assert link.stats().clock_synced
        sock.sendall(b"0,7,0,0,9.8\n1,10007,0,0,9.8\n")
        assert until(lambda: len(readings) == 202)
        assert not link.stats().clock_synced
        assert link.stats().lost == 0


def test_what_a_device_saved_up_before_it_was_let_in_is_kept() -> None:
    with running() as (link, readings), connect(link.stats().bound_port) as sock:
        sock.sendall(b"".join(f"{seq},{seq * 10_000},0,0,9.8\n".encode() for seq in range(2000)))
        assert until(lambda: readings and readings[-1].seq == 1999)
        assert len(readings) == 2000


def test_the_rest_of_a_torn_line_is_no_sample() -> None:
    with running() as (link, readings), connect(link.stats().bound_port) as sock:
        sock.sendall(b"1,10000,0.1,0.2,9.8,0,0,0\n0.3,0.4,0.5\n2,20000,0.1,0.2,9.8,0,0,0\n")
        assert until(lambda: len(readings) == 2)
        assert link.stats().bad_lines == {"columns": 1}


def test_a_device_that_sends_g_is_read_in_si() -> None:
    with running() as (link, readings), connect(link.stats().bound_port) as sock:
        sock.sendall(b"#har-imu 1 id=belt rate=100 units=g\n0,0,1\n")
        assert until(lambda: len(readings) == 1)
    assert readings[0].accel_mps2[2] == pytest.approx(9.80665)


def test_a_fake_device_loses_what_its_radio_loses() -> None:
    with running() as (link, readings), device(link.stats().bound_port, loss=0.3):
        assert until(lambda: len(readings) > 100)
    sent = readings[-1].seq - readings[0].seq + 1
    assert 0.5 < len(readings) / sent < 0.9


def test_the_fake_device_finds_the_bridge_again() -> None:
    port = free_port()
    with device(port):
        for _ in range(2):
            with running(port=port) as (_, readings):
                assert until(lambda: len(readings) > 20)


def test_a_fault_of_the_program_is_shown_in_the_state(caplog) -> None:
    def fault(reading: object) -> None:
        raise RuntimeError("boom")

    link = ImuLink(LinkConfig(host="127.0.0.1", port=0), fault)
    link.start()
    with connect(link.stats().bound_port) as sock:
        sock.sendall(b"0,0,9.8\n")
        assert until(lambda: link.stats().state == "failed")
    link.stop()
    assert str(link.failure) == "boom"
    assert "boom" in caplog.text


def test_a_port_in_use_is_named_with_the_remedy() -> None:
    with running(mode="tcp_listen") as (link, _):
        port = link.stats().bound_port
        second = ImuLink(LinkConfig(host="127.0.0.1", port=port), print)
        with pytest.raises(HarError, match=f"port {port} .* in use .* another port"):
            second.start()


def test_stop_is_prompt_and_frees_the_port() -> None:
    with running(mode="tcp_listen") as (link, _):
        port = link.stats().bound_port
    assert link.stats().state == "stopped"
    with socket.create_server(("127.0.0.1", port)):
        pass


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"mode": "serial"}, "tcp_listen"), ({"host": "192.168..1"}, "can't be a host"),
     ({"port": 99999}, "1 to 65535"),
     ({"mode": "tcp_connect", "port": 0}, "port 0"), ({"data_timeout_s": 0}, "above 0"),
     ({"data_timeout_s": float("nan")}, "above 0"), ({"token": "two words"}, "without blanks"),
     ({"tls_cert": "a"}, "belong together"), ({"mode": "udp", "tls_ca": "a"}, "TLS runs over TCP"),
     ({"tls_ca": "a"}, "its own certificate"),
     ({"mode": "tcp_connect", "tls_cert": "a", "tls_key": "b"}, "whom to trust"),
         ({"mode": "tcp_connect"}, "needs the device's address"), ({"units": "lb"}, "give m/s2 or g")],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(settings: dict, words: str) -> None:
    with pytest.raises(HarError, match=words):
        LinkConfig(**settings)


@pytest.mark.parametrize(
    "settings",
    [{"port": 0}, {"device_id": "two words"}, {"device_id": ""}, {"token": "\u00e9"}, {"host": "192.168..1"},
     {"rate_hz": 0.0}, {"rate_hz": float("nan")}, {"drift": float("nan")}, {"drift": 1.0}, {"loss": 1.0}],
)  # fmt: skip
def test_a_fake_device_that_can_not_speak_is_refused(settings: dict) -> None:
    with pytest.raises(HarError, match="give"):
        FakeDevice(**settings)
