"""Who may be the device: strangers never take its place, and it gets its place back."""

import contextlib
import socket

import pytest
from link_rig import connect, device, free_port, running, tear_connections, udp_sender, until


def send_if_let(sock: socket.socket, chatter: bytes) -> None:
    with contextlib.suppress(OSError):  # it has been sent away
        sock.sendall(chatter)


def test_a_second_device_is_refused_and_told_so() -> None:
    with running() as (link, readings), device(link.stats().bound_port, device_id="belt"):
        assert until(lambda: len(readings) > 10)
        with connect(link.stats().bound_port) as other:
            other.sendall(b"#har-imu 1 id=intruder\n0,0,399\n")
            assert other.recv(200).startswith(b"#har-imu refused another device")
        assert (link.stats().refused, link.stats().trouble) == (1, "")
        assert link.stats().device_id == "belt"
        assert not any(reading.accel_mps2[2] == 399 for reading in readings)


def test_the_same_device_takes_over_its_old_connection() -> None:
    with running() as (link, readings):
        with connect(link.stats().bound_port) as old, connect(link.stats().bound_port) as new:
            old.sendall(b"#har-imu 1 id=belt\n0,0,1\n")
            assert until(lambda: len(readings) == 1)
            new.sendall(b"#har-imu 1 id=belt\n0,0,2\n")
            assert until(lambda: len(readings) == 2)
            assert readings[-1].accel_mps2[2] == 2
        assert link.stats().refused == 0


def test_a_name_alone_does_not_take_over_where_a_token_is_set() -> None:
    with running(token="secret") as (link, readings):
        with connect(link.stats().bound_port) as true, connect(link.stats().bound_port) as thief:
            true.sendall(b"#har-imu 1 id=belt token=secret\n0,0,1\n")
            assert until(lambda: len(readings) == 1)
            thief.sendall(b"#har-imu 1 id=belt\n0,0,399\n")
            assert thief.recv(200).startswith(b"#har-imu refused wrong or missing token")
            true.sendall(b"0,0,2\n")
            assert until(lambda: len(readings) == 2)
        assert [reading.accel_mps2[2] for reading in readings] == [1, 2]


@pytest.mark.parametrize("opening", [b"#har-imu 1 id=belt token=guess\n0,0,399\n", b"0,0,399\n"])
def test_a_token_keeps_strangers_out(opening: bytes) -> None:
    with running(token="secret") as (link, readings):
        port = link.stats().bound_port
        with connect(port) as stranger:
            stranger.sendall(opening)
            assert stranger.recv(200).startswith(b"#har-imu refused wrong or missing token")
        with device(port, token="secret"):
            assert until(lambda: len(readings) > 10)
        assert all(reading.accel_mps2[2] != 399 for reading in readings)


@pytest.mark.parametrize("chatter", [b"# hello there\n", b"1,2\n", b"#har-imu 1 id=mute\n"])
def test_one_that_never_sends_a_sample_does_not_keep_the_place(chatter: bytes) -> None:
    with running(data_timeout_s=0.6) as (link, readings), connect(link.stats().bound_port) as mute:
        mute.sendall(chatter)
        with device(link.stats().bound_port):

            def served() -> bool:
                send_if_let(mute, chatter)
                return len(readings) > 10

            assert until(served)


def test_idle_connections_do_not_keep_the_device_out() -> None:
    with running() as (link, readings):
        idle = [connect(link.stats().bound_port) for _ in range(12)]
        with device(link.stats().bound_port):
            assert until(lambda: len(readings) > 10)
        assert link.stats().refused >= 4
        for sock in idle:
            sock.close()


def test_a_strangers_flood_does_not_stop_the_device() -> None:
    with running() as (link, readings), device(link.stats().bound_port):
        assert until(lambda: len(readings) > 10)
        before = len(readings)
        for _ in range(5):
            with connect(link.stats().bound_port) as flood:
                send_if_let(flood, b"1,2\n" * 50_000)
        assert until(lambda: len(readings) > before + 50)
        assert link.stats().reconnects == 0
        assert link.stats().bad_lines["columns"] > 0


def test_a_caller_sends_a_stranger_away_and_takes_the_device() -> None:
    port = free_port()
    with running(mode="tcp_connect", port=port, token="secret") as (link, readings):
        with device(port, mode="tcp_listen", token="guess"):
            assert until(lambda: link.stats().refused > 0)
            assert until(lambda: link.stats().trouble == f"refused 127.0.0.1:{port}: wrong or missing token")
        assert not readings
        with device(port, mode="tcp_listen", token="secret"):
            assert until(lambda: len(readings) > 10)
            assert link.stats().trouble == ""


def test_datagrams_of_a_second_sender_are_refused() -> None:
    with running(mode="udp") as (link, readings), device(link.stats().bound_port, mode="udp", device_id="belt"):
        assert until(lambda: len(readings) > 10)
        with udp_sender(link.stats().bound_port) as other:
            other.send(b"#har-imu 1 id=intruder\n0,0,399\n")
            assert other.recv(200).startswith(b"#har-imu refused another device")
        assert link.stats().device_id == "belt"
        assert not any(reading.accel_mps2[2] == 399 for reading in readings)


def test_datagrams_without_the_token_do_not_keep_the_device_out() -> None:
    with running(mode="udp", token="secret") as (link, readings), udp_sender(link.stats().bound_port) as stranger:
        stranger.send(b"0,0,399\n")
        with device(link.stats().bound_port, mode="udp", token="secret"):
            assert until(lambda: stranger.send(b"0,0,399\n") > 0 and len(readings) > 20)
        assert all(reading.accel_mps2[2] != 399 for reading in readings)


def test_a_device_that_reboots_to_another_udp_port_goes_on_at_once() -> None:
    with running(mode="udp") as (link, readings):
        for value in (b"1", b"2"):
            with udp_sender(link.stats().bound_port) as sender:
                sender.send(b"#har-imu 1 id=belt\n0,0," + value)
                assert until(lambda count=int(value): len(readings) == count)
        assert link.stats().reconnects == 1
        assert link.stats().refused == 0


def test_connections_torn_while_they_begin_do_not_end_the_link() -> None:
    with running() as (link, readings):
        tear_connections(link.stats().bound_port)
        with connect(link.stats().bound_port) as sock:
            sock.sendall(b"0,0,9.8\n")
            assert until(lambda: len(readings) == 1)
