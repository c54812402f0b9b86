"""Getting up from the floor: over on hands and knees, up on the knees, and onto the feet."""

from __future__ import annotations

import numpy as np

from har_ros.core.labels import Activity
from har_ros.simulation.legs import SIDES
from har_ros.simulation.lying import KNEE_M, kneel_legs
from har_ros.simulation.person import Person
from har_ros.simulation.physics import Body
from har_ros.simulation.tracks import Track, blinks, glide, still, through, times

_LYING_UP = 0.57  # the pelvis' upward share of a body that sits, not lies: cosine of 55 degrees


def get_up(person: Person, seconds: float, rng: np.random.Generator) -> Track:
    """Return getting up from wherever and however the person's body lies, to standing there, where the head was.

    It begins on hands and knees: the track's long blend leads there from the floor, by rolling over if need be.
    """
    t_s = times(seconds)
    track = still(len(t_s), Activity.OTHER)
    track.blend_s = rng.uniform(0.42, 0.48) * seconds
    left_s = t_s[::-1] - 0.03 * seconds  # time runs back: the same as going down on hands and knees
    kneel_s, fours_s = rng.uniform(0.3, 0.36) * seconds, rng.uniform(0.52, 0.56) * seconds
    thigh_m = person.hip_m - person.knee_m
    track.root_m[:, 0] = through(left_s, (0, 0), (kneel_s, 0.5 * thigh_m), (fours_s, 0.55 * thigh_m))
    track.root_m[:, 2] = through(
        left_s, (0.1 * kneel_s, person.hip_m - 0.004), (kneel_s, thigh_m + KNEE_M), (fours_s, thigh_m + KNEE_M - 0.05)
    )
    fours = glide(left_s, 0.7 * kneel_s, fours_s - 0.7 * kneel_s)
    effort = 4 * glide(left_s, 0.0, 0.6 * kneel_s) * (1 - glide(left_s, 0.4 * kneel_s, 0.6 * kneel_s))
    track.root_angles[:, 0] = 1.2 * fours + rng.uniform(0.05, 0.15) * effort
    track.add("spine.y", 0.25 * fours + 0.05 * effort)
    track.add("head.y", -0.2 * fours)
    for side in SIDES:
        track.add(f"upper_arm_{side}.y", -1.35 * fours - rng.uniform(0.05, 0.2) * effort)
        track.add(f"forearm_{side}.y", -0.25)
    track.add_both("upper_arm", "x", 0.15)
    kneel_legs(track, person, left_s, kneel_s)
    track.eyes_closed[:] = blinks(t_s, rng)
    _bring_to(track, person.body, 0.55 * thigh_m)
    return track


def _bring_to(track: Track, body: Body, fours_m: float) -> None:
    """Move and turn a track so that its hands and knees, `fours_m` ahead of its end, are where the body is now."""
    w, x, y, z = body.data.qpos[3:7]
    pelvis_up = np.array([2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)])
    pelvis_ahead = np.array([1 - 2 * (y * y + z * z), 2 * (x * y + w * z)])
    sits = pelvis_up[2] > _LYING_UP
    along = pelvis_ahead if sits else pelvis_up[:2]
    heading = float(np.arctan2(along[1], along[0]))
    cosine, sine = np.cos(heading), np.sin(heading)
    shift = (0.3 if sits else -0.1) - fours_m
    x_m, y_m = track.root_m[:, 0] + shift, track.root_m[:, 1].copy()
    track.root_m[:, 0] = body.data.qpos[0] + cosine * x_m - sine * y_m
    track.root_m[:, 1] = body.data.qpos[1] + sine * x_m + cosine * y_m
    track.root_angles[:, 2] += heading
