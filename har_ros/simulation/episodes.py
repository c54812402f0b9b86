"""One episode of one activity by one body, for those who don't plan a scene."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from har_ros.core.labels import TRUTHS, Activity
from har_ros.simulation.motion import Performer
from har_ros.simulation.physics import MOUNTS, Mount
from har_ros.simulation.planning import Step
from har_ros.simulation.skeleton import Motion, Skeleton

CAPTURE_S = 1.0
_FALL_BEFORE_S = 0.2
_SHARE_OF_FALLING = 0.7  # the other captures show the person lying after it
_ACTS = {Activity.WALK: "walk", Activity.JOGGING: "jog", Activity.STAND: "stand", Activity.SITTING: "sit",
         Activity.DRIVERS_DROWSINESS: "drowse"}  # fmt: skip
_FALLS = ("fall_trip", "fall_slip", "fall_push", "fall_faint")


@dataclass(frozen=True)
class Episode:
    """One activity for some time; seat: where a sitting person sits; drowsiness happens in the car."""

    activity: Activity
    duration_s: float
    seat: Literal["none", "chair", "car"] = "none"
    path_radius_m: float | None = None


def simulate_episode(episode: Episode, skeleton: Skeleton, seed: int, mount: Mount = MOUNTS["waist"]) -> Motion:
    """Return the motion of an episode, 200 Hz, the same for the same seed. Raises HarError where an act does."""
    act = _FALLS[seed % len(_FALLS)] if episode.activity is Activity.FALL_OR_COLLAPSE else _ACTS[episode.activity]
    if episode.activity is Activity.SITTING and episode.seat == "car":
        act = "drive"
    return Performer(skeleton, seed, mount).perform(Step(act, episode.duration_s))


def capture_span(motion: Motion, activity: Activity, rng: np.random.Generator) -> float:
    """Return when a one-second capture of the activity begins, s."""
    if activity is not Activity.FALL_OR_COLLAPSE:
        return float(rng.uniform(0, max(motion.duration_s - CAPTURE_S, 0)))
    onset_s = float(np.argmax(motion.label == TRUTHS.index(activity))) / motion.rate_hz
    last_s = motion.duration_s - CAPTURE_S
    if rng.uniform() < _SHARE_OF_FALLING:
        return float(rng.uniform(onset_s - _FALL_BEFORE_S, min(onset_s + 0.9, last_s)))
    return float(rng.uniform(min(onset_s + 1.3, last_s), last_s))
