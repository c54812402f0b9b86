"""What compression saves: a model's encoder against a whole MobileNetV2 in floats, in turns on one thread.

usage, after make setup-train: python tools/encoder_times.py [MODEL], such as edge or a model folder
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np

from har_ros.benchmark.timing import interleave
from har_ros.core.errors import HarError
from har_ros.core.model_card import ENCODER_FILE, load_card
from har_ros.core.resources import find_model
from har_ros.inference.sessions import open_session
from har_ros.training.backbone import MobileNetV2, split
from har_ros.training.export import export_trunk

ROUNDS, BLOCKS = 20, 5


def main(name: str = "edge") -> None:
    """Print both times and their ratio, of several blocks of turns; the weights' values don't matter to the time."""
    folder = find_model(name)
    size_px = load_card(folder).frame_size_px
    frame = np.random.default_rng(0).integers(0, 256, (1, size_px, size_px, 3), dtype=np.uint8)
    with tempfile.TemporaryDirectory() as draft:
        whole = Path(draft) / "whole.onnx"
        export_trunk(split(MobileNetV2(), 0)[0], size_px, whole)
        sessions = {"whole": open_session(whole), name: open_session(folder / ENCODER_FILE)}
    calls = {each: partial(session.run, None, {"frames": frame}) for each, session in sessions.items()}
    blocks = [interleave(calls, ROUNDS) for _ in range(BLOCKS)]
    ratios = [block["whole"].median_ms / block[name].median_ms for block in blocks]
    for each in calls:
        print(f"{each}: {np.median([block[each].median_ms for block in blocks]):.2f} ms")
    print(f"{np.median(ratios):.2f} times as fast ({min(ratios):.2f} to {max(ratios):.2f} in {BLOCKS} blocks)")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:2])
    except HarError as error:
        sys.exit(f"encoder_times: {error}")
