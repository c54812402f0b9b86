"""A training profile: every number of a training, read from YAML under config/profiles/."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from har_ros.core.errors import HarError
from har_ros.core.resources import find_resource


@dataclass(frozen=True)
class Profile:
    """The numbers of one training; config/profiles/paper.yaml explains them one by one.

    Raises HarError where a value is out of its range.
    """

    name: str
    frame_size_px: int
    trainable_blocks: int
    train_positions: int
    video_units: int
    imu_units: int
    dense_units: int
    video_dropout: float
    imu_dropout: float
    imu_recurrent_dropout: float
    imu_memory_steps: int
    imu_gain: float
    dense_dropout: float
    video_withheld: float
    learning_rate: float
    clip_norm: float
    batch_size: int
    passes: int
    max_epochs: int
    stop_patience: int
    plateau_patience: int
    plateau_factor: float
    validation_share: float
    flip_probability: float
    sparsity: float
    recovery_steps: int
    recovery_batch: int
    recovery_learning_rate: float
    finetune_epochs: int
    seed: int

    def __post_init__(self) -> None:
        ranges = {
            "frame_size_px": (32, 512),
            "trainable_blocks": (0, 1),
            "train_positions": (1, 10_000),
            "imu_memory_steps": (0, 10_000),
            "imu_gain": (0.01, 100.0),
            "learning_rate": (1e-8, 1.0),
            "clip_norm": (1e-6, 1e6),
            "plateau_factor": (0.01, 0.99),
            "validation_share": (0.01, 0.9),
            "sparsity": (0.0, 0.99),
            "recovery_steps": (0, 10**6),
            "recovery_learning_rate": (1e-8, 1.0),
            "finetune_epochs": (0, 10_000),
            "seed": (0, 2**31),
        }
        for entry in fields(self)[1:]:
            is_share = "dropout" in entry.name or entry.name in ("flip_probability", "video_withheld")
            low, high = ranges.get(entry.name, (0.0, 0.99) if is_share else (1, 100_000))
            if not low <= getattr(self, entry.name) <= high:
                raise HarError(
                    f"profile '{self.name}': {entry.name} is {getattr(self, entry.name)}; "
                    f"give a value from {low} to {high}"
                )


def load_profile(name_or_file: str) -> Profile:
    """Return the profile of that name under config/profiles/, or in that YAML file.

    Raises HarError for a missing file, and for unknown, missing and ill-typed keys by their names.
    """
    import yaml

    given = Path(name_or_file).expanduser()
    path = given if given.suffix in (".yaml", ".yml") else _shipped(name_or_file)
    try:
        record = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise HarError(f"profile '{path}' can't be read: {str(error).splitlines()[0]}") from None
    if not isinstance(record, dict):
        raise HarError(f"profile '{path}' holds no keys; begin with a copy of config/profiles/paper.yaml")
    known = {entry.name: entry.type for entry in fields(Profile)}
    unknown, missing = sorted(set(record) - set(known), key=str), [key for key in known if key not in record]
    if unknown or missing:
        wrong = f"has unknown keys {unknown}" if unknown else f"lacks the keys {missing}"
        raise HarError(f"profile '{path}' {wrong}; compare it with config/profiles/paper.yaml")
    return Profile(**{key: _typed(path, key, record[key], str(known[key])) for key in known})


def _shipped(name: str) -> Path:
    folder = find_resource("config/profiles")
    path = folder / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(each.stem for each in folder.glob("*.yaml")))
        raise HarError(f"there is no profile '{name}'; choose one of {known}, or give a YAML file")
    return path


def _typed(path: Path, key: str, value: Any, kind: str) -> Any:
    if kind == "float" and type(value) in (int, float):
        return float(value)
    if type(value).__name__ != kind:
        raise HarError(f"profile '{path}': {key} is {value!r}, but must be of type {kind}")
    return value
