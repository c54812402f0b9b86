"""Who may be the device: one at a time, proven where a token is asked for; the same rule for every transport."""

from __future__ import annotations

import logging
import time
from typing import Generic, TypeVar

from har_ros.link.config import LinkConfig
from har_ros.link.session import Session, Tally

PROOF_WAIT_S = 2.0  # so long a newcomer may take to say who it is
HELLO_WAIT_S = 1.2  # over UDP a hello comes once a second
MOST_WAITING = 8
WARN_AGAIN_S = 10.0  # a refused device knocks again and again; the counts tell how often

logger = logging.getLogger(__name__)


class Peer:
    """Another end that sends to us: its session, and a way to answer it."""

    def __init__(self, session: Session, name: str) -> None:
        self.session = session
        self.name = name
        self.trouble = ""  # why it goes, as far as is known

    def say(self, text: str) -> None:
        """Send a line if it can be sent at once."""

    def close(self) -> None:
        """End the connection."""


P = TypeVar("P", bound=Peer)


class Door(Generic[P]):
    """Lets one device in. Another is refused unless its hello proves it to be the same one, come back."""

    def __init__(self, config: LinkConfig, tally: Tally) -> None:
        self._config = config
        self._tally = tally
        self.current: P | None = None
        self._waiting: list[P] = []
        self._warned_s = float("-inf")

    @property
    def peers(self) -> list[P]:
        """All who are connected, let in or not."""
        return [*self._waiting, *([self.current] if self.current else [])]

    def knock(self, peer: P) -> None:
        """Take a newcomer, who is let in or refused by `review`."""
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append(peer)
        else:
            self._refuse(peer, "too many wait here")

    def review(self) -> None:
        """Let in, refuse and give up whoever is due."""
        if self.current and self.current.session.wrong_token:
            self._refuse(self.current, "wrong or missing token")
        elif self.current and self.current.session.silent_s > self._config.data_timeout_s:
            silence = f"sent no sample for {self._config.data_timeout_s:g} s"
            self.current.trouble = f"{self.current.name} {silence}; given up"
            logger.warning("%s", self.current.trouble)
            self.leave(self.current)
        for peer in list(self._waiting):
            self._judge(peer)

    def leave(self, peer: P) -> None:
        """Close and forget one that has gone or must go."""
        peer.close()
        if peer.trouble and self.current in (None, peer):
            self._tally.trouble = peer.trouble
        if peer is self.current:
            self.current = None
        elif peer in self._waiting:
            self._waiting.remove(peer)

    def close(self) -> None:
        """Send everybody away."""
        for peer in self.peers:
            self.leave(peer)

    def _judge(self, peer: P) -> None:
        session = peer.session
        late = session.age_s > PROOF_WAIT_S
        if session.wrong_token or (late and not session.proven):
            self._refuse(peer, "wrong or missing token")
        elif session.proven and self._is_known(session) and self.current is None:
            self._let_in(peer)
        elif session.proven and self.current is not None and session.is_same_device(self.current.session):
            self.leave(self.current)
            self._let_in(peer)
        elif self.current is not None and (late or session.hello is not None):
            self._refuse(peer, "another device is connected")
        elif late:
            self._refuse(peer, "neither hello nor sample came")

    def _is_known(self, session: Session) -> bool:
        """Return whether it has said all that it says of itself: a datagram with the units may come a second late."""
        hello_may_follow = self._config.mode == "udp" and session.age_s < HELLO_WAIT_S
        return session.hello is not None or (session.speaks and not hello_may_follow)

    def _let_in(self, peer: P) -> None:
        self._waiting.remove(peer)
        self.current = peer
        self._tally.trouble = ""
        logger.info("device %s is connected", peer.name)
        peer.session.admit()

    def _refuse(self, peer: P, reason: str) -> None:
        with self._tally.lock:
            self._tally.refused += 1
        peer.trouble = f"refused {peer.name}: {reason}"
        if time.monotonic() - self._warned_s > WARN_AGAIN_S:
            self._warned_s = time.monotonic()
            logger.warning("%s", peer.trouble)
        peer.say(f"#har-imu refused {reason}\n")
        self.leave(peer)
