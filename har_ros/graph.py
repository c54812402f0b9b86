"""The one table of nodes and launch arguments, which launch/har.launch.py and `har up` both read."""

from __future__ import annotations

import json
import re
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from har_ros.core.errors import HarError
from har_ros.core.parameters import NODES, check_sections
from har_ros.core.resources import user_path

NAMESPACE = "har"
COMPOSABLE = ("camera", "imu_bridge", "fusion")  # the recorder needs an executor of another kind
COMPOSED, FAKE_IMU = "composed", "fake_imu"
LOCAL_HOST = "127.0.0.1"
_ROS_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*")
SIMULATION_LEAD_NS = 3_000_000_000  # the simulated person begins when all processes are up


@dataclass(frozen=True)
class Argument:
    """One launch argument.

    default: empty leaves it to config/har.yaml or to a parameter file.
    sets:    the parameters it sets, as node.parameter.
    choices: the only texts allowed, if any.
    needs:   the switches, and how each must stand for the argument to have an effect.
    """

    name: str
    default: str
    help: str
    sets: tuple[str, ...] = ()
    kind: type = str
    choices: tuple[str, ...] = ()
    needs: Mapping[str, bool] = field(default_factory=dict)

    def read(self, text: str) -> Any:
        """Return the argument's value from its text. Raises HarError."""
        if self.choices and text not in self.choices:
            raise HarError(f"{self.name} is '{text}'; choose one of {', '.join(self.choices)}")
        if self.kind is bool:
            return text == "true"
        try:
            return self.kind(text)
        except ValueError:
            raise HarError(f"{self.name} takes a whole number, not '{text}'") from None


def _switch(name: str, default: bool, text: str) -> Argument:
    return Argument(name, str(default).lower(), text, kind=bool, choices=("true", "false"))


_REAL_CAMERA = {"camera": True, "simulation": False}
_REAL_IMU = {"imu": True, "simulation": False}
ARGUMENTS = (
    Argument("namespace", NAMESPACE, "Namespace of all topics and nodes; several, as cell1,cell2, for as many people"),
    _switch("compose", False, "Run all nodes but recorders and simulated cameras in one process that shares the model"),
    Argument("params_file", "", "YAML file with parameters, in the form of config/har.yaml"),
    _switch("camera", True, "Start the camera node; false when another driver publishes camera/image_raw"),
    _switch("imu", True, "Start the ESP32 bridge; false when another driver publishes imu/data_raw"),
    _switch("record", False, "Start the recorder, which writes captures for training"),
    _switch("simulation", False, "Let a simulated person be camera and ESP32"),
    _switch("use_sim_time", False, "Take the time from /clock; to replay a bag's inputs also camera:=false imu:=false"),
    Argument(
        "source",
        "",
        "Camera: device index or /dev/v4l/by-id/..., stream URL, video file or folder of pictures",
        ("camera.source",),
        needs=_REAL_CAMERA,
    ),
    Argument("imu_mode", "", "ESP32 link: tcp_listen, tcp_connect or udp", ("imu_bridge.mode",), needs=_REAL_IMU),
    Argument(
        "imu_host",
        "",
        "Address to listen on, or of the ESP32 to connect to",
        ("imu_bridge.host",),
        needs=_REAL_IMU,
    ),
    Argument("imu_port", "", "Port of the ESP32 link", ("imu_bridge.port",), kind=int, needs={"imu": True}),
    Argument("model", "", "Model folder, or the name of one that the package ships", ("fusion.model",)),
    Argument(
        "image_transport",
        "",
        "Images that the fusion node takes: raw or compressed",
        ("fusion.image_transport",),
    ),
    Argument("dataset", "", "Folder that the recorder writes to", ("recorder.dataset",), needs={"record": True}),
    Argument("label", "", "Activity that the recorder captures", ("recorder.label",), needs={"record": True}),
    Argument("scenario", "all_six", "What the simulated person does", needs={"simulation": True}),
    Argument("seed", "1", "Seed of the simulated person", kind=int, needs={"simulation": True}),
)
_BY_NAME = {argument.name: argument for argument in ARGUMENTS}


@dataclass(frozen=True)
class NodePlan:
    """One node to start: its executable, and the parameters that the arguments set.

    composed: whether it shares a process with others.
    """

    name: str
    parameters: dict[str, Any] = field(default_factory=dict)
    composed: bool = False

    @property
    def module(self) -> str:
        """The Python module that is the node."""
        return f"har_ros.nodes.{self.name}"


@dataclass(frozen=True)
class Plan:
    """All that is to be started in one namespace.

    fake_imu: options of `har fake-imu` when a simulated ESP32 is wanted, else None.
    """

    namespace: str
    params_file: str
    nodes: tuple[NodePlan, ...]
    fake_imu: tuple[str, ...] | None = None


def make_plans(texts: Mapping[str, str]) -> list[Plan]:
    """Return what to start for launch arguments given as texts, one plan a namespace; a missing one has its default.

    Simulated people have different seeds. Raises HarError for an unknown name, a text that is no such value, or an
    argument that would have no effect.
    """
    values = _values(texts)
    _refuse_idle(texts, values)
    if "params_file" in values:
        path = user_path(values["params_file"])  # a shell leaves the ~ after := alone
        check_sections(path)
        values["params_file"] = str(path)
    namespaces = [name.strip().strip("/") for name in values["namespace"].split(",")]
    if len(set(namespaces)) < len(namespaces) or not all(map(_ROS_NAME.fullmatch, namespaces)):
        raise HarError(
            f"namespace is '{values['namespace']}'; give different names of letters, digits and underscores that begin "
            "with no digit, such as cell1,cell2, or hall/cell1 for nested ones"
        )
    for name in ("source", "imu_port"):
        if len(namespaces) > 1 and name in values:
            raise HarError(f"{name} would be the same for {' and '.join(namespaces)}; set it for each in params_file")
    return [
        _plan({**values, "namespace": name, "seed": values["seed"] + index}) for index, name in enumerate(namespaces)
    ]


