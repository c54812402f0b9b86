"""Lying down on the floor with care, and lying there."""

from __future__ import annotations

import numpy as np

from har_ros.core.labels import Activity
from har_ros.simulation.clearance import lift_m
from har_ros.simulation.imu import rotation
from har_ros.simulation.joining import Reference
from har_ros.simulation.legs import SIDES
from har_ros.simulation.person import Person
from har_ros.simulation.physics import RATE_HZ, Pose
from har_ros.simulation.tracks import Curve, Track, blinks, glide, still, through, times, wander

KNEE_M = 0.07  # of a kneeling person above the floor
_LYING_M = {"prone": 0.12, "side": 0.17, "supine": 0.13}  # of the pelvis above the floor


def lie_down(person: Person, seconds: float, rng: np.random.Generator) -> Track:
    """Return going down on the knees, on all fours, and from there onto the front, a side or the back, to stay."""
    t_s = times(seconds)
    track = still(len(t_s), Activity.OTHER)
    whole_s = min(rng.uniform(4.0, 5.5), 0.8 * seconds)
    kneel_s, fours_s, down_s = 0.32 * whole_s, 0.5 * whole_s, 0.72 * whole_s
    end = str(rng.choice(list(_LYING_M)))
    sign = float(rng.choice((-1, 1)))
    thigh_m = person.hip_m - person.knee_m
    way = ((0, 0), (kneel_s, 0.5 * thigh_m), (fours_s, 0.55 * thigh_m), (down_s, 0.9 * thigh_m))
    track.root_m[:, 0] = through(t_s, *way)
    track.root_m[:, 2] = through(
        t_s, (0.1 * kneel_s, person.hip_m - 0.004), (kneel_s, thigh_m + KNEE_M), (fours_s, thigh_m + KNEE_M - 0.05),
        (down_s, _LYING_M["prone"]), (whole_s, _LYING_M[end]),
    )  # fmt: skip
    fours, flat = glide(t_s, 0.7 * kneel_s, fours_s - 0.7 * kneel_s), glide(t_s, fours_s, down_s - fours_s)
    track.root_angles[:, 0] = 1.2 * fours + 0.33 * flat
    turned = {"prone": 0.0, "side": 0.5, "supine": 1.0}[end] * np.pi
    over = glide(t_s, down_s - 0.1, whole_s - down_s + 0.1)
    track.roll_over[:] = sign * turned * over
    track.add("spine.y", 0.25 * fours - 0.25 * flat)
    late_s = 0.55 * (whole_s - down_s)
    settled = glide(t_s, whole_s - late_s, late_s + 0.3)  # until then, who rolls over keeps the limbs close
    _lay_arms(track, end, fours, flat, settled, rng)
    track.add("head.y", -0.2 * fours + 0.25 * over * (turned > 0))
    track.add("head.z", sign * (0.7 if end == "prone" else 0.1) * over)
    _lay_legs(track, person, t_s, kneel_s, fours_s, down_s)
    knees = rng.uniform(0.1, 0.5) if end == "prone" else rng.uniform(0.3, 1.2)
    for side in SIDES:
        bent = (knees + rng.uniform(-0.1, 0.2)) * settled * (turned > 0)
        track.add(f"shin_{side}.y", bent)
        track.add(f"thigh_{side}.y", -(0.5 if end == "supine" else 0.8) * bent)
    track.root_m[:, 2] += lift_m(Reference.of(track), person.dummy)
    track.root_angles[:, 0] += wander(t_s, rng, 0.003, 0.2, 0.35)
    track.eyes_closed[:] = np.maximum(blinks(t_s, rng), glide(t_s, whole_s + 0.5, 1.0) * rng.choice((0.0, 1.0)))
    return track


def _lay_arms(
    track: Track, end: str, fours: Curve, sunk: Curve, settled: Curve, rng: np.random.Generator
) -> None:
    """Put the hands on the floor under the shoulders, then let the arms lie on the floor or the body."""
    for side, name in ((1.0, "left"), (-1.0, "right")):
        outward, bent = (rng.uniform(0.5, 1.9), rng.uniform(0.1, 1.4)) if end == "prone" else (-0.1, 0.1)
        pressed = 4 * sunk * (1 - sunk)  # elbows back, hands beside the chest while it sinks
        track.add(f"upper_arm_{name}.y", -1.35 * (fours - sunk) + 0.5 * pressed)
        track.add(f"forearm_{name}.y", -1.5 * pressed)
        track.add(f"upper_arm_{name}.x", side * (0.15 + (outward - 0.15) * sunk))
        track.add(f"upper_arm_{name}.z", side * 1.3 * sunk)  # so that the elbows bend along the floor
        track.add(f"forearm_{name}.y", -0.25 * fours - bent * sunk)
        folded = (0.9, rng.uniform(1.0, 1.5)) if rng.uniform() < 0.5 else (0.0, rng.uniform(0.05, 0.4))
        ahead, out, inward, elbow = {
            "prone": (0.0, outward, -1.3, bent),
            "side": (rng.uniform(0.5, 1.5), 0.0, 0.0, rng.uniform(0.3, 1.4)),
            "supine": (0.0, rng.uniform(0.2, 0.6), *folded),
        }[end]
        track.add(f"upper_arm_{name}.y", -ahead * settled)
        track.add(f"upper_arm_{name}.x", side * (out - outward) * settled)
        track.add(f"upper_arm_{name}.z", side * (-inward - 1.3) * settled)
        track.add(f"forearm_{name}.y", (bent - elbow) * settled)


def kneel_legs(track: Track, person: Person, t_s: Curve, kneel_s: float) -> None:
    """Turn the feet about their balls until, at kneel_s, both knees are on the floor; the pelvis is set already."""
    thigh_m, shin_m = person.hip_m - person.knee_m, person.knee_m - person.ankles_m[0, 2]
    behind_m = 0.5 * thigh_m - shin_m - person.legs[0].ball_m + 0.02
    turning = np.stack([glide(t_s, delay * kneel_s, (1 - delay) * kneel_s) for delay in (0.1, 0.25)], axis=1)
    person.stand_on(track, behind_m * turning, 1.45 * turning)


def _lay_legs(track: Track, person: Person, t_s: Curve, kneel_s: float, fours_s: float, down_s: float) -> None:
    """Let the legs kneel, then lie stretched out behind the pelvis."""
    kneel_legs(track, person, t_s, kneel_s)
    stretched = glide(t_s, fours_s, down_s - fours_s)[:, None]
    goal = still(1, Activity.OTHER)
    goal.add_both("thigh", "x", 0.08)
    goal.add_both("shin", "y", 0.06)
    goal.add_both("foot", "y", 0.75)
    legs = person.leg_columns
    track.hinges[:, legs] += stretched * (goal.hinges[:, legs] - track.hinges[:, legs])


def breathing(last: Pose, count: int, rng: np.random.Generator) -> list[Pose]:
    """Return a body that lies where it ended and rocks a little about the pelvis as it breathes, then as it ended."""
    t_s = np.arange(count) / RATE_HZ
    breath = 1 - np.cos(2 * np.pi * rng.uniform(0.2, 0.35) * t_s)
    breath *= glide(t_s[::-1], 0.05, 1.2)
    axis_rad = rng.normal(0, 0.003, 3)
    pelvis_m = last.position_m[0]
    turns = [rotation(depth * axis_rad) for depth in breath]
    return [Pose(pelvis_m + (last.position_m - pelvis_m) @ turn.T, turn @ last.rotation) for turn in turns]
