"""The fusion node over real DDS: what it says, when it says STALE, and what does not bring it down."""

from __future__ import annotations

import itertools
import math
import re
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS 2, or the extra ros-jazzy")
pytest.importorskip("onnx", reason="needs onnx to write a model")
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from fusion_rig import LATCHED, NAMESPACE, FusionRig, values
from rclpy.qos import DurabilityPolicy, LivelinessPolicy, ReliabilityPolicy
from ros_helpers import RosTest, Status, own_domain, stamp_ns
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage
from std_srvs.srv import Trigger
from tiny_model import write_tiny_model

from har_ros.core.labels import LABELS
from har_ros.core.model_card import NOVELTIES

OK, ERROR, STALE = DiagnosticStatus.OK, DiagnosticStatus.ERROR, DiagnosticStatus.STALE
OK_NUMBER, WARN_NUMBER, ERROR_NUMBER = 0, 1, 2  # as Status has it
TIMEOUT_S = 0.5
LOAD_SLACK_S = 0.2  # a busy machine wakes the node's timer late
NODE = "cell/fusion"
KEYS = [
    *(f"p.{label}" for label in LABELS),
    *("window_start_ns", "window_end_ns", "steps", "max_gap_ms", "max_sync_offset_ms"),
    *("latency_ms", "modalities", "model_sha256", "reason"),
]


CASES = ("camera+imu", "camera", "imu")
EVENTS = {"activity": [], "anomaly": ["fall_state", "drowsiness", *NOVELTIES]}


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FusionRig]:
    """One fusion node for all tests that leave it as they found it."""
    folder = tmp_path_factory.mktemp("fusion")
    model = write_tiny_model(folder / "model", favour="WALK")
    with pytest.MonkeyPatch.context() as patch, own_domain() as domain:
        patch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
        patch.setenv("ROS_LOG_DIR", str(folder / "log"))
        ros = RosTest(domain, folder / "log")
        try:
            with FusionRig(ros, model) as started:
                yield started
        finally:
            ros.close()


@pytest.fixture
def running(rig: FusionRig) -> FusionRig:
    """Give the shared node in its ordinary state: all data good and a fresh OK."""
    rig.sensors.reset()
    rig.until(OK)
    return rig


def test_results_carry_the_newest_images_stamp_and_fixed_keys(running: FusionRig) -> None:
    for topic, number, message in (("activity", "confidence", "WALK"), ("anomaly", "score", "normal")):
        array = running.until(OK, topic)
        status, found = array.status[0], values(array)
        assert (status.message, status.hardware_id, len(array.status)) == (message, NAMESPACE, 1)
        assert [pair.key for pair in status.values] == ["schema", number, *KEYS, *EVENTS[topic]]
        assert found["schema"] == f"har.{topic}/1"
        assert math.isclose(sum(float(found[f"p.{label}"]) for label in LABELS), 1, abs_tol=1e-3)
        assert found["steps"] == "30" and 0 < float(found["latency_ms"]) < 1000 * TIMEOUT_S
        assert int(found["window_start_ns"]) < int(found["window_end_ns"]) == stamp_ns(array.header)
        assert found["modalities"] == "camera,imu" and found["reason"] == ""
        assert stamp_ns(array.header) in running.sensors.image_stamps
        assert array.header.frame_id == "camera_optical_frame"


def test_mirrors_follow_the_results(running: FusionRig) -> None:
    running.heard["activity/label"].wait_for(lambda label: label.data == "WALK")
    running.heard["anomaly/score"].wait_for(lambda score: 0 <= score.data < 0.1)
    assert not running.heard["anomaly/active"].wait()[-1].data


def test_model_info_reaches_who_comes_late(running: FusionRig) -> None:
    found = values(running.model_info.wait()[0])
    assert list(found)[:3] == ["schema", "name", "sha256"]
    assert found["labels"] == ",".join(LABELS)
    assert found["sha256"] == values(running.until(OK))["model_sha256"]


@pytest.mark.parametrize("topic", ["activity", "anomaly"])
def test_results_offer_what_a_watchdog_needs_and_are_never_latched(running: FusionRig, topic: str) -> None:
    offered = running.ros.offered(f"{NAMESPACE}/{topic}")
    assert offered.reliability == ReliabilityPolicy.RELIABLE
    assert offered.durability == DurabilityPolicy.VOLATILE
    assert offered.liveliness == LivelinessPolicy.AUTOMATIC
    period_ns = 100_000_000
    assert period_ns < offered.deadline.nanoseconds <= 3 * period_ns
    assert period_ns < offered.liveliness_lease_duration.nanoseconds <= 3 * period_ns
    late = running.ros.listen(DiagnosticArray, f"{NAMESPACE}/{topic}", LATCHED)
    running.heard[topic].clear()
    running.heard[topic].wait(20)
    assert late.all() == []


