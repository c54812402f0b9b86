"""The two networks of a model folder, run by onnxruntime, and the plain way of running them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from har_ros.core.errors import HarError
from har_ros.core.model_card import ENCODER_FILE, HEAD_FILE, ModelCard, load_card

CPU = ("CPUExecutionProvider",)


class HarModel:
    """A loaded model: `encode` once for each new frame, `classify` once for each window."""

    def __init__(self, folder: Path, threads: int = 1, providers: Sequence[str] = CPU) -> None:
        """Load and check both networks and run each once.

        Raises HarError for a missing or changed file, a provider that is not there, another shape
        than the card's, or a network that gives no numbers.
        """
        self.card = load_card(folder)
        self._encoder = _open(folder / ENCODER_FILE, threads, providers)
        self._head = _open(folder / HEAD_FILE, threads, providers)
        _check_shapes(self._encoder, self._head, self.card)
        self._warm_up()

    @property
    def provider(self) -> str:
        """The execution provider in use."""
        return str(self._encoder.get_providers()[0])

    def encode(self, frames: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return features (N, F) of frames (N, size, size, 3) uint8 BGR."""
        features: NDArray[np.float32] = self._encoder.run(None, {"frames": frames})[0]
        return features

    def classify(self, features: NDArray[np.float32], imu: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return calibrated probabilities (6,) of a window: features (30, F) and normalised IMU (30, C)."""
        outputs = self._head.run(None, {"features": features[None], "imu": imu[None]})
        probabilities: NDArray[np.float32] = outputs[0][0]
        if self.card.temperature != 1:  # softmax(log p / t), without the logarithm of 0
            probabilities **= 1 / self.card.temperature
            probabilities /= probabilities.sum()
        return probabilities

    def classify_frames(self, frames: NDArray[np.uint8], imu: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return probabilities (6,) of a whole window of frames (30, size, size, 3): the naive way.

        Encodes every frame again. It is the reference that streaming must equal, and its opponent in
        benchmarks.
        """
        return self.classify(self.encode(frames), imu)

    def _warm_up(self) -> None:
        card = self.card
        frames = np.zeros((1, card.frame_size_px, card.frame_size_px, 3), np.uint8)
        imu = np.zeros((card.steps, len(card.imu_channels)), np.float32)
        try:
            probabilities = self.classify(np.repeat(self.encode(frames), card.steps, axis=0), imu)
        except Exception as error:  # noqa: BLE001  see _open; such as for inputs of another type
            raise HarError(f"model '{card.name}' can't be run ({_first_line(error)}); export it again") from None
        if not (np.isclose(probabilities.sum(), 1.0, atol=1e-3) and probabilities.min() >= 0):
            raise HarError(f"model '{card.name}' gives no probabilities; train or export it again")


def _open(path: Path, threads: int, providers: Sequence[str]) -> Any:
    missing = set(providers) - set(onnxruntime.get_available_providers())
    if missing:
        raise HarError(
            f"onnxruntime here has no {', '.join(sorted(missing))}; "
            f"use one of {', '.join(onnxruntime.get_available_providers())}"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=list(providers))
    except Exception as error:  # noqa: BLE001  onnxruntime raises many types of its own
        raise HarError(f"'{path}' can't be loaded ({_first_line(error)}); export the model again") from None


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


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _text(shape: Sequence[Any]) -> str:
    return "x".join("N" if size is None or isinstance(size, str) else str(size) for size in shape)
