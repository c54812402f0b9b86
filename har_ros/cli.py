"""The `har` command: one table of subcommands, each imported only when it is used."""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import sys
from collections.abc import Sequence

from har_ros import __version__
from har_ros.core.errors import HarError
from har_ros.core.tether import follow_parent

# name -> (module with add_arguments(parser) and run(args) -> int, one line of help)
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("har_ros.demo", "run the whole system on a simulated person, or on your own video and recording"),
    "up": ("har_ros.up", "start the ROS nodes without ros2 launch"),
    "fake-imu": ("har_ros.fake_imu", "play a recording, a simulated person or a sine as an ESP32 would send it"),
    "simulate": ("har_ros.simulation.command", "write a dataset or a recording of simulated people"),
    "capture": ("har_ros.nodes.capture", "record labelled captures with a running recorder, as for training"),
    "check": ("har_ros.dataset.check", "look for gaps, imbalance and broken captures in a dataset"),
    "train": ("har_ros.training.train", "train a model on a dataset"),
    "ablate": ("har_ros.training.ablate", "see what a dataset's activities can be told from, such as one frame"),
    "quantise": ("har_ros.quantise", "make an int8 version of a model, which runs about twice as fast"),
    "predict": ("har_ros.evaluation.predict", "say what one recorded capture shows"),
    "evaluate": ("har_ros.evaluation.evaluate", "score a model on a dataset or on a recorded bag"),
    "stress": ("har_ros.evaluation.stress", "score a model in bad light, with another sensor, or without one"),
    "clips": ("har_ros.clips", "see what a model says of your own videos and accelerometer recordings"),
    "bench": ("har_ros.bench", "measure the model and the ROS graph on this machine"),
    "record": ("har_ros.nodes.bag_record", "record the topics into a bag"),
    "recover": ("har_ros.dataset.bag_recover", "complete a bag whose recording was killed or cut off"),
    "play": ("har_ros.nodes.bag_play", "play a bag back onto the topics"),
}

# Which extra of the package brings the module that a failed import names.
EXTRAS: dict[str, str] = {
    "rclpy": "ros-jazzy",
    "mujoco": "sim",
    "panda3d": "sim",
    "dask": "sim",
    "distributed": "sim",
    "torch": "train",
    "torch_pruning": "train",
    "onnx": "quantise",
    "rosbags": "evaluate",
    "sklearn": "evaluate",
    "scipy": "evaluate",
    "matplotlib": "evaluate",
}

_OF_DISKS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG, errno.EMFILE)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand and return its exit code: 0, 1 for a refusal, 2 for wrong usage, 130 for Ctrl-C."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    follow_parent()
    try:
        return _run(arguments)
    except HarError as error:
        print(f"har: {error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").split(".")[0])
        if extra is None:
            raise
        command = "make setup-train" if extra == "train" else f"{sys.executable} -m pip install -e '.[{extra}]'"
        print(f"har: this needs '{error.name}'; in your clone of har_ros, run: {command}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # whatever a command asks of a disk or a path may be denied
        if error.filename is None and error.errno not in _OF_DISKS:
            raise
        place = f"'{error.filename}'" if error.filename else "a file"
        print(f"har: can't use {place} ({error.strerror or error}); check its path, rights and room", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _run(arguments: Sequence[str]) -> int:
    chosen = arguments[0] if arguments and arguments[0] in COMMANDS else None
    parser = argparse.ArgumentParser(
        prog="har",
        description="Human activity recognition and anomaly detection from a camera and a body-worn accelerometer.",
        epilog="Begin with `har demo`; `har COMMAND --help` explains each command with an example.",
    )
    parser.add_argument("--version", action="version", version=f"har_ros {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (module_name, summary) in COMMANDS.items():
        command = commands.add_parser(
            name, help=summary, description=summary, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        if name == chosen:
            module = importlib.import_module(module_name)
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    options, strange = parser.parse_known_args(arguments)
    if strange:
        commands.choices[options.command].error(f"unrecognized arguments: {' '.join(strange)}")
    return int(options.run(options))


if __name__ == "__main__":
    sys.exit(main())
