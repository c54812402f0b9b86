"""Scenarios: what is shipped, what is read, what comes between steps, and how each mistake is named."""

from itertools import pairwise

import pytest

from har_ros.core.errors import HarError
from har_ros.core.labels import ACTIVITIES, Activity
from har_ros.simulation.acts import ACTS, Posture
from har_ros.simulation.order import HARD_NEGATIVES
from har_ros.simulation.scenario import Scenario, load_scenario, parse_scenario, shipped_names

GOOD = """
scenario: har.scenario/2
scene: workshop
steps:
  - {activity: walking, seconds: 20}
  - {act: kneel, seconds: 8}
  - {activity: sit, seconds: 5.5, seat: car}
  - {activity: drowsy, seconds: 10}
"""


def labels(scenario: Scenario) -> set[Activity]:
    return {ACTS[step.act].label for step in scenario.steps}


def test_the_shipped_scenarios_show_what_they_say():
    assert shipped_names() == ["all_six", "falls", "false_alarms", "night_drive", "short"]
    full, falls, short, night, false_alarms = (
        load_scenario(name) for name in ("all_six", "falls", "short", "night_drive", "false_alarms")
    )
    assert labels(full) >= set(ACTIVITIES)
    assert labels(short) >= set(ACTIVITIES)
    assert full.duration_s == 180.0
    assert short.duration_s == 60.0
    assert falls.duration_s == 145.0
    assert sum(ACTS[step.act].label is Activity.FALL_OR_COLLAPSE for step in full.steps) == 2
    every_fall = [name for name, act in ACTS.items() if act.label is Activity.FALL_OR_COLLAPSE]
    assert sorted(step.act for step in falls.steps if step.act in every_fall) == sorted(every_fall)
    assert "doze_off" in {step.act for step in night.steps}
    assert night.duration_s > 240
    assert all(shot.in_car and shot.take == 0 for shot in night.shots)
    assert {step.act for step in false_alarms.steps} >= {act.name for act in HARD_NEGATIVES}
    assert not labels(false_alarms) & {Activity.FALL_OR_COLLAPSE, Activity.DRIVERS_DROWSINESS}


def test_acts_spoken_activities_and_seats_are_understood():
    scenario = parse_scenario(GOOD, "mine")
    assert [step.act for step in scenario.steps] == ["walk", "kneel", "drive", "drowse"]
    assert (scenario.scene, scenario.duration_s, scenario.repeat) == ("workshop", 43.5, True)
    old = parse_scenario(GOOD.replace("har.scenario/2", "har.scenario/1"), "mine")
    assert old.steps == scenario.steps


def test_what_must_come_between_is_put_in_and_the_car_is_a_cut():
    text = GOOD.replace("{act: kneel, seconds: 8}", "{act: sit, seconds: 8}\n  - {act: fall_trip, seconds: 8}")
    shots = parse_scenario(text, "mine").shots
    assert [shot.step.act for shot in shots] == ["walk", "sit_down", "sit", "stand_up", "fall_trip", "drive", "drowse"]
    assert [shot.take for shot in shots] == [0, 0, 0, 0, 0, 1, 1]
    for before, after in pairwise(shots):
        assert after.begin_s == pytest.approx(before.begin_s + before.step.seconds)
        assert after.take != before.take or ACTS[before.step.act].after in (ACTS[after.step.act].before, Posture.FLOOR)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("har.scenario/2", "har.scenario/9", "this version reads 'har.scenario/2'"),
        ("workshop", "moon", "scene of scenario 'mine' is 'moon'; choose one of room"),
        ("scene: workshop", "scenery: workshop", "unknown key 'scenery'"),
        ("scene: workshop", "", "lacks the key 'scene'"),
        ("walking, seconds: 20", "walking, second: 20", "step 1 of scenario 'mine' has the unknown key 'second'"),
        ("walking", "flying", "'flying' is no activity"),
        ("seconds: 20", "seconds: soon", "step 1 of scenario 'mine' lasts 'soon' seconds"),
        ("seconds: 20", "seconds: .nan", "lasts 'nan' seconds"),
        ("seconds: 20", "seconds: 7200", "give a number up to 180"),
        ("seconds: 20", "seconds: 2", "walk can't last 2 s"),
        ("act: kneel", "act: fly", "step 2 of scenario 'mine': there is no act 'fly'"),
        ("act: kneel", "activity: other", "name the act instead"),
        ("act: kneel, seconds: 8", "act: kneel, seconds: 8, seat: car", "unknown key 'seat'"),
        ("seconds: 20", "seconds: 20, seat: car", "has the seat 'car', but WALK takes none"),
        ("seconds: 10", "seconds: 10, seat: chair", "DRIVERS_DROWSINESS takes car"),
        ("seat: car", "seat: sofa", "SITTING takes chair or car"),
        ("seat: car", "seat: [car]", "SITTING takes chair or car"),
        ("steps:", "repeat: maybe\nsteps:", "write true or false"),
        ("walking, seconds: 20}", "walking, seconds: 20", "is no YAML"),
        ("- {activity: walking, seconds: 20}", "- walking", "step 1 of scenario 'mine' is no mapping"),
    ],
)
def test_each_mistake_is_named_in_one_sentence(old, new, complaint):
    assert old in GOOD
    with pytest.raises(HarError) as refusal:
        parse_scenario(GOOD.replace(old, new), "mine")
    assert complaint in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("text", ["", "just words", "[1, 2]", "scenario: har.scenario/1\nscene: room\nsteps: []"])
def test_what_is_no_scenario_is_refused(text):
    with pytest.raises(HarError, match="scenario 'mine'"):
        parse_scenario(text, "mine")


def test_a_missing_scenario_names_those_there_are(tmp_path):
    with pytest.raises(HarError, match="all_six, falls, false_alarms, night_drive, short"):
        load_scenario("holiday")
    with pytest.raises(HarError, match="can't be read"):
        load_scenario(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00scenario")
    with pytest.raises(HarError, match="can't be read"):
        load_scenario(tmp_path / "binary.yaml")
