"""A link, devices and bare sockets on this machine's loopback, for the tests of the link."""

import contextlib
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from har_ros.link.config import LinkConfig
from har_ros.link.fake_esp32 import FakeDevice, play
from har_ros.link.link import ImuLink
from har_ros.link.recording import sine


def until(condition: Callable[[], bool], seconds: float = 30.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


@contextlib.contextmanager
def running(**settings) -> Iterator[tuple[ImuLink, list]]:
    """A started link on a free port, and the list that its readings go to."""
    readings: list = []
    settings = {"host": "127.0.0.1", "port": 0, "data_timeout_s": 20.0, **settings}
    link = ImuLink(LinkConfig(**settings), readings.append)
    link.start()
    try:
        yield link, readings
    finally:
        link.stop()


@contextlib.contextmanager
def device(port: int, **settings) -> Iterator[None]:
    """A fake device that sends a sine at 100 Hz."""
    ended = threading.Event()
    fake = FakeDevice(port=port, rate_hz=100.0, **settings)
    thread = threading.Thread(target=play, args=(fake, sine(100.0), time.monotonic(), ended.is_set))
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(5)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=5)


def tear_connections(port: int) -> None:
    """Open connections that end with a reset right after their first bytes."""
    for _ in range(20):
        with connect(port) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.sendall(b"0,")


@contextlib.contextmanager
def udp_sender(port: int) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.connect(("127.0.0.1", port))
        yield sock


def make_certificates(folder: Path) -> dict[str, str]:
    """An authority `ca.pem` and, signed by it for 127.0.0.1, `cert` with `key`; paths by name."""

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=30)

    paths = {name: str(folder / name) for name in ("ca.key", "ca.pem", "key", "csr", "cert", "san")}
    (folder / "san").write_text("subjectAltName=IP:127.0.0.1")
    new = ["-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    openssl("req", "-x509", *new, "-keyout", paths["ca.key"], "-out", paths["ca.pem"], "-days", "2", "-subj", "/CN=ca")
    openssl("req", *new, "-keyout", paths["key"], "-out", paths["csr"], "-subj", "/CN=har")
    openssl("x509", "-req", "-in", paths["csr"], "-CA", paths["ca.pem"], "-CAkey", paths["ca.key"], "-CAcreateserial",
            "-out", paths["cert"], "-days", "2", "-extfile", paths["san"])  # fmt: skip
    return paths
