"""The training loop: AdamW, clipped gradients, early stopping, a lower rate on a plateau, a checkpoint each epoch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from torch import nn
from torch.nn import functional

from har_ros.core.errors import HarError
from har_ros.training.batches import Batch
from har_ros.training.data import NONE_OF_THEM
from har_ros.training.losses import training_loss
from har_ros.training.networks.base import ActivityNetwork
from har_ros.training.profile import Profile
from har_ros.training.team import DEVICE, LEADS

_HALVES_IN_HARDWARE = ("avx512_bf16", "amx_bf16")  # elsewhere a CPU is slower in bfloat16 than in float32


@dataclass(frozen=True)
class Epoch:
    """What one epoch gave: cross entropy and accuracy of the six activities' clips, in training with dropout."""

    stage: str
    epoch: int
    learning_rate: float
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    seconds: float


@dataclass(frozen=True)
class Feed:
    """Where batches come from: `training(epoch)` and `validation()`; `steps` batches are in a training epoch."""

    training: Callable[[int], Iterable[Batch]]
    validation: Callable[[], Iterable[Batch]]
    steps: int


def half_precision() -> torch.autocast:
    """Return a context in which layers compute in bfloat16 where the device does so faster; weights stay float32."""
    able = getattr(torch.cpu, "get_capabilities", dict)()
    return torch.autocast(
        DEVICE.type, torch.bfloat16, enabled=DEVICE.type == "cuda" or any(map(able.get, _HALVES_IN_HARDWARE))
    )


class Fit:
    """One stage of training, which ends with the weights of its lowest validation loss.

    After each epoch everything is in `checkpoint`; another Fit on the same file goes on from there, with
    the same result as if it had never stopped.
    """

    def __init__(
        self, stage: str, network: ActivityNetwork, profile: Profile, max_epochs: int, checkpoint: Path
    ) -> None:
        self._stage, self._network, self._seed = stage, network.to(DEVICE), profile.seed
        self._settings = settings = profile.learning
        self._max_epochs, self._checkpoint = max_epochs, checkpoint
        self._parameters = [each for each in network.parameters() if each.requires_grad]
        self._optimiser = torch.optim.AdamW(
            self._parameters, settings.learning_rate, eps=1e-7, weight_decay=settings.weight_decay
        )
        self._schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
            self._optimiser, factor=settings.plateau_factor, patience=settings.plateau_patience
        )
        self.history: list[Epoch] = []
        self._best = network.state_dict()
        if checkpoint.is_file():
            self._restore()

    def run(self, feed: Feed) -> list[Epoch]:
        """Train until the loss stops falling or the epochs are over; return the history."""
        if not self._max_epochs:
            return []
        with progress_bar() as bar:
            task = bar.add_task(self._stage, total=self._max_epochs * feed.steps, figures="")
            bar.advance(task, len(self.history) * feed.steps)
            while not self._over():
                began_s = time.monotonic()
                torch.manual_seed(self._seed + 1000 * len(self.history))
                epoch = len(self.history)
                loss, accuracy = self._learn(step for step in _ticking(feed.training(epoch), bar, task))
                validation_loss, right = assess(self._network, feed.validation())
                rate = self._optimiser.param_groups[0]["lr"]
                seconds = time.monotonic() - began_s
                self.history.append(Epoch(self._stage, epoch, rate, loss, accuracy, validation_loss, right, seconds))
                self._schedule.step(validation_loss)
                if self._stale() == 0:
                    self._best = {key: value.clone() for key, value in self._network.state_dict().items()}
                self._save()
                bar.update(task, figures=f"loss {loss:.3f}/{validation_loss:.3f} accuracy {accuracy:.3f}/{right:.3f}")
        self._network.load_state_dict(self._best)
        return self.history

    def _learn(self, batches: Iterable[Batch]) -> tuple[float, float]:
        """Take a step for each batch; return what `assess` does of validation, to be compared with it."""
        self._network.train()
        losses, right, count = 0.0, 0, 0
        for each in batches:
            batch = _on_device(each)
            output = self._network(batch.maps, batch.imu, batch.presence)
            loss = training_loss(output, batch, self._settings)
            self._optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self._parameters, self._settings.clip_norm)
            self._optimiser.step()
            known = batch.labels != NONE_OF_THEM
            logits, labels = output.logits.detach()[known], batch.labels[known]
            losses += float(functional.cross_entropy(logits, labels, reduction="sum"))
            right += int((logits.argmax(1) == labels).sum())
            count += len(labels)
        return losses / count, right / count

    def _stale(self) -> int:
        """Return how many epochs ago the validation loss was lowest."""
        losses = [each.validation_loss for each in self.history]
        return len(losses) - 1 - losses.index(min(losses))

    def _over(self) -> bool:
        done = len(self.history)
        return done >= self._max_epochs or (done > 0 and self._stale() >= self._settings.stop_patience)

    def _save(self) -> None:
        state = {
            "network": self._network.state_dict(),
            "best": self._best,
            "optimiser": self._optimiser.state_dict(),
            "schedule": self._schedule.state_dict(),
            "history": [asdict(epoch) for epoch in self.history],
        }
        save_state(state, self._checkpoint)

    def _restore(self) -> None:
        state = load_state(self._checkpoint)
        self._network.load_state_dict(state["network"])
        self._best = state["best"]
        self._optimiser.load_state_dict(state["optimiser"])
        self._schedule.load_state_dict(state["schedule"])
        self.history = [Epoch(**epoch) for epoch in state["history"]]


