"""Standing, sitting and driving, awake and drowsy: a posture, and the small movements a person never stops making."""

from __future__ import annotations

import numpy as np

from har_ros.core.labels import TRUTHS, Activity
from har_ros.simulation.drowsiness import DROWSY, Course, course
from har_ros.simulation.legs import SIDES
from har_ros.simulation.person import Person
from har_ros.simulation.physics import HINGE_INDEX, RATE_HZ
from har_ros.simulation.skeleton import SEGMENTS, Skeleton
from har_ros.simulation.tracks import (
    MARGIN,
    Curve,
    Track,
    blinks,
    glide,
    limb_lengths_m,
    still,
    times,
    two_link,
    wander,
)

CHAIR_SEAT_HEIGHT_M = 0.45
CHAIR_X_M = -0.42  # of the seat's middle, behind the place where one stands; also the pelvis' when sitting there
CAR_SEAT_HEIGHT_M = 0.30
CAR_RECLINE_RAD = np.radians(15)
WHEEL_M = (0.55, 0.72)  # the wheel's centre: forward of the hip joint, above the floor
WHEEL_RADIUS_M = 0.18
SEAT_TO_HIP_M = 0.09
_ROAD_MPS2, _ROAD_HZ = (0.1, 0.6), (1.0, 18.0)


def stand(person: Person, seconds: float, rng: np.random.Generator) -> Track:
    """Return quiet standing at home: sway, shifts of weight, arms that hang, rest or hold a phone."""
    t_s = times(seconds)
    track = still(len(t_s), Activity.STAND)
    track.root_m[:, 2] = person.hip_m
    _sway(track, t_s, rng)
    tremble(track, t_s, rng, rng.uniform(0.06, 0.2), 1.0, 8.0)
    person.stand_on(track)
    _hang_arms(track, t_s, rng)
    look_around(track, t_s, rng, 0.25)
    track.eyes_closed[:] = blinks(t_s, rng)
    return track


def _sway(track: Track, t_s: Curve, rng: np.random.Generator) -> None:
    """Move the pelvis over feet that stay where they are, and tilt it; the trunk stays upright."""
    ahead, left = wander(t_s, rng, 0.006, 0.1, 0.5), wander(t_s, rng, 0.006, 0.1, 0.5)
    place_m, at_s = 0.0, rng.uniform(0, 6)
    while at_s < t_s[-1]:  # from one leg to the other
        target_m = rng.uniform(-0.05, 0.05)
        left += (target_m - place_m) * glide(t_s, at_s, rng.uniform(0.8, 1.8))
        place_m, at_s = target_m, at_s + rng.uniform(2, 9)
    roll = 0.7 * left + wander(t_s, rng, 0.008)
    track.root_m[:, 0] += ahead
    track.root_m[:, 1] += left
    track.root_m[:, 2] -= 0.004 + 2.5 * left**2  # the legs, straight before, must reach both feet
    track.root_angles[:, 0] += np.radians(rng.normal(0, 1.5)) + wander(t_s, rng, 0.008)
    track.root_angles[:, 1] += roll
    track.add("spine.x", -roll)


def drive(person: Person, seconds: float, rng: np.random.Generator) -> Track:
    """Return an awake driver, who blinks, looks about and down, slouches, and may be a little tired."""
    level = rng.uniform(0, 0.2)
    return _at_the_wheel(person, course(seconds + MARGIN / RATE_HZ, rng, level, level), rng)


def drowse(person: Person, seconds: float, rng: np.random.Generator) -> Track:
    """Return a drowsy driver: long closures of the eyes, nods with a startled recovery, a slump, a loose grip."""
    drowsy = course(seconds + MARGIN / RATE_HZ, rng, rng.uniform(0.6, 0.85), rng.uniform(0.65, 0.95))
    track = _at_the_wheel(person, drowsy, rng)
    track.label[:] = TRUTHS.index(Activity.DRIVERS_DROWSINESS)
    return track


def doze_off(person: Person, seconds: float, rng: np.random.Generator) -> Track:
    """Return an awake driver who falls asleep; the label changes when drowsiness comes to DROWSY."""
    drowsy = course(seconds + MARGIN / RATE_HZ, rng, rng.uniform(0, 0.15), rng.uniform(0.75, 1.0))
    track = _at_the_wheel(person, drowsy, rng)
    track.label[int(np.argmax(drowsy.level >= DROWSY)) :] = TRUTHS.index(Activity.DRIVERS_DROWSINESS)
    return track


