"""One episode of one activity by one body, with what its sensor feels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from har_ros.core.errors import HarError
from har_ros.core.labels import TRUTHS, Activity
from har_ros.simulation import gait, postures
from har_ros.simulation.falls import FALL_S, KINDS, LET_GO_S, Fall, at_rest, let_fall
from har_ros.simulation.gait import Style
from har_ros.simulation.imu import felt, rotation
from har_ros.simulation.joining import Reference
from har_ros.simulation.physics import MOUNTS, RATE_HZ, Body, Mount, Pose
from har_ros.simulation.skeleton import SEGMENTS, Motion, Skeleton
from har_ros.simulation.tracking import Tracker
from har_ros.simulation.tracks import Track, ease

CAPTURE_S = 1.0
_TRIES = 12
_UPRIGHT_S = (0.8, 1.5)  # standing or walking before a fall
_FALL_BEFORE_S = 0.2
_SHARE_OF_FALLING = 0.7  # the other captures show the person lying after it


@dataclass(frozen=True)
class Episode:
    """One activity for some time.

    seat:          where a sitting person sits; drowsiness happens in the car.
    path_radius_m: walking and jogging go straight (None) or round a circle, to stay in view.
    """

    activity: Activity
    duration_s: float
    seat: Literal["none", "chair", "car"] = "none"
    path_radius_m: float | None = None


def simulate_episode(episode: Episode, skeleton: Skeleton, seed: int, mount: Mount = MOUNTS["waist"]) -> Motion:
    """Return the motion of an episode, 200 Hz, starting at the origin and heading +x; the same for the same seed.

    A fall begins with standing or walking, under that label, and lasts as lying still until the end.
    Raises HarError when a fall doesn't succeed or is too short to happen.
    """
    if episode.activity is not Activity.FALL_OR_COLLAPSE:
        return _follow(episode, skeleton, mount, np.random.default_rng([seed, 1]))
    least_s = FALL_S + _UPRIGHT_S[1] + 0.1
    if episode.duration_s < least_s:
        raise HarError(f"a fall of {episode.duration_s:g} s is too short; give it at least {least_s:g} s")
    for attempt in range(_TRIES):
        motion = _fall(episode, skeleton, mount, np.random.default_rng([seed, 2, attempt]))
        if motion is not None:
            return motion
    raise HarError(f"no fall with seed {seed} ended on the floor in {_TRIES} tries; use another seed")


def capture_span(motion: Motion, activity: Activity, rng: np.random.Generator) -> float:
    """Return when a one-second capture of the activity begins, s."""
    if activity is not Activity.FALL_OR_COLLAPSE:
        return float(rng.uniform(0, max(motion.duration_s - CAPTURE_S, 0)))
    onset_s = float(np.argmax(motion.label == TRUTHS.index(activity))) / motion.rate_hz
    last_s = motion.duration_s - CAPTURE_S
    if rng.uniform() < _SHARE_OF_FALLING:
        return float(rng.uniform(onset_s - _FALL_BEFORE_S, min(onset_s + 0.9, last_s)))
    return float(rng.uniform(min(onset_s + 1.3, last_s), last_s))


def _track(episode: Episode, duration_s: float, skeleton: Skeleton, body: Body, rng: np.random.Generator) -> Track:
    if episode.activity is Activity.WALK:
        return gait.follow_path(Style.walking(rng), duration_s, skeleton, body, episode.path_radius_m, rng)
    if episode.activity is Activity.JOGGING:
        return gait.follow_path(Style.jogging(rng), duration_s, skeleton, body, episode.path_radius_m, rng)
    if episode.activity is Activity.STAND:
        return postures.stand(duration_s, skeleton, body, rng)
    if episode.activity is Activity.DRIVERS_DROWSINESS:
        return postures.drowse(duration_s, skeleton, rng)
    if episode.seat == "car":
        return postures.drive(duration_s, skeleton, rng)
    return postures.sit(duration_s, skeleton, rng)


def _follow(episode: Episode, skeleton: Skeleton, mount: Mount, rng: np.random.Generator) -> Motion:
    body = Body(skeleton)
    track = _track(episode, episode.duration_s, skeleton, body, rng)
    tracker = Tracker(body, Reference.of(track))
    tracker.place(0)
    poses = [tracker.step(index) for index in range(len(track.eyes_closed))]
    return _motion(poses, track.eyes_closed, track.label, mount)


def _fall(episode: Episode, skeleton: Skeleton, mount: Mount, rng: np.random.Generator) -> Motion | None:
    """Return a fall, or None when the body did not end on the floor."""
    body = Body(skeleton)
    upright = replace(episode, activity=Activity.WALK if rng.uniform() < 0.6 else Activity.STAND)
    onset = round(rng.uniform(*_UPRIGHT_S) * RATE_HZ)
    track = _track(upright, onset / RATE_HZ + LET_GO_S + 0.1, skeleton, body, rng)
    tracker = Tracker(body, Reference.of(track))
    tracker.place(0)
    poses = [tracker.step(index) for index in range(onset)]
    fall = Fall.random(str(rng.choice(KINDS[:4])), rng)
    poses += let_fall(body, tracker, onset, fall, float(track.root_angles[onset, 2]))
    if not at_rest(body, poses[-1], fall.kind):
        return None
    count = round(episode.duration_s * RATE_HZ)
    label = np.full(count, TRUTHS.index(episode.activity))
    label[:onset] = TRUTHS.index(upright.activity)
    eyes_closed = ease(np.arange(count) / RATE_HZ, onset / RATE_HZ + 0.1, 0.4)
    eyes_closed[:onset] = track.eyes_closed[:onset]
    return _motion(poses + _lying(poses[-1], count - len(poses), rng), eyes_closed, label, mount)


def _lying(last: Pose, count: int, rng: np.random.Generator) -> list[Pose]:
    """Return a body that lies where it ended and rocks a little about the pelvis as it breathes."""
    breath = 1 - np.cos(2 * np.pi * rng.uniform(0.2, 0.35) * np.arange(count) / RATE_HZ)
    axis_rad = rng.normal(0, 0.003, 3)
    pelvis_m = last.position_m[0]
    turns = [rotation(depth * axis_rad) for depth in breath]
    return [Pose(pelvis_m + (last.position_m - pelvis_m) @ turn.T, turn @ last.rotation) for turn in turns]


def _motion(poses: list[Pose], eyes_closed: NDArray[np.float64], label: NDArray[np.int64], mount: Mount) -> Motion:
    position_m, rotations = np.array([pose.position_m for pose in poses]), np.array([pose.rotation for pose in poses])
    segment = SEGMENTS.index(mount.segment)
    place_m = position_m[:, segment] + rotations[:, segment] @ np.array(mount.offset_m)
    imu = felt(place_m, rotations[:, segment], RATE_HZ)
    return Motion(RATE_HZ, position_m, rotations, eyes_closed, label, np.zeros(len(label), int), *imu)