@pytest.mark.parametrize(("sensor", "named"), [("camera_on", "camera image"), ("imu_on", "accelerometer sample")])
def test_a_silent_input_makes_stale_in_time_and_its_return_ok(running: FusionRig, sensor: str, named: str) -> None:
    running.heard["anomaly"].clear()
    setattr(running.sensors, sensor, False)
    first = running.until(STALE, reason=named)
    last_ns = running.sensors.last_image_ns if sensor == "camera_on" else running.sensors.last_imu_ns
    assert stamp_ns(first.header) - last_ns < (TIMEOUT_S + LOAD_SLACK_S) * 1e9
    for topic, number in (("activity", "confidence"), ("anomaly", "score")):
        array = running.until(STALE, topic, named)
        assert array.status[0].message == "stale"
        assert [pair.key for pair in array.status[0].values] == ["schema", number, *KEYS, *EVENTS[topic]]
        assert values(array)[number] == "nan"
        assert abs(stamp_ns(array.header) - time.time_ns()) < 1e9  # the time of the verdict
    running.heard["anomaly/score"].wait_for(lambda score: math.isnan(score.data))
    running.heard["activity/label"].wait_for(lambda label: label.data == "")
    setattr(running.sensors, sensor, True)
    running.until(OK)


def test_nan_from_the_model_is_an_error_that_names_it(running: FusionRig) -> None:
    running.sensors.picture = np.full((48, 64, 3), 255, np.uint8)
    for topic in ("activity", "anomaly"):
        array = running.until(ERROR, topic, reason="tiny")
        assert array.status[0].message == "error"
    assert not running.heard["anomaly/active"].wait()[-1].data


def test_a_broken_image_is_an_error_and_the_node_lives(running: FusionRig) -> None:
    running.sensors.broken = True
    running.until(ERROR, reason="broken image")
    running.sensors.broken = False
    running.until(OK)


def test_annotated_pictures_come_while_somebody_watches(running: FusionRig) -> None:
    pictures = running.ros.listen(CompressedImage, f"{NAMESPACE}/annotated/compressed")
    picture = pictures.wait_for(lambda picture: picture.header.frame_id != "")  # not one of a moment without verdict
    assert bytes(picture.data[:2]) == b"\xff\xd8"
    assert stamp_ns(picture.header) in running.sensors.image_stamps
    running.sensors.camera_on = False
    running.until(STALE)
    pictures.clear()
    blank = pictures.wait_for(lambda picture: picture.header.frame_id == "")
    assert stamp_ns(blank.header) not in running.sensors.image_stamps, "the last verdict must not stand still"
    assert cv2.imdecode(np.frombuffer(blank.data, np.uint8), cv2.IMREAD_COLOR) is not None


def test_calibration_turns_the_sensor_upright_and_refuses_motion(running: FusionRig) -> None:
    def calibrate() -> Trigger.Response:
        return running.ros.call(Trigger, f"{NAMESPACE}/fusion/calibrate_mount", Trigger.Request())

    running.sensors.shake = 3.0
    time.sleep(1.0)
    answer = calibrate()
    assert not answer.success and "moves" in answer.message
    running.sensors.shake, running.sensors.accel = 0.0, (9.8, 0.0, 0.0)
    patience_s = time.monotonic() + 10
    while not (answer := calibrate()).success and time.monotonic() < patience_s:
        time.sleep(0.2)
    assert answer.success, answer.message
    # x turns to z: a quarter turn about -y
    rotation = running.ros.get_parameter(f"{NAMESPACE}/fusion", "mount_rotation")
    assert list(rotation) == pytest.approx([0, -math.sqrt(0.5), 0, math.sqrt(0.5)], abs=1e-3)


def test_diagnostics_tell_rates_and_latency(running: FusionRig) -> None:
    def telling(status: Status) -> bool:
        return status.level == OK_NUMBER and float(status.values["images_hz"]) > 20

    running.ros.diagnostics.clear()
    found = running.ros.status(NODE, telling).values
    assert 50 < float(found["imu_hz"]) < 150
    assert int(found["paired"]) > 0
    known = sum(int(found[name]) for name in ("judged", "skipped", "unpaired", "dropped"))
    assert 0 <= int(found["images"]) - known < 20, "pictures that wait for a sample or for their turn"
    assert 0 < float(found["latency_p50_ms"]) <= float(found["latency_p95_ms"])
    assert abs(float(found["sync_offset_ms"])) < 20
    assert found["provider"] == "CPUExecutionProvider"
    assert found["model"].startswith("tiny ")


def test_a_clock_that_is_often_wrong_costs_pictures_and_diagnostics_warn(running: FusionRig) -> None:
    asked = itertools.count()
    running.sensors.clock_ns = lambda: -1_000_000_000 if next(asked) % 3 == 0 else time.time_ns()
    status = running.ros.status(NODE, lambda status: "were refused" in status.message and status.level == WARN_NUMBER)
    assert re.match(r"of the last \d+ pictures ", status.message)
    assert int(status.values["dropped"]) > 0 and int(status.values["dropped_samples"]) > 0


