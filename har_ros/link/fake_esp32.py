"""A device to test with: sends samples over a real socket, at their own pace, as an ESP32 would."""

from __future__ import annotations

import abc
import logging
import random
import select
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from har_ros.core.errors import HarError
from har_ros.link.clock import WRAP_US
from har_ros.link.config import check_host
from har_ros.link.protocol import Hello, Reading, is_word
from har_ros.link.recording import Sample, check_rate

RETRY_S = 0.3
SEND_TIMEOUT_S = 1.0
LATE_S = 1.0  # samples older than this are not sent after a pause of the connection

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FakeDevice:
    """Who the device is and how it talks; raises HarError where that makes no sense.

    mode:        tcp_connect calls the bridge, tcp_listen waits for it, udp sends datagrams.
    boot_us:     the device's clock when it starts; drift: how much faster than the host's it runs.
    paper_form:  send the paper's `ax,ay,az` without number and time.
    loss:        share of the samples that are lost on the way, always the same ones; their numbers are missing.
    """

    device_id: str = "fake-esp32"
    mode: str = "tcp_connect"
    host: str = "127.0.0.1"
    port: int = 5005
    token: str = ""
    rate_hz: float | None = None
    boot_us: int = 0
    drift: float = 0.0
    paper_form: bool = False
    loss: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.port <= 65535:
            raise HarError(f"port {self.port} can't be used; give one from 1 to 65535")
        check_host(self.host)
        check_rate(self.rate_hz)
        if not abs(self.drift) < 1:
            raise HarError(f"a clock can't drift by {self.drift:g}; give a share such as 5e-5")
        if not 0 <= self.loss < 1:
            raise HarError(f"a link can't lose {self.loss:g} of its samples; give a share such as 0.02")
        for name, text in (("id", self.device_id), ("token", self.token or "none")):
            if not is_word(text):
                raise HarError(f"the {name} '{text}' can't be sent; give 1 to 64 printable ASCII characters, no blanks")

    def hello(self) -> bytes:
        """Return the line that opens a connection."""
        return Hello(self.device_id, self.rate_hz, token=self.token).line()

    def line(self, seq: int, sample: Sample) -> bytes:
        """Return the line of one sample."""
        at_s, accel, gyro = sample
        if self.paper_form:
            return Reading(accel).line()
        t_us = (self.boot_us + round(at_s * 1e6 * (1 + self.drift))) % WRAP_US
        return Reading(accel, gyro, seq, t_us).line()


def play(device: FakeDevice, samples: Iterable[Sample], start_s: float, ended: Callable[[], bool]) -> int:
    """Send each sample at `start_s` (time.monotonic) plus its own time; return how many were sent.

    Where the bridge goes away the device reconnects and goes on with what is due then. Ends after the
    last sample, or soon after `ended()` is true. Raises HarError when tcp_listen's port can't be had.
    """
    line = _LINES[device.mode](device)
    losses = random.Random(device.device_id)
    sent = 0
    try:
        for seq, sample in enumerate(samples):
            due_s = start_s + sample[0]
            while time.monotonic() < due_s and not ended():
                time.sleep(min(max(due_s - time.monotonic(), 0), 0.1))
            if ended():
                break
            lost = losses.random() < device.loss
            if not lost and time.monotonic() - due_s < LATE_S and line.ready() and line.send(device.line(seq, sample)):
                sent += 1
    finally:
        line.close()
    return sent


class _Udp:
    def __init__(self, device: FakeDevice) -> None:
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._address = (device.host, device.port)
        self._hello = device.hello()
        self._said_s = float("-inf")

    def ready(self) -> bool:
        if time.monotonic() - self._said_s > 1.0:  # no connection: whoever listens later should know us too
            self._said_s = time.monotonic()
            self.send(self._hello)
        return True

    def send(self, line: bytes) -> bool:
        try:
            self._sock.sendto(line, self._address)
        except OSError:
            return False
        return True

    def close(self) -> None:
        self._sock.close()


class _Tcp(abc.ABC):
    """A stream that comes back by itself; subclasses say how a connection is had."""

    def __init__(self, device: FakeDevice) -> None:
        self.device = device
        self._sock: socket.socket | None = None
        self._tried_s = float("-inf")
        self._said = ""

    @abc.abstractmethod
    def connection(self) -> socket.socket | None:
        """Return a new connection, or None while there is none to be had."""

    def ready(self) -> bool:
        if self._sock is not None and self._gone():
            self._hang_up()
        if self._sock is None and time.monotonic() - self._tried_s > RETRY_S:
            self._tried_s = time.monotonic()
            self._sock = self.connection()
            if self._sock is not None:
                self._sock.settimeout(SEND_TIMEOUT_S)
                self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.send(self.device.hello())
        return self._sock is not None

    def send(self, line: bytes) -> bool:
        try:
            if self._sock is not None:
                self._sock.sendall(line)
                return True
        except OSError:
            self._hang_up()
        return False

    def close(self) -> None:
        self._hang_up()

    def _gone(self) -> bool:
        assert self._sock is not None
        try:
            if not select.select([self._sock], [], [], 0)[0]:
                return False
            answer = self._sock.recv(256).decode("ascii", "replace").strip()
        except OSError:
            return True
        if answer:
            self.tell(f"answers: {answer}")
        return not answer

    def tell(self, text: str) -> None:
        """Tell the user once, however often it is tried again."""
        if text != self._said:
            logger.warning("the bridge at %s:%d %s", self.device.host, self.device.port, text)
        self._said = text

    def _hang_up(self) -> None:
        if self._sock is not None:
            self._sock.close()
        self._sock = None


class _TcpCaller(_Tcp):
    def connection(self) -> socket.socket | None:
        try:
            return socket.create_connection((self.device.host, self.device.port), SEND_TIMEOUT_S)
        except OSError:
            self.tell("can't be reached; trying again")
            return None


class _TcpListener(_Tcp):
    def __init__(self, device: FakeDevice) -> None:
        super().__init__(device)
        try:
            self._server = socket.create_server((device.host, device.port))
        except OSError as error:
            raise HarError(f"port {device.port} can't be had ({error.strerror}); choose another with --port") from None
        self._server.settimeout(0.01)

    def connection(self) -> socket.socket | None:
        try:
            return self._server.accept()[0]
        except OSError:
            return None

    def close(self) -> None:
        super().close()
        self._server.close()


_LINES: dict[str, Callable[[FakeDevice], _Udp | _Tcp]] = {
    "tcp_connect": _TcpCaller,
    "tcp_listen": _TcpListener,
    "udp": _Udp,
}
DEVICE_MODES = tuple(_LINES)
