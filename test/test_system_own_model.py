"""The way of docs/your-own-model.md through the public doors: record, check, train, score, run what was trained."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs ROS 2, or the extra ros-jazzy")
pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("torch_pruning", reason="needs the extra train")
pytest.importorskip("mujoco", reason="needs the extra sim")
pytest.importorskip("panda3d", reason="needs the extra sim")
from capture_maker import write_dataset
from diagnostic_msgs.msg import DiagnosticArray
from fusion_rig import values
from ros_helpers import NodeProcess, RosTest
from std_srvs.srv import SetBool
from test_training_edge import write_profile

from har_ros.cli import main
from har_ros.core.errors import HarError
from har_ros.core.labels import LABELS
from har_ros.core.model_card import load_card
from har_ros.training.backbone import load_mobilenet

RECORDED = ("STAND", "WALK")
PEOPLE = ("P01", "P02")
PARAMETERS = """
/**/camera: {ros__parameters: {width: 160, height: 120, rate_hz: 10.0}}
/**/recorder: {ros__parameters: {consent: true, mount: waist, capture_timeout_s: 40.0}}
"""
PLAIN = ("--structured", "0", "--sparsity", "0", "--no-int8")


def har_up(ros: RosTest, folder: Path, *arguments: str) -> NodeProcess:
    (folder / "me.yaml").write_text(PARAMETERS)
    simulated = ("simulation:=true", "scenario:=short", f"params_file:={folder / 'me.yaml'}")
    return ros.run(["-m", "har_ros.cli", "up", *simulated, *arguments])


def har_capture(ros: RosTest, *words: str) -> tuple[int, list[str]]:
    """Return the exit code of `har capture` and the lines it printed."""
    process = ros.run(["-m", "har_ros.cli", "capture", *words])
    return process.wait(), process.output.splitlines()


def record(ros: RosTest, dataset: Path) -> None:
    """Record each activity of two people while the nodes run on, by the command, and of one more by the service."""
    up = har_up(ros, dataset.parent, "record:=true", f"dataset:={dataset}")
    ros.status("har/recorder", lambda status: status.message == "ready")
    code, (sentence,) = har_capture(ros, "dancing")
    assert code == 1 and sentence.startswith("har: the recorder refuses: ") and "is no activity" in sentence
    for subject in PEOPLE:
        for label in RECORDED:
            code, lines = har_capture(ros, label, "--subject", subject, "--count", "2")
            assert code == 0 and len(lines) == 2, lines
            written = [Path(line) for line in lines]
            assert [folder.parent for folder in written] == [dataset / label] * len(written)
            for folder in written:
                meta = json.loads((folder / "capture.json").read_text())
                assert (meta["subject"], meta["source"]) == (subject, "simulated")
    assert ros.set_parameter("/har/recorder", "label", "OTHER") == (True, "")
    assert ros.call(SetBool, "/har/recorder/record", SetBool.Request(data=True)).success
    ros.status("har/recorder", lambda status: "OTHER" in status.values.get("last_capture", ""))
    assert up.end(signal.SIGINT) == 0
    code, (sentence,) = har_capture(ros, "WALK")
    assert code == 1 and "start the recorder" in sentence


@pytest.mark.timeout(600)
def test_what_was_recorded_trains_a_model_that_runs(
    ros: RosTest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        load_mobilenet(None)
    except HarError as error:
        pytest.skip(str(error))
    dataset, model = tmp_path / "Own", tmp_path / "models" / "mine"
    record(ros, dataset)
    write_dataset(dataset, PEOPLE, tuple(label for label in LABELS if label not in RECORDED))
    test_set = write_dataset(tmp_path / "OwnTest", ("P03",), LABELS)
    assert main(["check", str(dataset)]) == 0
    profile = write_profile(tmp_path / "tiny.yaml")
    places = ("--run-dir", str(tmp_path / "run"), "--cache", str(tmp_path / "cache"), "--test", str(test_set))
    options = ("--profile", str(profile), "--threads", "1", *places, *PLAIN)
    assert main(["train", str(dataset), "--out", str(model), *options]) == 0
    card = load_card(model)
    assert card.training["captures"] == {"train": 8, "validation": 8, "test": 6}
    report = tmp_path / "scores.json"
    assert main(["evaluate", str(test_set), "--model", str(model), "--json", str(report)]) == 0
    scores = json.loads(report.read_text())
    assert scores["accuracy"] == pytest.approx(card.metrics["test"]["accuracy"])
    assert scores["dataset"]["subjects_seen_in_training"] == []
    assert "captures, all usable" in capsys.readouterr().out
    results = ros.listen(DiagnosticArray, "/har/activity")
    up = har_up(ros, tmp_path, f"model:={model}")
    verdict = results.wait_for(lambda array: array.status[0].level in (b"\x00", b"\x01"))
    assert verdict.status[0].message in (*LABELS, "unknown")
    assert values(verdict)["model_sha256"] == card.identity
    assert up.end(signal.SIGINT) == 0
