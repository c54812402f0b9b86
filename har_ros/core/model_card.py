"""The card of a model folder: what its networks take, what they give and how well they do.

models/<name>/model.yaml          this card
models/<name>/frame_encoder.onnx  frames (N, size, size, 3) uint8 BGR -> features (N, F) float32
models/<name>/window_head.onnx    features (1, 30, F), imu (1, 30, C) float32 -> probabilities (1, 6)
                                  and of a model that can go without camera or IMU, or knows the strange:
                                  presence (1, 2) float32, 1 or 0 for camera and IMU -> novelty (1, K)
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from har_ros.core.errors import HarError
from har_ros.core.imu_steps import IMU_READINGS, IMU_STATISTICS
from har_ros.core.labels import LABELS
from har_ros.core.windows import STEPS

SCHEMA = "har.model/1"
CARD_FILE = "model.yaml"
ENCODER_FILE = "frame_encoder.onnx"
HEAD_FILE = "window_head.onnx"
CAMERA, IMU = MODALITIES = ("camera", "imu")
_AND = "+"
NOVELTIES = ("energy", "reconstruction", "distance")
STRANGE = ("energy", "distance")  # what tells windows of none of the activities
DEFAULT_THRESHOLDS = {"min_confidence": 0.5, "suspect_score": 0.5, "alarm_score": 0.7}
_TEXTS = ("name", "profile", "pixel_scaling", "licence")
_MODALITY_SETS = (MODALITIES, (CAMERA,), (IMU,))
_CHANNELS = (IMU_READINGS, IMU_STATISTICS)
_GREATEST = 10_000  # of any size, rate or reading in a card: far more than a sensible one


@dataclass(frozen=True)
class ModelCard:
    """A model's contract and record. Raises HarError where the program could not run with it.

    imu_mean, imu_std: the training set's statistics of the IMU channels, m/s^2.
    pixel_scaling:     in words; the scaling itself is folded into the encoder.
    modalities:        what it looks at.
    temperature:       of each case, such as `camera+imu` or `imu`, that it can do: t makes of the head's
                       probabilities p softmax(log p / t), above 1 less sure, below 1 more.
    novelty:           of each of the head's scores the greatest value that is nothing strange, in each case;
                       above that of `energy` or `distance` the activity is unknown; above that of `reconstruction`
                       the window is unlike the normal activities of the training, as falls and drowsiness are: a
                       second opinion on the anomaly score, published beside it.
    thresholds:        min_confidence, suspect_score, alarm_score (see har_ros.core.decision).
    min_confidence:    what takes the place of the thresholds' in cases that have one of their own: who sees or feels
                       less is less sure when right, too.
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
    imu_channels: tuple[str, ...] = IMU_READINGS
    anomaly_labels: tuple[str, ...] = ("DRIVERS_DROWSINESS", "FALL_OR_COLLAPSE")
    modalities: tuple[str, ...] = MODALITIES
    pixel_scaling: str = ""
    temperature: dict[str, float] = field(default_factory=lambda: {case_of(MODALITIES): 1.0})
    novelty: dict[str, dict[str, float]] = field(default_factory=dict)
    thresholds: dict[str, float] = field(default_factory=lambda: dict(DEFAULT_THRESHOLDS))
    min_confidence: dict[str, float] = field(default_factory=dict)
    licence: str = "Apache-2.0"
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        thresholds = ", ".join(DEFAULT_THRESHOLDS)
        rules = (
            *((name, isinstance(getattr(self, name), str), "be a text") for name in _TEXTS),
            ("steps", self.steps == STEPS, f"be {STEPS}"),
            ("step_rate_hz", _is_number(self.step_rate_hz, 1), f"be a number from 1 to {_GREATEST}"),
            ("frame_size_px", _is_size(self.frame_size_px), f"be a whole number from 1 to {_GREATEST}"),
            ("feature_size", _is_size(self.feature_size), f"be a whole number from 1 to {_GREATEST}"),
            ("imu_channels", self.imu_channels in _CHANNELS, f"be {' or '.join(map(', '.join, _CHANNELS))}"),
            ("imu_mean", self._are_readings(self.imu_mean, -_GREATEST), "have a number for each IMU channel"),
            ("imu_std", self._are_readings(self.imu_std, 1e-6), "have a number above 0 for each IMU channel"),
            ("labels", self.labels == LABELS, f"be {', '.join(LABELS)}, in this order"),
            ("anomaly_labels", _are_labels(self.anomaly_labels), "be one or more of the labels"),
            ("modalities", self.modalities in _MODALITY_SETS, f"be {', '.join(MODALITIES)} or one of them"),
            ("temperature", self._are_temperatures(), "have a number from 0.1 to 10 for each case that it can do"),
            ("novelty", self._are_novelties(), f"have for {', '.join(NOVELTIES)} a number of each case"),
            ("thresholds", _are_thresholds(self.thresholds), f"be {thresholds}, each a number from 0 to 1"),
            ("min_confidence", self._are_confidences(), "have a number from 0 to 1 for cases that it can do"),
            ("sha256", _are_hashes(self.sha256), f"name {ENCODER_FILE} and {HEAD_FILE} and the hash of each"),
            ("training", isinstance(self.training, dict), "be a table"),
            ("metrics", isinstance(self.metrics, dict), "be a table"),
        )
        for name, kept, words in rules:
            if not kept:
                raise HarError(f"a model card's {name} must {words}; export the model again")

    def case(self, present: Sequence[str]) -> str | None:
        """Return the case in which the model answers with `present` of the modalities, or None if it can't."""
        case = case_of([each for each in self.modalities if each in present])
        return case if case in self.temperature else None

    def goes_without(self, modality: str) -> bool:
        """Return whether the model can answer while `modality` is missing."""
        return self.case([each for each in MODALITIES if each != modality]) is not None

    def needing_all(self) -> ModelCard:
        """Return the card of the model as one that goes without nothing."""
        whole = case_of(self.modalities)
        novelty = {name: {whole: limits[whole]} for name, limits in self.novelty.items()}
        own = {case: value for case, value in self.min_confidence.items() if case == whole}
        return replace(self, temperature={whole: self.temperature[whole]}, novelty=novelty, min_confidence=own)

    def least_confidence(self, case: str) -> float:
        """Return the confidence below which the activity is unknown in `case`."""
        return self.min_confidence.get(case, self.thresholds["min_confidence"])

    def is_strange(self, novelty: Mapping[str, float], case: str) -> bool:
        """True where the head's scores say that a window in `case` shows none of the activities, or are no numbers."""
        return any(not novelty[name] <= self.novelty[name][case] for name in STRANGE if name in self.novelty)

    def _are_readings(self, values: Any, low: float) -> bool:
        of_each = isinstance(values, tuple) and len(values) == len(self.imu_channels)
        return of_each and all(_is_number(value, low) for value in values)

    def _are_temperatures(self) -> bool:
        if self.modalities not in _MODALITY_SETS or not isinstance(self.temperature, dict):
            return False
        possible = (case_of(self.modalities), *self.modalities)
        return possible[0] in self.temperature and all(
            case in possible and _is_number(value, 0.1, 10) for case, value in self.temperature.items()
        )

    def _are_novelties(self) -> bool:
        return isinstance(self.novelty, dict) and all(
            name in NOVELTIES
            and isinstance(limits, dict)
            and set(limits) == set(self.temperature)
            and all(_is_number(limit, -_GREATEST) for limit in limits.values())
            for name, limits in self.novelty.items()
        )

    def _are_confidences(self) -> bool:
        return isinstance(self.min_confidence, dict) and all(
            case in self.temperature and _is_number(value, 0, 1) for case, value in self.min_confidence.items()
        )

    @property
    def identity(self) -> str:
        """A short hexadecimal name of exactly these networks."""
        joined = "".join(self.sha256[name] for name in sorted(self.sha256))
        return hashlib.sha256(joined.encode()).hexdigest()[:16]

    @property
    def people(self) -> set[str]:
        """The names of whom the model, and what it began with, was fitted to or tuned by."""
        tuned_by = (*self.training.get("validation_subjects", ()), *self.training.get("base_tuned_by", ()))
        return self.fitted_people.union(tuned_by)

    @property
    def fitted_people(self) -> set[str]:
        """The names of whom the model, and what it began with, was fitted to."""
        return {*self.training.get("train_subjects", ()), *self.training.get("base_fitted_to", ())}

    def anomaly_score(self, probabilities: NDArray[np.float32]) -> float:
        """Return the summed probability of the anomaly labels."""
        return float(sum(probabilities[self.labels.index(label)] for label in self.anomaly_labels))

    def save(self, folder: Path) -> None:
        """Write the card into `folder`."""
        import yaml

        record = {"schema": SCHEMA, **_plain(asdict(self))}
        text = yaml.safe_dump(record, sort_keys=False, allow_unicode=True, width=100)
        (folder / CARD_FILE).write_text(text, encoding="utf-8")


