"""Which second of a longer motion becomes a capture."""

from __future__ import annotations

import numpy as np

from har_ros.core.labels import TRUTHS, Activity
from har_ros.simulation.acts import ACTS, Act
from har_ros.simulation.drowsiness import SHUT
from har_ros.simulation.motion import Step
from har_ros.simulation.skeleton import Motion

CAPTURE_S = 1.0
_FALL_BEFORE_S = 0.2
_FALLING_SHARE = 0.7  # of the captures of a fall; the others show the person lying after it
_LYING_AFTER_S = 1.3
_STEP_S = (4.0, 6.0)  # of an act, within what it may last
_WAY_S = (5.0, 12.0)  # of one that goes somewhere: how long the way is decides the speed
_GOING = (Activity.WALK, Activity.JOGGING)
_LEAST_SHOWN = 0.9  # of a capture's second shows its act
_LEAST_SHUT_S = 0.4  # of a second of drowsiness: longer than a blink
_BEFORE = {Activity.STAND: ("walk", 0.4), Activity.WALK: ("stand", 0.3), Activity.JOGGING: ("stand", 0.3)}


def clip_steps(act: Act, rng: np.random.Generator) -> list[Step]:
    """Return what a person does so that a capture of `act` can be cut from it; sometimes they come from another act."""
    steps = [_step(act, rng)]
    before, share = _BEFORE.get(act.label, ("", 0.0))
    return [_step(ACTS[before], rng), *steps] if rng.random() < share else steps


def _step(act: Act, rng: np.random.Generator) -> Step:
    shortest_s, longest_s = act.seconds
    usual_s = _WAY_S if act.label in _GOING else _STEP_S
    return Step(act.name, round(float(np.clip(rng.uniform(*usual_s), shortest_s, longest_s)), 2))


def capture_begin(motion: Motion, act: Act, rng: np.random.Generator) -> float | None:
    """Return when a one-second capture of the act begins, s; None where it doesn't show for long enough."""
    if act.label is Activity.FALL_OR_COLLAPSE:
        return _fall_begin(motion, rng)
    length = round(CAPTURE_S * motion.rate_hz)
    shown = (motion.act == list(ACTS).index(act.name)) & (motion.label == TRUTHS.index(act.label))
    share = np.convolve(shown, np.ones(length), "valid") / length
    begins = np.flatnonzero(share >= min(_LEAST_SHOWN, share.max()))
    if act.label is Activity.DRIVERS_DROWSINESS:
        shut_s = np.convolve(motion.eyes_closed >= SHUT, np.ones(length), "valid") / motion.rate_hz
        begins = begins[shut_s[begins] >= min(_LEAST_SHUT_S, shut_s[begins].max())]
    return float(rng.choice(begins)) / motion.rate_hz if share.max() > 0.5 else None


def _fall_begin(motion: Motion, rng: np.random.Generator) -> float | None:
    last_s = motion.duration_s - CAPTURE_S
    falling = motion.label == TRUTHS.index(Activity.FALL_OR_COLLAPSE)
    onset_s = float(np.argmax(falling)) / motion.rate_hz
    if not falling.any() or onset_s + _LYING_AFTER_S > last_s:
        return None
    if rng.uniform() < _FALLING_SHARE:
        return float(rng.uniform(onset_s - _FALL_BEFORE_S, onset_s + 0.9))
    return float(rng.uniform(onset_s + _LYING_AFTER_S, last_s))
