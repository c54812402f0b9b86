"""`har capture`: ask a running recorder for captures, for where there is no `ros2 service call`."""

from __future__ import annotations

import argparse
import threading
import time
from typing import Any

import rclpy
from rcl_interfaces.srv import SetParameters
from rclpy.client import Client
from rclpy.exceptions import InvalidServiceNameException
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_srvs.srv import Trigger

from har_ros.core.errors import HarError
from har_ros.nodes.bag_common import participant

_FIND_S = 10.0  # until a recorder must be found
_EXAMPLE = """examples:
  har capture WALK --subject P01 --count 20
  har capture OTHER --subject P01 --session kneeling
The recorder must run, as by `har up record:=true params_file:=me.yaml`, and be allowed to by its parameter consent.
Each capture is one second, begins at once and is named when it is on the disk. Ctrl-C ends after a whole one.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's options."""
    parser.epilog = _EXAMPLE
    parser.add_argument("label", help="the activity, such as WALK, or OTHER")
    parser.add_argument("--subject", metavar="NAME", help="who, by a pseudonym such as P07 (default: as last time)")
    parser.add_argument("--session", metavar="NAME", help="which session of that person (default: as last time)")
    parser.add_argument("--count", type=int, default=1, metavar="N", help="how many captures (default 1)")
    parser.add_argument("--namespace", default="/har", metavar="NS", help="whose recorder (default /har)")


def run(args: argparse.Namespace) -> int:
    """Set what the captures are of, then make them, one after the other. Raises HarError."""
    if args.count < 1:
        raise HarError(f"--count is {args.count}; give 1 or more")
    given = {"label": args.label, "subject": args.subject, "session": args.session}
    changes = [Parameter(name, value=text) for name, text in given.items() if text is not None]
    recorder = f"/{args.namespace.strip('/')}/recorder"
    with participant("har_capture") as (node, stopping):
        request = SetParameters.Request(parameters=[change.to_parameter_msg() for change in changes])
        for result in _call(node, _find(node, stopping, SetParameters, f"{recorder}/set_parameters"), request).results:
            if not result.successful:
                raise HarError(f"the recorder refuses: {result.reason}")
        capture = _find(node, stopping, Trigger, f"{recorder}/capture")
        for _ in range(args.count):
            answer = _call(node, capture, Trigger.Request())
            if not answer.success:
                raise HarError(answer.message)
            print(answer.message, flush=True)
            if stopping.is_set():
                raise KeyboardInterrupt
    return 0


def _find(node: Node, stopping: threading.Event, kind: Any, name: str) -> Client:
    """Return a client of a service that is there. Raises HarError, or KeyboardInterrupt after a stop signal."""
    try:
        client = node.create_client(kind, name)
    except InvalidServiceNameException:
        raise HarError(f"'{name}' is no service's name; correct --namespace") from None
    until_s = time.monotonic() + _FIND_S
    while not client.wait_for_service(0.1):
        if stopping.is_set():
            raise KeyboardInterrupt
        if time.monotonic() > until_s:
            raise HarError(f"no service '{name}'; start the recorder, as by har up record:=true, or give --namespace")
    return client


def _call(node: Node, client: Client, request: Any) -> Any:
    """Return a service's answer, however long a capture takes. Raises HarError where the service has gone."""
    answer = client.call_async(request)
    while not answer.done():
        rclpy.spin_once(node, timeout_sec=0.1)
        if not client.service_is_ready():
            raise HarError(f"'{client.srv_name}' has gone without an answer; look at what the recorder said")
    return answer.result()
