"""`har simulate`: datasets, continuous recordings and looks at the simulator itself."""

from __future__ import annotations

import argparse
from pathlib import Path

from har_ros.core.errors import HarError
from har_ros.simulation.generate import Account, Places, simulate_dataset
from har_ros.simulation.order import ANY_MOUNT, Order
from har_ros.simulation.physics import MOUNTS

_EXAMPLE = """examples:
  har simulate --out Dataset --per-class 200 --subjects 60 --seed 1
      six classes of 200 one-second captures. An interrupted run goes on where it stopped when it is started
      again; the same seed gives the same captures, whatever the number of jobs.
      Afterwards: har check Dataset, har train Dataset --out models/mine
  har simulate --out Dataset --per-class 200 --negatives 50
      also 50 captures of each act that looks or feels like an anomaly and is none, such as bending and kneeling
  har simulate --out Dataset --empty DatasetWithoutPeople --per-class 200
      also the same rooms without the people, for: har ablate Dataset --empty DatasetWithoutPeople
  har simulate --out Dataset --per-class 20000 --scheduler tcp://10.0.0.5:8786
      on the workers of a dask cluster, which send their captures here. On each machine of it, with the same
      version of this package: dask worker tcp://10.0.0.5:8786 --nthreads 1 --nworkers 8
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's options."""
    parser.epilog = _EXAMPLE
    dataset = parser.add_argument_group("a dataset")
    dataset.add_argument("--out", type=Path, metavar="DIR", help="the dataset's folder")
    dataset.add_argument("--per-class", type=int, default=0, metavar="N", help="captures of each activity")
    dataset.add_argument("--negatives", type=int, default=0, metavar="N", help="captures of each act that only looks "
                         "or feels like an anomaly, under their true label, which is OTHER for most")  # fmt: skip
    dataset.add_argument("--empty", type=Path, metavar="DIR", help="write the same captures without the people there")
    dataset.add_argument("--subjects", type=int, metavar="K", help="different people (default N/4, at least 10)")
    dataset.add_argument(
        "--mount", choices=[*MOUNTS, ANY_MOUNT], default="waist", help="where the sensor is worn (default waist)"
    )
    work = parser.add_argument_group("how it is made")
    work.add_argument("--seed", type=int, default=0, help="another seed gives other people and scenes (default 0)")
    work.add_argument("--jobs", type=int, default=2, metavar="J", help="processes at work here (default 2)")
    work.add_argument("--scheduler", metavar="ADDRESS", help="use the workers of this dask scheduler, not --jobs")
    work.add_argument("--width", type=int, default=320, help="width of the frames in pixels (default 320)")
    work.add_argument("--height", type=int, default=240, help="height of the frames in pixels (default 240)")


def run(args: argparse.Namespace) -> int:
    """Do what the options ask for and print what was made. Raises HarError."""
    for name, low, high in _RANGES:
        if not low <= getattr(args, name) <= high:
            option = "--" + name.replace("_", "-")
            raise HarError(f"{option} is {getattr(args, name)}; give a number from {low} to {high}")
    return _dataset(args)


_RANGES = (
    ("per_class", 0, 100_000), ("negatives", 0, 100_000), ("jobs", 1, 256),
    ("width", 64, 1920), ("height", 64, 1080), ("seed", 0, 2**31),
)  # fmt: skip


def _dataset(args: argparse.Namespace) -> int:
    places = Places(args.out, args.empty)
    if not places.folders:
        raise HarError("there is no folder to write to; give --out DIR, or --empty DIR for rooms without people")
    if args.out is not None and args.empty is not None and args.out.resolve() == args.empty.resolve():
        raise HarError(f"--out and --empty are both '{args.out}'; give two folders")
    if not args.per_class + args.negatives:
        raise HarError("nothing is ordered; give --per-class N, --negatives N or both")
    subjects = max(10, args.per_class // 4) if args.subjects is None else args.subjects
    if subjects < 1:
        raise HarError(f"--subjects is {subjects}; give at least 1")
    order = Order(args.seed, subjects, args.width, args.height, args.mount, args.per_class, args.negatives)
    account = Account()
    folders = " and ".join(map(str, places.folders))
    try:
        simulate_dataset(places, order, args.jobs, args.scheduler, account)
    except KeyboardInterrupt:
        print(f"stopped: {account.made} captures made; the same command goes on from there", flush=True)
        return 130
    peak = f", at most {max(account.peak_rss_mb.values()):.0f} MB a worker" if account.peak_rss_mb else ""
    print(f"{folders}: {account.made} captures made, {len(order)} there; {account.rejected} drafts rejected{peak}")
    return 0
