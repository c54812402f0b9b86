"""How the bridge reaches its device."""

from __future__ import annotations

import ssl
from dataclasses import dataclass

from har_ros.core.errors import HarError
from har_ros.core.resources import user_path
from har_ros.link.protocol import UNITS_MPS2, is_word

MODES = ("tcp_listen", "tcp_connect", "udp")


def check_host(host: str) -> None:
    """Raise HarError for a text that can't be a host's name or address, such as one with two dots in a row."""
    try:
        host.encode("idna")
    except UnicodeError:
        raise HarError(f"'{host}' can't be a host; give a name or an IPv4 address such as 192.168.1.20") from None


@dataclass(frozen=True)
class LinkConfig:
    """Where the device is and what it must show; raises HarError where that makes no sense.

    mode:           tcp_listen waits for the device, tcp_connect calls it, udp takes its datagrams.
    host, port:     the address to bind or to call; port 0 binds any free one.
    data_timeout_s: a connection that brings no sample for so long is given up.
    units:          of the accelerations of a device that says no hello: m/s2 or g.
    token:          the secret that the device's hello must carry; empty for none.
    tls_cert, tls_key: this side's certificate and key (PEM); a listener with both speaks TLS only.
    tls_ca:         the authority whose certificate the other side must show; a caller with it speaks TLS.
    """

    mode: str = "tcp_listen"
    host: str = "0.0.0.0"
    port: int = 5005
    data_timeout_s: float = 2.0
    units: str = "m/s2"
    token: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    tls_ca: str = ""

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise HarError(f"IMU mode '{self.mode}' is none of {', '.join(MODES)}")
        if not 0 <= self.port <= 65535 or (self.mode == "tcp_connect" and self.port == 0):
            raise HarError(f"port {self.port} can't be used; give one from 1 to 65535")
        check_host(self.host)
        if self.units not in UNITS_MPS2:
            raise HarError(f"units '{self.units}' are unknown; give m/s2 or g")
        if not self.data_timeout_s > 0:
            raise HarError(f"data_timeout_s is {self.data_timeout_s}; give a time above 0 s")
        if self.token and not is_word(self.token):
            raise HarError("the token can't be sent in a hello; give 1 to 64 printable ASCII characters without blanks")
        if bool(self.tls_cert) != bool(self.tls_key):
            raise HarError("tls_cert and tls_key belong together; give both or neither")
        if self.mode == "udp" and (self.tls_cert or self.tls_ca):
            raise HarError("TLS runs over TCP; choose tcp_listen or tcp_connect, or leave the tls_ files empty")
        if self.mode == "tcp_listen" and self.tls_ca and not self.tls_cert:
            raise HarError("a TLS listener needs its own certificate; give tls_cert and tls_key beside tls_ca")
        if self.mode == "tcp_connect" and self.tls_cert and not self.tls_ca:
            raise HarError("a TLS caller must know whom to trust; give tls_ca beside tls_cert and tls_key")
        if self.mode == "tcp_connect" and self.host in ("", "0.0.0.0"):
            raise HarError("tcp_connect needs the device's address; give it as host, such as 192.168.1.20")

    def tls_context(self) -> ssl.SSLContext | None:
        """Return the TLS settings, or None for plain TCP. Raises HarError for files that can't be used."""
        if not self.tls_cert and not self.tls_ca:
            return None
        listens = self.mode == "tcp_listen"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if listens else ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        cert, key, authority = (user_path(name) for name in (self.tls_cert, self.tls_key, self.tls_ca))
        for name, path in ((self.tls_cert, cert), (self.tls_key, key), (self.tls_ca, authority)):
            if name and not path.is_file():
                raise HarError(f"the TLS file '{name}' is missing; give the path of a PEM file")
        try:
            if self.tls_cert:
                context.load_cert_chain(cert, key)
            if self.tls_ca:
                context.load_verify_locations(authority)
                context.verify_mode = ssl.CERT_REQUIRED
        except ssl.SSLError as error:
            raise HarError(f"the TLS files can't be used: {error.reason or error}; give matching PEM files") from None
        return context
