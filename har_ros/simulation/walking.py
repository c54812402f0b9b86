"""Walking and jogging from home to home: starting, going round, stopping, on feet that don't slide."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from har_ros.core.preprocess import STANDARD_GRAVITY_MPS2
from har_ros.simulation import paths
from har_ros.simulation.gait import Stride, Style, limbs
from har_ros.simulation.going import Going
from har_ros.simulation.person import Person
from har_ros.simulation.physics import RATE_HZ
from har_ros.simulation.tracks import MARGIN, Curve, Track, blinks, even, glide, times, wander

_NEAR_HOME_M = 0.1
_SHORTEST_LOOP_M = 3.5
_TURN_S, _CORNER_S = 0.8, 0.4  # spans over which heading and place are evened out
_STOP_S = 0.45  # before the end one looks ahead again, at home
_PLANTED = 0.65  # share of a foot's time on the floor in which it doesn't move at all

_FADE_S, _QUICK_S = 0.7, 0.3  # of one gait into another
_NEAR_END = 24  # samples
_KNEE_S, _SPARE_RAD = 0.05, 0.03
_CREEPING = 0.06  # of full speed: slower than that, both feet stand


def walk(person: Person, seconds: float, rng: np.random.Generator) -> Track:
    """Return walking from where the person is to home and round it, and stopping there."""
    return _go(person, Style.walking(rng), seconds, rng)


def jog(person: Person, seconds: float, rng: np.random.Generator) -> Track:
    """Return jogging, as `walk` does."""
    return _go(person, Style.jogging(rng), seconds, rng)


def walk_on(person: Person, seconds: float, rng: np.random.Generator) -> Track:
    """Return walking round home without stopping at the end: what comes next goes on."""
    return _go_on(person, Style.walking(rng), seconds, rng)


def jog_on(person: Person, seconds: float, rng: np.random.Generator) -> Track:
    """Return jogging, as `walk_on` does."""
    return _go_on(person, Style.jogging(rng), seconds, rng)


def stumble(person: Person, seconds: float, rng: np.random.Generator) -> Track:
    """Return a walk with one stumble: a foot catches, the trunk is jerked ahead, a few quick steps save it."""
    t_s = times(seconds)
    since_s = t_s - rng.uniform(0.35, 0.6) * seconds
    catch_s, save_s = rng.uniform(0.15, 0.25), rng.uniform(0.5, 0.9)
    jolt = rng.uniform(0.5, 1.0) * (glide(since_s, 0.0, catch_s) - glide(since_s, catch_s, save_s))
    return _go(person, Style.walking(rng), seconds, rng, jolt)


def _go(
    person: Person, style: Style, seconds: float, rng: np.random.Generator, jolt: Curve | float = 0.0
) -> Track:
    natural_mps = Stride(style, person.skeleton, person.dummy).speed_mps
    t_s = times(seconds)
    ramp_s = min(rng.uniform(0.7, 0.95), 0.3 * seconds)
    vigour = _setting_out(person, t_s, natural_mps, ramp_s) - glide(t_s, seconds - 0.1 - ramp_s, ramp_s)
    travel_s = float(vigour.sum()) / RATE_HZ  # at full speed
    if person.going is None:
        way = _way(person, natural_mps * travel_s, rng)
    else:
        way = paths.loop_home(natural_mps * travel_s, person.going.circle)
    style, stride = _paced(person, style, way.length_m / travel_s)
    vigour *= way.length_m / (stride.speed_mps * travel_s)
    track, _ = _tread(person, style, stride, vigour, way, rng, jolt)
    person.going = None
    return track


def _go_on(person: Person, style: Style, seconds: float, rng: np.random.Generator) -> Track:
    stride = Stride(style, person.skeleton, person.dummy)
    t_s = times(seconds)
    vigour = _setting_out(person, t_s, stride.speed_mps, min(0.8, 0.6 * seconds))
    home = None if np.linalg.norm(person.place_m) < _NEAR_HOME_M or person.going else paths.way_home(person.place_m)
    length_m = max(stride.speed_mps * float(vigour.sum()) / RATE_HZ - (home.length_m if home else 0.0), 0.1)
    circle = person.going.circle if person.going else paths.draw_circle(rng)
    way, end = paths.loop_on(length_m, circle)
    if home:
        way = paths.joined([home.points_m, way.points_m])
    track, phase = _tread(person, style, stride, vigour, way, rng)
    person.going = Going(end, style, stride, phase)
    return track


def _setting_out(person: Person, t_s: Curve, full_mps: float, ramp_s: float) -> Curve:
    """Return how the speed rises to 1 from rest, or from what it was."""
    before = person.going.stride.speed_mps / full_mps if person.going else 0.0
    return before + (1 - before) * glide(t_s, 0.05, ramp_s)


def _tread(
    person: Person, style: Style, stride: Stride, vigour: Curve, way: paths.Way, rng: np.random.Generator,
    jolt: Curve | float = 0.0,
) -> tuple[Track, float]:  # fmt: skip
    """Return going along a way, with steps whose length is the style's times `vigour` (T,), and the phase at the end.

    `jolt`, 0 to 1, is how far a stumble has thrown the trunk ahead of the feet.
    """
    t_s = np.arange(len(vigour)) / RATE_HZ
    begin = person.going.phase if person.going else rng.choice((0.0, 0.5)) - 0.25
    weave = wander(t_s, rng, 0.01, 0.1, 0.5)
    phase = stride.middle + begin + style.stride_hz * t_s + weave - weave[0]
    phase += 0.35 * np.cumsum(np.full(len(t_s), jolt)) / RATE_HZ * style.stride_hz - 0.06 * jolt
    size, lively = np.minimum(vigour, 1.15), 1 + wander(t_s, rng, 0.08, 0.1, 0.5)
    track, ahead_m, left_m = _cycle(person, style, stride, phase - stride.middle, size, lively)
    if person.going:  # the old gait fades into the new one, step for step
        was = person.going
        before = _cycle(person, was.style, was.stride, phase - stride.middle, np.ones(len(t_s)), lively)
        new = glide(t_s, 0.0, _FADE_S)
        track.blend_s = _QUICK_S
        for name in ("hinges", "root_angles", "root_m"):
            curves, olds = getattr(track, name), getattr(before[0], name)
            curves += (1 - new)[:, None] * (olds - curves)
        ahead_m, left_m = new * ahead_m + (1 - new) * before[1], new * left_m + (1 - new) * before[2]
    _lurch(track, jolt, rng)
    along_m = stride.speed_mps * np.cumsum(vigour) / RATE_HZ
    _move_along(track, person, way, along_m, ahead_m + 0.08 * jolt, left_m)
    _plant(track, person, [stride.stands(phase, side, _PLANTED) | (vigour < _CREEPING) for side in (0, 1)])
    track.add("head.y", wander(t_s, rng, 0.04))
    track.add("head.z", wander(t_s, rng, 0.15, 0.05, 0.3))
    track.eyes_closed[:] = blinks(t_s, rng)
    return track, float(phase[-MARGIN] - stride.middle)


def _cycle(
    person: Person, style: Style, stride: Stride, since: Curve, size: Curve, lively: Curve
) -> tuple[Track, Curve, Curve]:
    """Return a gait on the spot, and how far ahead and to the left the pelvis is.

    since: phase after the left foot stood under the pelvis; size, lively: of the steps, and of their bounce.
    """
    phase = stride.middle + since
    track = limbs(style, phase)
    stride.fit_legs(track, phase)
    track.hinges[:] = person.stance.hinges + size[:, None] * (track.hinges - person.stance.hinges)
    track.root_angles *= size[:, None]
    track.root_m[:, 2] = person.hip_m + size * (stride.height_m - person.hip_m + lively * stride.heave(phase))
    return track, size * stride.surge(phase), size * stride.sway(phase)


def _lurch(track: Track, jolt: Curve | float, rng: np.random.Generator) -> None:
    """Throw the trunk ahead and the arms out."""
    track.root_m[:, 2] -= 0.06 * jolt
    track.root_angles[:, 0] += 0.3 * jolt
    track.root_angles[:, 1] += rng.normal(0, 0.1) * jolt
    track.add("spine.y", 0.35 * jolt)
    for side in ("left", "right"):
        track.add(f"upper_arm_{side}.y", -rng.uniform(0.2, 1.1) * jolt)
        track.add(f"forearm_{side}.y", -rng.uniform(0.1, 0.6) * jolt)
    track.add_both("upper_arm", "x", rng.uniform(0.2, 0.6) * jolt)


def _way(person: Person, natural_m: float, rng: np.random.Generator) -> paths.Way:
    """Return the way home, if the person is away, and a loop, if there is time for one."""
    lines = []
    if np.linalg.norm(person.place_m) > _NEAR_HOME_M:
        home = paths.way_home(person.place_m)
        natural_m -= home.length_m
        lines.append(home.points_m)
    if not lines or natural_m > _SHORTEST_LOOP_M:
        lines.append(paths.loop(natural_m, int(rng.choice((-1, 1)))).points_m)
    return paths.joined(lines)


def _paced(person: Person, style: Style, speed_mps: float) -> tuple[Style, Stride]:
    """Return the style with quicker or slower, longer or shorter steps, to go at about this speed."""
    pace = speed_mps / Stride(style, person.skeleton, person.dummy).speed_mps
    factor = float(np.clip(pace, 0.75, 1.3)) ** 0.5
    style = replace(
        style, stride_hz=style.stride_hz * factor, legs=style.legs * factor, bounce_mps2=style.bounce_mps2 * factor**3
    )
    return style, Stride(style, person.skeleton, person.dummy)


def _move_along(track: Track, person: Person, way: paths.Way, along_m: Curve, ahead_m: Curve, left_m: Curve) -> None:
    """Carry the pelvis along the way, turning into it at first, and ahead again at home; lean into bends."""
    place, heading = way.at(along_m)
    count = len(along_m)
    turned = round(_STOP_S * RATE_HZ)
    arrives = np.linalg.norm(place[-1]) < _NEAR_HOME_M
    heading += 2 * np.pi * round((person.heading_rad - heading[0]) / (2 * np.pi))
    if person.going is None:
        heading[: turned // 4] = person.heading_rad
    if arrives:
        heading[count - turned :] = 2 * np.pi * round(heading[-1] / (2 * np.pi))
    heading, place = even(heading, _TURN_S), np.stack([even(axis, _CORNER_S) for axis in place.T], axis=1)
    cosine, sine = np.cos(heading), np.sin(heading)
    track.root_m[:, 0] = place[:, 0] + ahead_m * cosine - left_m * sine
    track.root_m[:, 1] = place[:, 1] + ahead_m * sine + left_m * cosine
    speed = np.linalg.norm(np.gradient(place, axis=0), axis=1) * RATE_HZ
    inward = even(np.gradient(heading) * RATE_HZ * speed, _CORNER_S)
    track.root_angles[:, 2] += heading
    track.root_angles[:, 1] -= 0.6 * np.arctan(inward / STANDARD_GRAVITY_MPS2)


def _plant(track: Track, person: Person, stands: list[NDArray[np.bool_]]) -> None:
    """Keep each foot in its place while it stands, on the floor, and lead it smoothly from one place to the next."""
    for leg, stance in zip(person.legs, stands):
        ankle, turn = leg.ankle_m(track), leg.foot_turn(track)
        shift = np.zeros((len(ankle), 3))
        sole_m = leg.sole_m(ankle, turn)
        spans = _spans(stance)
        for begin, end in spans:
            shift[begin:end, 2] = -sole_m[begin:end]
            shift[begin:end, :2] = _standing_place(ankle, begin, end) - ankle[begin:end, :2]
        edges = [(0, 1), *spans, (len(ankle) - 1, len(ankle))]
        for (_, left), (right, _) in pairwise(edges):
            if right > left:
                _bridge(shift, left, right)
                shift[left:right, 2] += _clearing(sole_m[left:right] + shift[left:right, 2])
        leg.reach(track, ankle + shift, turn[:, :, 2])
    lowest, highest = person.body.model.jnt_range[1:].T
    for column in person.leg_columns:  # a knee that is nearly straight would jerk, a joint at its limit would knock
        within = np.clip(track.hinges[:, column], lowest[column] + _SPARE_RAD, highest[column] - _SPARE_RAD)
        track.hinges[:, column] = even(within, _KNEE_S)


def _clearing(height_m: Curve) -> Curve:
    """Return by how much a swinging sole must be raised that would drag along the floor, or go through it."""
    u = (np.arange(len(height_m)) + 1) / (len(height_m) + 1)
    soft: Curve = (np.sqrt(height_m**2 + 0.01**2) - height_m) / 2
    return soft * np.minimum(6 * u * (1 - u), 1)


def _standing_place(ankle: Curve, begin: int, end: int) -> Curve:
    if begin == 0:
        return ankle[0, :2]
    if end == len(ankle):
        return ankle[-1, :2]
    middle: Curve = ankle[begin:end, :2].mean(axis=0)
    return middle


def _spans(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return the first and the one after the last index of each run of True; one near an end reaches to it."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(int)))
    edges[edges < _NEAR_END] = 0
    edges[edges > len(mask) - _NEAR_END] = len(mask)
    return [(int(begin), int(end)) for begin, end in edges.reshape(-1, 2) if begin < end]


def _bridge(shift: Curve, begin: int, end: int) -> None:
    """Fill shift[begin:end] with a cubic that goes on from the values and slopes on either side."""
    before, after = shift[begin - 1], shift[min(end, len(shift) - 1)]
    slope_in = before - shift[begin - 2] if begin > 1 else np.zeros(3)
    slope_out = shift[end + 1] - after if end + 1 < len(shift) else np.zeros(3)
    span = end - begin + 1
    u = (np.arange(1, span) / span)[:, None]
    shift[begin:end] = (
        before * (1 + 2 * u) * (1 - u) ** 2 + after * u**2 * (3 - 2 * u)
        + span * (slope_in * u * (1 - u) ** 2 - slope_out * u**2 * (1 - u))
    )  # fmt: skip
