"""The live simulated person: the same in every process, with picture and accelerometer of one motion."""

import gc
import time
import weakref
from itertools import islice, pairwise

import numpy as np
import pytest

from har_ros.cli import main
from har_ros.core.errors import HarError
from har_ros.core.labels import Activity
from har_ros.simulation import falls
from har_ros.simulation.live import SimulatedCamera, SimulatedPerson
from har_ros.simulation.scenario import parse_scenario

TEXT = """
scenario: har.scenario/2
scene: room
steps:
  - {act: stand, seconds: 5}
  - {act: fall_faint, seconds: 7}
  - {act: drive, seconds: 5}
  - {act: walk, seconds: 5}
"""
SCENARIO = parse_scenario(TEXT, "brief")
RUN_S = 22.0


@pytest.fixture(scope="module")
def person() -> SimulatedPerson:
    return SimulatedPerson(SCENARIO, seed=5)


@pytest.fixture(scope="module")
def camera(person) -> SimulatedCamera:
    return SimulatedCamera(person, 128, 96)


def readings(person: SimulatedPerson, begin_s: float, seconds: float) -> np.ndarray:
    """Return (N, 7): time, acceleration, rate."""
    samples = islice(person.imu(begin_s), round(seconds * 100))
    return np.array([[t_s, *accel, *gyro] for t_s, accel, gyro in samples])


def test_two_of_the_same_person_agree_beyond_a_repeat(person):
    mine = readings(person, 0.0, 2 * RUN_S)
    assert np.array_equal(mine, readings(SimulatedPerson(SCENARIO, seed=5), 0.0, 2 * RUN_S))
    assert np.array_equal(mine[1234:1334], readings(person, 12.34, 1.0))
    assert np.allclose(np.diff(mine[:, 0]), 0.01)
    assert not np.array_equal(mine[:2200, 1:], mine[2200:, 1:])  # the same scenario again, not the same movements
    assert not np.array_equal(mine[:500], readings(SimulatedPerson(SCENARIO, seed=6), 0.0, 5.0))


def test_labels_follow_the_scenario(person):
    assert person.duration_s == RUN_S
    said = {t_s: person.label(t_s) for t_s in (0, 4.99, 11.9, 12, 16.99, 17, 21.99, 22, 33.9)}
    assert list(said.values()) == [
        Activity.STAND, Activity.STAND, Activity.FALL_OR_COLLAPSE, Activity.SITTING, Activity.SITTING,
        Activity.WALK, Activity.WALK, Activity.STAND, Activity.FALL_OR_COLLAPSE,
    ]  # fmt: skip
    falling = [t_s for t_s in np.arange(5, 12, 0.05) if person.label(t_s) is Activity.FALL_OR_COLLAPSE]
    assert np.allclose(np.diff(falling), 0.05)


def test_the_device_feels_gravity_at_rest_and_the_impact(person):
    still = np.linalg.norm(readings(person, 1.0, 3.0)[:, 1:4], axis=1)
    fall = np.linalg.norm(readings(person, 5.0, 7.0)[:, 1:4], axis=1)
    assert abs(np.median(still) - 9.8) < 0.6
    assert fall.max() > 20


def test_picture_and_accelerometer_show_the_same_moment(person, camera):
    times_s = np.arange(5.0, 12.0, 0.1)
    frames = [camera.frame(float(t_s)).astype(float) for t_s in times_s]
    change = np.array([np.abs(after - before).mean() for before, after in pairwise(frames)])
    seen_s = times_s[:-1][change > change.min() + 0.5 * np.ptp(change)]
    felt = readings(person, 5.0, 7.0)
    felt_s = felt[np.linalg.norm(felt[:, 1:4], axis=1).argmax(), 0]
    assert np.abs(seen_s - felt_s).min() < 0.5


def test_two_cameras_see_the_same_in_any_order(camera):
    again = SimulatedCamera(SimulatedPerson(SCENARIO, seed=5), 128, 96)
    times_s = (13.0, 0.5, 18.2, 8.0, 30.0)
    later = {t_s: again.frame(t_s) for t_s in reversed(times_s)}
    for t_s in times_s:
        frame = camera.frame(t_s)
        assert (frame.shape, frame.dtype) == ((96, 128, 3), np.uint8)
        assert np.array_equal(frame, later[t_s])


def test_the_car_is_another_picture_and_walking_moves(camera):
    car, room, walk = camera.frame(13.0), camera.frame(1.0), [camera.frame(t_s) for t_s in (18.0, 19.0)]
    assert np.abs(car.astype(float) - room).mean() > 20
    changed = np.abs(walk[0].astype(int) - walk[1]).max(axis=2) > 40
    assert 0.01 < changed.mean() < 0.4  # the person, not the room


def test_nothing_jumps_where_steps_meet():
    text = TEXT.replace("{act: fall_faint, seconds: 7}", "{act: sit, seconds: 4}\n  - {act: kneel, seconds: 6}")
    person = SimulatedPerson(parse_scenario(text, "seams"), seed=2)
    shots = [shot for shot in person.scenario.shots if shot.take == 0]
    assert [shot.step.act for shot in shots] == ["stand", "sit_down", "sit", "stand_up", "kneel"]
    accel = readings(person, 0.0, shots[-1].begin_s + 6)[:, 1:4]
    jerk = np.linalg.norm(np.diff(accel, axis=0), axis=1)
    for shot in shots[1:]:
        seam = round(shot.begin_s * 100)
        assert jerk[seam - 3 : seam + 3].max() < np.percentile(jerk, 99)
        before, after = (person.part(t_s).motion.position_m for t_s in (shot.begin_s - 0.01, shot.begin_s))
        assert np.abs(before[-1] - after[0]).max() < 0.02


