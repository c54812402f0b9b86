"""Parameters, lifecycle, diagnostics and ends, shown on the camera node, the simplest one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2, or the extra ros-jazzy")

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.srv import DescribeParameters
from ros_helpers import RosTest

OK, WARN, ERROR, STALE = 0, 1, 2, 3


@pytest.fixture
def pictures(tmp_path: Path) -> str:
    """A folder of five pictures, as a camera source."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(5):
        cv2.imwrite(str(folder / f"frame_{index}.png"), np.full((24, 32, 3), 10 * index, np.uint8))
    return str(folder)


WRONG = (
    (["sorce:=0"], "there is no parameter 'sorce' to set; did you mean 'source'?"),
    (["rate_hz:=fast"], "parameter 'rate_hz' takes a number, not 'fast'"),
    (["rate_hz:=900.0"], "parameter 'rate_hz' is 900.0; give 0 to 240 Hz"),
    (["width:=1.5"], "parameter 'width' takes a whole number, not '1.5'"),
    (["loop:=1"], "parameter 'loop' takes true or false, not '1'"),
    (["width:=640"], "parameters 'width' and 'height' go together"),
    (["--params-file", "missing.yaml"], "Couldn't parse params file"),
)


def test_wrong_parameters_end_the_node_with_one_sentence(ros: RosTest, pictures: str) -> None:
    nodes = [ros.start("camera", f"source:={pictures}", *options) for options, _ in WRONG]
    for node, (_, sentence) in zip(nodes, WRONG):
        assert node.wait() == 1
        assert len(node.said("camera")) == 1
        assert sentence in node.said("camera")[0]
        assert "Traceback" not in node.output


@pytest.mark.parametrize("word", ["source:=/nope", "--bogus", "0"])
def test_words_that_ros_would_pass_over_are_refused(ros: RosTest, word: str) -> None:
    node = ros.run(["-m", "har_ros.nodes.camera", word, "--ros-args", "-p", "rate_hz:=5.0"])
    assert node.wait() == 1
    assert node.said("camera") == [
        f"camera: '{word}' means nothing here; parameters are given as --ros-args -p name:=value"
    ]


def test_a_parameter_file_is_read_and_its_unknown_key_named(ros: RosTest, tmp_path: Path, pictures: str) -> None:
    good = tmp_path / "good.yaml"
    good.write_text(f"/**/camera:\n  ros__parameters: {{source: {pictures}, rate_hz: 7}}\n", encoding="utf-8")
    node = ros.start("camera", "--params-file", str(good))
    assert ros.status("har/camera", lambda status: status.level == OK).values["source"] == pictures
    assert ros.get_parameter("/har/camera", "rate_hz") == 7.0
    assert node.end() == 0

    bad = tmp_path / "bad.yaml"
    bad.write_text("/**/camera:\n  ros__parameters: {frame_rate: 7}\n", encoding="utf-8")
    node = ros.start("camera", "--params-file", str(bad))
    assert node.wait() == 1
    assert "there is no parameter 'frame_rate' to set" in node.output


def test_a_section_that_ros_would_pass_over_is_refused(ros: RosTest, tmp_path: Path) -> None:
    file = tmp_path / "root_only.yaml"
    file.write_text("camera:\n  ros__parameters: {rate_hz: 7.0}\n", encoding="utf-8")
    node = ros.start("camera", "--params-file", str(file))
    assert node.wait() == 1
    assert "does not match the node /har/camera; call it '/**/camera:'" in node.output


def test_sections_may_lie_within_namespaces_beside_those_of_other_packages(
    ros: RosTest, tmp_path: Path, pictures: str
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        f"har:\n  camera:\n    ros__parameters: {{jpeg_quality: 50, source: {pictures}}}\n"
        "  lidar:\n    ros__parameters: {range_m: 9.0}\n"
    )
    ros.start("camera", "--params-file", str(file))
    assert ros.get_parameter("/har/camera", "jpeg_quality") == 50


def test_ranges_of_numbers_reach_whoever_asks(ros: RosTest, pictures: str) -> None:
    ros.start("camera", f"source:={pictures}")
    request = DescribeParameters.Request(names=["rate_hz", "width"])
    rate, width = ros.call(DescribeParameters, "/har/camera/describe_parameters", request).descriptors
    assert (rate.floating_point_range[0].from_value, rate.floating_point_range[0].to_value) == (0.0, 240.0)
    assert (width.integer_range[0].from_value, width.integer_range[0].to_value) == (0, 7680)


def test_ros_own_parameters_pass_and_time_may_stand_still(ros: RosTest, pictures: str) -> None:
    node = ros.start("camera", f"source:={pictures}", "use_sim_time:=true")
    ros.status("har/camera", lambda status: status.level == OK)
    ros.diagnostics.clear()
    ros.status("har/camera", lambda status: status.level == OK and status.stamp_ns == 0)
    assert node.end() == 0