def _at_the_wheel(person: Person, state: Course, rng: np.random.Generator) -> Track:
    """Return driving in a state of drowsiness: hands on the wheel, steering and looks about, less the drowsier."""
    t_s = np.arange(len(state.level)) / RATE_HZ
    track = still(len(t_s), Activity.SITTING)
    wakeful = 1 - 0.7 * state.level
    _take_the_wheel(track, person.skeleton, wakeful * wander(t_s, rng, 0.12, 0.05, 0.4), 0.5 * state.slip, rng)
    sunk = state.nod * np.radians(rng.uniform(28, 46))
    track.add("head.y", np.radians(rng.normal(12, 4)) + sunk + state.look_down * np.radians(rng.uniform(8, 32)))
    track.add("head.x", state.nod * rng.normal(0, 0.25))
    track.add("head.z", wakeful * np.clip(wander(t_s, rng, 0.35, 0.05, 0.3), -1.0, 1.0))
    track.add("head.y", wakeful * wander(t_s, rng, 0.05))
    track.add("head.x", wander(t_s, rng, 0.03) + rng.normal(0, 0.05))
    track.add("chest.y", 0.45 * state.slump)
    track.add("spine.x", state.nod * rng.normal(0, 0.08))
    tremble(track, t_s, rng, rng.uniform(*_ROAD_MPS2), *_ROAD_HZ)
    track.eyes_closed[:] = state.eyes_closed
    return track


def _put_foot(track: Track, skeleton: Skeleton, side: str, stretch_m: Curve | float, toes_up_rad: float) -> None:
    """Put a sitting person's heel on the floor, `stretch_m` ahead of where the shin would be upright."""
    lengths_m = limb_lengths_m(skeleton, f"thigh_{side}", f"shin_{side}", f"foot_{side}")
    ankle_m = float(skeleton.joints_m[SEGMENTS.index(f"foot_{side}"), 2]) + 0.04 * np.sin(toes_up_rad)
    aim, bend = two_link(*lengths_m, lengths_m[0] + np.asarray(stretch_m), track.root_m[:, 2] - ankle_m)
    track.add(f"thigh_{side}.y", -aim - track.root_angles[:, 0])
    track.add(f"shin_{side}.y", bend)
    track.add(f"foot_{side}.y", aim - bend - toes_up_rad)


def _take_the_wheel(track: Track, skeleton: Skeleton, steer: Curve, slip: Curve, rng: np.random.Generator) -> None:
    """Sit in the car seat with both hands on the wheel; `slip` (rad) lets the hands slide down from it."""
    track.root_m[:, 2] = CAR_SEAT_HEIGHT_M + SEAT_TO_HIP_M
    slouch = rng.normal(0, 0.05)
    track.root_angles[:, 0] = -CAR_RECLINE_RAD - slouch
    track.add("spine.y", slouch)
    for side in ("left", "right"):
        _put_foot(track, skeleton, side, rng.uniform(0.18, 0.3), rng.uniform(0.3, 0.5))
    track.add_both("thigh", "x", rng.uniform(0.05, 0.2))
    _put_hands_on_wheel(track, skeleton, steer, slip)


def _put_hands_on_wheel(track: Track, skeleton: Skeleton, steer: Curve, slip: Curve) -> None:
    upper, fore = SEGMENTS.index("upper_arm_left"), SEGMENTS.index("forearm_left")
    upper_m = float(np.linalg.norm(skeleton.joints_m[fore] - skeleton.joints_m[upper]))
    fore_m = float(np.linalg.norm(skeleton.ends_m[fore] - skeleton.joints_m[fore])) - 0.04
    shoulder = skeleton.joints_m[upper] - skeleton.joints_m[0]
    ahead_m = WHEEL_M[0] + shoulder[2] * np.sin(CAR_RECLINE_RAD)
    below_m = CAR_SEAT_HEIGHT_M + SEAT_TO_HIP_M + shoulder[2] * np.cos(CAR_RECLINE_RAD) - WHEEL_M[1]
    for sign, side in ((1, "left"), (-1, "right")):
        down_m = below_m - sign * WHEEL_RADIUS_M * np.sin(steer)
        aim, bend = two_link(upper_m, fore_m, -ahead_m, down_m)  # mirrored: elbows bend the other way
        track.add(f"upper_arm_{side}.y", aim + CAR_RECLINE_RAD + slip)
        track.add(f"forearm_{side}.y", -bend)
        outward = np.arcsin(np.clip((WHEEL_RADIUS_M - shoulder[1]) / np.hypot(ahead_m, down_m), -0.5, 0.5))
        track.add(f"upper_arm_{side}.x", sign * (outward + 0.06))


