"""A training profile: every number of a training, read from YAML under config/profiles/."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_type_hints

from har_ros.core.errors import HarError
from har_ros.core.resources import find_resource, user_path

STRUCTURED, SPARSE, INT8 = STEPS_OF_COMPRESSION = ("structured", "sparse", "int8")


def between(low: float, high: float) -> Any:
    """Return a field whose value must lie in this range, both ends included."""
    return field(metadata={"range": (low, high)})


def a_share() -> Any:
    """Return a field for a share or a probability."""
    return between(0.0, 0.99)


@dataclass(frozen=True)
class Pictures:
    """How pictures become features."""

    frame_size_px: int = between(32, 512)
    trainable_blocks: int = between(0, 1)
    train_positions: int = between(1, 10_000)
    views: int = between(0, 16)


@dataclass(frozen=True)
class Tuning:
    """How the backbone itself is trained before features are taken from it."""

    epochs: int = between(0, 1000)
    first_block: int = between(0, 18)
    pictures: int = between(2, 10)
    batch_size: int = between(1, 1000)
    learning_rate: float = between(1e-8, 1.0)


@dataclass(frozen=True)
class Learning:
    """How the heads are trained."""

    learning_rate: float = between(1e-8, 1.0)
    weight_decay: float = between(0.0, 1.0)
    clip_norm: float = between(1e-6, 1e6)
    batch_size: int = between(1, 10_000)
    passes: int = between(1, 1000)
    max_epochs: int = between(1, 10_000)
    stop_patience: int = between(1, 10_000)
    plateau_patience: int = between(1, 10_000)
    plateau_factor: float = between(0.01, 0.99)
    label_smoothing: float = a_share()
    auxiliary_weight: float = between(0.0, 10.0)
    outlier_weight: float = between(0.0, 10.0)


@dataclass(frozen=True)
class Augmentation:
    """What happens to the clips by chance in training."""

    flip_probability: float = a_share()
    camera_withheld: float = a_share()
    imu_withheld: float = a_share()
    frame_drop: float = a_share()
    slow_camera: float = a_share()
    imu_bias_mps2: float = between(0.0, 10.0)
    imu_scale: float = between(0.0, 0.5)
    imu_noise_mps2: float = between(0.0, 10.0)
    imu_vigour: float = between(1.0, 10.0)
    imu_knocks: float = a_share()
    imu_slow: float = a_share()
    imu_jitter: float = between(0.0, 0.5)
    sync_offset_s: float = between(0.0, 0.2)


@dataclass(frozen=True)
class Compression:
    """How the trained model is made smaller, step by step."""

    steps: tuple[str, ...]
    structured: float = between(0.0, 0.9)
    sparsity: float = between(0.0, 0.99)
    recovery_steps: int = between(0, 10**6)
    recovery_batch: int = between(1, 1000)
    recovery_learning_rate: float = between(1e-8, 1.0)
    finetune_epochs: int = between(0, 10_000)


@dataclass(frozen=True)
class Profile:
    """The numbers of one training; config/profiles/paper.yaml explains them one by one.

    network: a module of har_ros/training/networks; `heads` are its Settings.
    Raises HarError where a value is out of its range, or compression has an unknown step or another order.
    """

    name: str
    network: str
    seed: int = between(0, 2**31)
    validation_share: float = between(0.01, 0.9)
    pictures: Pictures
    tuning: Tuning
    heads: Any
    learning: Learning
    augmentation: Augmentation
    compression: Compression

    def __post_init__(self) -> None:
        _check_ranges(self.name, self)
        if self.augmentation.camera_withheld + self.augmentation.imu_withheld >= 1:
            raise HarError(f"profile '{self.name}': camera_withheld and imu_withheld leave no clip whole; lower them")
        if self.tuning.epochs and self.pictures.trainable_blocks:
            raise HarError(f"profile '{self.name}': tuning.epochs needs pictures.trainable_blocks: 0; leave out one")
        steps = self.compression.steps
        if steps != tuple(each for each in STEPS_OF_COMPRESSION if each in steps):
            raise HarError(
                f"profile '{self.name}': compression.steps is {', '.join(map(str, steps))}; "
                f"give some of {', '.join(STEPS_OF_COMPRESSION)}, in this order"
            )

    def compressed(self, structured: float | None, sparsity: float | None, int8: bool | None) -> Profile:
        """Return the profile with other steps of compression; None leaves one as it is, 0 or False leaves it out."""
        wanted = {STRUCTURED: structured, SPARSE: sparsity, INT8: int8}
        steps = tuple(
            step
            for step in STEPS_OF_COMPRESSION
            if (step in self.compression.steps if wanted[step] is None else wanted[step])
        )
        shares = {key: value for key, value in (("structured", structured), ("sparsity", sparsity)) if value}
        return replace(self, compression=replace(self.compression, steps=steps, **shares))


def load_profile(name_or_file: str) -> Profile:
    """Return the profile of that name under config/profiles/, or in that YAML file.

    Raises HarError for a missing file, and for unknown, missing and ill-typed keys by their names.
    """
    import yaml

    given = user_path(name_or_file)
    path = given if given.suffix in (".yaml", ".yml") else _shipped(name_or_file)
    try:
        record = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise HarError(f"profile '{path}' can't be read: {str(error).splitlines()[0]}") from None
    profile: Profile = _section(Profile, record, path, "")
    return profile


def _section(kind: Any, record: Any, path: Path, prefix: str) -> Any:
    """Return the dataclass `kind` of a YAML table; `prefix` names the table, for messages."""
    known = get_type_hints(kind)
    if kind is Profile and isinstance(record, dict):
        known["heads"] = _heads_of(record.get("network"), path)
    if not isinstance(record, dict):
        where = f"{prefix[:-1]} " if prefix else ""
        raise HarError(f"profile '{path}': {where}holds no keys; begin with a copy of config/profiles/paper.yaml")
    unknown, missing = sorted(set(record) - set(known), key=str), [key for key in known if key not in record]
    if unknown or missing:
        keys = ", ".join(f"{prefix}{key}" for key in unknown or missing)
        wrong = f"has the unknown keys {keys}" if unknown else f"lacks the keys {keys}"
        raise HarError(f"profile '{path}' {wrong}; compare it with config/profiles/paper.yaml")
    return kind(**{key: _typed(hint, record[key], path, f"{prefix}{key}") for key, hint in known.items()})


def _heads_of(network: Any, path: Path) -> type:
    """Return the settings' class of a network. Raises HarError where there is no such network."""
    from har_ros.training.networks import NETWORKS, network_class  # these take PyTorch, and --help does without

    if network not in NETWORKS:
        raise HarError(f"profile '{path}': there is no network '{network}'; choose one of {', '.join(NETWORKS)}")
    return network_class(network).Settings


def _typed(hint: Any, value: Any, path: Path, key: str) -> Any:
    if is_dataclass(hint):
        return _section(hint, value, path, f"{key}.")
    if hint is float and type(value) in (int, float):
        return float(value)
    if hint == tuple[str, ...] and isinstance(value, list):
        return tuple(value)
    if type(value) is not hint:
        kind = "list" if hint == tuple[str, ...] else hint.__name__
        raise HarError(f"profile '{path}': {key} is {value!r}, but must be of type {kind}")
    return value


def _check_ranges(name: str, section: Any, prefix: str = "") -> None:
    for entry in fields(section):
        value = getattr(section, entry.name)
        if is_dataclass(value):
            _check_ranges(name, value, f"{entry.name}.")
        elif "range" in entry.metadata:
            low, high = entry.metadata["range"]
            if not low <= value <= high:
                raise HarError(f"profile '{name}': {prefix}{entry.name} is {value}; give a value from {low} to {high}")


def _shipped(name: str) -> Path:
    folder = find_resource("config/profiles")
    path = folder / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(each.stem for each in folder.glob("*.yaml")))
        raise HarError(f"there is no profile '{name}'; choose one of {known}, or give a YAML file")
    return path