def test_labels_turn_at_the_very_moment_and_getting_up_is_other():
    text = TEXT.replace("{act: drive, seconds: 5}", "{act: walk, seconds: 8}")
    person = SimulatedPerson(parse_scenario(text, "truth"), seed=5)
    told = [person.label(float(t_s)) for t_s in np.arange(0, person.duration_s, 0.1)]
    turns = [told[0], *(after for before, after in pairwise(told) if after is not before)]
    assert turns[-3:] == [Activity.FALL_OR_COLLAPSE, Activity.OTHER, Activity.WALK]


@pytest.mark.parametrize("rate_hz", [50, 200])
def test_a_device_of_another_rate_feels_the_same_motion(person, rate_hz):
    other = SimulatedPerson(SCENARIO, seed=5, imu_rate_hz=rate_hz)
    samples = list(islice(other.imu(3.0), 6 * rate_hz))
    assert np.allclose(np.diff([t_s for t_s, *_ in samples]), 1 / rate_hz)
    felt = np.array([np.linalg.norm(accel) for _, accel, _ in samples])
    usual = np.linalg.norm(readings(person, 3.0, 6.0)[:, 1:4], axis=1)
    assert np.corrcoef(felt[:: rate_hz // 50], usual[::2])[0, 1] > 0.7
    with pytest.raises(HarError, match=r"give 50, 60 \.\.\. 200"):
        SimulatedPerson(SCENARIO, imu_rate_hz=rate_hz + 1)


def test_hours_later_it_is_there_at_once_and_memory_stays_bounded():
    person = SimulatedPerson(SCENARIO, seed=5)
    begun = time.monotonic()
    late = readings(person, 1000 * RUN_S, 2.0)
    assert time.monotonic() - begun < 20
    assert np.array_equal(late, readings(SimulatedPerson(SCENARIO, seed=5), 1000 * RUN_S, 2.0))
    first = weakref.ref(person.part(1000 * RUN_S).motion)
    for run in range(1001, 1009):
        person.part(run * RUN_S)
    gc.collect()
    assert first() is None


def test_a_later_fall_that_does_not_come_to_rest_is_drawn_anew_the_same_from_wherever_one_comes(monkeypatch):
    asked, at_rest = [], falls.at_rest

    def seldom_at_rest(body, pose, kind):
        accepted = at_rest(body, pose, kind) and (kind != "slip" or int(1000 * pose.position_m[0, 0]) % 3 == 0)
        asked.append((kind, accepted))
        return accepted

    monkeypatch.setattr(falls, "_TRIES", 1)  # ordinarily as many that hardly one is rejected
    monkeypatch.setattr(falls, "at_rest", seldom_at_rest)
    steps = "".join(f"  - {{act: {act}, seconds: 6}}\n" for act in ("stand", "fall_faint", "stand", "fall_slip"))
    scenario = parse_scenario(f"scenario: har.scenario/2\nscene: room\nrepeat: false\nsteps:\n{steps}", "falls")
    person = SimulatedPerson(scenario, seed=1)
    whole = readings(person, 0.0, person.duration_s)
    assert ("slip", False) in asked, "with this seed the last fall is drawn anew"
    assert len(whole) == round(person.duration_s * 100)
    late_s = person.duration_s - 6.0
    assert np.array_equal(whole[round(late_s * 100) :], readings(SimulatedPerson(scenario, seed=1), late_s, 6.0))


def test_a_scenario_without_repeat_ends(camera):
    person = SimulatedPerson(parse_scenario(TEXT.replace("steps:", "repeat: false\nsteps:"), "once"), seed=5)
    last = list(person.imu(RUN_S - 0.1))
    assert [round(t_s, 2) for t_s, *_ in last] == [round(RUN_S - 0.1 + 0.01 * index, 2) for index in range(10)]
    assert list(person.imu(RUN_S)) == []
    assert person.label(1000.0) is Activity.WALK


def test_whoever_slides_down_a_wall_has_it_behind_them_until_they_are_up():
    text = TEXT.replace("fall_faint", "fall_slide_down").replace("drive", "bend")
    person = SimulatedPerson(parse_scenario(text, "wall"), seed=3)
    camera = SimulatedCamera(person, 128, 96)
    up_s = next(shot.begin_s for shot in person.scenario.shots if shot.step.act == "walk")
    before, sliding, rising, after = (camera.frame(t_s).astype(int) for t_s in (4.9, 5.1, up_s - 0.1, up_s + 0.1))
    assert (np.abs(sliding - before) > 20).mean() > 0.04
    assert (np.abs(rising - after) > 20).mean() > 0.04
    assert (np.abs(rising - sliding) > 20).mean() < 0.03
    assert np.array_equal(SimulatedCamera(person, 128, 96).frame(up_s - 0.1), rising)


def test_a_device_of_a_scenario_that_is_over_says_so(tmp_path, capsys):
    (tmp_path / "once.yaml").write_text(TEXT.replace("steps:", "repeat: false\nsteps:"))
    assert main(["fake-imu", "--scenario", str(tmp_path / "once.yaml"), "--start-ns", "1"]) == 1
    assert "scenario 'once' is over" in capsys.readouterr().err
