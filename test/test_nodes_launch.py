"""Starting and ending the whole: the table of arguments, `har up`, and the launch file where launch is installed."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2, or the extra ros-jazzy")
pytest.importorskip("onnx", reason="needs onnx to write a model")
import cv2
import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from fusion_rig import is_status
from process_helpers import alive, children_of
from ros_helpers import SHARED_MEMORY, NodeProcess, RosTest
from tiny_model import write_tiny_model

from har_ros.core.errors import HarError
from har_ros.core.resources import find_resource
from har_ros.graph import ARGUMENTS, NODES, commands, make_plan, make_plans
from har_ros.nodes.parameters import read_sections

STALE = b"\x03"
PATIENCE_S = 20.0


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    """Return launch arguments for camera and fusion without hardware."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for index in range(2):
        cv2.imwrite(str(pictures / f"{index}.jpg"), np.full((48, 64, 3), 100 * index, np.uint8))
    model = write_tiny_model(tmp_path / "model")
    return ["imu:=false", f"source:={pictures}", f"model:={model}", "namespace:=cell"]


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition that no message tells of."""
    until_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until_s, what
        time.sleep(0.05)


def both_nodes_up(ros: RosTest, starter: NodeProcess, processes: int = 2) -> list[int]:
    """Wait until camera and fusion run, the fusion node without an accelerometer; return the ids of their processes."""
    ros.status("cell/camera", lambda status: status.message.startswith("running"))
    results = ros.listen(DiagnosticArray, "/cell/activity")
    results.wait_for(is_status(STALE, "no accelerometer sample"))
    children = children_of(starter.pid)
    assert len(children) == processes
    return children


def test_every_argument_sets_a_parameter_that_exists() -> None:
    sections = read_sections(find_resource("config/har.yaml"))
    for argument in ARGUMENTS:
        assert argument.help and argument.name.isidentifier()
        for target in argument.sets:
            node, parameter = target.split(".")
            assert node in NODES and parameter in sections[f"/**/{node}"]


def test_a_plan_sets_what_was_asked_for_and_nothing_else() -> None:
    plan = make_plan({"source": "7", "imu_port": "6000", "record": "true", "label": "WALK", "model": ""})
    assert {node.name: node.parameters for node in plan.nodes} == {
        "camera": {"source": "7"},
        "imu_bridge": {"port": 6000},
        "fusion": {},
        "recorder": {"label": "WALK"},
    }
    assert (plan.namespace, plan.params_file, plan.fake_imu) == ("har", "", None)
    without_camera = make_plan({"camera": "false", "use_sim_time": "true"})
    assert {node.name: node.parameters for node in without_camera.nodes} == {
        "imu_bridge": {"use_sim_time": True},
        "fusion": {"use_sim_time": True},
    }


def test_a_simulated_camera_and_esp32_show_one_person() -> None:
    plan = make_plan({"simulation": "true", "scenario": "all_six", "seed": "4"})
    camera, imu_bridge, _ = plan.nodes
    assert plan.fake_imu is not None
    options = dict(zip(plan.fake_imu[::2], plan.fake_imu[1::2]))
    assert camera.parameters == {
        "source": "simulator",
        "simulation_scenario": options["--scenario"],
        "simulation_seed": int(options["--seed"]),
        "simulation_start_ns": int(options["--start-ns"]),
    }
    assert imu_bridge.parameters == {
        "mode": "tcp_listen",
        "host": options["--host"],
        "port": int(options["--port"]),
        **dict.fromkeys(("token", "tls_cert", "tls_key", "tls_ca"), ""),  # whatever a parameter file says
    }


def test_a_simulated_person_without_a_bridge_wears_no_esp32() -> None:
    plan = make_plan({"simulation": "true", "imu": "false"})
    assert [node.name for node in plan.nodes] == ["camera", "fusion"]
    assert plan.fake_imu is None


@pytest.mark.parametrize(
    ("idle", "switches", "needed"),
    [
        ("source", {"simulation": "true"}, "simulation:=false"),
        ("source", {"camera": "false"}, "camera:=true"),
        ("imu_mode", {"simulation": "true"}, "simulation:=false"),
        ("imu_host", {"simulation": "true"}, "simulation:=false"),
        ("imu_port", {"imu": "false"}, "imu:=true"),
        ("label", {}, "record:=true"),
        ("dataset", {"record": "false"}, "record:=true"),
        ("scenario", {}, "simulation:=true"),
        ("seed", {}, "simulation:=true"),
    ],
)
def test_an_argument_that_would_have_no_effect_is_refused(idle: str, switches: dict[str, str], needed: str) -> None:
    defaults = {argument.name: argument.default for argument in ARGUMENTS}  # which launch gives, too
    make_plan({**defaults, **switches})
    with pytest.raises(HarError, match=f"{idle} has no effect with .*; give {needed}, or leave {idle} out"):
        make_plan({**defaults, **switches, idle: "7"})


def test_several_namespaces_have_their_own_processes_or_share_one() -> None:
    asked = {"namespace": "cell1, /cell2", "imu": "false", "record": "true"}
    apart, together = (commands(*make_plans({**asked, "compose": text})) for text in ("false", "true"))
    nodes = ("camera", "fusion", "recorder")
    assert list(apart) == [f"{cell}/{node}" for cell in ("cell1", "cell2") for node in nodes]
    assert list(together) == ["composed", "cell1/recorder", "cell2/recorder"]
    assert {word for word in together["composed"] if word.startswith("__ns")} == {"__ns:=/cell1", "__ns:=/cell2"}
    assert make_plan({"namespace": "/hall_2/cell1"}).namespace == "hall_2/cell1"


def test_a_simulated_camera_has_its_own_process_since_its_renderer_is_for_one_thread() -> None:
    found = commands(*make_plans({"namespace": "cell1,cell2", "compose": "true", "simulation": "true"}))
    apart = [f"{cell}/{each}" for cell in ("cell1", "cell2") for each in ("camera", "fake_imu")]
    assert list(found) == ["composed", *apart]
    assert "camera" not in found["composed"] and found["composed"].count("fusion") == 2


@pytest.mark.parametrize("name", ["source", "imu_port"])
def test_two_people_get_no_camera_or_sensor_in_common(name: str) -> None:
    with pytest.raises(HarError, match=f"{name} would be the same for cell1 and cell2"):
        make_plans({"namespace": "cell1,cell2", name: "7"})


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("sorce", "0", "no argument 'sorce'"),
        ("namespace", "cell,/cell", "give different names"),
        ("namespace", "cell,", "give different names"),
        ("namespace", "a b", "names of letters, digits and underscores"),
        ("namespace", "cell1,2nd", "begin with no digit"),
        ("namespace", "hall//cell", "hall/cell1"),
        ("namespace", "müller", "give different names"),
        ("imu_port", "many", "whole number"),
        ("record", "maybe", "choose one of true, false"),
    ],
)
def test_wrong_arguments_are_refused(name: str, text: str, sentence: str) -> None:
    with pytest.raises(HarError, match=sentence):
        make_plan({name: text})


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "can't be read"),
        ("/**/fusoin:\n  ros__parameters: {slop_s: 0.03}\n", "did you mean 'fusion'"),
        ("/**/imu:\n  ros__parameters: {port: 6000}\n", "did you mean 'imu_bridge'"),
        ("/**/fusion:\n  slop_s: 0.03\n", "section '/**/fusion' needs 'ros__parameters:'"),
    ],
)
def test_a_parameter_file_that_ros_would_pass_over_is_refused(
    tmp_path: Path, content: str | None, sentence: str
) -> None:
    file = tmp_path / "mine.yaml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(HarError, match=re.escape(sentence)):
        make_plan({"params_file": str(file)})


def test_har_up_tells_of_sections_that_are_for_none_of_its_nodes(ros: RosTest, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("/**/detector: {ros__parameters: {alarm_score: 0.1}}\n/**: {ros__parameters: {autostart: true}}\n")
    starter = har_up(ros, "camera:=false", "imu:=false", f"params_file:={file}")
    ros.status("har/fusion", lambda status: status.values["state"] == "active")
    assert starter.end() == 0
    assert [line for line in starter.output.splitlines() if line.startswith("har: section")] == [
        f"har: section '/**/detector:' of '{file}' is for none of camera, imu_bridge, fusion, recorder"
    ]


def har_up(ros: RosTest, *arguments: str) -> NodeProcess:
    return ros.run(["-m", "har_ros.cli", "up", *arguments])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_har_up_ends_all_its_nodes_on_a_signal(ros: RosTest, arguments: list[str], number: signal.Signals) -> None:
    up = har_up(ros, *arguments)
    children = both_nodes_up(ros, up)
    results = ros.listen(DiagnosticArray, "/cell/activity")
    assert up.end(number) == 0
    assert not any(alive(pid) for pid in children)
    results.wait_for(is_status(STALE, "the node stops"))
    assert "[camera] " in up.output and "Traceback" not in up.output


def test_nodes_end_when_har_up_is_killed(ros: RosTest, arguments: list[str]) -> None:
    up = har_up(ros, *arguments)
    children = both_nodes_up(ros, up)
    up.end(signal.SIGKILL)
    wait_until(lambda: not any(alive(pid) for pid in children), "nodes outlived har up")


def segments_of(pid: int) -> set[Path]:
    """Return the shared memory that a process has open, but for its ports."""
    opened = {file.readlink() for file in Path(f"/proc/{pid}/fd").iterdir()}
    return {path for path in opened if path.parent == SHARED_MEMORY and "port" not in path.name}


def kill_one_node(ros: RosTest, starter: NodeProcess) -> set[Path]:
    """Kill the first node and wait until the starter has both up again; return the shared memory of the killed one."""
    victim = both_nodes_up(ros, starter)[0]
    segments = segments_of(victim) - segments_of(starter.pid)  # launch's nodes inherit what it has open
    assert segments
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: len(set(children_of(starter.pid)) - {victim}) == 2, "no new node")
    ros.diagnostics.clear()
    both_nodes_up(ros, starter)
    return segments


def test_a_killed_node_is_started_again_and_its_shared_memory_freed(ros: RosTest, arguments: list[str]) -> None:
    up = har_up(ros, *arguments)
    segments = kill_one_node(ros, up)
    assert not any(path.exists() for path in segments)
    assert up.end(signal.SIGINT) == 0
    assert "SIGKILL; starting it again" in up.output


def test_a_node_that_refuses_ends_har_up_with_its_sentence_once(ros: RosTest, arguments: list[str]) -> None:
    up = har_up(ros, *arguments, "model:=/no/such/model")
    assert up.wait() == 1
    assert up.output.count("there is no model '/no/such/model'") == 1
    assert "Traceback" not in up.output


def test_a_parameter_file_reaches_the_nodes(ros: RosTest, arguments: list[str], tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("/**/fusion:\n  ros__parameters:\n    slop_s: 0.033\n")
    har_up(ros, *arguments, f"params_file:={file}")
    assert ros.get_parameter("/cell/fusion", "slop_s") == pytest.approx(0.033)


def test_har_up_refuses_what_is_no_argument(ros: RosTest) -> None:
    up = har_up(ros, "simulation")
    assert up.wait() == 1
    assert "write name:=value" in up.output


LAUNCH_IS_HERE = all(importlib.util.find_spec(name) for name in ("launch", "launch_ros"))
LAUNCH_SCRIPT = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource

given = [tuple(word.split(":=", 1)) for word in sys.argv[2:]]
source = PythonLaunchDescriptionSource(sys.argv[1])
service = LaunchService(noninteractive=True)  # else it counts on a terminal to send SIGINT to the nodes
service.include_launch_description(
    LaunchDescription([IncludeLaunchDescription(source, launch_arguments=given)])
)
sys.exit(service.run())
"""