def tremble(
    track: Track, t_s: Curve, rng: np.random.Generator, rms_mps2: float, low_hz: float, high_hz: float
) -> None:
    """Shake the body as its own muscles, or a road, do: `rms_mps2` upwards, less to the side."""
    frequency = rng.uniform(low_hz, high_hz, 8)
    phase = rng.uniform(0, 2 * np.pi, 8)
    shift = rng.dirichlet(np.ones(8)) ** 0.5 * rms_mps2 * np.sqrt(2) / (2 * np.pi * frequency) ** 2
    for axis, share, lag_s in ((2, 1.0, 0.0), (1, 0.4, 0.035), (0, 0.3, 0.05)):
        track.root_m[:, axis] += share * np.sin(2 * np.pi * frequency * (t_s[:, None] - lag_s) + phase) @ shift


def _hang_arms(track: Track, t_s: Curve, rng: np.random.Generator) -> None:
    for side in ("left", "right"):
        track.add(f"upper_arm_{side}.y", rng.normal(0, 0.08) + wander(t_s, rng, 0.03))
        track.add(f"forearm_{side}.y", -rng.uniform(0.1, 0.45) + wander(t_s, rng, 0.04))
    track.add_both("upper_arm", "x", rng.uniform(0.06, 0.2))
    busy, hand = rng.uniform(), str(rng.choice(SIDES))
    if busy < 0.25:  # a phone in one hand
        track.add(f"upper_arm_{hand}.y", -0.5)
        track.add(f"forearm_{hand}.y", -1.5)
        track.add("head.y", 0.35)
    elif busy < 0.35:  # folded or clasped in front
        for side in ("left", "right"):
            track.add(f"upper_arm_{side}.y", -0.3)
            track.add(f"forearm_{side}.y", -1.2)
        track.add_both("upper_arm", "z", -0.6)
    elif busy < 0.5:  # a gesture of one arm now and then
        gesture = np.clip(wander(t_s, rng, 1.0, 0.15, 0.5), 0, 1.5)
        track.add(f"upper_arm_{hand}.y", -0.5 * gesture)
        track.add(f"forearm_{hand}.y", -0.8 * gesture)


def look_around(track: Track, t_s: Curve, rng: np.random.Generator, size_rad: float) -> None:
    """Turn the head here and there, `size_rad` to the sides."""
    track.add("head.z", np.clip(wander(t_s, rng, size_rad, 0.05, 0.3), -1.0, 1.0))
    track.add("head.y", wander(t_s, rng, 0.05))
    track.add("head.x", wander(t_s, rng, 0.03))


def look_away(person: Person, seconds: float, rng: np.random.Generator) -> Track:
    """Return a driver who looks to the passenger, a side window, or over a shoulder to the back seat."""
    track = drive(person, seconds, rng)
    t_s = times(seconds)
    side = rng.choice((-1.0, 1.0))
    far = rng.uniform(0.7, 1.2)
    turn_s, back_s = rng.uniform(0.35, 0.7), rng.uniform(0.35, 0.7)
    share = glide(t_s, 0.1 * seconds, turn_s) - glide(t_s, 0.92 * seconds - back_s, back_s)
    trunk = rng.choice((0.0, 0.45))
    track.add("head.z", side * min(far, 1.1) * share)
    track.add("head.y", rng.uniform(-0.1, 0.25) * share)
    track.add("spine.z", side * trunk * share)
    track.add("spine.x", side * 0.3 * trunk * share)
    return track


def reach_over(person: Person, seconds: float, rng: np.random.Generator) -> Track:
    """Return a driver with one hand off the wheel, at the dashboard, the passenger seat or the door's pocket."""
    track = drive(person, seconds, rng)
    t_s = times(seconds)
    go_s, back_s = rng.uniform(0.5, 0.9), rng.uniform(0.5, 0.9)
    share = glide(t_s, 0.08 * seconds, go_s) - glide(t_s, 0.94 * seconds - back_s, back_s)
    name, sign = (("left", 1.0), ("right", -1.0))[rng.integers(2)]
    forward, outward, elbow = [(-1.25, 0.35, -0.15), (-0.75, 0.8, -0.25), (-0.35, 0.55, -0.5)][rng.integers(3)]
    fiddle = wander(t_s, rng, 0.05, 0.4, 1.5)
    for hinge, goal in ((f"upper_arm_{name}.y", forward + fiddle), (f"upper_arm_{name}.x", sign * outward),
                        (f"forearm_{name}.y", elbow + fiddle)):  # fmt: skip
        column = track.hinges[:, HINGE_INDEX[hinge]]
        column += share * (goal - column)
    track.add("spine.x", -sign * rng.uniform(0.1, 0.35) * share)
    track.add("spine.y", rng.uniform(0.1, 0.35) * share)
    track.add("head.z", sign * rng.uniform(0.3, 0.8) * share)
    track.add("head.y", rng.uniform(0.0, 0.35) * share)
    return track
