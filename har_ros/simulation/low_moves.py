"""Moves that bring a person low without a fall: bending, picking up, tying shoes, kneeling."""

from __future__ import annotations

import numpy as np

from har_ros.core.labels import Activity
from har_ros.simulation.legs import SIDES
from har_ros.simulation.lying import KNEE_M
from har_ros.simulation.person import Person
from har_ros.simulation.tracks import Curve, Track, blinks, glide, still, times, wander

_DEEPEST = 0.47  # of the standing pelvis' height: a squat
_HAND_ABOVE_FLOOR_M = 0.04


def bend(person: Person, seconds: float, rng: np.random.Generator) -> Track:
    """Return bending at the hips with the arms hanging, staying so for a moment, and coming up."""
    track, t_s = _upright(person, seconds, rng)
    share = _there_and_back(t_s, seconds, rng)
    _stoop(track, share, rng.uniform(0.8, 1.5))
    depth_m = rng.uniform(0.0, 0.08)
    _crouch(track, person, share, depth_m)
    for side in SIDES:
        track.add(f"upper_arm_{side}.y", -rng.uniform(0.5, 1.0) * share)
    return track


def pick_up(person: Person, seconds: float, rng: np.random.Generator) -> Track:
    """Return one hand going down to the floor beside the feet and up again, more with the back or with the knees."""
    track, t_s = _upright(person, seconds, rng)
    share = _there_and_back(t_s, seconds, rng)
    stoop, side = rng.uniform(0.7, 1.6), int(rng.integers(2))
    _stoop(track, share, stoop)
    sign = 1 - 2 * side
    track.add("spine.x", -0.2 * sign * share)
    track.add(f"upper_arm_{SIDES[side]}.y", -(1.02 * stoop + 0.1) * share)
    track.add(f"forearm_{SIDES[side]}.y", 0.2 * share)
    track.add(f"upper_arm_{SIDES[1 - side]}.y", -rng.uniform(-0.2, 0.9) * share)
    lowest = int(np.argmax(share))
    _crouch(track, person, share, person.hand_m(track, lowest, SIDES[side])[2] - _HAND_ABOVE_FLOOR_M)
    return track


def tie_shoes(person: Person, seconds: float, rng: np.random.Generator) -> Track:
    """Return tying a shoe, down on one knee, with both hands busy at the other foot."""
    track, t_s = _upright(person, seconds, rng)
    down_s, up_s = rng.uniform(1.3, 1.7), rng.uniform(1.3, 1.7)
    down_s, up_s = (min(span, 0.33 * seconds) for span in (down_s, up_s))
    side = int(rng.integers(2))
    _kneel(track, person, t_s, (down_s, seconds - up_s))
    busy = glide(t_s, 0.75 * down_s, 0.6) - glide(t_s, seconds - up_s - 0.3, 0.6)
    track.root_angles[:, 0] += 0.55 * busy
    track.add("spine.y", 0.6 * busy)
    track.add("head.y", 0.15 * busy)
    for name in SIDES:
        fiddle = wander(t_s, rng, 0.07, 0.5, 2.5)
        track.add(f"upper_arm_{name}.y", (-1.25 + fiddle) * busy)
        track.add(f"forearm_{name}.y", (-0.15 + wander(t_s, rng, 0.1, 0.5, 2.5)) * busy)
    track.add_both("upper_arm", "z", -0.25 * busy)
    track.add("spine.z", 0.15 * (2 * side - 1) * busy)
    _keep_feet(track, person, t_s, (down_s, seconds - up_s), side, one=True)
    return track


def kneel(person: Person, seconds: float, rng: np.random.Generator) -> Track:
    """Return going down on one knee or both, staying, and coming up."""
    track, t_s = _upright(person, seconds, rng)
    span_s = min(rng.uniform(1.5, 2.2), 0.4 * seconds)
    side, one = int(rng.integers(2)), bool(rng.uniform() < 0.5)
    span = (span_s, seconds - span_s)
    _kneel(track, person, t_s, span)
    down = glide(t_s, 0.3 * span_s, 0.7 * span_s) - glide(t_s, seconds - span_s, 0.7 * span_s)
    lean = rng.uniform(0.0, 0.6)
    track.root_angles[:, 0] += 0.5 * lean * down
    track.add("spine.y", 0.5 * lean * down + wander(t_s, rng, 0.02))
    for name in SIDES:
        track.add(f"upper_arm_{name}.y", -rng.uniform(0.1, 0.7) * down + wander(t_s, rng, 0.03))
        track.add(f"forearm_{name}.y", -rng.uniform(0.2, 0.9) * down)
    _keep_feet(track, person, t_s, span, side, one)
    return track


