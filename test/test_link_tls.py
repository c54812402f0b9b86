"""TLS between device and bridge, with certificates made here by openssl."""

import contextlib
import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from link_rig import connect, make_certificates, running, tear_connections, until

from har_ros.core.errors import HarError
from har_ros.link.config import LinkConfig
from har_ros.link.link import ImuLink

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")

SAMPLE = b"#har-imu 1 id=belt\n0,0,9.5\n"


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return make_certificates(tmp_path_factory.mktemp("tls"))


def caller(paths: dict[str, str], certificate: bool = False) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=paths["ca.pem"])
    if certificate:
        context.load_cert_chain(paths["cert"], paths["key"])
    return context


def tls_connect(port: int, context: ssl.SSLContext) -> ssl.SSLSocket:
    return context.wrap_socket(connect(port), server_hostname="127.0.0.1")


@contextlib.contextmanager
def tls_device(paths: dict[str, str]) -> Iterator[int]:
    """A device that listens with TLS and sends samples to whoever calls; gives its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(paths["cert"], paths["key"])
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)

        def serve() -> None:
            while not ended.is_set():
                with contextlib.suppress(OSError), server.accept()[0] as plain:
                    plain.settimeout(5)
                    with context.wrap_socket(plain, server_side=True) as sock:
                        while not ended.wait(0.01):
                            sock.sendall(SAMPLE)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            ended.set()
            thread.join(10)


def test_a_listener_takes_tls_and_nothing_else(paths) -> None:
    with running(tls_cert=paths["cert"], tls_key=paths["key"]) as (link, readings):
        port = link.stats().bound_port
        with connect(port) as plain:
            plain.sendall(b"0,0,1\n")
            with contextlib.suppress(ConnectionError):
                while plain.recv(100):
                    pass  # the alert, then the end
        with tls_connect(port, caller(paths)) as sock:
            sock.sendall(SAMPLE)
            assert until(lambda: len(readings) == 1)
            sock.sendall(b"0,0,9.5\n" * 5000)  # several records
            assert until(lambda: len(readings) == 5001)
    assert {reading.accel_mps2[2] for reading in readings} == {9.5}


def test_a_listener_with_an_authority_asks_for_the_devices_certificate(paths) -> None:
    tls = {"tls_cert": paths["cert"], "tls_key": paths["key"], "tls_ca": paths["ca.pem"]}
    with running(**tls) as (link, readings):
        port = link.stats().bound_port
        with contextlib.suppress(OSError), tls_connect(port, caller(paths)) as sock:
            sock.sendall(SAMPLE)
            sock.recv(100)
        assert not readings
        with tls_connect(port, caller(paths, certificate=True)) as sock:
            sock.sendall(SAMPLE)
            assert until(lambda: len(readings) == 1)


def test_a_caller_takes_a_device_that_its_authority_vouches_for(paths) -> None:
    with tls_device(paths) as port, running(mode="tcp_connect", port=port, tls_ca=paths["ca.pem"]) as (_, readings):
        assert until(lambda: len(readings) > 5)


def test_a_caller_refuses_a_device_that_its_authority_does_not_know(paths, tmp_path: Path, caplog) -> None:
    other = make_certificates(tmp_path)
    with tls_device(paths) as port, running(mode="tcp_connect", port=port, tls_ca=other["ca.pem"]) as (link, readings):
        assert until(lambda: "CERTIFICATE_VERIFY_FAILED" in caplog.text)
        assert until(lambda: "CERTIFICATE_VERIFY_FAILED" in link.stats().trouble)
        assert not readings


def test_connections_torn_before_the_handshake_do_not_end_the_link(paths) -> None:
    with running(tls_cert=paths["cert"], tls_key=paths["key"]) as (link, readings):
        tear_connections(link.stats().bound_port)
        with tls_connect(link.stats().bound_port, caller(paths)) as sock:
            sock.sendall(SAMPLE)
            assert until(lambda: len(readings) == 1)


def test_files_that_can_not_be_used_are_named(paths) -> None:
    with pytest.raises(HarError, match=r"nowhere\.pem' is missing"):
        ImuLink(LinkConfig(tls_cert="nowhere.pem", tls_key="nowhere.key"), print)
    with pytest.raises(HarError, match="matching PEM files"):
        ImuLink(LinkConfig(tls_cert=paths["cert"], tls_key=paths["ca.key"]), print)
    with pytest.raises(HarError, match="matching PEM files"):
        ImuLink(LinkConfig(tls_cert=paths["san"], tls_key=paths["key"]), print)
