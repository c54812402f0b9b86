"""Options that every command has which computes features: of what, kept where, on how many threads."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from har_ros.core.errors import HarError


def add_feature_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe them."""
    parser.add_argument("dataset", type=Path, help="the dataset's folder, with one folder for each activity")
    parser.add_argument(
        "--empty", type=Path, metavar="DATASET", help="the same captures without people, to see what the rooms tell"
    )
    parser.add_argument("--weights", type=Path, metavar="FILE", help="torchvision's mobilenet_v2-b0353104.pth")
    parser.add_argument(
        "--cache",
        type=Path,
        default=Path("runs/cache"),
        metavar="DIR",
        help="folder of cached features (default runs/cache)",
    )
    parser.add_argument(
        "--threads", type=int, default=os.cpu_count() or 1, metavar="N", help="threads (default all cores)"
    )


def use_threads(count: int) -> None:
    """Let PyTorch use so many threads. Raises HarError for a senseless number."""
    if not 1 <= count <= 1024:
        raise HarError(f"--threads is {count}; give a number from 1 to 1024")
    import torch  # here, for --help does without

    torch.set_num_threads(count)
