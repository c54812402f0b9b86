"""Drowsiness over minutes: what lids, head, trunk and hands do between wide awake and asleep.

A single moment tells little, as with people: everybody blinks, droops and slouches, and the drowsy have upright,
open-eyed moments between their nods. What grows is how often, how long and how deep. That blinks get longer and
long closures more frequent is what Caffier, Erdmann and Ullsperger measured (Eur J Appl Physiol 89, 2003).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from har_ros.simulation.physics import RATE_HZ
from har_ros.simulation.tracks import Curve, ease, wander

SHUT = 0.8  # lids that are at least this far closed count as shut: the P80 of PERCLOS
DROWSY = 0.35  # the level of drowsiness from which on a person counts as drowsy
_BLINK_EVERY_S = (3.0, 5.0)  # 12 to 20 a minute
_BLINK_S = (0.15, 0.25)
_CLOSURE_S = (0.5, 5.0)  # a long closure
_NOD_RAMP_S, _NOD_STARTLE_S = (0.7, 1.8), (0.2, 0.4)
_NODS_FROM, _CLOSURES_FROM, _SLEEP_FROM = 0.3, 0.2, 0.85  # levels


@dataclass(frozen=True)
class Course:
    """Curves at RATE_HZ, each (T,).

    level:       drowsiness, from 0 alert to 1 asleep. eyes_closed: lid closure, 0 open to 1 shut.
    nod:         how far the head has sunk, 0 to 1. slump: how far the trunk has, 0 to 1.
    slip:        how far the hands have slid from the wheel, 0 to 1. look_down: at the dashboard or a phone, 0 to 1.
    """

    level: Curve
    eyes_closed: Curve
    nod: Curve
    slump: Curve
    slip: Curve
    look_down: Curve


def course(duration_s: float, rng: np.random.Generator, start: float, end: float) -> Course:
    """Return how a person does whose drowsiness goes from the level `start` to `end`, both 0 (alert) to 1 (asleep)."""
    t_s = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    level = start + (end - start) * ease(t_s, 0.0, max(duration_s, 1 / RATE_HZ))
    level = np.clip(level + wander(t_s, rng, 0.05, 0.01, 0.05), 0, 1)
    look_down = _looks_down(t_s, rng)
    droop = np.clip(rng.uniform(0.0, 0.35) + 0.3 * level + wander(t_s, rng, 0.08, 0.02, 0.3), 0, 0.75)
    lids = np.maximum(droop, rng.uniform(0.3, 0.6) * look_down)
    nod = np.clip(wander(t_s, rng, 0.04, 0.02, 0.2), 0, 1)
    _live_through(_Lids(t_s, lids), nod, level, rng)
    slack = _slowly(nod, rng.uniform(1.5, 4.0))
    slump = np.clip(rng.uniform(0, 0.6) + 0.15 * level + 0.3 * slack + wander(t_s, rng, 0.05, 0.01, 0.1), 0, 1)
    low = rng.choice((0.0, rng.uniform(0, 0.7)))  # many drive with their hands low on the wheel, or in the lap
    grip = rng.uniform(0.3, 1.2)
    slip = np.clip(low + grip * slack * level, 0, 1)
    return Course(level, np.clip(lids, 0, 1), np.clip(nod, 0, 1), slump, slip, look_down)


def perclos(eyes_closed: NDArray[np.float64], rate_hz: float) -> NDArray[np.float64]:
    """Return the share of the trailing minute in which the lids were at least 80 % closed, (T,), one for each sample.

    Before a minute has passed it is the share of what has. PERCLOS P80 of Wierwille, Ellsworth, Wreggit, Fairbanks
    and Kirn (1994), made known by Dinges and Grace (FHWA-MCRT-98-006, 1998); blinks count like any other closure.
    """
    window = round(60 * rate_hz)
    total = np.concatenate([[0], np.cumsum(eyes_closed >= SHUT)])
    last = np.arange(1, len(total))
    first = np.maximum(last - window, 0)
    share: NDArray[np.float64] = (total[last] - total[first]) / (last - first)
    return share


@dataclass
class _Lids:
    """Lids to which closures are added."""

    t_s: Curve
    closed: Curve

    def shut(self, at_s: float, close_s: float, hold_s: float, open_s: float, depth: float = 1.0) -> None:
        """Close the lids for a while."""
        shape = ease(self.t_s, at_s, close_s) - ease(self.t_s, at_s + close_s + hold_s, open_s)
        self.closed += (depth - self.closed) * shape * (depth > self.closed)

    def widen(self, at_s: float, hold_s: float) -> None:
        """Open them wide for a while, as one does who woke with a start."""
        self.closed *= 1 - 0.9 * (ease(self.t_s, at_s, 0.15) - ease(self.t_s, at_s + hold_s, 1.0))


def _looks_down(t_s: Curve, rng: np.random.Generator) -> Curve:
    """Return looks down, 0 to 1, as at the dashboard or a phone in its holder: at any level, and the lids go along."""
    down, at_s = np.zeros(len(t_s)), rng.uniform(-1, 8)
    while at_s < len(t_s) / RATE_HZ:
        look_s = rng.uniform(0.4, 2.0)
        down += rng.uniform(0.5, 1.0) * (ease(t_s, at_s, 0.2) - ease(t_s, at_s + look_s, 0.2))
        at_s += look_s + rng.uniform(3, 14)
    return down


def _live_through(lids: _Lids, nod: Curve, level: Curve, rng: np.random.Generator) -> None:
    """Blink, close the eyes and nod, one after the other, more of it the drowsier."""
    end_s = len(level) / RATE_HZ
    at_s = rng.uniform(-_BLINK_EVERY_S[1], _BLINK_EVERY_S[0])
    while at_s < end_s:
        now = float(level[int(np.clip(at_s * RATE_HZ, 0, len(level) - 1))])
        chance = rng.uniform()
        nods = 0.75 * np.clip((now - _NODS_FROM) / (_SLEEP_FROM - _NODS_FROM), 0, 1)
        closures = 0.35 * np.clip((now - _CLOSURES_FROM) / (_SLEEP_FROM - _CLOSURES_FROM), 0, 1)
        if chance < nods:
            at_s += _nod_off(lids, nod, at_s, now, rng)
        elif chance < nods + closures:
            hold_s = rng.uniform(_CLOSURE_S[0], _CLOSURE_S[0] + now * (_CLOSURE_S[1] - _CLOSURE_S[0]))
            lids.shut(at_s, 0.2 + 0.3 * now, hold_s, 0.2)
            at_s += hold_s + 0.4
        else:
            slowness = 1 + 1.5 * now
            blink_s = rng.uniform(*_BLINK_S) * slowness
            lids.shut(at_s, 0.35 * blink_s, 0.15 * blink_s, 0.5 * blink_s)
        at_s += rng.uniform(*_BLINK_EVERY_S) * (1 - 0.6 * now)


def _nod_off(lids: _Lids, nod: Curve, at_s: float, level: float, rng: np.random.Generator) -> float:
    """Let the head sink, stay, and start up again; return how long it took, s."""
    ramp_s, startle_s = rng.uniform(*_NOD_RAMP_S), rng.uniform(*_NOD_STARTLE_S)
    hold_s = rng.uniform(8, 40) if level > _SLEEP_FROM else rng.uniform(0.4, 0.4 + 5 * level)
    depth = rng.uniform(0.35, 0.7) + 0.4 * level
    up_s = at_s + ramp_s + hold_s
    nod += (depth - nod) * (ease(lids.t_s, at_s, ramp_s) - ease(lids.t_s, up_s, startle_s))
    lids.shut(at_s - 0.3, 0.3 + 0.5 * ramp_s, hold_s + 0.5 * ramp_s, startle_s)
    lids.widen(up_s, rng.uniform(0.5, 3.0) * (1.2 - level))
    return ramp_s + hold_s + startle_s


def _slowly(curve: Curve, time_s: float) -> Curve:
    """Return a curve that follows another one `time_s` behind, as a first-order lag."""
    share = 1 / (time_s * RATE_HZ)
    followed, value = np.empty(len(curve)), curve[0] if len(curve) else 0.0
    for index, goal in enumerate(curve):
        value += share * (goal - value)
        followed[index] = value
    return followed
