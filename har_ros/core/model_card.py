"""The card of a model folder: what its networks take, what they give and how well they do.

models/<name>/model.yaml          this card
models/<name>/frame_encoder.onnx  frames (N, size, size, 3) uint8 BGR -> features (N, F) float32
models/<name>/window_head.onnx    features (1, 30, F) and imu (1, 30, C) float32 -> probabilities (1, 6)
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from har_ros.core.errors import HarError
from har_ros.core.labels import LABELS

SCHEMA = "har.model/1"
CARD_FILE = "model.yaml"
ENCODER_FILE = "frame_encoder.onnx"
HEAD_FILE = "window_head.onnx"
IMU_CHANNELS = ("ax", "ay", "az")


@dataclass(frozen=True)
class ModelCard:
    """A model's contract and record.

    imu_mean, imu_std: the training set's statistics of the IMU channels, m/s^2.
    pixel_scaling:     in words; the scaling itself is folded into the encoder.
    thresholds:        min_confidence, suspect_score, alarm_score (see har_ros.core.decision).
    sha256:            of each ONNX file, hexadecimal.
    training, metrics: records for the reader, not used at run time.
    """

    name: str
    profile: str
    steps: int
    step_rate_hz: float
    frame_size_px: int
    feature_size: int
    imu_mean: tuple[float, ...]
    imu_std: tuple[float, ...]
    sha256: dict[str, str]
    labels: tuple[str, ...] = LABELS
    imu_channels: tuple[str, ...] = IMU_CHANNELS
    anomaly_labels: tuple[str, ...] = ("DRIVERS_DROWSINESS", "FALL_OR_COLLAPSE")
    modalities: tuple[str, ...] = ("camera", "imu")
    pixel_scaling: str = ""
    temperature: float = 1.0
    thresholds: dict[str, float] = field(
        default_factory=lambda: {"min_confidence": 0.5, "suspect_score": 0.5, "alarm_score": 0.7}
    )
    licence: str = "Apache-2.0"
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        channels = len(self.imu_channels)
        if len(self.imu_mean) != channels or len(self.imu_std) != channels or min(self.imu_std) <= 0:
            raise HarError(f"{self.name}: imu_mean and a positive imu_std need one value for each IMU channel")
        unknown = set(self.anomaly_labels) - set(self.labels)
        if unknown:
            raise HarError(f"{self.name}: anomaly labels {sorted(unknown)} are not among its labels")

    @property
    def identity(self) -> str:
        """A short hexadecimal name of exactly these networks."""
        joined = "".join(self.sha256[name] for name in sorted(self.sha256))
        return hashlib.sha256(joined.encode()).hexdigest()[:16]

    def anomaly_score(self, probabilities: NDArray[np.float32]) -> float:
        """Return the summed probability of the anomaly labels."""
        return float(sum(probabilities[self.labels.index(label)] for label in self.anomaly_labels))

    def save(self, folder: Path) -> None:
        """Write the card into `folder`."""
        import yaml

        record = {"schema": SCHEMA, **_plain(asdict(self))}
        text = yaml.safe_dump(record, sort_keys=False, allow_unicode=True, width=100)
        (folder / CARD_FILE).write_text(text, encoding="utf-8")


def file_sha256(path: Path) -> str:
    """Return a file's SHA-256, hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def load_card(folder: Path) -> ModelCard:
    """Read and check a model folder's card and the hashes of its files.

    Raises HarError when something is missing, of another schema, unknown or changed.
    """
    path = folder / CARD_FILE
    if not path.is_file():
        raise HarError(f"no model in '{folder}': {CARD_FILE} is missing; give the folder that `har train` wrote")
    card = _parse(path)
    for name, expected in card.sha256.items():
        file = folder / name
        if not file.is_file():
            raise HarError(f"'{file}' is missing; copy the whole model folder again")
        if file_sha256(file) != expected:
            raise HarError(f"'{file}' is not the file its card describes; copy the whole model folder again")
    return card


def _parse(path: Path) -> ModelCard:
    import yaml

    try:
        record = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise HarError(f"'{path}' can't be read as YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(record, dict) or record.pop("schema", None) != SCHEMA:
        raise HarError(f"'{path}' is no model card of schema {SCHEMA}; train or export the model with this version")
    unknown = set(record) - {entry.name for entry in fields(ModelCard)}
    if unknown:
        raise HarError(f"'{path}' has unknown keys {sorted(unknown)}; is it from a newer version?")
    for key, value in record.items():
        if isinstance(value, list):
            record[key] = tuple(value)
    try:
        return ModelCard(**record)
    except TypeError as error:
        raise HarError(f"'{path}' is incomplete: {str(error).replace('ModelCard.__init__() ', '')}") from None


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
