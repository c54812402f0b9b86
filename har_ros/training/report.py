"""What a training leaves for the reader: curves and a table of the epochs."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from matplotlib.figure import Figure

from har_ros.training.fit import Epoch


def write_log(history: Sequence[Epoch], path: Path) -> None:
    """Write one line for each epoch."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [entry.name for entry in fields(Epoch)])
        writer.writeheader()
        writer.writerows(
            {key: round(value, 6) if isinstance(value, float) else value for key, value in asdict(epoch).items()}
            for epoch in history
        )


def plot_curves(history: Sequence[Epoch], path: Path) -> None:
    """Draw accuracy and loss over the epochs, for training (with dropout) and validation."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    numbers = range(1, len(history) + 1)
    pruned_at = next((number for number, epoch in zip(numbers, history) if epoch.stage != history[0].stage), None)
    for axes, quantity in zip(figure.subplots(1, 2), ("accuracy", "loss")):
        axes.plot(numbers, [getattr(epoch, quantity) for epoch in history], label="training (with dropout)")
        axes.plot(numbers, [getattr(epoch, f"validation_{quantity}") for epoch in history], label="validation")
        if pruned_at:
            axes.axvline(pruned_at - 0.5, color="grey", linestyle=":", label="pruning")
        axes.set(xlabel="epoch", ylabel=quantity)
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(path, dpi=120)
