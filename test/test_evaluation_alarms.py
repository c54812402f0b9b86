"""Alarms of several recordings: pooled counts with exact intervals, from hand-made counts and from real bags."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("rosbags", reason="needs the extra evaluate")

from bag_maker import COLOURS, write_bag, write_colour_model

from har_ros.cli import main
from har_ros.evaluation.alarms import alarm_rates

NIGHT = {
    "falls": 9, "falls_already_on": 1, "fall_delays_s": [1.0] * 7, "drowsy_spells": 0, "drowsy_delays_s": [],
    "false_alarms": 0, "false_alarm_truths": [], "hard_negatives": [["bend", False]] * 5,
    "duration_s": 4000.0, "quiet_s": 3600.0,
}  # fmt: skip
WALK, FALL, OTHER = "WALK", "FALL_OR_COLLAPSE", "OTHER"


def test_counts_add_up_and_have_exact_intervals() -> None:
    false = {"false_alarms": 1, "false_alarm_truths": ["OTHER"], "hard_negatives": [["bend", True], ["kneel", False]]}
    rates = alarm_rates([NIGHT, {**NIGHT, **false}])
    falls = rates["falls"]
    assert (falls["count"], falls["detected"], falls["missed"], falls["already_on"]) == (16, 14, 2, 2)
    assert falls["ci"] == pytest.approx([0.6165, 0.9845], abs=1e-4)  # Clopper and Pearson's of 14 of 16
    assert falls["delay_s"] == {"median": 1.0, "p95": 1.0, "worst": 1.0}
    assert rates["false_alarms"]["per_hour"] == 0.5 and rates["false_alarms"]["by_truth"] == {"OTHER": 1}
    assert rates["false_alarms"]["per_hour_ci"] == pytest.approx([0.0127, 2.7858], abs=1e-4)
    assert rates["hard_negatives"]["each"]["bend"]["alarmed"] == 1
    assert (rates["hard_negatives"]["all"]["count"], rates["drowsy_spells"]["ci"]) == (7, None)
    assert alarm_rates([NIGHT])["false_alarms"]["per_hour_ci"] == pytest.approx([0, 3.6889], abs=1e-4)


def test_several_bags_are_told_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = write_colour_model(tmp_path / "model")
    fall = write_bag(tmp_path / "fall", [(5.0, COLOURS[WALK], WALK), (5.0, COLOURS[FALL], FALL)])
    false = write_bag(tmp_path / "false", [(6.0, COLOURS[WALK], WALK), (5.0, COLOURS[FALL], OTHER)])
    out = tmp_path / "out.json"
    daily = write_bag(tmp_path / "daily", [(5.0, COLOURS[WALK], OTHER)])
    assert main(["evaluate", *map(str, (fall, false, daily)), "--model", str(model), "--json", str(out)]) == 0
    report = json.loads(out.read_text())
    assert list(report["bags"]) == [str(fall), str(false), str(daily)]
    rates = report["alarm_rates"]
    assert (rates["recordings"], rates["falls"]["detected"], rates["false_alarms"]["count"]) == (3, 1, 1)
    assert rates["false_alarms"]["by_truth"] == {OTHER: 1}
    assert rates["hours"] == pytest.approx(26 / 3600, rel=0.02)
    said = capsys.readouterr().out
    assert "falls: 1 of 1 (2 to 100 %) detected" in said and "false alarms: 1 (1 while OTHER)" in said
    assert f"on {daily}: every second is of OTHER" in said


def test_what_can_not_be_told_together_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bag = write_bag(tmp_path / "bag", [(0.2, COLOURS[WALK], WALK)])
    (tmp_path / "data").mkdir()
    assert main(["evaluate", str(bag), str(tmp_path / "data")]) == 1
    assert "several paths must be bags, and" in capsys.readouterr().err
    assert main(["evaluate", str(bag), str(bag), "--plots", str(tmp_path)]) == 1
    assert "--plots draws a single bag or dataset" in capsys.readouterr().err
    model = write_colour_model(tmp_path / "model")
    brief = [(0.2, COLOURS[WALK], WALK)]  # and no window, once replayed
    without = write_bag(tmp_path / "without", brief, truth=False)
    empty = write_bag(tmp_path / "empty", brief, silent=lambda kind, _t_s: kind == "truth")
    for silent in (without, empty):
        assert main(["evaluate", str(bag), str(silent), "--model", str(model)]) == 1
        assert f"'{silent}' has no ground_truth" in capsys.readouterr().err
