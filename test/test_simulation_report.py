"""The physics report: simulated people feel what real ones do, and the report says so in numbers and a picture."""

import json
from functools import cache
from itertools import chain, repeat

import cv2
import numpy as np
import pytest

from har_ros.cli import main
from har_ros.core.errors import HarError
from har_ros.simulation import falls
from har_ros.simulation.acts import ACTS
from har_ros.simulation.drafts import RejectedError, first_good
from har_ros.simulation.human_ranges import HUMAN_RANGES, HumanRange
from har_ros.simulation.report import dominant_hz, measure, perform_act, share_inside
from har_ros.simulation.report import write_report as write_physics_report

PEOPLE, SEED = 5, 3


@cache
def people_doing(act: str) -> tuple[dict[str, float], ...]:
    return tuple(measure(perform_act(act, SEED, number), act) for number in range(PEOPLE))


@pytest.mark.parametrize("human", HUMAN_RANGES, ids=lambda human: f"{human.act} {human.figure}")
def test_most_people_are_inside_each_human_range(human: HumanRange) -> None:
    assert share_inside(people_doing(human.act), human) >= (PEOPLE - 1) / PEOPLE


def test_nine_in_ten_figures_are_inside_the_human_ranges() -> None:
    shares = [share_inside(people_doing(human.act), human) for human in HUMAN_RANGES]
    assert np.mean(shares) >= 0.9


def test_softer_falls_are_softer() -> None:
    kinds = ("slide_down", "push")
    peaks = {kind: np.median([one["peak_g"] for one in people_doing(f"fall_{kind}")]) for kind in kinds}
    assert 1.5 < peaks["slide_down"] < 0.7 * peaks["push"]


def test_the_dominant_frequency_is_found() -> None:
    t_s = np.arange(1600) / 200
    wave = 1 + 0.2 * np.sin(2 * np.pi * 1.85 * t_s) + 0.1 * np.sin(2 * np.pi * 12 * t_s)
    assert dominant_hz(wave, 200.0) == pytest.approx(1.85, abs=0.03)


def test_shares_count_those_within() -> None:
    human = HumanRange("walk", "sd_g", 0.1, 0.3, "nobody")
    assert share_inside([{"sd_g": 0.1}, {"sd_g": 0.2}, {"sd_g": 0.31}, {"sd_g": 0.05}], human) == 0.5


@pytest.mark.timeout(120)
def test_the_report_is_a_table_a_picture_and_json(tmp_path, capsys) -> None:
    out = tmp_path / "new" / "report"
    report = write_physics_report(out, SEED, 1)
    said = capsys.readouterr().out
    assert set(report["acts"]) == set(ACTS)
    assert json.loads((out / "physics.json").read_text()) == report
    picture = cv2.imread(str(out / "physics.png"))
    assert min(picture.shape[:2]) > 500
    assert picture.std() > 10
    for word in ("fall_slide_down", "dominant_hz", "MacDougall", "assumed"):
        assert word in said
    for one in report["ranges"]:
        values = report["acts"][one["act"]][one["figure"]]
        assert one["inside"] == np.mean([one["low"] <= value <= one["high"] for value in values])


@pytest.mark.timeout(120)
def test_a_fall_that_does_not_come_to_rest_is_drawn_anew_and_the_report_says_so(tmp_path, capsys, monkeypatch) -> None:
    verdicts = chain([False], repeat(True))
    monkeypatch.setattr(falls, "_TRIES", 1)
    monkeypatch.setattr(falls, "at_rest", lambda *_: next(verdicts))
    assert main(["simulate", "--report", str(tmp_path), "--subjects", "1", "--seed", str(SEED)]) == 0
    assert "drawn anew: fall_trip 1" in capsys.readouterr().out
    report = json.loads((tmp_path / "physics.json").read_text())
    (rejected,) = report["rejected"]
    assert (rejected["act"], rejected["person"]) == ("fall_trip", 0)
    assert "came to rest" in rejected["reason"]
    (peak_g,) = report["acts"]["fall_trip"]["peak_g"]
    assert peak_g != pytest.approx(measure(perform_act("fall_trip", SEED, 0), "fall_trip")["peak_g"], abs=1e-3)


def test_drafts_that_all_fail_are_refused_with_the_last_reason() -> None:
    def draw(draft: int) -> None:
        raise RejectedError(f"{draft} lies badly")

    with pytest.raises(HarError, match=r"none of 3 drafts of a fall will do \(2 lies badly\); use another seed"):
        first_good(draw, 3, "a fall")


def test_what_cannot_be_reported_is_refused(tmp_path) -> None:
    with pytest.raises(HarError, match="at least 1"):
        write_physics_report(tmp_path, SEED, 0)
    (tmp_path / "file").write_text("")
    with pytest.raises(HarError, match="give another"):
        write_physics_report(tmp_path / "file" / "report", SEED, 1)