@pytest.fixture
def launch(ros: RosTest, tmp_path: Path) -> Callable[..., NodeProcess]:
    """Return a door to the launch file, with the package's nodes installed where ros2 launch looks for them."""
    if not LAUNCH_IS_HERE:
        pytest.skip("launch and launch_ros are on no package registry: runs on a full ROS 2")
    prefix = tmp_path / "prefix"
    for folder in ("share/ament_index/resource_index/packages", "share/har_ros", "lib/har_ros"):
        (prefix / folder).mkdir(parents=True)
    (prefix / "share/ament_index/resource_index/packages/har_ros").touch()
    for node in NODES:
        script = prefix / "lib/har_ros" / node
        script.write_text(f"#!{sys.executable}\nimport sys\nfrom har_ros.nodes.{node} import main\nsys.exit(main())\n")
        script.chmod(0o755)
    others = os.environ.get("AMENT_PREFIX_PATH", "")
    ros.environment["AMENT_PREFIX_PATH"] = os.pathsep.join(filter(None, (str(prefix), others)))
    path = str(find_resource("launch/har.launch.py"))
    return lambda *arguments: ros.run(["-c", LAUNCH_SCRIPT, path, *arguments])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_launched_nodes_come_up_and_end_with_launch(
    ros: RosTest, launch: Callable[..., NodeProcess], arguments: list[str], number: signal.Signals
) -> None:
    process = launch(*arguments)
    children = both_nodes_up(ros, process)
    process.end(number)
    wait_until(lambda: not any(alive(pid) for pid in children), f"nodes outlived launch's {number.name}")
    assert "Traceback" not in process.output


