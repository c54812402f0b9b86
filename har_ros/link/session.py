"""What one connection to a device knows: its lines so far, its hello, its clock."""

from __future__ import annotations

import hmac
import logging
import math
import statistics
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from har_ros.core.preprocess import Vector
from har_ros.link.clock import ClockSync
from har_ros.link.protocol import UNITS_MPS2, BadLine, Hello, LineSplitter, Reading, parse_line

RATE_SPAN_S = 2.0
MOST_EARLY_READINGS = 11_000  # of a device that is not let in yet: 64 KB of the shortest lines, one turn of reading
MOST_APART_NS = 40_000_000  # samples without a clock that come at once; after a silence they are not from all of it
MOST_LATE = 32  # samples by which a datagram may be overtaken; further back, the device has rebooted
MOST_LOST = 100_000  # samples in one gap; beyond it, the numbers begin anew
CLOCK_STEP_NS = 1_000_000  # of the host's clock against the steady one; less is the noise of reading two clocks

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StampedReading:
    """A sample on the host's clock: stamp_ns, and m/s^2 and rad/s in the sensor's frame."""

    stamp_ns: int
    accel_mps2: Vector
    gyro_radps: Vector | None
    seq: int | None = None


@dataclass(frozen=True)
class LinkStats:
    """How the link fares; counts are since its start.

    trouble:    why the newest device is not let in, went, or can't be reached; empty once one is let in.
    accel_mps2: the median size of the newest readings, NaN without any: of a body about 9.8.
    bad_since:  the bad lines that came after the newest sample, by kind.
    """

    state: str
    device_id: str
    bound_port: int
    trouble: str
    rate_hz: float
    accel_mps2: float
    samples: int
    bad_lines: dict[str, int]
    bad_since: dict[str, int]
    lost: int
    refused: int
    reconnects: int
    clock_synced: bool
    clock_keeps_time: bool
    clock_residual_ms: float
    data_age_s: float


@dataclass
class Tally:
    """The running counts behind LinkStats; safe to use from several threads."""

    state: str = "starting"
    device_id: str = ""
    bound_port: int = 0
    trouble: str = ""
    samples: int = 0
    lost: int = 0
    refused: int = 0
    connections: int = 0
    bad_lines: Counter[str] = field(default_factory=Counter)
    bad_since: Counter[str] = field(default_factory=Counter)
    arrivals: deque[tuple[float, float]] = field(default_factory=deque)  # when, s, and how large, m/s^2
    clock: ClockSync = field(default_factory=ClockSync)
    last_data_s: float = float("-inf")
    lock: threading.Lock = field(default_factory=threading.Lock)

    def snapshot(self) -> LinkStats:
        """Return the present figures."""
        now_s = time.monotonic()
        with self.lock:
            self._forget(now_s)
            return LinkStats(
                self.state,
                self.device_id,
                self.bound_port,
                self.trouble,
                len(self.arrivals) / RATE_SPAN_S,
                statistics.median(size for _, size in self.arrivals) if self.arrivals else math.nan,
                self.samples,
                dict(self.bad_lines),
                dict(self.bad_since),
                self.lost,
                self.refused,
                max(self.connections - 1, 0),
                self.clock.is_synced,
                self.clock.keeps_time,
                self.clock.residual_ms,
                now_s - self.last_data_s,
            )

    def count_sample(self, accel_mps2: Vector) -> None:
        """Note that a good sample came just now."""
        now_s = time.monotonic()
        with self.lock:
            self.samples += 1
            self.bad_since.clear()
            self.last_data_s = now_s
            self.arrivals.append((now_s, math.hypot(*accel_mps2)))
            self._forget(now_s)

    def count_bad(self, kind: str) -> None:
        """Note a line that is no sample."""
        with self.lock:
            self.bad_lines[kind] += 1
            self.bad_since[kind] += 1

    def enter(self, state: str) -> None:
        """Note the link's state, and log where it changes."""
        if state != self.state:
            logger.info("link %s", state)
            self.state = state

    def _forget(self, now_s: float) -> None:
        while self.arrivals and now_s - self.arrivals[0][0] > RATE_SPAN_S:
            self.arrivals.popleft()


