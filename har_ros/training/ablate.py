"""`har ablate`: what a dataset's activities can be told from."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from rich.console import Console

from har_ros.dataset.json_file import require_place, write_json
from har_ros.training.options import add_feature_arguments, use_threads
from har_ros.training.profile import load_profile

_EXAMPLE = """examples:
  har ablate Dataset
  har ablate Dataset --empty DatasetWithoutPeople --json ablation.json
A dataset without people has the same captures by name, each with the same room and camera and nobody in it.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's options."""
    parser.epilog = _EXAMPLE
    add_feature_arguments(parser)
    parser.add_argument(
        "--profile", default="paper", metavar="NAME", help="whose picture size, split and seed to use (default paper)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")


def run(args: argparse.Namespace) -> int:
    """Train and score a classifier for each condition. Raises HarError."""
    from har_ros.training.ablation import Sides, ablate, print_ablations  # these take PyTorch, and --help does without
    from har_ros.training.backbone import load_mobilenet, split
    from har_ros.training.data import known, list_training_clips, split_by_subject, without_subject
    from har_ros.training.export import export_trunk
    from har_ros.training.features import PLAIN_VIEWS, FeatureStore

    require_place(args.json)
    use_threads(args.threads)
    profile = load_profile(args.profile)
    clips = known(list_training_clips(args.dataset))
    people = Sides(*split_by_subject(clips, profile.validation_share, profile.seed))
    empty = people.moved(args.dataset, args.empty) if args.empty else None
    size_px = profile.pictures.frame_size_px
    with tempfile.TemporaryDirectory() as scratch:
        trunk = Path(scratch, "trunk.onnx")
        export_trunk(split(load_mobilenet(args.weights), 0)[0], size_px, trunk)
        store = FeatureStore(args.cache, trunk, size_px)
        folders = people.folders + (empty.folders if empty else [])
        store.fill(folders, PLAIN_VIEWS, args.threads, "features")
    report = ablate(people, empty, store, profile.seed)
    console = Console(soft_wrap=True, highlight=False)
    print_ablations(console, report)
    if unnamed := without_subject(clips):
        console.print(f"{unnamed} captures name no subject: people may be on both sides, and the figures flatter")
    if args.json:
        write_json(args.json, {"dataset": str(args.dataset), **report})
    return 0