class Answers(NamedTuple):
    """What a network says of n clips: logits (n, 6), scores (n, K) and the true labels (n,)."""

    logits: NDArray[np.float32]
    novelty: NDArray[np.float32]
    truth: NDArray[np.int64]

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """Return softmax(logits), (n, 6)."""
        return torch.softmax(torch.from_numpy(self.logits), 1).numpy()


def assess(network: ActivityNetwork, batches: Iterable[Batch]) -> tuple[float, float]:
    """Return the mean loss and the accuracy without dropout, on the clips of the six activities."""
    answers = predict(network, batches)
    known = answers.truth != NONE_OF_THEM
    probabilities, truth = answers.probabilities[known], answers.truth[known]
    chosen = probabilities[np.arange(len(truth)), truth]
    return float(-np.log(np.maximum(chosen, 1e-7)).mean()), float((probabilities.argmax(1) == truth).mean())


def predict(network: ActivityNetwork, batches: Iterable[Batch]) -> Answers:
    """Return the network's answers, without dropout."""
    network.to(DEVICE).eval()
    logits, novelty, truth = [], [], []
    with torch.inference_mode():
        for each in batches:
            batch = _on_device(each)
            output = network(batch.maps, batch.imu, batch.presence)
            logits.append(output.logits.cpu().numpy())
            novelty.append(network.novelty_scores(output, batch.presence).cpu().numpy())
            truth.append(each.labels.numpy())
    return Answers(np.concatenate(logits), np.concatenate(novelty), np.concatenate(truth))


def learn_distance(network: ActivityNetwork, batches: Iterable[Batch]) -> None:
    """Let a trained network's `distance`, if it has one, learn where the known activities of the batches are."""
    if "distance" not in network.novelty:
        return
    network.to(DEVICE).eval()
    motions, labels = [], []
    with torch.inference_mode():
        for each in batches:
            batch = _on_device(each)
            motion = network(batch.maps, batch.imu, batch.presence).motion
            assert motion is not None, "a network with this score gives it"
            motions.append(motion.cpu().numpy())
            labels.append(each.labels.numpy())
    network.distance.learn(np.concatenate(motions), np.concatenate(labels))


def _on_device(batch: Batch) -> Batch:
    return Batch(*(tensor.to(DEVICE) for tensor in batch))


def save_state(state: dict[str, Any], path: Path) -> None:
    """Write a checkpoint whole or not at all. Raises HarError."""
    draft = path.with_suffix(".part")
    try:
        torch.save(state, draft)
    except RuntimeError:  # torch's own word for a full disk
        draft.unlink(missing_ok=True)
        raise HarError(f"can't write the checkpoint '{path}'; free space, then go on with --resume") from None
    draft.replace(path)


def load_state(path: Path) -> dict[str, Any]:
    """Return what `save_state` wrote. Raises HarError where it isn't that."""
    try:
        state = torch.load(path, map_location=DEVICE, weights_only=True)
    except (OSError, torch.OutOfMemoryError):
        raise
    except Exception:  # noqa: BLE001 - torch raises many types for a damaged file
        state = None
    if not isinstance(state, dict):
        raise HarError(f"'{path}' is damaged; delete it to train anew")
    return state


def _ticking(batches: Iterable[Batch], bar: Progress, task: Any) -> Iterator[Batch]:
    for batch in batches:
        yield batch
        bar.advance(task)


def progress_bar() -> Progress:
    """Return a bar with a task's steps, its times and its `figures`; only the first of several processes shows it."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    more = TimeElapsedColumn(), TimeRemainingColumn(), TextColumn("{task.fields[figures]}")
    return Progress(*columns, *more, disable=not LEADS)