class Session:
    """Turns the bytes of one device into stamped readings, from its connection to its end."""

    def __init__(
        self, tally: Tally, token: str, on_reading: Callable[[StampedReading], None], units: str = "m/s2"
    ) -> None:
        """`units` are those of a device that says no hello."""
        self._tally = tally
        self._token = token
        self._on_reading = on_reading
        self._scale = UNITS_MPS2[units]
        self._fed_ns: int | None = None
        self._splitter = LineSplitter()
        self._clock = ClockSync()
        self._last_seq: int | None = None
        self._columns = 0
        self._steady_to_host_ns = 0
        self._admitted = False
        self._early: list[tuple[Reading, int]] = []
        self._since_s = self._sampled_s = time.monotonic()
        self.hello: Hello | None = None

    @property
    def proven(self) -> bool:
        """Whether the device has shown the token, where one is asked for."""
        shown = self.hello.token if self.hello else ""
        return not self._token or hmac.compare_digest(shown, self._token)

    @property
    def wrong_token(self) -> bool:
        """Whether its hello showed another token than the one asked for, or none."""
        return self.hello is not None and not self.proven

    @property
    def speaks(self) -> bool:
        """Whether it has said anything that a device says."""
        return self.hello is not None or self._columns > 0

    @property
    def age_s(self) -> float:
        """Time since the connection began."""
        return time.monotonic() - self._since_s

    @property
    def silent_s(self) -> float:
        """Time since the last sample."""
        return time.monotonic() - self._sampled_s

    def is_same_device(self, other: Session) -> bool:
        """Whether both have said the same name."""
        return self.hello is not None and other.hello is not None and self.hello.device_id == other.hello.device_id

    def admit(self) -> None:
        """Let this device's samples through, those that came before included."""
        self._admitted = True
        with self._tally.lock:
            self._tally.connections += 1
            self._tally.clock = self._clock
            self._tally.device_id = self.hello.device_id if self.hello else ""
        early, self._early = self._early, []
        for reading, steady_ns in early:
            self._deliver(reading, steady_ns)

    def feed(self, chunk: bytes, host_ns: int, steady_ns: int) -> None:
        """Take bytes that arrived at `host_ns` (since 1970) and `steady_ns` (time.monotonic_ns)."""
        if abs(host_ns - steady_ns - self._steady_to_host_ns) > CLOCK_STEP_NS:
            self._steady_to_host_ns = host_ns - steady_ns
        lines = self._splitter.feed(chunk)
        for line, taken_ns in zip(lines, self._spread(len(lines), steady_ns)):
            parsed = parse_line(line, self._scale)
            if isinstance(parsed, Hello):
                self._meet(parsed)
            elif isinstance(parsed, BadLine):
                self._tally.count_bad(parsed.kind)
            elif isinstance(parsed, Reading):
                self._take(parsed, taken_ns if parsed.t_us is None else steady_ns)

    def _spread(self, count: int, steady_ns: int) -> list[int]:
        """Return when each of so many samples without a clock was taken, that came at once: since those before them."""
        since_ns, self._fed_ns = steady_ns if self._fed_ns is None else self._fed_ns, steady_ns
        apart_ns = min(max((steady_ns - since_ns) // max(count, 1), 1), MOST_APART_NS)
        return [steady_ns - (count - 1 - place) * apart_ns for place in range(count)]

    def _meet(self, hello: Hello) -> None:
        if hello == self.hello:  # repeated in datagrams, for whoever listens later
            return
        self._early = [(reading.scaled(hello.scale / self._scale), arrived_ns) for reading, arrived_ns in self._early]
        self.hello, self._scale = hello, hello.scale
        self._clock.reset()
        self._last_seq = None
        if self._admitted:
            with self._tally.lock:
                self._tally.device_id = hello.device_id

    def _take(self, reading: Reading, steady_ns: int) -> None:
        if reading.columns < self._columns:  # the rest of a longer line, whose beginning was lost
            self._tally.count_bad("columns")
            return
        self._columns = reading.columns
        self._sampled_s = time.monotonic()
        if self._admitted and self.proven:
            self._deliver(reading, steady_ns)
        elif len(self._early) < MOST_EARLY_READINGS:
            self._early.append((reading, steady_ns))

    def _deliver(self, reading: Reading, steady_ns: int) -> None:
        stamp_ns = steady_ns
        if reading.seq is not None and reading.t_us is not None:
            if not self._is_next(reading.seq):
                self._tally.count_bad("late")
                return
            stamp_ns = self._clock.stamp(reading.t_us, steady_ns)
        self._tally.count_sample(reading.accel_mps2)
        host_ns = stamp_ns + self._steady_to_host_ns
        self._on_reading(StampedReading(host_ns, reading.accel_mps2, reading.gyro_radps, reading.seq))

    def _is_next(self, seq: int) -> bool:
        """Note a sample's number and the gap before it; return False for one overtaken or sent twice."""
        ahead = 1 if self._last_seq is None else seq - self._last_seq
        if -MOST_LATE < ahead <= 0:
            return False
        if ahead < 0:  # rebooted, or wrapped after years
            self._clock.reset()
        elif ahead <= MOST_LOST:
            with self._tally.lock:
                self._tally.lost += ahead - 1
        self._last_seq = seq
        return True
