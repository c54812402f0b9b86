"""Sitting down on the chair behind home, sitting there, and standing up from it."""

from __future__ import annotations

import numpy as np

from har_ros.core.labels import Activity
from har_ros.simulation.person import Person
from har_ros.simulation.postures import CHAIR_SEAT_HEIGHT_M, CHAIR_X_M, SEAT_TO_HIP_M, look_around, tremble
from har_ros.simulation.tracks import Curve, Track, blinks, glide, still, through, times, wander

_SEATED_M = CHAIR_SEAT_HEIGHT_M + SEAT_TO_HIP_M


def sit(person: Person, seconds: float, rng: np.random.Generator) -> Track:
    """Return sitting on the chair: hands on the lap, at a phone or at a table, feet at ease."""
    t_s = times(seconds)
    track = still(len(t_s), Activity.SITTING)
    track.root_m[:, 0], track.root_m[:, 2] = CHAIR_X_M, _SEATED_M
    track.root_angles[:, 0] = -np.radians(rng.uniform(-2, 14)) + wander(t_s, rng, 0.01)
    track.add_both("thigh", "z", rng.uniform(-0.1, 0.25))
    ahead_m = [rng.uniform(-0.06, 0.12) + rng.normal(0, 0.03) + wander(t_s, rng, 0.004) for _ in range(2)]
    person.stand_on(track, np.stack(ahead_m, axis=1))
    track.add("spine.y", rng.uniform(0.0, 0.35))
    pose = rng.integers(3)
    shoulder, elbow, inward = [(-0.35, -1.0, -0.3), (-0.55, -1.9, -0.2), (-0.75, -1.1, -0.1)][pose]
    for name in ("left", "right"):
        track.add(f"upper_arm_{name}.y", shoulder + rng.normal(0, 0.08) + wander(t_s, rng, 0.03))
        track.add(f"forearm_{name}.y", elbow + rng.normal(0, 0.1) + wander(t_s, rng, 0.05, 0.1, 1.2))
    track.add_both("upper_arm", "x", rng.uniform(0.05, 0.2))
    track.add_both("upper_arm", "z", inward)
    track.add("head.y", (0.45 if pose == 1 else 0.1) + wander(t_s, rng, 0.06))
    look_around(track, t_s, rng, 0.3)
    tremble(track, t_s, rng, rng.uniform(0.03, 0.1), 1.0, 8.0)
    track.eyes_closed[:] = blinks(t_s, rng)
    return track


def sit_down(person: Person, seconds: float, rng: np.random.Generator) -> Track:
    """Return sitting down with care: the trunk leans ahead over the feet while the seat is reached for."""
    t_s = times(seconds)
    down_s = rng.uniform(0.75, 0.9) * seconds
    track = still(len(t_s), Activity.OTHER)
    track.root_m[:, 2] = through(t_s, (0.1 * down_s, person.hip_m), (down_s, _SEATED_M))
    _bend_onto_seat(track, t_s, 0.0, down_s, person, rng)
    return track


def sit_down_hard(person: Person, seconds: float, rng: np.random.Generator) -> Track:
    """Return dropping onto the chair: the last 7 to 16 cm fall nearly free, and the seat stops them within a few."""
    t_s = times(seconds)
    track = still(len(t_s), Activity.OTHER)
    let_go_s = rng.uniform(0.45, 0.6) * min(seconds, 2.0)
    track.root_m[:, 2], hit_s = _drop(t_s, let_go_s, person.hip_m, rng)
    _bend_onto_seat(track, t_s, 0.0, hit_s + 0.05, person, rng)
    after_s = np.clip(t_s - hit_s - 0.05, 0, None)
    shake = np.sin(2 * np.pi * rng.uniform(2.0, 3.5) * after_s) * np.exp(-after_s / 0.15)
    track.add("spine.y", rng.uniform(0.05, 0.15) * shake)
    track.add("head.y", rng.uniform(0.1, 0.3) * shake)
    return track


