"""The three ways to the device, each a loop in the link's own thread until it is told to end."""

from __future__ import annotations

import abc
import contextlib
import errno
import logging
import os
import random
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable

from har_ros.core.errors import HarError
from har_ros.link.config import LinkConfig
from har_ros.link.door import MOST_WAITING, Door, Peer
from har_ros.link.session import Session, StampedReading, Tally

POLL_S = 0.1
CHUNK_BYTES = 16384  # a whole TLS record, so that none stays behind unseen by select
MOST_CHUNKS = 4  # of one peer in a turn, so that a flood can't keep the others waiting
DATAGRAM_BYTES = 65536
CONNECT_TIMEOUT_S = 2.0
BACKOFF_S = (0.2, 1.0)  # with the time-out, a device that returns after hours is called within about 3 s

logger = logging.getLogger(__name__)


class Transport(abc.ABC):
    """What the three share: the settings, the counts, the end."""

    def __init__(self, config: LinkConfig, tally: Tally, on_reading: Callable[[StampedReading], None]) -> None:
        self.config = config
        self.tally = tally
        self.on_reading = on_reading
        self.ending = threading.Event()
        self.tls = config.tls_context()

    def open(self) -> None:  # noqa: B027  not every transport has something to open
        """Take what can fail at the start, such as a port. Raises HarError."""

    @abc.abstractmethod
    def run(self) -> None:
        """Serve until `ending` is set."""

    def session(self) -> Session:
        """Return the session of a new connection."""
        return Session(self.tally, self.config.token, self.on_reading, self.config.units)

    def bind(self, kind: socket.SocketKind) -> socket.socket:
        """Return a bound socket and note its port. Raises HarError when the address can't be had."""
        sock = socket.socket(socket.AF_INET, kind)
        try:
            if kind == socket.SOCK_STREAM:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((self.config.host, self.config.port))
            if kind == socket.SOCK_STREAM:
                sock.listen(MOST_WAITING)
        except OSError as error:
            sock.close()
            raise HarError(_why_not_bound(self.config, error)) from None
        self.tally.bound_port = sock.getsockname()[1]
        return sock


