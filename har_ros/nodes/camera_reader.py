"""Keeps a picture source going: reads it in one thread, hands the newest picture on in another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from har_ros.core.errors import HarError
from har_ros.nodes.base import describe
from har_ros.nodes.camera_sources import Frame, Source, SourceLostError
from har_ros.nodes.rates import RateMeter

FIRST_RETRY_S, LAST_RETRY_S = 0.25, 1.0  # a source that returns after hours is seen at once
_COMPLAIN_AGAIN_S = 10.0
_JOIN_S = 0.5  # a read that hangs longer is left to its daemon thread, which then ends by itself


class CameraReader:
    """Reads `source` until `stop`; a lost source is opened again, later and later, without an end.

    `deliver` gets the newest picture, at most `rate_limit_hz` times a second (0: no limit); pictures that
    come while it is busy are dropped. `say` gets a sentence at each change of state, and now and then one
    about pictures that are no good.
    """

    def __init__(
        self,
        source: Source,
        rate_limit_hz: float,
        deliver: Callable[[Frame], None],
        say: Callable[[str], None],
    ) -> None:
        self.state = "opening"
        self.reason = ""
        self.reconnects = 0
        self.dropped = 0
        self.read_rate = RateMeter()
        self._source = source
        self._period_ns = round(1e9 / rate_limit_hz) if rate_limit_hz else 0
        self._due_ns = 0
        self._deliver = deliver
        self._say = say
        self._newest: Frame | None = None
        self._complained_s = float("-inf")
        self._changed = threading.Condition()
        self._ending = threading.Event()
        self._threads = [
            threading.Thread(target=self._read_on, name="camera-read", daemon=True),
            threading.Thread(target=self._deliver_on, name="camera-deliver", daemon=True),
        ]

    def start(self) -> None:
        """Begin to read."""
        for thread in self._threads:
            thread.start()

    @property
    def unreadable(self) -> int:
        """How many pictures the source had to step over."""
        return self._source.unreadable

    def stop(self) -> None:
        """End; nothing is delivered afterwards."""
        with self._changed:
            self._ending.set()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(_JOIN_S)

    def _read_on(self) -> None:
        retry_s = FIRST_RETRY_S
        while not self._ending.is_set():
            try:
                self._source.open()
                self._read_until_lost()
                return
            except (SourceLostError, HarError) as error:
                reason = str(error)
            except Exception as error:  # noqa: BLE001  a dead thread would leave the node blind without a word
                reason = describe(error)
            finally:
                self._source.close()
            was_running = self.state == "running"
            retry_s = FIRST_RETRY_S if was_running else min(2 * retry_s, LAST_RETRY_S)
            self._become("lost", reason)
            self._ending.wait(retry_s)
            self.reconnects += 1

    def _read_until_lost(self) -> None:
        """Read until the source's end, or ours."""
        while not self._ending.is_set():
            before = self._source.unreadable
            frame = self._source.read()
            if self._source.unreadable > before:
                self._complain("pictures that can't be read are skipped")
            if frame is None:
                self._become("ended", "the source has come to its end")
                return
            self.read_rate.note()
            self._become("running", "")
            if self._is_due(frame.stamp_ns):
                self._put(frame)

    def _is_due(self, stamp_ns: int) -> bool:
        """Thin the pictures out to the wanted rate; the tolerance keeps a source of that very rate whole."""
        early_ns = self._due_ns - stamp_ns
        if self._period_ns // 4 < early_ns < 2 * self._period_ns:  # earlier still: the clock went back
            return False
        in_phase_ns = self._due_ns if abs(early_ns) < self._period_ns else stamp_ns
        self._due_ns = in_phase_ns + self._period_ns
        return True

    def _put(self, frame: Frame) -> None:
        with self._changed:
            if self._newest is not None:
                self.dropped += 1
            self._newest = frame
            self._changed.notify_all()

    def _deliver_on(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._newest is not None or self._ending.is_set())
                frame, self._newest = self._newest, None
            if self._ending.is_set() or frame is None:
                return
            try:
                self._deliver(frame)
            except Exception as error:  # noqa: BLE001  one bad picture must not end the stream
                self._complain(describe(error))

    def _complain(self, sentence: str) -> None:
        if time.monotonic() - self._complained_s > _COMPLAIN_AGAIN_S:
            self._complained_s = time.monotonic()
            self._say(sentence)

    def _become(self, state: str, reason: str) -> None:
        if (state, reason) == (self.state, self.reason):
            return
        if self._ending.is_set():
            return
        self.state, self.reason = state, reason
        self._say(f"camera {state}: {reason}" if reason else f"camera {state}")
