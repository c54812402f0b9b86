"""The two networks of a model folder: a frame at a time for streaming, and whole windows the naive way."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from har_ros.core.errors import HarError, first_line
from har_ros.core.model_card import (
    CAMERA,
    ENCODER_FILE,
    HEAD_FILE,
    IMU,
    MODALITIES,
    ModelCard,
    case_of,
    load_card,
    modalities_of,
)
from har_ros.core.preprocess import to_model_frame
from har_ros.core.windows import WindowBuffer
from har_ros.inference.sessions import CPU, BoundRun, open_session

Shape = tuple[int | None, ...]
_PRESENCE = "presence"


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


class Answer(NamedTuple):
    """Calibrated probabilities (6,) of a window, and the scores (K,) that the card names under `novelty`."""

    probabilities: NDArray[np.float32]
    novelty: NDArray[np.float32]


class WindowHead:
    """The head on the newest window of `window`: one binding for each place in the ring where it can begin."""

    def __init__(self, session: Any, window: WindowBuffer, card: ModelCard) -> None:
        self._window = window
        self._temperature = card.temperature
        self._whole = case_of(card.modalities)
        self._presence = np.ones((1, len(MODALITIES)), np.float32)
        outputs = [np.zeros((1, len(card.labels)), np.float32)]
        if card.novelty:
            outputs.append(np.zeros((1, len(card.novelty)), np.float32))
        self._answer = Answer(outputs[0][0], outputs[-1][0] if card.novelty else np.zeros(0, np.float32))
        self._runs = []
        for place in range(window.steps):
            features, imu = window.view(place)
            inputs = {"features": features[None], "imu": imu[None]}
            if _takes_presence(session):
                inputs["presence"] = self._presence
            self._runs.append(BoundRun(session, inputs, *outputs))

    def classify(self, case: str | None = None) -> Answer:
        """Return the answer to the window in one of the card's cases: views that the next call overwrites.

        Without a case nothing is missing.
        """
        case = case or self._whole
        self._presence[0] = _presence(case)
        self._runs[self._window.start]()
        calibrate(self._answer.probabilities, self._temperature[case])
        return self._answer


class HarModel:
    """A loaded model. Its `encoder` is for one thread at a time, and so is each new one; all share the network."""

    def __init__(self, folder: Path, threads: int = 1, providers: Sequence[str] = CPU) -> None:
        """Load and check both networks and run each once; `providers` are for the encoder.

        Raises HarError for a missing or changed file, a provider that is not there, another shape
        than the card's, or a network that gives no numbers.
        """
        self.card = load_card(folder)
        self._encoder = open_session(folder / ENCODER_FILE, threads, providers)
        self._head = open_session(folder / HEAD_FILE, threads, batch=1)  # too small for anything but the CPU
        _check_shapes(self._encoder, self._head, self.card)
        self.encoder = self.new_encoder()
        self._warm_up()

    @property
    def provider(self) -> str:
        """The encoder's execution provider."""
        return str(self._encoder.get_providers()[0])

    def with_card(self, card: ModelCard) -> HarModel:
        """Return the same networks under a card with, say, other thresholds."""
        other = copy.copy(self)
        other.card = card
        return other

    def new_encoder(self) -> FrameEncoder:
        """Return the encoder with memory of its own, for one more thread."""
        return FrameEncoder(self._encoder, self.card)

    def head_on(self, window: WindowBuffer) -> WindowHead:
        """Return the head tied to a window of this model's sizes."""
        return WindowHead(self._head, window, self.card)

    def classify_frames(
        self, frames: NDArray[np.uint8], imu: NDArray[np.float32], case: str | None = None
    ) -> Answer:
        """Return the answer to a whole window: frames (30, size, size, 3) and normalised IMU (30, C).

        case: one of the card's; without it the one in which nothing is missing.
        The naive way: it encodes every frame again. It is the reference that streaming must equal, and
        its opponent in benchmarks.
        """
        return self.classify_features(self.encode_frames(frames), imu, case)

    def encode_frames(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the features (N, F) of frames (N, size, size, 3) uint8 BGR."""
        features: NDArray[np.float32] = self._encoder.run(None, {"frames": frames})[0]
        return features

    def classify_features(
        self, features: NDArray[np.float32], imu: NDArray[np.float32], case: str | None = None
    ) -> Answer:
        """Return the answer to a window of encoded frames (30, F) and normalised IMU (30, C), as `classify_frames`."""
        case = case or case_of(self.card.modalities)
        inputs = {"features": features[None], "imu": imu[None]}
        if _takes_presence(self._head):
            inputs["presence"] = np.array([_presence(case)], np.float32)
        probabilities, *novelty = (output[0] for output in self._head.run(None, inputs))
        calibrate(probabilities, self.card.temperature[case])
        return Answer(probabilities, novelty[0] if novelty else np.zeros(0, np.float32))

    def _warm_up(self) -> None:
        window = WindowBuffer(self.card.feature_size, len(self.card.imu_channels), self.card.steps)
        try:
            self.encoder.run()
            for _ in range(window.steps):
                window.append(0, self.encoder.feature, np.zeros(len(self.card.imu_channels), np.float32), 0)
            probabilities = self.head_on(window).classify().probabilities
        except Exception as error:  # noqa: BLE001  see open_session; such as for inputs of another type
            raise HarError(f"model '{self.card.name}' can't be run ({first_line(error)}); export it again") from None
        if not (np.isclose(probabilities.sum(), 1.0, atol=1e-3) and probabilities.min() >= 0):
            raise HarError(f"model '{self.card.name}' gives no probabilities; train or export it again")


def _takes_presence(head: Any) -> bool:
    return any(entry.name == _PRESENCE for entry in head.get_inputs())


def _presence(case: str) -> tuple[float, float]:
    """Return what the head is told of a case: 1 or 0 for the camera and for the IMU."""
    present = modalities_of(case)
    return float(CAMERA in present), float(IMU in present)


def calibrate(probabilities: NDArray[np.float32], temperature: float) -> None:
    """Change probabilities p (6,) to softmax(log p / t) in place, without the logarithm of 0."""
    if temperature != 1:
        probabilities **= 1 / temperature
        probabilities /= probabilities.sum()


def _check_shapes(encoder: Any, head: Any, card: ModelCard) -> None:
    size, steps, channels = card.frame_size_px, card.steps, len(card.imu_channels)
    _check(encoder, ENCODER_FILE, {"frames": (None, size, size, 3)}, [(None, card.feature_size)])
    inputs: dict[str, Shape] = {"features": (None, steps, card.feature_size), "imu": (None, steps, channels)}
    if tuple(card.temperature) != (case_of(MODALITIES),):
        inputs[_PRESENCE] = (None, len(MODALITIES))
    outputs = [(None, len(card.labels)), *([(None, len(card.novelty))] if card.novelty else [])]
    _check(head, HEAD_FILE, inputs, outputs)


def _check(session: Any, name: str, inputs: dict[str, Shape], outputs: Sequence[Shape]) -> None:
    found = {entry.name: tuple(entry.shape) for entry in session.get_inputs()}
    if set(found) != set(inputs):
        raise HarError(f"{name} takes {sorted(found)}, but a HAR model takes {sorted(inputs)}; export the model again")
    pairs = [(key, found[key], inputs[key]) for key in inputs]
    given = session.get_outputs()
    if len(given) != len(outputs):
        raise HarError(f"{name} gives {len(given)} outputs, not the {len(outputs)} of its card; export the model again")
    pairs += [(entry.name, tuple(entry.shape), expected) for entry, expected in zip(given, outputs)]
    for key, shape, expected in pairs:
        fits = len(shape) == len(expected) and all(
            want is None or have == want for have, want in zip(shape, expected)
        )
        if not fits:
            asked = f"but its card asks for {_text(expected)}; copy or export the whole model again"
            raise HarError(f"{name}: '{key}' has shape {_text(shape)}, {asked}")


def _text(shape: Sequence[Any]) -> str:
    return "x".join("N" if size is None or isinstance(size, str) else str(size) for size in shape)
