"""The two networks of a model folder: a frame at a time for streaming, and whole windows the naive way."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from har_ros.core.errors import HarError
from har_ros.core.model_card import ENCODER_FILE, HEAD_FILE, ModelCard, load_card
from har_ros.core.preprocess import to_model_frame
from har_ros.core.windows import WindowBuffer
from har_ros.inference.sessions import CPU, BoundRun, first_line, open_session


class FrameEncoder:
    """The encoder on one frame at a time, in memory of its own.

    frame:   the network's input (size, size, 3) uint8 BGR; `put` fills it.
    feature: its output (F,) float32 since the last `run`.
    """

    def __init__(self, session: Any, card: ModelCard) -> None:
        frames = np.zeros((1, card.frame_size_px, card.frame_size_px, 3), np.uint8)
        features = np.zeros((1, card.feature_size), np.float32)
        self.frame, self.feature = frames[0], features[0]
        self.run = BoundRun(session, {"frames": frames}, features)

    def put(self, image_bgr: NDArray[np.uint8]) -> None:
        """Resize an image (H, W, 3) uint8 into the network's input."""
        to_model_frame(image_bgr, len(self.frame), out=self.frame)


class WindowHead:
    """The head on the newest window of `window`: one binding for each place in the ring where it can begin."""

    def __init__(self, session: Any, window: WindowBuffer, card: ModelCard) -> None:
        self._window = window
        self._temperature = card.temperature
        probabilities = np.zeros((1, len(card.labels)), np.float32)
        self._probabilities: NDArray[np.float32] = probabilities[0]
        self._runs = []
        for place in range(window.steps):
            features, imu = window.view(place)
            self._runs.append(BoundRun(session, {"features": features[None], "imu": imu[None]}, probabilities))

    def classify(self) -> NDArray[np.float32]:
        """Return calibrated probabilities (6,), a view that the next call overwrites."""
        self._runs[self._window.start]()
        calibrate(self._probabilities, self._temperature)
        return self._probabilities


class HarModel:
    """A loaded model. Its encoder is for one thread at a time."""

    def __init__(self, folder: Path, threads: int = 1, providers: Sequence[str] = CPU) -> None:
        """Load and check both networks and run each once.

        Raises HarError for a missing or changed file, a provider that is not there, another shape
        than the card's, or a network that gives no numbers.
        """
        self.card = load_card(folder)
        self._encoder = open_session(folder / ENCODER_FILE, threads, providers)
        self._head = open_session(folder / HEAD_FILE, threads, providers, batch=1)
        _check_shapes(self._encoder, self._head, self.card)
        self.encoder = FrameEncoder(self._encoder, self.card)
        self._warm_up()

    @property
    def provider(self) -> str:
        """The execution provider in use."""
        return str(self._encoder.get_providers()[0])

    def with_card(self, card: ModelCard) -> HarModel:
        """Return the same networks under a card with, say, other thresholds."""
        other = copy.copy(self)
        other.card = card
        return other

    def head_on(self, window: WindowBuffer) -> WindowHead:
        """Return the head tied to a window of this model's sizes."""
        return WindowHead(self._head, window, self.card)

    def classify_frames(self, frames: NDArray[np.uint8], imu: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return probabilities (6,) of a whole window: frames (30, size, size, 3) and normalised IMU (30, C).

        The naive way: it encodes every frame again. It is the reference that streaming must equal, and
        its opponent in benchmarks.
        """
        features = self._encoder.run(None, {"frames": frames})[0]
        probabilities: NDArray[np.float32] = self._head.run(None, {"features": features[None], "imu": imu[None]})[0][0]
        calibrate(probabilities, self.card.temperature)
        return probabilities

    def _warm_up(self) -> None:
        window = WindowBuffer(self.card.feature_size, len(self.card.imu_channels), self.card.steps)
        try:
            self.encoder.run()
            for _ in range(window.steps):
                window.append(0, self.encoder.feature, np.zeros(len(self.card.imu_channels), np.float32), 0)
            probabilities = self.head_on(window).classify()
        except Exception as error:  # noqa: BLE001  see open_session; such as for inputs of another type
            raise HarError(f"model '{self.card.name}' can't be run ({first_line(error)}); export it again") from None
        if not (np.isclose(probabilities.sum(), 1.0, atol=1e-3) and probabilities.min() >= 0):
            raise HarError(f"model '{self.card.name}' gives no probabilities; train or export it again")


def calibrate(probabilities: NDArray[np.float32], temperature: float) -> None:
    """Change probabilities p (6,) to softmax(log p / t) in place, without the logarithm of 0."""
    if temperature != 1:
        probabilities **= 1 / temperature
        probabilities /= probabilities.sum()


def _check_shapes(encoder: Any, head: Any, card: ModelCard) -> None:
    size, steps, channels = card.frame_size_px, card.steps, len(card.imu_channels)
    _check(encoder, ENCODER_FILE, {"frames": (None, size, size, 3)}, (None, card.feature_size))
    _check(
        head,
        HEAD_FILE,
        {"features": (None, steps, card.feature_size), "imu": (None, steps, channels)},
        (None, len(card.labels)),
    )


def _check(session: Any, name: str, inputs: dict[str, tuple[int | None, ...]], output: tuple[int | None, ...]) -> None:
    found = {entry.name: tuple(entry.shape) for entry in session.get_inputs()}
    if set(found) != set(inputs):
        raise HarError(f"{name} takes {sorted(found)}, but a HAR model takes {sorted(inputs)}; export the model again")
    pairs = [(key, found[key], inputs[key]) for key in inputs]
    pairs.append(("output", tuple(session.get_outputs()[0].shape), output))
    for key, shape, expected in pairs:
        fits = len(shape) == len(expected) and all(
            want is None or have == want for have, want in zip(shape, expected)
        )
        if not fits:
            asked = f"but its card asks for {_text(expected)}; copy or export the whole model again"
            raise HarError(f"{name}: '{key}' has shape {_text(shape)}, {asked}")


def _text(shape: Sequence[Any]) -> str:
    return "x".join("N" if size is None or isinstance(size, str) else str(size) for size in shape)
