"""`har simulate`: datasets, continuous recordings and looks at the simulator itself."""

from __future__ import annotations

import argparse
from contextlib import closing, suppress
from pathlib import Path

from rich.progress import track

from har_ros.core.errors import HarError
from har_ros.core.stopping import stop_as_interrupt
from har_ros.core.windows import STEP_RATE_HZ
from har_ros.simulation.generate import Account, Crew, Places, simulate_dataset
from har_ros.simulation.live import SimulatedCamera, SimulatedPerson
from har_ros.simulation.order import ANY_MOUNT, Order
from har_ros.simulation.physics import MOUNTS
from har_ros.simulation.record import FORMS, about, moments
from har_ros.simulation.scenario import shipped_names
from har_ros.simulation.surfaces import FOLDERS, Photos

_EXAMPLE = """examples:
  har simulate --out Dataset --per-class 200 --subjects 60 --seed 1
      six classes of 200 one-second captures. An interrupted run goes on where it stopped when it is started
      again; the same seed gives the same captures, whatever the number of jobs.
      Afterwards: har check Dataset, har train Dataset --out models/mine
  har simulate --out Dataset --per-class 200 --negatives 50
      also 50 captures of each act that looks or feels like an anomaly and is none, such as bending and kneeling
  har simulate --out Dataset --empty DatasetWithoutPeople --per-class 200
      also the same rooms without the people, for: har ablate Dataset --empty DatasetWithoutPeople
  har simulate --stream --out night --scenario night_drive --minutes 10
      a labelled recording as a bag with pictures, readings and ground_truth, for har evaluate and har play;
      with --stream folder as frames/, imu.csv and labels.csv
  har simulate --sheets sheets --report report
      a picture of every act, and what sensors feel of them beside what real people's feel
  har simulate --out Dataset --per-class 20000 --scheduler tcp://10.0.0.5:8786
      on the workers of a dask cluster, which send their captures here. On each machine of it, with the same
      version of this package: dask worker tcp://10.0.0.5:8786 --nthreads 1 --nworkers 8
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's options."""
    parser.epilog = _EXAMPLE
    dataset = parser.add_argument_group("a dataset")
    dataset.add_argument("--out", type=Path, metavar="DIR", help="the dataset's folder")
    dataset.add_argument("--per-class", type=int, metavar="N", help="captures of each activity")
    dataset.add_argument("--negatives", type=int, metavar="N", help="captures of each act that only looks "
                         "or feels like an anomaly, under their true label, which is OTHER for most")  # fmt: skip
    dataset.add_argument("--empty", type=Path, metavar="DIR", help="write the same captures without the people there")
    dataset.add_argument(
        "--subjects", type=int, metavar="K", help="different people (default N/4, at least 10; in a report 10)"
    )
    dataset.add_argument("--mount", choices=[*MOUNTS, ANY_MOUNT], help="where the sensor is worn (default waist)")
    stream = parser.add_argument_group("a continuous recording")
    stream.add_argument(
        "--stream", choices=sorted(FORMS), const="bag", nargs="?",
        help="write one to --out: a bag (the default), or a folder of pictures and tables",
    )  # fmt: skip
    stream.add_argument(
        "--scenario", metavar="NAME",
        help=f"what the person does: a YAML file, or one of {', '.join(shipped_names())} (default all_six)",
    )  # fmt: skip
    stream.add_argument("--minutes", type=float, metavar="M", help="how long (default: the scenario once)")
    stream.add_argument("--rate", type=float, metavar="HZ", help="readings a second: 50, 60 ... 200 (default 100)")
    look = parser.add_argument_group("a look at the simulator")
    look.add_argument("--report", type=Path, metavar="DIR", help="write there what its motions and sensors measure")
    look.add_argument("--sheets", type=Path, metavar="DIR", help="write there a contact sheet of every act")
    work = parser.add_argument_group("how it is made")
    work.add_argument("--surfaces", type=Path, metavar="DIR", help="put your own photographs onto the rooms: in its "
                      f"folders {', '.join(FOLDERS)}")  # fmt: skip
    work.add_argument("--seed", type=int, default=0, help="another seed gives other people and scenes (default 0)")
    work.add_argument("--jobs", type=int, default=2, metavar="J", help="processes at work here (default 2)")
    work.add_argument("--scheduler", metavar="ADDRESS", help="use the workers of this dask scheduler, not --jobs")
    work.add_argument("--width", type=int, default=320, help="width of the frames in pixels (default 320)")
    work.add_argument("--height", type=int, default=240, help="height of the frames in pixels (default 240)")
    parser.set_defaults(**_DEFAULTS)


