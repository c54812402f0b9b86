"""Scenarios: what is shipped, what is read, and how each mistake is named."""

import pytest

from har_ros.core.errors import HarError
from har_ros.core.labels import ACTIVITIES, Activity
from har_ros.simulation.scenario import load_scenario, parse_scenario

GOOD = """
scenario: har.scenario/1
scene: workshop
steps:
  - {activity: walking, seconds: 20}
  - {activity: sit, seconds: 5.5, seat: car}
  - {activity: drowsy, seconds: 10}
"""


def test_the_shipped_scenarios_show_all_six():
    full, short = load_scenario("all_six"), load_scenario("short")
    for scenario in (full, short):
        assert {step.activity for step in scenario.steps} == set(ACTIVITIES)
    assert full.duration_s == 180.0
    assert short.duration_s == 60.0
    assert sum(step.activity is Activity.FALL_OR_COLLAPSE for step in full.steps) == 2


def test_spoken_names_and_seats_are_understood():
    scenario = parse_scenario(GOOD, "mine")
    assert [step.activity for step in scenario.steps] == [
        Activity.WALK,
        Activity.SITTING,
        Activity.DRIVERS_DROWSINESS,
    ]
    assert [step.seat for step in scenario.steps] == ["none", "car", "car"]
    assert (scenario.scene, scenario.duration_s, scenario.repeat) == ("workshop", 35.5, True)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("har.scenario/1", "har.scenario/9", "this version reads 'har.scenario/1'"),
        ("workshop", "moon", "scene of scenario 'mine' is 'moon'; choose one of room"),
        ("scene: workshop", "scenery: workshop", "unknown key 'scenery'"),
        ("scene: workshop", "", "lacks the key 'scene'"),
        ("walking, seconds: 20", "walking, second: 20", "step 1 of scenario 'mine' has the unknown key 'second'"),
        ("walking", "flying", "'flying' is no activity"),
        ("seconds: 20", "seconds: soon", "step 1 of scenario 'mine' lasts 'soon' seconds"),
        ("seconds: 20", "seconds: .nan", "lasts 'nan' seconds"),
        ("seconds: 20", "seconds: 7200", "give 5 to 60"),
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
    with pytest.raises(HarError, match="all_six, short"):
        load_scenario("holiday")
    with pytest.raises(HarError, match="can't be read"):
        load_scenario(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00scenario")
    with pytest.raises(HarError, match="can't be read"):
        load_scenario(tmp_path / "binary.yaml")