def test_lifecycle_again_and_again_with_diagnostics_in_every_state(ros: RosTest, pictures: str) -> None:
    node = ros.start("camera", f"source:={pictures}", "autostart:=false")
    first = ros.status("har/camera")
    assert (first.level, first.message, first.values["state"]) == (WARN, "unconfigured", "unconfigured")
    for _ in range(3):
        for transition, state, level in (
            ("configure", "inactive", WARN),
            ("activate", "active", None),
            ("deactivate", "inactive", WARN),
            ("cleanup", "unconfigured", WARN),
        ):
            ros.diagnostics.clear()
            assert ros.change_state("/har/camera", transition)
            status = ros.status("har/camera", lambda status, state=state: status.values["state"] == state)
            assert level is None or status.level == level
    assert node.end() == 0
    assert "Traceback" not in node.output


def test_a_failed_configuration_leaves_the_node_to_its_manager(ros: RosTest, pictures: str) -> None:
    node = ros.start("camera", "source:=/no/such/file", "autostart:=false")
    ros.status("har/camera")
    assert not ros.change_state("/har/camera", "configure")
    status = ros.status("har/camera", lambda status: status.level == ERROR)
    assert "'/no/such/file' is neither there" in status.message
    assert ros.set_parameter("/har/camera", "source", pictures) == (True, "")
    assert ros.change_state("/har/camera", "configure")
    assert ros.change_state("/har/camera", "activate")
    assert node.end(signal.SIGTERM) == 0


def test_a_transition_that_the_state_lacks_is_answered_with_no(ros: RosTest, pictures: str) -> None:
    node = ros.start("camera", f"source:={pictures}")
    ros.status("har/camera", lambda status: status.values["state"] == "active")
    request = ChangeState.Request()
    request.transition.id = Transition.TRANSITION_CONFIGURE
    assert not ros.call(ChangeState, "/har/camera/change_state", request).success
    ros.diagnostics.clear()
    ros.status("har/camera", lambda status: status.values["state"] == "active")
    assert node.end() == 0


def test_changes_at_run_time_are_judged(ros: RosTest, pictures: str) -> None:
    ros.start("camera", f"source:={pictures}")
    ros.status("har/camera", lambda status: status.values["state"] == "active")
    assert ros.set_parameter("/har/camera", "jpeg_quality", 50) == (True, "")
    assert not ros.set_parameter("/har/camera", "jpeg_quality", 500)[0]
    taken, reason = ros.set_parameter("/har/camera", "rate_hz", 10.0)
    assert not taken
    assert reason == "parameter 'rate_hz' can change only while the node is unconfigured"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_end_the_node_cleanly_in_any_state(ros: RosTest, pictures: str, number: signal.Signals) -> None:
    active = ros.start("camera", f"source:={pictures}")
    waiting = ros.start("camera", "autostart:=false", namespace="/other")
    ros.status("har/camera", lambda status: status.values["state"] == "active")
    ros.status("other/camera")
    assert (active.end(number), waiting.end(number)) == (0, 0)
    assert "Traceback" not in active.output + waiting.output


def test_the_echo_of_a_signal_does_not_cut_the_end_short(ros: RosTest, pictures: str) -> None:
    node = ros.start("camera", f"source:={pictures}")
    ros.status("har/camera", lambda status: status.values["state"] == "active")
    pid = node.pid
    os.kill(pid, signal.SIGINT)
    os.kill(pid, signal.SIGINT)
    os.kill(pid, signal.SIGTERM)
    assert node.wait() == 0


def test_an_unwritable_log_folder_is_named(ros: RosTest) -> None:
    ros.environment["ROS_LOG_DIR"] = "/proc/nowhere"
    node = ros.start("camera")
    assert node.wait() == 1
    assert node.output.startswith("camera: can't write logs to '/proc/nowhere'; set ROS_LOG_DIR to a folder")
    assert node.output.count("\n") == 1


def test_every_default_has_its_parameter_and_every_parameter_its_default() -> None:
    from har_ros.core.resources import find_resource
    from har_ros.nodes.camera import CameraNode
    from har_ros.nodes.fusion import FusionNode
    from har_ros.nodes.imu_bridge import ImuBridgeNode
    from har_ros.nodes.parameters import AUTOSTART, load_defaults, read_sections, resolve
    from har_ros.nodes.recorder import RecorderNode

    sections = read_sections(find_resource("config/har.yaml"))
    for node in (CameraNode, ImuBridgeNode, FusionNode, RecorderNode):
        table = (AUTOSTART, *node.PARAMETERS)
        defaults = load_defaults(node.NAME)
        resolve(node.NAME, table, defaults, {})
        assert set(defaults) == {parameter.name for parameter in table if not parameter.output}
        assert all(parameter.description for parameter in table)
        assert f"/**/{node.NAME}" in sections


def test_ctrl_c_during_the_imports_ends_without_a_word(tmp_path: Path) -> None:
    (tmp_path / "diagnostic_msgs.py").write_text("import time\nprint('importing', flush=True)\ntime.sleep(60)\n")
    script = "import sys; sys.argv[0] = '/bin/imu_bridge'\nfrom har_ros.nodes.start import main; main()"
    words = [sys.executable, "-c", script]
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[1]}"}
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "importing\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (-signal.SIGINT, "")