def _upright(person: Person, seconds: float, rng: np.random.Generator) -> tuple[Track, Curve]:
    """Return a track of standing at home with hanging arms, and its times."""
    t_s = times(seconds)
    track = still(len(t_s), Activity.OTHER)
    track.root_m[:, 2] = person.hip_m - 0.004
    for side in SIDES:
        track.add(f"upper_arm_{side}.y", rng.normal(0, 0.06))
        track.add(f"forearm_{side}.y", -rng.uniform(0.15, 0.4))
    track.add_both("upper_arm", "x", rng.uniform(0.06, 0.18))
    track.add("head.z", wander(t_s, rng, 0.08, 0.05, 0.4))
    track.eyes_closed[:] = blinks(t_s, rng)
    return track, t_s


def _there_and_back(t_s: Curve, seconds: float, rng: np.random.Generator) -> Curve:
    """Return a curve from 0 to 1, resting there, and back to 0 before the end."""
    down_s, up_s = rng.uniform(0.8, 1.5), rng.uniform(0.8, 1.5)
    down_s, up_s = (min(span, 0.42 * seconds) for span in (down_s, up_s))
    begin_s = rng.uniform(0.0, 0.1 * seconds)
    return glide(t_s, begin_s, down_s) - glide(t_s, seconds - 0.05 - up_s, up_s)


def _stoop(track: Track, share: Curve, angle: float) -> None:
    """Lean the trunk down by an angle, two thirds at the hips, the face half way up."""
    track.root_angles[:, 0] += 0.68 * angle * share
    track.add("spine.y", 0.34 * angle * share)
    track.add("head.y", -0.15 * angle * share)


def _crouch(track: Track, person: Person, share: Curve, depth_m: float) -> None:
    """Lower the pelvis over the standing feet, moved back against the leaning trunk; the heels rise from deep down."""
    depth_m = min(max(depth_m, 0.0), _DEEPEST * person.hip_m)
    track.root_m[:, 2] -= depth_m * share
    back_m = 0.14 * np.sin(track.root_angles[:, 0]) + 0.25 * depth_m * share
    deep = max(depth_m / person.hip_m - 0.25, 0.0)
    track.root_m[:, 0] -= back_m * (1 - 0.5 * min(deep / 0.2, 1.0))
    track.root_m[:, 2] -= 0.5 * back_m**2  # the legs must reach
    person.stand_on(track, heels_up_rad=np.stack([1.6 * deep * share] * 2, axis=1))


def _kneel(track: Track, person: Person, t_s: Curve, span_s: tuple[float, float]) -> None:
    """Lower the pelvis until a knee is on the floor, from 0 to span_s[0], and raise it from span_s[1]."""
    thigh_m = person.hip_m - person.knee_m
    down_s, up_s = span_s
    rise_s = t_s[-1] - up_s
    down = glide(t_s, 0.35 * down_s, 0.65 * down_s) - glide(t_s, up_s, 0.65 * rise_s)
    track.root_m[:, 2] -= (person.hip_m - thigh_m - KNEE_M) * down
    ahead = glide(t_s, 0.0, 0.8 * down_s) - glide(t_s, up_s + 0.2 * rise_s, 0.75 * rise_s)
    track.root_m[:, 0] += 0.5 * thigh_m * ahead


def _keep_feet(track: Track, person: Person, t_s: Curve, span_s: tuple[float, float], side: int, one: bool) -> None:
    """Step ahead with one foot, turn the other one about its ball, and back; both go back where both knees kneel."""
    thigh_m, shin_m = person.hip_m - person.knee_m, person.knee_m - person.ankles_m[0, 2]
    down_s, up_s = span_s
    rise_s = t_s[-1] - up_s
    stepping = glide(t_s, 0.0, 0.5 * down_s) - glide(t_s, up_s + 0.45 * rise_s, 0.5 * rise_s)
    turning = glide(t_s, 0.2 * down_s, 0.75 * down_s) - glide(t_s, up_s, 0.7 * rise_s)
    behind_m = 0.5 * thigh_m - shin_m - person.legs[0].ball_m + 0.02
    ahead, up, lift = np.zeros((len(t_s), 2)), np.zeros((len(t_s), 2)), np.zeros((len(t_s), 2))
    ahead[:, side], up[:, side] = behind_m * turning, 1.45 * turning
    other = 1 - side
    if one:
        ahead[:, other] = 1.45 * thigh_m * stepping
        lift[:, other] = 0.25 * stepping * (1 - stepping)
    else:
        later = glide(t_s, 0.35 * down_s, 0.65 * down_s) - glide(t_s, up_s, 0.8 * rise_s)
        ahead[:, other], up[:, other] = behind_m * later, 1.45 * later
    person.stand_on(track, ahead, up, lift)