@stop_as_interrupt()
def run(args: argparse.Namespace) -> int:
    """Do what the options ask for and print what was made. Raises HarError."""
    for name, low, high in _RANGES:
        if not low <= getattr(args, name) <= high:
            option = "--" + name.replace("_", "-")
            raise HarError(f"{option} is {getattr(args, name)}; give a number from {low} to {high}")
    if args.subjects is not None and args.subjects < 1:
        raise HarError(f"--subjects is {args.subjects}; give at least 1")
    if args.sheets or args.report:
        _refuse(args, {*_DEFAULTS} - {"subjects"}, "sheets and reports")
        return _look(args)
    if args.stream:
        _refuse(args, _OF_A_DATASET, "a recording")
        return _record(args)
    _refuse(args, _OF_A_RECORDING, "a dataset")
    return _dataset(args)


_OF_A_DATASET = {"per_class", "negatives", "empty", "subjects", "mount", "scheduler"}
_OF_A_RECORDING = {"scenario", "minutes", "rate"}
_DEFAULTS = {
    **dict.fromkeys(_OF_A_DATASET | _OF_A_RECORDING | {"out", "stream"}),
    "per_class": 0, "negatives": 0, "mount": "waist", "scenario": "all_six", "rate": 100.0,
}  # fmt: skip
_SHORTEST_MIN, _LONGEST_MIN = 0.01, 1440.0
_REPORTED = 10  # people of a report
_RANGES = (
    ("per_class", 0, 100_000), ("negatives", 0, 100_000), ("jobs", 1, 256),
    ("width", 64, 1920), ("height", 64, 1080), ("seed", 0, 2**31),
)  # fmt: skip


def _refuse(args: argparse.Namespace, names: set[str], purpose: str) -> None:
    """Raise HarError where one of these options is given: it would do nothing."""
    given = [name for name in sorted(names) if getattr(args, name) != _DEFAULTS[name]]
    if given:
        options = ", ".join("--" + name.replace("_", "-") for name in given)
        raise HarError(f"{purpose} can't be made with {options}; leave that out")


def _look(args: argparse.Namespace) -> int:
    if args.sheets:
        from har_ros.simulation.sheets import write_sheets

        print(f"{args.sheets}: {len(write_sheets(args.sheets, args.seed, photos=_photos(args)))} sheets")
    if args.report:
        from har_ros.simulation.report import write_report

        write_report(args.report, args.seed, args.subjects or _REPORTED)
    return 0


def _photos(args: argparse.Namespace) -> Photos | None:
    return Photos.load(args.surfaces) if args.surfaces else None


def _record(args: argparse.Namespace) -> int:
    if args.out is None:
        raise HarError("there is no folder for the recording; give a new one with --out DIR")
    if args.minutes is not None and not _SHORTEST_MIN <= args.minutes <= _LONGEST_MIN:
        raise HarError(f"--minutes is {args.minutes:g}; give a number from {_SHORTEST_MIN:g} to {_LONGEST_MIN:g}")
    person = SimulatedPerson(args.scenario, args.seed, args.rate)
    seconds = person.duration_s if args.minutes is None else 60 * args.minutes
    if not person.scenario.repeat:
        seconds = min(seconds, person.duration_s)
    camera = SimulatedCamera(person, args.width, args.height, _photos(args))
    count, shown = round(seconds * STEP_RATE_HZ), 0
    with suppress(KeyboardInterrupt), closing(FORMS[args.stream](args.out, about(person))) as recording:
        for moment in track(moments(person, camera, count), "recording", total=count):
            recording.add(moment)
            shown += 1
    stopped = "" if shown == count else "stopped: "
    print(f"{stopped}{args.out}: {shown / STEP_RATE_HZ / 60:.1f} minutes of {person.scenario.name}, with its truth")
    return 130 if stopped else 0


def _dataset(args: argparse.Namespace) -> int:
    places = Places(args.out, args.empty)
    if not places.folders:
        raise HarError("there is no folder to write to; give --out DIR, or --empty DIR for rooms without people")
    if args.out is not None and args.empty is not None and args.out.resolve() == args.empty.resolve():
        raise HarError(f"--out and --empty are both '{args.out}'; give two folders")
    if not args.per_class + args.negatives:
        raise HarError("nothing is ordered; give --per-class N, --negatives N or both")
    subjects = max(10, args.per_class // 4) if args.subjects is None else args.subjects
    photos = _photos(args)
    order = Order(
        args.seed, subjects, args.width, args.height, args.mount, args.per_class, args.negatives,
        photos.digest if photos else "",
    )  # fmt: skip
    account = Account()
    folders = " and ".join(map(str, places.folders))
    try:
        simulate_dataset(places, order, Crew(args.jobs, args.scheduler, photos), account)
    except KeyboardInterrupt:
        print(f"stopped: {account.made} captures made; the same command goes on from there", flush=True)
        return 130
    peak = f", at most {max(account.peak_rss_mb.values()):.0f} MB a worker" if account.peak_rss_mb else ""
    print(f"{folders}: {account.made} captures made, {len(order)} there; {account.rejected} drafts rejected{peak}")
    return 0
