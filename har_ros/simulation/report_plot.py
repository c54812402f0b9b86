"""The physics report as a picture: one panel a figure, one strip an act, the human range shaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from har_ros.core.errors import HarError
from har_ros.simulation.human_ranges import FIGURES, HUMAN_RANGES

_LOGARITHMIC = {"sd_g", "max_g"}


def plot_report(acts: Mapping[str, Mapping[str, Sequence[float]]], path: Path) -> None:
    """Draw each person as a dot, the middle half as a box, and the human range in green, as a PNG. Raises HarError."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    picture = Figure(figsize=(18, 13), layout="constrained")
    picture.suptitle("Felt at the waist; green: real people")
    panels = FigureCanvasAgg(picture).figure.subplots(2, (len(FIGURES) + 1) // 2)
    rng = np.random.default_rng(0)
    for panel, (name, title) in zip(panels.flat, FIGURES.items()):
        shown = [act for act in acts if name in acts[act]]
        for row, act in enumerate(shown):
            for human in HUMAN_RANGES:
                if (human.act, human.figure) == (act, name):
                    panel.fill_betweenx([row - 0.45, row + 0.45], human.low, human.high, color="tab:green", alpha=0.25)
            values = acts[act][name]
            panel.scatter(values, row + rng.uniform(-0.2, 0.2, len(values)), s=8, color="tab:blue", alpha=0.6)
        low, middle, high = np.array([np.quantile(acts[act][name], (0.25, 0.5, 0.75)) for act in shown]).T
        rows = np.arange(len(shown))
        panel.barh(rows, high - low, left=low, height=0.6, fill=False)
        panel.vlines(middle, rows - 0.3, rows + 0.3, color="tab:orange")
        panel.set_yticks(rows, shown)
        panel.invert_yaxis()
        panel.set_xlabel(title)
        panel.grid(alpha=0.3)
        if name in _LOGARITHMIC:
            panel.set_xscale("log")
    try:
        picture.savefig(path, dpi=100)
    except OSError as error:
        raise HarError(f"can't write '{path}' ({error.strerror}); give another folder") from None
