"""How well the activities are told from less than the whole, which shows what a dataset gives away.

A small classifier is trained for each condition on the same features and the same split by subject. One frame, frames
in disorder or a room without its person should tell little: what they do tell, a model can learn in place of motion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table
from torch import Tensor, nn
from torch.nn import functional

from har_ros.core.imu_steps import IMU_STATISTICS
from har_ros.core.labels import LABELS
from har_ros.evaluation.metrics import score
from har_ros.training.data import Clip
from har_ros.training.features import FeatureStore
from har_ros.training.networks.invariants import InvariantChannels
from har_ros.training.networks.paper import SequenceLSTM

_EPOCHS, _BATCH, _LEARNING_RATE = 15, 32, 3e-3
_VIDEO_UNITS, _IMU_UNITS = 32, 16
Features = NDArray[np.float32]


@dataclass(frozen=True)
class Condition:
    """What a classifier may look at: a choice of steps in the features (30, C) of a clip, its readings, or both."""

    steps: Callable[[Features, np.random.Generator], Features] | None
    imu: bool
    empty: bool = False


def _all_steps(features: Features, _: np.random.Generator) -> Features:
    return features


def _first_step(features: Features, _: np.random.Generator) -> Features:
    return features[:1]


def _shuffled_steps(features: Features, rng: np.random.Generator) -> Features:
    return rng.permutation(features)


CONDITIONS: dict[str, Condition] = {
    "both": Condition(_all_steps, imu=True),
    "camera only": Condition(_all_steps, imu=False),
    "IMU only": Condition(None, imu=True),
    "first frame only": Condition(_first_step, imu=False),
    "shuffled frames": Condition(_shuffled_steps, imu=False),
    "background only": Condition(_all_steps, imu=False, empty=True),
}


class _Classifier(nn.Module):
    """Features (B, T, C), IMU steps (B, 30, 5) or both -> logits (B, 6)."""

    def __init__(self, condition: Condition, width: int) -> None:
        super().__init__()
        self.video = SequenceLSTM(width, _VIDEO_UNITS, dropout=0.5) if condition.steps else None
        steps = (InvariantChannels(), SequenceLSTM(InvariantChannels.COUNT, _IMU_UNITS, dropout=0.0))
        self.imu = nn.Sequential(*steps) if condition.imu else None
        joined = (_VIDEO_UNITS if self.video else 0) + (_IMU_UNITS if self.imu else 0)
        self.classes = nn.Linear(joined, len(LABELS))

    def forward(self, features: Tensor | None, imu: Tensor | None) -> Tensor:
        pairs = ((self.video, features), (self.imu, imu))
        logits: Tensor = self.classes(torch.cat([branch(given) for branch, given in pairs if branch is not None], 1))
        return logits


@dataclass(frozen=True)
class Sides:
    """The clips to learn from and those to be scored on."""

    train: list[Clip]
    held_out: list[Clip]

    def moved(self, root: Path, other_root: Path) -> Sides:
        """Return the clips of the same names under another dataset's folder."""
        return Sides(*([clip.moved(root, other_root) for clip in side] for side in (self.train, self.held_out)))

    @property
    def folders(self) -> list[Path]:
        """The folders of all clips."""
        return [clip.folder for clip in self.train + self.held_out]


class _Source:
    """Clips as a condition shows them."""

    def __init__(self, condition: Condition, store: FeatureStore) -> None:
        self._condition, self._store = condition, store
        self.width = store.channels

    def batches(self, clips: Sequence[Clip], rng: np.random.Generator, mirror: bool) -> Iterator[tuple[Any, Any]]:
        """Yield features and IMU steps, in the order of `clips`; whole clips are mirrored by chance if asked for."""
        for begin in range(0, len(clips), _BATCH):
            chosen = clips[begin : begin + _BATCH]
            flips = rng.random(len(chosen)) < (0.5 if mirror else 0.0)
            yield self._features(chosen, flips, rng), self._imu(chosen)

    def _features(self, clips: Sequence[Clip], flips: NDArray[np.bool_], rng: np.random.Generator) -> Tensor | None:
        steps = self._condition.steps
        if steps is None:
            return None
        pooled = (self._store.maps(clip.folder)[int(flip)].mean(1, np.float32) for clip, flip in zip(clips, flips))
        return torch.from_numpy(np.stack([steps(features, rng) for features in pooled]))

    def _imu(self, clips: Sequence[Clip]) -> Tensor | None:
        if not self._condition.imu:
            return None  # a mirrored clip has the same channels, so nothing need be mirrored here
        return torch.from_numpy(np.stack([self._store.motion(clip.folder).steps(IMU_STATISTICS) for clip in clips]))


