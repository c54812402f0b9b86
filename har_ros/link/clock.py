"""Host time of a device's samples, from the device's own microseconds.

Host time means any clock of the host's that isn't set while it runs; the link takes the steady one.

Packets are delayed, never early: arrival minus device time is the clocks' offset plus a delay of zero
or more, so its lower envelope over some seconds gives offset and drift (the idea of NTP's minimum filter). A clock that
is no clock, such as one that counts milliseconds, is found out by its rate, and not followed.
"""

from __future__ import annotations

from collections import deque

WRAP_US = 2**32
BUCKET_NS = 500_000_000
BUCKETS = 60
SYNC_SAMPLES = 50
SYNC_SPAN_NS = 1_000_000_000
DRIFT_SPAN_NS = 5_000_000_000
MAX_DRIFT = 5e-4  # of a cheap oscillator; a steeper slope is delay, not drift, or else the same all the time
MAX_RATE_ERROR = 0.05  # of a device that counts samples in place of time; beyond it its time is none
RATE_SPAN_NS = 15_000_000_000  # after which a slope may count as the same all the time
ALIKE = 0.3  # share by which slopes may differ and count so
LATE_START_NS = 2_000_000_000  # by which delay alone may seem to stretch the time since the first sample
DOUBT_NS = 2_000_000_000  # what a stall held back comes at once, and has gone by then
JUMP_NS = 2_000_000_000  # by which a device's clock may outrun the arrivals

_Point = tuple[float, float]


class ClockSync:
    """Maps a device's wrapping microseconds to host nanoseconds; starts anew when the device reboots.

    Until it is synced a sample gets its arrival time. Stamps never run backwards.
    """

    def __init__(self) -> None:
        self.resets = 0
        self._last_stamp_ns = 0
        self._start()

    def _start(self) -> None:
        self._device_ns: int | None = None
        self._last_t_us = 0
        self._arrived_ns = 0
        self._first_ns = 0
        self._count = 0
        self._buckets: deque[tuple[int, int]] = deque(maxlen=BUCKETS)  # device ns, least offset ns
        self._line = (0, 0.0)
        self._first_offset_ns = 0
        self._doubted_ns: int | None = None
        self.residual_ms = float("nan")

    @property
    def is_synced(self) -> bool:
        """Whether stamps come from the device's clock."""
        return self._device_ns is not None and (
            self._count >= SYNC_SAMPLES and self._device_ns - self._first_ns >= SYNC_SPAN_NS and self.keeps_time
        )

    @property
    def keeps_time(self) -> bool:
        """Whether the device's clock runs at the rate of time, as far as is known."""
        return self._doubted_ns is None or self._arrived_ns - self._doubted_ns < DOUBT_NS

    def reset(self) -> None:
        """Forget everything, as after a reconnect."""
        self.resets += 1
        self._start()

    def stamp(self, t_us: int, arrival_ns: int) -> int:
        """Return the host time, ns, of the sample that the device stamped `t_us` and that arrived now."""
        device_ns = self._unwrap(t_us, arrival_ns)
        self._note(device_ns, arrival_ns - device_ns)
        self._doubt(device_ns, arrival_ns)
        stamp_ns = arrival_ns
        if self.is_synced:
            base_ns, slope = self._line
            stamp_ns = min(device_ns + base_ns + round(slope * (device_ns - self._first_ns)), arrival_ns)
        self._last_stamp_ns = max(stamp_ns, self._last_stamp_ns + 1)
        return self._last_stamp_ns

    def _unwrap(self, t_us: int, arrival_ns: int) -> int:
        step_us = (t_us - self._last_t_us) % WRAP_US  # huge where the device's time went back
        expected_ns = arrival_ns - self._arrived_ns if self._device_ns is not None else 0
        # A step far above the arrival gap is a reboot; one far below it is delay, as of a burst after a stall.
        if self._device_ns is not None and step_us * 1000 - expected_ns > JUMP_NS:
            self.reset()
        if self._device_ns is None:
            self._device_ns = self._first_ns = t_us * 1000
        else:
            self._device_ns += step_us * 1000
        self._last_t_us, self._arrived_ns = t_us, arrival_ns
        return self._device_ns

    def _note(self, device_ns: int, offset_ns: int) -> None:
        self._count += 1
        bucket = self._buckets[-1] if self._buckets else None
        if device_ns - self._first_ns < BUCKET_NS:
            self._first_offset_ns = min(offset_ns, self._first_offset_ns) if bucket else offset_ns
        if bucket is None or device_ns // BUCKET_NS != bucket[0] // BUCKET_NS:
            self._buckets.append((device_ns, offset_ns))
            self._fit()
        elif offset_ns < bucket[1]:
            self._buckets[-1] = (device_ns, offset_ns)
            self._fit()

    def _doubt(self, device_ns: int, arrival_ns: int) -> None:
        """Note since when more time has passed than the device says, or less, than delay can explain."""
        span_ns = device_ns - self._first_ns
        newest_ns = arrival_ns - device_ns if len(self._buckets) == 1 else self._buckets[-1][1]
        astray_ns = newest_ns - self._first_offset_ns
        if abs(astray_ns) <= MAX_RATE_ERROR * span_ns + LATE_START_NS:
            self._doubted_ns = None
        elif self._doubted_ns is None:
            self._doubted_ns = arrival_ns

    def _fit(self) -> None:
        """Lay the line under all buckets that leaves the least in between: an edge of their lower hull.

        Unlike a least-squares fit it isn't lifted or tilted by stalls, which only add delay.
        """
        low_ns = min(offset for _, offset in self._buckets)
        points = [(float(at - self._first_ns), float(offset - low_ns)) for at, offset in self._buckets]
        slope = 0.0
        if points[-1][0] - points[0][0] >= DRIFT_SPAN_NS:
            slope = _middle_slope(points)
            limit = MAX_RATE_ERROR if self._is_steady(slope, points) else MAX_DRIFT
            slope = min(max(slope, -limit), limit)
        above = [offset - slope * at for at, offset in points]
        self._line = (low_ns + round(min(above)), slope)
        self.residual_ms = (sum(above) / len(above) - min(above)) / 1e6

    def _is_steady(self, slope: float, points: list[_Point]) -> bool:
        """Return whether a slope has been the same since the first sample: a rate, and not a queue that fills."""
        at_ns, offset_ns = self._buckets[-1]
        span_ns = at_ns - self._first_ns
        halves = points[: len(points) // 2 + 1], points[len(points) // 2 :]
        others = [*map(_middle_slope, halves), (offset_ns - self._first_offset_ns) / max(span_ns, 1)]
        return span_ns >= RATE_SPAN_NS and all(abs(other - slope) <= ALIKE * abs(slope) for other in others)


def _lower_hull(points: list[_Point]) -> list[_Point]:
    """Return the corners of the lower hull of points that rise in x (Andrew's monotone chain)."""
    hull: list[_Point] = []
    for point in points:
        while len(hull) >= 2 and _slope(hull[-2], hull[-1]) >= _slope(hull[-2], point):
            hull.pop()
        hull.append(point)
    return hull


def _middle_slope(points: list[_Point]) -> float:
    """Return the slope of the lower hull's edge in the middle of the span; 0 for a single point."""
    hull = _lower_hull(points)
    if len(hull) == 1:
        return 0.0
    middle = (hull[0][0] + hull[-1][0]) / 2
    right = next(index for index, (x, _) in enumerate(hull) if x >= middle)
    return _slope(hull[max(right, 1) - 1], hull[max(right, 1)])


def _slope(left: _Point, right: _Point) -> float:
    return (right[1] - left[1]) / (right[0] - left[0])
