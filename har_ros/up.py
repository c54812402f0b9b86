"""`har up`: starts the nodes without ros2 launch, from the same table and with the same arguments."""

from __future__ import annotations

import argparse
from pathlib import Path

from har_ros.core.errors import HarError
from har_ros.core.parameters import NODES, check_sections
from har_ros.core.stopping import stop_event
from har_ros.graph import ARGUMENTS, commands, make_plans
from har_ros.processes import NodeProcesses

_LOOK_S = 0.1
_EPILOG = """examples:
  har up                                     camera 0, ESP32 on TCP port 5005
  har up source:=walk.mp4 imu_port:=6000     a video file, another port
  har up simulation:=true                    no hardware at all
  har up params_file:=mine.yaml              parameters as in config/har.yaml
  har up --compose namespace:=cell1,cell2 params_file:=cells.yaml
                                             two people, one process, one model

The same arguments go to: ros2 launch har_ros har.launch.py
Ctrl-C ends all nodes."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line."""
    width = max(len(argument.name) for argument in ARGUMENTS)
    lines = [
        f"  {argument.name:{width}}  {argument.help}" + (f" ({argument.default})" if argument.default else "")
        for argument in ARGUMENTS
    ]
    parser.description = "Start the nodes as processes.\n\narguments, each as name:=value:\n" + "\n".join(lines)
    parser.epilog = _EPILOG
    parser.add_argument("--compose", action="store_true", help="the same as compose:=true")
    parser.add_argument("arguments", nargs="*", metavar="NAME:=VALUE", help="see above")


def run(args: argparse.Namespace) -> int:
    """Run the nodes until a signal, or the end of one of them; return the exit code."""
    texts = dict(_split(text) for text in args.arguments)
    plans = make_plans({**texts, "compose": "true"} if args.compose else texts)
    for section in check_sections(Path(plans[0].params_file)) if plans[0].params_file else ():
        print(f"har: section '{section}:' of '{plans[0].params_file}' is for none of {', '.join(NODES)}", flush=True)
    with stop_event() as ending, NodeProcesses(commands(*plans), _print_line) as processes:
        while processes.watch() and not ending.wait(_LOOK_S):
            pass
    return processes.exit_code or 0


def _split(text: str) -> tuple[str, str]:
    name, separator, value = text.partition(":=")
    if not separator:
        raise HarError(f"'{text}' is no argument; write name:=value, such as source:=0")
    return name, value


def _print_line(name: str, line: str) -> None:
    print(f"[{name}] {line}", flush=True)