def publish_model(folder: Path, out: Path, also: Sequence[str] = ()) -> None:
    """Copy a whole model, and the files named in `also`, over what is in `out`.

    All of it is copied first; then each file takes its place by a rename, the card last. Raises OSError.
    """
    names = (ENCODER_FILE, HEAD_FILE, *also, CARD_FILE)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out) as draft:
        for name in names:
            shutil.copyfile(folder / name, Path(draft, name))
        for name in names:
            Path(draft, name).replace(out / name)


def case_of(modalities: Sequence[str]) -> str:
    """Return the name of a case: the modalities that are there, such as `camera+imu`."""
    return _AND.join(modalities)


def modalities_of(case: str) -> tuple[str, ...]:
    """Return the modalities that are there in a case."""
    return tuple(case.split(_AND))


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
    unknown = set(map(str, record)) - {entry.name for entry in fields(ModelCard)}
    if unknown:
        raise HarError(f"'{path}' has unknown keys {sorted(unknown)}; is it from a newer version?")
    for key, value in record.items():
        if isinstance(value, list):
            record[key] = tuple(value)
    try:
        return ModelCard(**record)
    except TypeError as error:
        missing = str(error).replace("ModelCard.__init__() ", "")
        raise HarError(f"'{path}' is incomplete: {missing}; copy the whole model folder again") from None
    except HarError as error:
        raise HarError(f"'{path}': {error}") from None


def _is_number(value: Any, low: float, high: float = _GREATEST) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and _is_number(value, 1)


def _are_labels(values: Any) -> bool:
    return isinstance(values, tuple) and values != () and all(value in LABELS for value in values)


def _are_thresholds(values: Any) -> bool:
    named = isinstance(values, dict) and set(values) == set(DEFAULT_THRESHOLDS)
    return named and all(_is_number(value, 0, 1) for value in values.values())


def _are_hashes(values: Any) -> bool:
    named = isinstance(values, dict) and set(values) == {ENCODER_FILE, HEAD_FILE}
    return named and all(isinstance(value, str) for value in values.values())


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
