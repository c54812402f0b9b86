"""`har evaluate BAG`: the fusion node's code on a bag's own stamps, scored against its ground truth."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rosbags", reason="needs the extra evaluate")

from bag_maker import COLOURS, NO_COLOUR, START_NS, write_bag, write_colour_model
from tiny_model import write_tiny_model

from har_ros.cli import main
from har_ros.evaluation.bag import Input, open_bag
from har_ros.evaluation.replay import Replay
from har_ros.evaluation.settings import load_settings
from har_ros.evaluation.timeline import SECOND_NS
from har_ros.inference.model import HarModel
from har_ros.inference.recogniser import Recognition

WALK, FALL, STAND = "WALK", "FALL_OR_COLLAPSE", "STAND"
DAY = [(6.0, COLOURS[WALK], WALK), (6.0, COLOURS[FALL], FALL), (6.0, COLOURS[STAND], STAND)]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_colour_model(tmp_path_factory.mktemp("model"))


def evaluate(bag: Path, model: Path, *options: str) -> dict[str, Any]:
    out = bag.parent / f"{bag.name}.json"
    assert main(["evaluate", str(bag), "--model", str(model), "--json", str(out), *options]) == 0
    return json.loads(out.read_text())


def refusal(bag: Path, model: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert main(["evaluate", str(bag), "--model", str(model), *options]) == 1
    said = capsys.readouterr().err
    assert said.startswith("har: ")
    assert said.count("\n") == 1, said
    return said


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_bag_is_scored_second_by_second(tmp_path: Path, model: Path, storage: str) -> None:
    report = evaluate(write_bag(tmp_path / "bag", DAY, storage=storage), model)
    assert report["n"] == sum(map(sum, report["confusion"])) == 5
    assert report["accuracy"] == report["macro_f1"] == 1
    assert report["loss"] < 0.01
    assert {label: row["n"] for label, row in report["per_class"].items() if row["n"]} == {WALK: 2, FALL: 2, STAND: 1}
    detail = report["dataset"]
    assert (detail["images"], detail["imu_samples"], detail["windows"]) == (540, 1800, 511)
    assert detail["result_accuracy"] == 1
    assert detail["intervals"]["accuracy_ci"].endswith("within 3 stretches of one activity")
    assert "neighbouring seconds resemble each other" in detail["intervals"]["note"]
    alarms = detail["alarms"]
    assert (alarms["falls"], alarms["falls_alarmed"], alarms["false_alarms"]) == (1, 1, 0)
    assert alarms["falls_already_on"] == 0
    (delay_s,) = alarms["fall_delays_s"]
    assert 0 < delay_s < 1.2
    ((begin_s, end_s),) = alarms["events_s"]
    assert begin_s == pytest.approx(6 + delay_s, abs=0.05)
    assert 12 < end_s < 14


def test_the_same_bag_gives_the_same_bytes(tmp_path: Path, model: Path) -> None:
    bag = write_bag(tmp_path / "bag", DAY)
    evaluate(bag, model)
    first = (tmp_path / "bag.json").read_bytes()
    evaluate(bag, model)
    assert (tmp_path / "bag.json").read_bytes() == first


@pytest.mark.parametrize("image", ["rgb8", "jpeg"])
def test_any_kind_of_picture_gives_the_same_labels(tmp_path: Path, model: Path, image: str) -> None:
    report = evaluate(write_bag(tmp_path / "bag", DAY[1:], image=image), model)
    assert (report["n"], report["accuracy"]) == (3, 1)
    assert report["dataset"]["windows"] == 331


def test_a_single_file_without_its_folder_is_enough(tmp_path: Path, model: Path) -> None:
    bag = write_bag(tmp_path / "bag", [(6.0, COLOURS[WALK], WALK)])
    assert evaluate(next(bag.glob("*.mcap")), model)["accuracy"] == 1


def test_wrong_and_silent_seconds_count_against(tmp_path: Path, model: Path) -> None:
    bag = write_bag(tmp_path / "bag", [(6.0, COLOURS[STAND], WALK), (6.0, COLOURS[STAND], STAND)])
    report = evaluate(bag, model)
    walk = report["per_class"][WALK]
    assert walk["recall"] == 0
    assert walk["n"] == 2
    assert 0 < report["accuracy"] < 1
    report = evaluate(write_bag(tmp_path / "unsure", [(6.0, NO_COLOUR, WALK)]), model)
    assert report["labels"][-1] == "unknown"
    assert report["confusion"][report["labels"].index(WALK)][-1] == report["n"]


def test_without_ground_truth_the_timeline_is_told(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = evaluate(write_bag(tmp_path / "bag", DAY, truth=False), model)
    assert (report["n"], report["accuracy"], report["confusion"]) == (0, None, [])
    assert [row["label"] for row in report["dataset"]["timeline"]][:3] == ["stale", WALK, WALK], "it fills its window"
    said = capsys.readouterr().out
    assert "there is no ground_truth to score against" in said
    assert "ALARM" in said


def test_alarms_are_told_where_no_second_is_scored(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    day = [(3.0, COLOURS[WALK], WALK), (3.0, COLOURS[FALL], FALL), (6.0, COLOURS[STAND], "OTHER")]
    report = evaluate(write_bag(tmp_path / "bag", day), model)
    assert (report["n"], report["accuracy"], report["confusion"]) == (0, None, [])
    alarms = report["dataset"]["alarms"]
    assert (alarms["falls"], alarms["falls_alarmed"], alarms["false_alarms"]) == (1, 1, 0)
    assert alarms["quiet_s"] == pytest.approx(7, abs=0.1), "3 s of WALK, and of OTHER but the grace"
    said = capsys.readouterr().out
    assert "falls: 1 of 1" in said and "every second is of OTHER, or within 2 s of a change" in said


def test_namespaces_are_found_and_told_apart(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_bag(tmp_path / "bag", [(6.0, COLOURS[WALK], WALK)], namespace="/cell2/har")
    assert evaluate(tmp_path / "bag", model)["accuracy"] == 1
    assert evaluate(tmp_path / "bag", model, "--namespace", "/cell2/har")["accuracy"] == 1
    said = refusal(tmp_path / "bag", model, capsys, "--namespace", "/har")
    assert "has no images (camera/image_raw), but /cell2/har/camera/image_raw" in said


def test_parameters_of_the_robot_are_used(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bag = write_bag(tmp_path / "bag", DAY)
    params = tmp_path / "robot.yaml"
    params.write_text("/**/fusion:\n  ros__parameters:\n    latch_alarm: true\n    on_window_s: 2.0\n")
    alarms = evaluate(bag, model, "--params-file", str(params))["dataset"]["alarms"]
    assert alarms["fall_delays_s"][0] > 1.5
    assert alarms["events_s"][0][1] == pytest.approx(18, abs=0.15)  # latched to the end
    params.write_text("/**:\n  ros__parameters: {latch_alarm: true, use_sim_time: true}\n")
    assert evaluate(bag, model, "--params-file", str(params))["model"]["settings"]["latch_alarm"] is True


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("nonsense: [", "can't be read"),
        ("/**/fusion: {ros__parameters: {slop_s: fast}}", "parameter 'slop_s' takes a number, not 'fast'"),
        ("/**/fusion: {ros__parameters: {imu_rate_hz: -5.0}}", "'imu_rate_hz' is -5.0; give 1 to 1000 Hz"),
        ("/**/fusion: {ros__parameters: {mount_rotation: up}}", "'mount_rotation' takes a list of numbers, not 'up'"),
        ("/**/fusion: {ros__parameters: {mount_rotation: [0.0, 0.0]}}", "a rotation is a quaternion x, y, z, w"),
        ("/**: {ros__parameters: {min_confidence: high}}", "'min_confidence' takes a number, not 'high'"),
        ("/**/fusion: {ros__parameters: {latch_alam: true}}", "did you mean 'latch_alarm'?"),
        ("/**/fusion: {ros__parameters: {suspect_score: 0.9}}", "must rise in this order"),
        ("/**/fusion: {ros__parameters: {publish_rate_hz: 2.0}}", "leaves no time at publish_rate_hz 2; raise either"),
        ("fusion: {ros__parameters: {latch_alarm: true}}", "the node /har/fusion; call it '/**/fusion:'"),
        ("/**/fusio: {ros__parameters: {latch_alarm: true}}", "did you mean 'fusion'?"),
        ("/cell2/har/fusion: {ros__parameters: {latch_alarm: true}}", "does not match the node /har/fusion"),
    ],
)
def test_parameters_that_the_node_would_refuse_are_refused(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str], text: str, sentence: str
) -> None:
    bag = write_bag(tmp_path / "bag", [(1.0, COLOURS[WALK], WALK)])
    (tmp_path / "robot.yaml").write_text(text)
    assert sentence in refusal(bag, model, capsys, "--params-file", str(tmp_path / "robot.yaml"))


def test_samples_that_come_over_a_second_late_score_as_the_robot_fared(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = evaluate(write_bag(tmp_path / "late", DAY, imu_late_s=lambda _t_s: 1.2), model)
    assert (report["n"], report["accuracy"], report["labels"][-1]) == (7, 0, "stale")
    detail = report["dataset"]
    assert (detail["dropped_samples"], detail["dropped_images"], detail["paired"]) == (1800, 0, 0)
    assert detail["unpaired"] > 500
    assert any("accelerometer sample is stamped 1.2 s ago" in why for why in detail["stale_reasons"])
    assert re.search(r"stale in (\d+) of \1 seconds", capsys.readouterr().out)
    report = evaluate(write_bag(tmp_path / "close", DAY, imu_late_s=lambda _t_s: 0.2), model)
    assert (report["accuracy"], report["dataset"]["unpaired"]) == (1, 0)


def test_an_input_that_dies_makes_the_rest_stale(tmp_path: Path, model: Path) -> None:
    day = [(12.0, COLOURS[WALK], WALK)]
    report = evaluate(write_bag(tmp_path / "bag", day, imu_late_s=lambda t_s: 0.0 if t_s < 6 else 60.0), model)
    said = [row["label"] for row in report["dataset"]["timeline"]]
    assert said[1:6] == [WALK] * 5
    assert set(said[7:12]) == {"stale"}
    assert report["confusion"][report["labels"].index(WALK)][-1] >= 4


def test_plots_without_a_ground_truth_are_told_to_be_none(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = write_bag(tmp_path / "bag", [(3.0, COLOURS[WALK], WALK)], truth=False)
    evaluate(bag, model, "--plots", str(tmp_path / "plots"))
    assert "no plot is written: without a second" in capsys.readouterr().out
    assert not (tmp_path / "plots").exists()


def test_recorded_times_that_leap_are_refused(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    day = [(2.0, COLOURS[WALK], WALK)]
    bag = write_bag(tmp_path / "bag", day, imu_late_s=lambda t_s: 0.0 if t_s < 1 else 1e8)
    assert "leap by more than a day" in refusal(bag, model, capsys)


@pytest.mark.parametrize("number", [math.nan, 401.0])
def test_a_hole_and_lost_numbers_start_the_window_anew(tmp_path: Path, model: Path, number: float) -> None:
    def accel(t_s: float) -> tuple[float, float, float]:
        return (0.0, 0.0, number if 3 < t_s < 3.5 else 9.8)

    report = evaluate(write_bag(tmp_path / "bag", [(8.0, COLOURS[WALK], WALK)], accel_of=accel), model)
    assert report["dataset"]["dropped_samples"] == 49
    assert report["dataset"]["windows"] < 240 - 29 - 15
    assert [row["label"] for row in report["dataset"]["timeline"]][2:7] == [WALK, "stale", "stale", WALK, WALK]


def test_a_picture_that_the_model_fails_on_is_counted(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    day = [(3.0, COLOURS[WALK], WALK), (0.1, (255, 255, 255), WALK), (3.0, COLOURS[WALK], WALK)]
    detail = evaluate(write_bag(tmp_path / "bag", day), model)["dataset"]
    assert detail["failed_frames"] >= 30  # every window that holds a white picture
    assert "gave no numbers" in detail["first_failure"]
    white = write_bag(tmp_path / "white", [(2.0, (255, 255, 255), WALK)])
    assert "never fills a window" in refusal(white, model, capsys)


def test_too_short_or_wrongly_labelled_bags_are_refused(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = write_bag(tmp_path / "short", [(0.5, COLOURS[WALK], WALK)])
    assert "never fills a window: 15 images, 50 samples" in refusal(short, model, capsys)
    odd = write_bag(tmp_path / "odd", [(3.0, COLOURS[WALK], "swimming")])
    assert "'swimming' is no activity" in refusal(odd, model, capsys)


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.95])
def test_a_truncated_bag_is_one_sentence(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str], storage: str, share: float
) -> None:
    bag = write_bag(tmp_path / "bag", [(3.0, COLOURS[WALK], WALK)], storage=storage)
    file = next(path for path in bag.iterdir() if path.name != "metadata.yaml")
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    assert f"'{bag}' can't be read as a bag" in refusal(bag, model, capsys)


def test_a_bag_of_a_killed_recorder_is_one_sentence(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = write_bag(tmp_path / "bag", [(3.0, COLOURS[WALK], WALK)])
    (bag / "metadata.yaml").write_text("rosbag2_bagfile_information: {version: 9}\n")
    assert "can't be read as a bag" in refusal(bag, model, capsys)
    (bag / "metadata.yaml").unlink()
    assert "can't be read as a bag" in refusal(bag, model, capsys)
    (tmp_path / "noise.mcap").write_bytes(b"noise" * 100)
    assert "can't be read as a bag" in refusal(tmp_path / "noise.mcap", model, capsys)


def test_stamps_that_jump_back_start_anew(tmp_path: Path, model: Path) -> None:
    bag = write_bag(tmp_path / "bag", [(6.0, COLOURS[WALK], WALK)])
    replay = Replay(HarModel(model), replace(load_settings(), input_timeout_s=10.0))
    with open_bag(bag) as opened:
        for lap in range(2):  # as a recording of a bag that was played in a loop
            for kind, recorded_ns, message in opened.messages():
                replay.take(kind, recorded_ns + lap * 6 * SECOND_NS, message)
    assert replay.counts["restarts"] == 1
    assert replay.counts["windows"] == 2 * (180 - 29)
    assert sum(replay.stale_reasons.values()) <= 20, "two seconds in which a window fills"


@pytest.mark.parametrize(("kind", "left"), [("image", "imu"), ("imu", "camera")])
def test_a_model_that_can_goes_on_without_a_silent_sensor(tmp_path: Path, kind: str, left: str) -> None:
    flexible = write_tiny_model(tmp_path / "flexible", favour=WALK, cases=("camera+imu", "camera", "imu"))
    bag = write_bag(tmp_path / "bag", [(8.0, COLOURS[WALK], WALK)], silent=lambda what, t_s: what == kind and t_s > 3)
    assert evaluate(bag, flexible)["dataset"]["result_accuracy"] == 1
    strict = write_tiny_model(tmp_path / "strict", favour=WALK)
    assert evaluate(bag, strict)["dataset"]["result_accuracy"] < 0.7, "stale from 3.5 s on"
    (tmp_path / "both.yaml").write_text("/**/fusion: {ros__parameters: {require_both: true}}")
    asked = evaluate(bag, flexible, "--params-file", str(tmp_path / "both.yaml"))
    assert asked["dataset"]["timeline"] == evaluate(bag, strict)["dataset"]["timeline"]
    replay = Replay(HarModel(flexible), load_settings())
    with open_bag(bag) as opened:
        for each in opened.messages():
            replay.take(*each)
    assert isinstance(replay._outcome, Recognition)
    assert replay._outcome.modalities == (left,)


@pytest.mark.parametrize(
    ("stalled", "stall_s", "stale"),
    [
        ({Input.IMU}, 0.22, 12),  # no window in the first second
        ({Input.IMU}, 0.3, 12),
        ({Input.IMU}, 0.45, 12),
        ({Input.IMAGE, Input.IMU}, 0.9, 18),
    ],
)
def test_what_comes_late_all_at_once_does_not_start_the_window_anew(
    tmp_path: Path, stalled: set[Input], stall_s: float, stale: int
) -> None:
    flexible = write_tiny_model(tmp_path / "flexible", favour=WALK, cases=("camera+imu", "camera", "imu"))
    bag = write_bag(tmp_path / "bag", [(6.0, COLOURS[WALK], WALK)])
    replay = Replay(HarModel(flexible), load_settings())
    with open_bag(bag) as opened:
        messages = list(opened.messages())
    begin_ns = messages[0][1]
    end_ns = begin_ns + round((3 + stall_s) * SECOND_NS)

    def arrived(kind: Input, recorded_ns: int) -> int:
        late = kind in stalled and begin_ns + 3 * SECOND_NS < recorded_ns < end_ns
        return end_ns if late else recorded_ns

    for kind, recorded_ns, message in sorted(messages, key=lambda each: arrived(*each[:2])):
        replay.take(kind, arrived(kind, recorded_ns), message)
    assert replay.stale_reasons["no complete window yet"] <= 12
    assert replay.stale_reasons.total() <= stale


@pytest.mark.parametrize(
    ("kinds", "ahead_s", "left"),
    [
        ({Input.IMAGE}, 5, ("imu",)),
        ({Input.IMAGE}, -5, ("imu",)),
        ({Input.IMU}, 3600, ("camera",)),
        ({Input.IMU}, -START_NS // SECOND_NS, ("camera",)),
        ({Input.IMAGE, Input.IMU}, -5, None),
    ],
)
def test_a_sensor_of_another_clock_is_done_without(
    tmp_path: Path, kinds: set[Input], ahead_s: int, left: tuple[str] | None
) -> None:
    flexible = write_tiny_model(tmp_path / "flexible", favour=WALK, cases=("camera+imu", "camera", "imu"))
    bag = write_bag(tmp_path / "bag", [(5.0, COLOURS[WALK], WALK)])
    replay = Replay(HarModel(flexible), load_settings())
    with open_bag(bag) as opened:
        for kind, recorded_ns, message in opened.messages():
            if kind in kinds:
                message.header.stamp.sec += ahead_s
            replay.take(kind, recorded_ns, message)
    if left is None:
        assert replay.counts["windows"] == 0
        why = "no complete window yet; camera image is stamped 5.0 s ago: see what delays it, set the clocks by NTP"
        assert any(said.startswith(why) and "accelerometer sample" in said for said in replay.stale_reasons)
    else:
        assert isinstance(replay._outcome, Recognition) and replay._outcome.modalities == left
        assert sum(replay.stale_reasons.values()) <= 14


@pytest.mark.parametrize(("without", "kind", "count"), [("camera", "image", "images"), ("imu", "imu", "imu_samples")])
def test_an_input_can_be_left_out(
    tmp_path: Path, without: str, kind: str, count: str, capsys: pytest.CaptureFixture[str]
) -> None:
    flexible = write_tiny_model(tmp_path / "flexible", favour=WALK, cases=("camera+imu", "camera", "imu"))
    whole = write_bag(tmp_path / "whole", [(8.0, COLOURS[WALK], WALK)])
    half = write_bag(tmp_path / "half", [(8.0, COLOURS[WALK], WALK)], silent=lambda what, _t_s: what == kind)
    reports = [evaluate(bag, flexible, "--without", without) for bag in (whole, half)]
    for report in reports:
        assert (report["without"], report["dataset"][count]) == (without, 0)
        assert report["dataset"]["timeline"] == reports[0]["dataset"]["timeline"]
    assert reports[0]["accuracy"] == 1
    assert f" without {without} on {whole}" in capsys.readouterr().out
    strict = write_tiny_model(tmp_path / "strict")
    assert f"can't go without {without}; give a model that can" in refusal(whole, strict, capsys, "--without", without)
