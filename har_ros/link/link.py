"""The door to the device: start it, get stamped readings, ask how it fares, stop it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from har_ros.link.config import LinkConfig
from har_ros.link.session import LinkStats, StampedReading, Tally
from har_ros.link.transport import TRANSPORTS

logger = logging.getLogger(__name__)


class ImuLink:
    """Receives one ESP32's samples in a thread of its own and hands each to `on_reading` there.

    Raises HarError, from the constructor or from `start`, where the settings or the port can't be used.
    """

    def __init__(
        self, config: LinkConfig, on_reading: Callable[[StampedReading], None], thread_name: str = "imu-link"
    ) -> None:
        self.failure: Exception | None = None  # the fault of this program that ended the thread, if any
        self._tally = Tally()
        self._transport = TRANSPORTS[config.mode](config, self._tally, on_reading)
        self._thread = threading.Thread(target=self._run, name=thread_name, daemon=True)

    def start(self) -> None:
        """Open the port and begin to receive; a link starts once."""
        self._transport.open()
        self._thread.start()

    def stop(self) -> None:
        """End within a fraction of a second; no reading comes after."""
        self._transport.ending.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def stats(self) -> LinkStats:
        """Return the present figures."""
        return self._tally.snapshot()

    def _run(self) -> None:
        try:
            self._transport.run()
            self._tally.enter("stopped")
        except Exception as error:  # noqa: BLE001  whoever runs the link must learn of it
            self._tally.enter("failed")
            self.failure = error
            logger.error("the link to the ESP32 has ended by a fault of this program: %s", error)
