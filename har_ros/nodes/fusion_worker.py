"""The thread that recognises: callbacks hand it data, a timer collects its newest outcome."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage

from har_ros.core.errors import HarError
from har_ros.core.freshness import SilenceWatch
from har_ros.core.model_card import CAMERA
from har_ros.core.preprocess import Vector
from har_ros.core.windows import LATEST_S
from har_ros.inference.pool import Turns
from har_ros.inference.recogniser import Recognition, StreamingRecogniser
from har_ros.nodes.annotate import annotate
from har_ros.nodes.rates import RateMeter

_MAX_WAITING_SAMPLES = 2000  # the track of samples is no longer either
_JOIN_S = 1.0  # a network that hangs longer is left to its daemon thread


Samples = list[tuple[int, Vector]]  # stamps, ns, and readings, m/s^2


@dataclass(frozen=True)
class Frame:
    """An image message that has its accelerometer partner, or need not have one."""

    stamp_ns: int
    frame_id: str
    message: Any


@dataclass(frozen=True)
class Outcome:
    """What became of a frame: a recognition, or the sentence that says why recognition failed.

    picture: JPEG with the verdict drawn on it, when somebody watches.
    """

    frame: Frame
    done_steady_s: float
    recognition: Recognition | None = None
    failure: str = ""
    picture: CompressedImage | None = None


class FusionWorker:
    """Feeds a recogniser in a thread of its own, with all samples and with the newest frame.

    Samples wait for the frame after them, unless the camera is silent and the recogniser goes on without it.

    One frame waits at most: while inference is slow, or others have their turn, a newer one takes its place and it
    counts as skipped. So do the frames that a restart throws away; every other one is judged.
    onnxruntime and OpenCV free the interpreter's lock, so that callbacks go on meanwhile.
    """

    def __init__(
        self,
        recogniser: StreamingRecogniser,
        to_bgr: Callable[[Any], NDArray[np.uint8]],
        to_body: Callable[[Vector], NDArray[np.float32]],
        on_outcome: Callable[[], object],
        turns: Turns,
    ) -> None:
        """Take what recognises, what makes its input of messages and readings, and the turns in which to.

        All are called in the thread, and `on_outcome` at each new outcome. Readings are turned
        there, all that wait at once: numpy costs most where the processor was at other things in between.
        """
        self._recogniser = recogniser
        self._to_bgr = to_bgr
        self._to_body = to_body
        self._on_outcome = on_outcome
        self._turns = turns
        self._samples: deque[tuple[int, Vector]] = deque(maxlen=_MAX_WAITING_SAMPLES)
        self._frame: Frame | None = None
        self._camera = SilenceWatch(LATEST_S)
        self._outcome: Outcome | None = None
        self._restart = False
        self._begun_s: float | None = None  # since when it is at a frame, or at samples, on the steady clock
        self._ending = False
        self._work = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="fusion_worker", daemon=True)
        self.draws = False
        self.skipped = RateMeter()
        self.judged = 0

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, after the frame in work unless that one hangs."""
        with self._work:
            self._ending = True
            self._work.notify()
        self._thread.join(_JOIN_S)
        self._turns.take_back(self)

    def add_imu(self, stamp_ns: int, accel_mps2: Vector) -> None:
        """Take one accelerometer sample; it is in before any frame that comes later."""
        with self._work:
            self._samples.append((stamp_ns, accel_mps2))
            self._camera.wait_from(stamp_ns)
            if self._camera_is_lost():
                self._work.notify()

    def add_frame(self, frame: Frame) -> None:
        """Take one frame and wake the thread."""
        with self._work:
            self._skip_waiting()
            self._frame = frame
            self._camera.note(frame.stamp_ns)
            self._work.notify()

    def restart(self) -> None:
        """Forget all data and the outcome, as after a jump of the clock; a raised alarm stays raised."""
        with self._work:
            self._samples.clear()
            self._skip_waiting()
            self._camera = SilenceWatch(LATEST_S)
            self._outcome = None
            self._restart = True

    def busy_s(self) -> float:
        """Return for how long the thread has been at what it took last; 0 while it waits for work or its turn."""
        with self._work:
            return time.monotonic() - self._begun_s if self._begun_s is not None else 0.0

    def latest(self) -> Outcome | None:
        """Return the newest outcome since the start or the last restart."""
        with self._work:
            return self._outcome

    def _run(self) -> None:
        while True:
            with self._work:
                self._work.wait_for(lambda: self._ending or self._has_work())
            with self._turns.turn(self):
                with self._work:
                    if self._ending:
                        return
                    if not self._has_work():  # a restart took it while others had their turn
                        continue
                    frame, self._frame = self._frame, None
                    samples, restart = list(self._samples), self._restart
                    self._samples.clear()
                    self._restart = False
                    self._begun_s = time.monotonic()
                outcome = self._process(frame, samples, restart)
            with self._work:
                self._begun_s = None
                thrown_away = self._restart or self._ending
                if frame is not None:
                    self._count(thrown_away)
                if outcome is None or thrown_away:
                    continue
                self._outcome = outcome
            self._on_outcome()

    def _skip_waiting(self) -> None:
        if self._frame is not None:
            self._frame = None
            self.skipped.note()

    def _count(self, thrown_away: bool) -> None:
        if thrown_away:
            self.skipped.note()
        else:
            self.judged += 1

    def _has_work(self) -> bool:
        return self._frame is not None or self._camera_is_lost()

    def _camera_is_lost(self) -> bool:
        """Return whether there are samples to go on with in place of frames."""
        if not self._samples or not self._recogniser.goes_without(CAMERA):
            return False
        return self._camera.is_lost(self._samples[-1][0])

    def _process(self, given: Frame | None, samples: Samples, restart: bool) -> Outcome | None:
        frame = given or Frame(samples[-1][0], "", None)
        try:
            image, recognition = self._recognise(given, samples, restart)
            if recognition is None:
                return None
            picture = annotate(image, recognition) if self.draws and image is not None else None
            return Outcome(frame, time.monotonic(), recognition, picture=picture)
        except HarError as error:
            return Outcome(frame, time.monotonic(), failure=str(error))
        except Exception as error:  # noqa: BLE001  whatever a network or a picture does, the node lives
            reason = f"recognition failed: {type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
            return Outcome(frame, time.monotonic(), failure=reason)

    def _recognise(
        self, frame: Frame | None, samples: Samples, restart: bool
    ) -> tuple[NDArray[np.uint8] | None, Recognition | None]:
        if restart:
            self._recogniser.restart()
        blind = self._recogniser.add_samples((stamp_ns, self._to_body(accel)) for stamp_ns, accel in samples)
        if frame is None:
            return None, blind
        image = self._to_bgr(frame.message)
        return image, self._recogniser.add_frame(frame.stamp_ns, image) or blind
