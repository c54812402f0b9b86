"""What feels like a fall for a moment without being one: a jump, and a blow on the sensor."""

from __future__ import annotations

import numpy as np

from har_ros.core.labels import Activity
from har_ros.core.preprocess import STANDARD_GRAVITY_MPS2
from har_ros.simulation.legs import SIDES
from har_ros.simulation.person import Person
from har_ros.simulation.physics import RATE_HZ
from har_ros.simulation.tracks import Curve, Track, blinks, glide, still, times


def jump(person: Person, seconds: float, rng: np.random.Generator) -> Track:
    """Return one jump on the spot: a crouch, 0.2 to 0.38 s in the air, a landing of 2 to 5 g, and standing again."""
    t_s = times(seconds)
    track = still(len(t_s), Activity.OTHER)
    flight_s, push_s, land_s = rng.uniform(0.2, 0.38), rng.uniform(0.22, 0.3), rng.uniform(0.09, 0.17)
    speed_mps = STANDARD_GRAVITY_MPS2 * flight_s / 2
    down_s, rise_s = rng.uniform(0.35, 0.5), rng.uniform(0.4, 0.6)
    whole_s = down_s + push_s + flight_s + land_s + rise_s
    begin_s = rng.uniform(0.0, max(seconds - whole_s, 0.01))
    off_s = begin_s + down_s + push_s
    top_m = person.hip_m - 0.02
    push_m, land_m = speed_mps * push_s / 2, speed_mps * land_s / 2
    height = top_m + np.zeros(len(t_s))
    height -= push_m * glide(t_s, begin_s, down_s)
    height += speed_mps * push_s * _gathering((t_s - off_s + push_s) / push_s)
    air = np.clip(t_s - off_s, 0, flight_s)
    height += speed_mps * air - STANDARD_GRAVITY_MPS2 * air**2 / 2
    landed = (t_s - off_s - flight_s) / land_s
    height -= speed_mps * land_s * (0.5 - _gathering(1 - landed))
    height += land_m * glide(t_s, off_s + flight_s + land_s, rise_s)
    track.root_m[:, 2] = height
    low = np.clip((top_m - height) / max(push_m, land_m), 0, 1)
    track.root_angles[:, 0] += 0.4 * low
    track.add("spine.y", 0.15 * low)
    track.root_m[:, 0] -= 0.04 * low
    swing = rng.uniform(0.6, 2.2)
    back, up = glide(t_s, begin_s, down_s), glide(t_s, off_s - push_s, push_s + 0.1)
    arms = 0.5 * back - (0.5 + swing) * up + swing * glide(t_s, off_s + flight_s, rise_s)
    for side in SIDES:
        track.add(f"upper_arm_{side}.y", arms)
        track.add(f"forearm_{side}.y", -0.3 - 0.4 * up * (1 - glide(t_s, off_s + flight_s, rise_s)))
    track.add_both("upper_arm", "x", 0.12)
    pointed = glide(t_s, off_s - 0.08, 0.12) - glide(t_s, off_s + flight_s - 0.1, 0.12)
    lift = np.maximum(height - top_m, 0) * 0.97
    person.stand_on(track, heels_up_rad=np.stack([0.45 * pointed] * 2, axis=1), lift_m=np.stack([lift] * 2, axis=1))
    track.eyes_closed[:] = blinks(t_s, rng)
    return track


def _gathering(share: Curve) -> Curve:
    """Return the integral of a speed that grows from 0 to 1 as a raised cosine while `share` goes from 0 to 1."""
    u = np.clip(share, 0, 1)
    way: Curve = (u - np.sin(np.pi * u) / np.pi) / 2
    return way


def blow(count: int, rng: np.random.Generator) -> tuple[Curve, Curve]:
    """Return what a knock on the sensor adds to accelerations (T, 3), m/s^2, and rates (T, 3), rad/s.

    20 to 60 ms of 3 to 10 g, with the rebound of the strap it hangs on: the body doesn't move.
    """
    t_s = np.arange(count) / RATE_HZ
    span_s, peak_mps2 = rng.uniform(0.02, 0.06), rng.uniform(3, 10) * STANDARD_GRAVITY_MPS2
    since_s = t_s - rng.uniform(0.3, 0.8) * t_s[-1]
    strike = np.sin(np.pi * np.clip(since_s / span_s, 0, 1))
    rebound_s = np.clip(since_s - span_s, 0, None)
    strike -= rng.uniform(0.1, 0.35) * np.sin(np.pi * rebound_s / span_s) * np.exp(-rebound_s / span_s)
    direction, spin = rng.normal(0, 1, 3), rng.normal(0, 1.0, 3)
    return np.outer(peak_mps2 * strike, direction / np.linalg.norm(direction)), np.outer(strike, spin)
