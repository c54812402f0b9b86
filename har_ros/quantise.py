"""`har quantise`: a model in 8-bit integers, which runs about twice as fast."""

from __future__ import annotations

import argparse
from pathlib import Path

from har_ros.core.errors import HarError
from har_ros.core.model_card import load_card
from har_ros.core.resources import find_model
from har_ros.dataset.frames import spread_frames
from har_ros.inference.model import HarModel

_EXAMPLE = """example:
  har quantise paper --calibrate Dataset --out models/paper-int8
  har evaluate TestSet --model models/paper-int8      what it costs in accuracy
Calibrate on pictures such as the camera will show, never on those of the test.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's options."""
    parser.epilog = _EXAMPLE
    parser.add_argument("model", help="a model's name or folder")
    parser.add_argument("--calibrate", type=Path, required=True, metavar="DATASET", help="captures to calibrate on")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the new model's folder")
    parser.add_argument("--frames", type=int, default=120, metavar="N", help="frames to calibrate on (default 120)")


def run(args: argparse.Namespace) -> int:
    """Quantise the model that the options name. Raises HarError."""
    from har_ros.inference.quantise import quantise_model  # it takes onnx, and --help does without

    if not 1 <= args.frames <= 10_000:
        raise HarError(f"--frames is {args.frames}; give a number from 1 to 10000")
    source = find_model(args.model)
    frames = spread_frames(args.calibrate, args.frames, load_card(source).frame_size_px)
    try:
        quantise_model(source, args.out, frames, str(args.calibrate.resolve().name))
    except OSError as error:
        raise HarError(f"'{args.out}' can't be written ({error.strerror or error}); give another folder") from None
    card = HarModel(args.out).card
    difference = card.metrics["quantising"]["feature_difference"]
    print(f"{args.out}: int8, features within {difference:.1%} of {source.name}'s; now score it with har evaluate")
    return 0