def test_a_node_that_refuses_ends_the_launch(launch: Callable[..., NodeProcess], arguments: list[str]) -> None:
    process = launch(*arguments, "model:=/no/such/model")
    process.wait()  # launch's own exit code says nothing of its processes
    assert process.output.count("there is no model '/no/such/model'") == 1


def test_launch_starts_a_killed_node_again_and_frees_its_shared_memory(
    ros: RosTest, launch: Callable[..., NodeProcess], arguments: list[str]
) -> None:
    process = launch(*arguments)
    segments = kill_one_node(ros, process)
    assert not any(path.exists() for path in segments)
    process.end(signal.SIGINT)


def test_launch_starts_one_process_for_composed_nodes(
    ros: RosTest, launch: Callable[..., NodeProcess], arguments: list[str]
) -> None:
    process = launch(*arguments, "compose:=true")
    (composed,) = both_nodes_up(ros, process, processes=1)
    os.kill(composed, signal.SIGKILL)
    wait_until(lambda: len(set(children_of(process.pid)) - {composed}) == 1, "no new process")
    ros.diagnostics.clear()
    (composed,) = both_nodes_up(ros, process, processes=1)
    process.end(signal.SIGINT)
    wait_until(lambda: not alive(composed), "composed nodes outlived launch")
    assert "Traceback" not in process.output