def stand_up(person: Person, seconds: float, rng: np.random.Generator) -> Track:
    """Return standing up: the trunk leans ahead until the weight is over the feet, then the legs push."""
    t_s = times(seconds)
    track = still(len(t_s), Activity.OTHER)
    begin_s, rise_s, end_s = 0.05 * seconds, rng.uniform(0.28, 0.36) * seconds, rng.uniform(0.9, 0.97) * seconds
    lean = rng.uniform(0.5, 0.85)
    track.root_m[:, 0] = through(t_s, (rise_s - 0.1, CHAIR_X_M), (0.9 * end_s, 0.0))
    track.root_m[:, 2] = through(t_s, (rise_s, _SEATED_M), (end_s, person.hip_m))
    share = glide(t_s, begin_s, 1.3 * rise_s) - glide(t_s, rise_s + 0.15, end_s - rise_s - 0.15)
    _lean(track, lean * share)
    person.stand_on(track)
    push = rng.choice((0.0, 0.6, 1.0))  # arms swing ahead, or hands push on the thighs
    for side in ("left", "right"):
        track.add(f"upper_arm_{side}.y", -0.1 - (0.4 + 0.3 * push) * share)
        track.add(f"forearm_{side}.y", -0.25 - 0.5 * (1 - push) * share)
    track.add_both("upper_arm", "x", 0.12)
    track.eyes_closed[:] = blinks(t_s, rng)
    return track


def _bend_onto_seat(
    track: Track, t_s: Curve, begin_s: float, seated_s: float, person: Person, rng: np.random.Generator
) -> None:
    """Lead pelvis, trunk, legs and arms to the seat, which is reached at seated_s; the height is set already."""
    span_s = seated_s - begin_s
    track.root_m[:, 0] = through(t_s, (begin_s, 0.0), (begin_s + 0.95 * span_s, CHAIR_X_M))
    lean = rng.uniform(0.45, 0.8)
    up_s = max(0.25 * span_s, 0.35)
    share = glide(t_s, begin_s, 0.7 * span_s) - glide(t_s, begin_s + 0.75 * span_s, 0.25 * span_s + up_s)
    _lean(track, lean * share)
    recline = np.radians(rng.uniform(0, 10)) * glide(t_s, seated_s - 0.2, up_s + 0.2)
    track.root_angles[:, 0] -= recline
    person.stand_on(track)
    rest = glide(t_s, begin_s + 0.3 * span_s, 0.7 * span_s)
    for side in ("left", "right"):
        track.add(f"upper_arm_{side}.y", -0.1 - 0.3 * rest - 0.2 * share)
        track.add(f"forearm_{side}.y", -0.25 - 0.7 * rest)
    track.add_both("upper_arm", "x", 0.12)
    track.add_both("upper_arm", "z", -0.2 * rest)
    track.eyes_closed[:] = blinks(t_s, rng)


def _lean(track: Track, angle: Curve) -> None:
    """Lean the trunk ahead, mostly at the hips, the head looking ahead."""
    track.root_angles[:, 0] += 0.75 * angle
    track.add("spine.y", 0.35 * angle)
    track.add("head.y", -0.3 * angle)


def _drop(t_s: Curve, let_go_s: float, from_m: float, rng: np.random.Generator) -> tuple[Curve, float]:
    """Return the pelvis' height while it is lowered, dropped, and stopped by the seat, and when it hits, s."""
    drop_m, fall_mps2, stop_mps2 = rng.uniform(0.07, 0.16), rng.uniform(4.0, 7.5), rng.uniform(9.0, 20.0)
    lowered = np.clip(t_s / let_go_s, 0, 1)
    speed_mps = 0.5
    fall_s = (np.sqrt(speed_mps**2 + 2 * fall_mps2 * drop_m) - speed_mps) / fall_mps2
    hit_mps = speed_mps + fall_mps2 * fall_s
    stop_s = np.pi * hit_mps / (2 * stop_mps2)  # half a sine of deceleration
    hit_m = _SEATED_M + hit_mps * stop_s / 2
    # quintic from rest to the speed and acceleration at which the legs let go
    down, v, a = hit_m + drop_m - from_m, -speed_mps * let_go_s, -fall_mps2 * let_go_s**2
    height = from_m + (10 * down - 4 * v + a / 2) * lowered**3
    height += (-15 * down + 7 * v - a) * lowered**4 + (6 * down - 3 * v + a / 2) * lowered**5
    since = np.clip(t_s - let_go_s, 0, fall_s)
    height -= speed_mps * since + fall_mps2 * since**2 / 2
    u = np.clip((t_s - let_go_s - fall_s) / stop_s, 0, 1)
    height -= hit_mps * stop_s * (u + np.sin(np.pi * u) / np.pi) / 2
    return height, let_go_s + fall_s