class TcpPeer(Peer):
    """One accepted or called connection, non-blocking, with TLS where the link has it."""

    def __init__(self, sock: socket.socket, session: Session, name: str) -> None:
        super().__init__(session, name)
        self.sock = sock

    def read(self) -> bool:
        """Take what has come, and carry on the TLS handshake; return False once the other side has gone."""
        try:
            for _ in range(MOST_CHUNKS):
                chunk = self.sock.recv(CHUNK_BYTES)
                if not chunk:
                    return self._gone(f"{self.name} hung up")
                self.session.feed(chunk, time.time_ns(), time.monotonic_ns())
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return True
        except ssl.SSLError as error:
            logger.warning("TLS with %s failed: %s", self.name, error.reason or error)
            return self._gone(f"TLS with {self.name} failed: {error.reason or error}")
        except OSError:
            return self._gone(f"{self.name} hung up")
        return True

    def _gone(self, why: str) -> bool:
        self.trouble = why
        return False

    def say(self, text: str) -> None:
        """Send a line if it can be sent at once."""
        with contextlib.suppress(OSError):
            self.sock.send(text.encode("ascii"))

    def close(self) -> None:
        """End the connection."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


class TcpListener(Transport):
    """Waits for the device."""

    def open(self) -> None:
        """Listen."""
        self._server = self.bind(socket.SOCK_STREAM)
        self._server.setblocking(False)
        self._door: Door[TcpPeer] = Door(self.config, self.tally)

    def run(self) -> None:
        """Serve the device, and whoever else knocks."""
        with self._server, contextlib.closing(self._door):
            while not self.ending.is_set():
                peers = self._door.peers
                readable, _, _ = select.select([self._server, *(peer.sock for peer in peers)], [], [], POLL_S)
                for peer in peers:
                    if peer.sock in readable and not peer.read():
                        self._door.leave(peer)
                if self._server in readable:
                    self._accept()
                self._door.review()
                self.tally.enter("connected" if self._door.current else "listening")

    def _accept(self) -> None:
        try:
            sock, (host, port) = self._server.accept()
        except OSError:  # gone again, or no file left for it
            self.ending.wait(POLL_S)
            return
        sock.setblocking(False)
        try:
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        except OSError:  # gone before the first word of TLS
            sock.close()
            return
        self._door.knock(TcpPeer(sock, self.session(), f"{host}:{port}"))


class TcpCaller(Transport):
    """Calls the device, again and again with growing pauses, and never gives up."""

    def run(self) -> None:
        """Connect, serve, reconnect."""
        pause_s = BACKOFF_S[0]
        while not self.ending.is_set():
            before = self.tally.samples
            self.tally.enter("connecting")
            self._call()
            pause_s = BACKOFF_S[0] if self.tally.samples > before else min(pause_s * 2, BACKOFF_S[1])
            self.ending.wait(pause_s * random.uniform(0.7, 1.3))

    def _call(self) -> None:
        name = f"{self.config.host}:{self.config.port}"
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as plain:
            try:
                self._connect(plain)
                sock = self._wrap(plain)
            except OSError as error:
                self.tally.trouble = f"no connection to {name}: {error.strerror or error}"
                logger.info("%s", self.tally.trouble)
                return
            peer = TcpPeer(sock, self.session(), name)
            door: Door[TcpPeer] = Door(self.config, self.tally)
            door.knock(peer)
            with contextlib.closing(door):
                self._serve(peer, door)

    def _connect(self, sock: socket.socket) -> None:
        """Connect without keeping the link from ending. Raises OSError."""
        sock.setblocking(False)
        code = sock.connect_ex((self.config.host, self.config.port))
        give_up_s = time.monotonic() + CONNECT_TIMEOUT_S
        while code == errno.EINPROGRESS and not self.ending.is_set():
            if time.monotonic() > give_up_s:
                raise TimeoutError("no answer")
            if select.select([], [sock], [], POLL_S)[1]:
                code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))

    def _wrap(self, sock: socket.socket) -> socket.socket:
        if self.tls is None:
            return sock
        return self.tls.wrap_socket(sock, server_hostname=self.config.host, do_handshake_on_connect=False)

    def _serve(self, peer: TcpPeer, door: Door[TcpPeer]) -> None:
        alive = peer.read()  # with TLS, the first word is ours
        while alive and door.peers and not self.ending.is_set():
            readable, _, _ = select.select([peer.sock], [], [], POLL_S)
            alive = not readable or peer.read()
            door.review()
            if door.current:
                self.tally.enter("connected")


class UdpPeer(Peer):
    """One sender of datagrams."""

    def __init__(self, sock: socket.socket, address: tuple[str, int], session: Session) -> None:
        super().__init__(session, f"{address[0]}:{address[1]}")
        self.address = address
        self._sock = sock

    def say(self, text: str) -> None:
        """Send a line as a datagram."""
        with contextlib.suppress(OSError):
            self._sock.sendto(text.encode("ascii"), self.address)


class UdpReceiver(Transport):
    """Takes datagrams; each sender's address is a connection of its own."""

    def open(self) -> None:
        """Bind."""
        self._sock = self.bind(socket.SOCK_DGRAM)
        self._sock.settimeout(POLL_S)
        self._door: Door[UdpPeer] = Door(self.config, self.tally)

    def run(self) -> None:
        """Receive."""
        with self._sock:
            while not self.ending.is_set():
                with contextlib.suppress(OSError):  # nothing came, or an answer of ours found nobody
                    datagram, address = self._sock.recvfrom(DATAGRAM_BYTES)
                    self._take(datagram, address)
                self._door.review()
                self.tally.enter("connected" if self._door.current else "listening")

    def _take(self, datagram: bytes, address: tuple[str, int]) -> None:
        peer = next((peer for peer in self._door.peers if peer.address == address), None)
        if peer is None:
            peer = UdpPeer(self._sock, address, self.session())
            self._door.knock(peer)
        ended = datagram if datagram.endswith(b"\n") else datagram + b"\n"
        peer.session.feed(ended, time.time_ns(), time.monotonic_ns())


TRANSPORTS: dict[str, type[Transport]] = {
    "tcp_listen": TcpListener,
    "tcp_connect": TcpCaller,
    "udp": UdpReceiver,
}


def _why_not_bound(config: LinkConfig, error: OSError) -> str:
    place = f"port {config.port} on {config.host}"
    if error.errno == errno.EADDRINUSE:
        return f"{place} is in use by another program; stop that one or choose another port"
    if error.errno == errno.EACCES:
        return f"{place} needs more rights; choose a port above 1023"
    return f"{place} can't be bound ({error}); give an address of this machine, or 0.0.0.0 for all"