def ablate(people: Sides, empty: Sides | None, store: FeatureStore, seed: int) -> dict[str, Any]:
    """Return the figures of each condition on the clips held out, ready for JSON.

    empty: the same clips without their people; where there are none, `background only` is left out.
    store: holds the features of all of them.
    """
    table = {}
    for name, condition in track(CONDITIONS.items(), "ablations", transient=True):
        sides = empty if condition.empty else people
        if sides is not None:
            probabilities = _train_and_predict(condition, store, sides, seed)
            table[name] = _figures(probabilities, sides.held_out)
    return {
        "conditions": table,
        "train_subjects": len({clip.subject for clip in people.train}),
        "held_out_subjects": len({clip.subject for clip in people.held_out}),
        "chance": 1 / len(LABELS),
        "epochs": _EPOCHS,
    }


def _train_and_predict(condition: Condition, store: FeatureStore, sides: Sides, seed: int) -> NDArray[np.float32]:
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    train, source = sides.train, _Source(condition, store)
    classifier = _Classifier(condition, source.width)
    optimiser = torch.optim.AdamW(classifier.parameters(), _LEARNING_RATE)
    batches_an_epoch = -(-len(train) // _BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, _EPOCHS * batches_an_epoch)
    for _ in range(_EPOCHS):
        order = [train[index] for index in rng.permutation(len(train))]
        labels = torch.tensor([clip.label for clip in order]).split(_BATCH)
        for (features, imu), wanted in zip(source.batches(order, rng, mirror=True), labels):
            loss = functional.cross_entropy(classifier(features, imu), wanted)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(classifier.parameters(), 1.0)
            optimiser.step()
            schedule.step()
    classifier.eval()
    with torch.inference_mode():
        logits = [classifier(features, imu) for features, imu in source.batches(sides.held_out, rng, mirror=False)]
    return torch.softmax(torch.cat(logits), 1).numpy()


def _figures(probabilities: NDArray[np.float32], clips: Sequence[Clip]) -> dict[str, Any]:
    truth = [LABELS[clip.label] for clip in clips]
    predicted = [LABELS[index] for index in probabilities.argmax(1)]
    figures, intervals = score(truth, predicted, LABELS, probabilities, [clip.subject for clip in clips])
    recall = {label: figures["per_class"][label]["recall"] for label in LABELS}
    return {
        **{key: figures[key] for key in ("n", "accuracy", "accuracy_ci", "macro_f1")},
        "macro_f1_ci": intervals["macro_f1"],
        "recall": recall,
    }


def print_ablations(console: Console, report: dict[str, Any]) -> None:
    """Print a line for each condition: accuracy with its interval, and the recall of each activity."""
    learnt, held_out = report["train_subjects"], report["held_out_subjects"]
    title = f"{held_out} subjects, learnt from {learnt} others; chance {report['chance']:.1%}"
    table = Table("what is seen", title=title)
    for heading in ("accuracy, %", *(label[:7] for label in LABELS)):
        table.add_column(heading, justify="right")
    for name, figures in report["conditions"].items():
        low, high = figures["accuracy_ci"]
        recalls = ("-" if recall is None else f"{100 * recall:.0f}" for recall in figures["recall"].values())
        table.add_row(name, f"{100 * figures['accuracy']:.1f} ({100 * low:.0f} to {100 * high:.0f})", *recalls)
    console.print(table)