def test_absurd_readings_are_refused_and_blame_nobody_else(running: FusionRig) -> None:
    running.heard["activity"].clear()
    running.sensors.accel = (1e39, 0.0, 9.8)  # infinite in single precision
    running.until(STALE, reason="; an accelerometer sample that is not finite, or beyond 400 m/s^2")
    assert not any(array.status[0].level == ERROR for array in running.heard["activity"].all())


def test_readings_that_are_not_a_bodys_are_told(running: FusionRig) -> None:
    running.sensors.accel = (0.0, 0.0, 1.0)  # in g
    status = running.ros.status(NODE, lambda status: "readings are of 1.0 m/s^2" in status.message)
    assert status.level == WARN_NUMBER and "REP-145" in status.message


def test_a_latched_alarm_is_held_until_acknowledged(ros: RosTest, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "model", favour="WALK", favour_dark="FALL_OR_COLLAPSE")
    dark, bright = (np.full((48, 64, 3), level, np.uint8) for level in (5, 90))
    with FusionRig(ros, model, "latch_alarm:=true", "off_s:=0.2") as rig:
        assert rig.until(OK, "anomaly").status[0].message == "normal"
        rig.sensors.picture = dark
        alarm = rig.until(ERROR, "anomaly")
        assert (alarm.status[0].message, values(alarm)["fall_state"]) == ("alarm", "fall")
        rig.heard["anomaly/active"].wait_for(lambda active: active.data)
        rig.sensors.picture = bright
        rig.until(ERROR, "anomaly", "held until acknowledgement")
        rig.heard["anomaly"].clear()
        held = rig.heard["anomaly"].wait(15)  # of 10 a second, far longer than off_s
        assert {array.status[0].message for array in held} == {"alarm"}

        assert ros.change_state(f"{NAMESPACE}/fusion", "deactivate")
        assert ros.change_state(f"{NAMESPACE}/fusion", "activate")
        rig.until(ERROR, "anomaly", "held until acknowledgement")

        acknowledge = f"{NAMESPACE}/fusion/acknowledge"
        assert ros.call(Trigger, acknowledge, Trigger.Request()).success
        assert rig.until(OK, "anomaly").status[0].message == "normal"
        assert not ros.call(Trigger, acknowledge, Trigger.Request()).success


def test_simulated_time_is_waited_for_and_a_jump_back_begins_anew(ros: RosTest, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "model", favour="WALK")
    clock = ros.publisher(Clock, "/clock")
    with FusionRig(ros, model, "use_sim_time:=true") as rig:
        rig.until(STALE, reason="no camera image yet")
        begun_s, epoch_ns = time.monotonic(), 100_000_000_000

        def tick() -> int:
            now_ns = epoch_ns + int((time.monotonic() - begun_s) * 1e9)
            message = Clock()
            message.clock.sec, message.clock.nanosec = divmod(now_ns, 1_000_000_000)
            clock.publish(message)
            return now_ns

        rig.sensors.clock_ns = tick
        rig.until(OK)
        epoch_ns = 50_000_000_000
        rig.until(STALE)
        assert stamp_ns(rig.until(OK).header) < 90_000_000_000


@pytest.mark.parametrize(
    ("parameter", "sentence"),
    [
        ("model:=no_such_model", "there is no model 'no_such_model'"),
        ("publish_rate_hz:=1.0", "input_timeout_s"),
        ("slop:=0.1", "did you mean 'slop_s'?"),
        ("mount_rotation:=[0.0,0.0,0.0,0.0]", "quaternion"),
    ],
)
def test_what_can_not_work_ends_with_one_sentence(ros: RosTest, tmp_path: Path, parameter: str, sentence: str) -> None:
    model = write_tiny_model(tmp_path / "model")
    process = ros.start("fusion", f"model:={model}", parameter)
    assert process.wait() == 1
    assert process.output.count(sentence) >= 1
    assert "Traceback" not in process.output


def test_a_changed_model_file_is_refused(ros: RosTest, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "model")
    with (model / "window_head.onnx").open("ab") as file:
        file.write(b"more")
    process = ros.start("fusion", f"model:={model}")
    assert process.wait() == 1
    assert "is not the file its card describes" in process.output


def test_deactivation_says_stale_and_activation_goes_on(ros: RosTest, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "model", favour="WALK")
    with FusionRig(ros, model) as rig:
        rig.until(OK)
        assert ros.change_state(f"{NAMESPACE}/fusion", "deactivate")
        rig.heard["activity"].wait_for(lambda array: values(array)["reason"] == "the node stops")
        for transition in ("cleanup", "configure", "activate"):
            assert ros.change_state(f"{NAMESPACE}/fusion", transition)
        rig.until(OK)
        taken, reason = ros.set_parameter(f"{NAMESPACE}/fusion", "mount_rotation", [0.0, 0.0, 0.0, 2.0])
        assert taken, reason
        rig.until(OK)