def make_plan(texts: Mapping[str, str]) -> Plan:
    """Return the plan of a single namespace; see make_plans."""
    (plan,) = make_plans(texts)
    return plan


def commands(*plans: Plan) -> dict[str, tuple[str, ...]]:
    """Return the command of each process to start by its name: nodes that share one stand under `composed`."""
    found: dict[str, tuple[str, ...]] = {}
    shared: list[str] = []
    for plan in plans:
        prefix = f"{plan.namespace}/" if len(plans) > 1 else ""
        for node in plan.nodes:
            words = _ros_arguments(plan, node)
            if node.composed:
                shared += [node.name, *words, "--"]
            else:
                found[f"{prefix}{node.name}"] = (sys.executable, "-m", node.module, *words)
        if plan.fake_imu is not None:
            found[f"{prefix}{FAKE_IMU}"] = (sys.executable, "-m", "har_ros.cli", "fake-imu", *plan.fake_imu)
    return {COMPOSED: (sys.executable, "-m", "har_ros.nodes.composed", *shared), **found} if shared else found


def _ros_arguments(plan: Plan, node: NodePlan) -> list[str]:
    words = ["--ros-args", "-r", f"__ns:=/{plan.namespace}"]
    if plan.params_file:
        words += ["--params-file", plan.params_file]
    for name, value in node.parameters.items():
        words += ["-p", f"{name}:={json.dumps(value, ensure_ascii=False)}"]  # JSON is YAML that keeps the type
    return words


def _plan(values: Mapping[str, Any]) -> Plan:
    parameters = _parameters(values)
    fake_imu = _simulate(values, parameters) if values["simulation"] else None
    wanted = dict(zip(NODES, (values["camera"], values["imu"], True, values["record"])))
    shared = set(COMPOSABLE) if values["compose"] else set()
    if values["simulation"]:
        shared.discard("camera")  # its renderer is for one thread of a process
    nodes = tuple(NodePlan(name, parameters[name], name in shared) for name in NODES if wanted[name])
    return Plan(values["namespace"], values.get("params_file", ""), nodes, fake_imu if values["imu"] else None)


def _values(texts: Mapping[str, str]) -> dict[str, Any]:
    for name in texts:
        if name not in _BY_NAME:
            raise HarError(f"there is no argument '{name}'; known are {', '.join(_BY_NAME)}")
    given = {argument.name: texts.get(argument.name) or argument.default for argument in ARGUMENTS}
    return {name: _BY_NAME[name].read(text) for name, text in given.items() if text != ""}


def _refuse_idle(texts: Mapping[str, str], values: Mapping[str, Any]) -> None:
    """Refuse an argument that has no effect as the switches stand; launch gives the defaults, too, which may stay."""
    for argument in ARGUMENTS:
        if texts.get(argument.name, "") in ("", argument.default):
            continue
        for switch, state in argument.needs.items():
            if values[switch] != state:
                standing, needed = (f"{switch}:={str(each).lower()}" for each in (values[switch], state))
                raise HarError(
                    f"{argument.name} has no effect with {standing}; give {needed}, or leave {argument.name} out"
                )


def _parameters(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    common = {"use_sim_time": True} if values["use_sim_time"] else {}
    parameters: dict[str, dict[str, Any]] = {node: dict(common) for node in NODES}
    for name, value in values.items():
        for target in _BY_NAME[name].sets:
            node, parameter = target.split(".")
            parameters[node][parameter] = value
    return parameters


def _simulate(values: Mapping[str, Any], parameters: dict[str, dict[str, Any]]) -> tuple[str, ...]:
    """Make camera and ESP32 show one person: same scenario, seed and start. Returns the fake ESP32's options."""
    start_ns = time.time_ns() + SIMULATION_LEAD_NS
    port = values.get("imu_port") or free_port()
    parameters["camera"] |= {
        "source": "simulator",
        "simulation_scenario": values["scenario"],
        "simulation_seed": values["seed"],
        "simulation_start_ns": start_ns,
    }
    # The fake ESP32 speaks plainly to this machine alone, whatever a parameter file asks of the real one.
    plain = dict.fromkeys(("token", "tls_cert", "tls_key", "tls_ca"), "")
    parameters["imu_bridge"] |= {"mode": "tcp_listen", "host": LOCAL_HOST, "port": port, **plain}
    parameters["recorder"]["origin"] = "simulated"
    options = {
        "--scenario": values["scenario"],
        "--seed": values["seed"],
        "--start-ns": start_ns,
        "--host": LOCAL_HOST,
        "--port": port,
    }
    return tuple(str(word) for option in options.items() for word in option)


def free_port() -> int:
    """Return a TCP port of this machine that nobody uses now."""
    with socket.socket() as probe:
        probe.bind((LOCAL_HOST, 0))
        return int(probe.getsockname()[1])
