"""A workshop: concrete floor with yellow markings, a fenced robot cell, a conveyor, benches, racks and machines."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from har_ros.simulation import textures
from har_ros.simulation.furniture import Place, Rng, Set, Thing, paint, timber
from har_ros.simulation.pieces import RGB, Maker, Piece
from har_ros.simulation.rooms import BOX, CABINET, CHAIR, PARTITION, TABLE, Bounds, dress_wall

_YELLOW: RGB = (0.80, 0.66, 0.18)


def rack(things: Set, place: Place) -> None:
    """Add a metal rack with boxes."""
    rng = things.rng
    wide, colour = rng.uniform(1.0, 1.8), paint(rng, 0.2, 0.5)
    things.shade(place, 0.5, wide, 1.5)
    plain = things["plain"]
    for forward in (-0.22, 0.22):
        for left in (-wide / 2, wide / 2):
            plain.box(place.at(forward, left, 0.95), (0.04, 0.04, 1.9), place.yaw_rad, colour)
    for up in (0.15, 0.7, 1.25, 1.8):
        plain.box(place.at(0, 0, up), (0.48, wide, 0.03), place.yaw_rad, colour)
        left = -wide / 2 + 0.2
        while left < wide / 2 - 0.2:
            size = (rng.uniform(0.25, 0.42), rng.uniform(0.2, 0.4), rng.uniform(0.15, 0.4))
            if rng.random() < 0.75:
                plain.box(place.at(0, left, up + size[2] / 2 + 0.015), size, place.yaw_rad, paint(rng))
            left += size[1] + rng.uniform(0.02, 0.15)


def bench(things: Set, place: Place) -> None:
    """Add a workbench with a vice-like lump and a few tools."""
    rng = things.rng
    wide, colour = rng.uniform(1.2, 2.0), timber(rng)
    things.shade(place, 0.7, wide, 0.9)
    things["wood"].box(place.at(0, 0, 0.85), (0.7, wide, 0.08), place.yaw_rad, colour)
    things["plain"].box(place.at(-0.05, 0, 0.4), (0.5, wide * 0.9, 0.8), place.yaw_rad, paint(rng, 0.2, 0.45))
    for _ in range(5):
        size = tuple(rng.uniform(0.04, 0.25, 3))
        spot = place.at(rng.uniform(-0.25, 0.25), rng.uniform(-0.45, 0.45) * wide, 0.89 + size[2] / 2)
        things["plain"].box(spot, size, rng.uniform(0, 3), paint(rng))


def drum(things: Set, place: Place) -> None:
    """Add an oil drum or a bin."""
    radius, high, colour = things.rng.uniform(0.2, 0.32), things.rng.uniform(0.5, 0.95), paint(things.rng, 0.2, 0.6)
    things.shade(place, 2 * radius, 2 * radius, high)
    things["plain"].rod((place.x, place.y, 0), (place.x, place.y, high), radius, colour)
    things["plain"].rod((place.x, place.y, high), (place.x, place.y, high + 0.01), radius, colour, 0.001)


def machine(things: Set, place: Place) -> None:
    """Add a machine tool: a big cabinet with a window and a panel."""
    rng = things.rng
    wide, high, colour = rng.uniform(1.0, 1.8), rng.uniform(1.4, 2.0), paint(rng, 0.4, 0.8)
    things.shade(place, 0.9, wide, high)
    plain = things["plain"]
    plain.box(place.at(0, 0, high / 2), (0.9, wide, high), place.yaw_rad, colour)
    window = (0.03, wide * 0.5, high * 0.4)
    plain.box(place.at(0.45, -0.1 * wide, high * 0.62), window, place.yaw_rad, (0.15, 0.18, 0.2))
    plain.box(place.at(0.47, 0.33 * wide, high * 0.7), (0.06, 0.25, 0.35), place.yaw_rad, paint(rng, 0.15, 0.35))


def robot_cell(things: Set, place: Place) -> None:
    """Add a robot arm on a pedestal, a small table before it, and a fence around three sides."""
    rng = things.rng
    arm = ((0.78, 0.40, 0.14), (0.75, 0.66, 0.22), (0.84, 0.84, 0.85), (0.30, 0.42, 0.58))[rng.integers(4)]
    grey: RGB = (0.30, 0.31, 0.33)
    plain = things["plain"]
    things.shade(place, 0.9, 0.9, 1.4)
    plain.box(place.at(-0.2, 0, 0.3), (0.45, 0.45, 0.6), place.yaw_rad, grey)
    swing, lift, bend = rng.uniform(-0.8, 0.8), rng.uniform(0.9, 1.4), rng.uniform(-0.6, 0.1)
    joints = [np.array([-0.2, 0.0, 0.6]), np.array([-0.2, 0.0, 0.85])]
    for length, pitch in ((0.6, lift), (0.55, bend), (0.18, bend - 0.8)):
        flat = np.array([np.cos(swing), np.sin(swing), 0.0])
        joints.append(joints[-1] + length * (np.cos(pitch) * flat + np.sin(pitch) * np.array([0, 0, 1.0])))
    for index, radius in enumerate((0.14, 0.085, 0.065, 0.045)):
        start, end = place.at(*joints[index]), place.at(*joints[index + 1])
        plain.rod(start, end, radius, arm, 0.8 * radius)
        plain.ball(end, (1.25 * radius,) * 3, grey if index else arm)
    for side in (-0.05, 0.05):
        tip = joints[-1] + np.array([0.0, side, -0.02])
        plain.box(place.at(*tip), (0.03, 0.02, 0.12), place.yaw_rad, grey)
    things["wood"].box(place.at(0.75, 0, 0.62), (0.6, 0.9, 0.05), place.yaw_rad, paint(rng, 0.5, 0.7))
    for left in (-0.4, 0.4):
        plain.box(place.at(0.75, left, 0.3), (0.06, 0.06, 0.6), place.yaw_rad, grey)
    _fence(things, place)


def _fence(things: Set, place: Place) -> None:
    posts = [(1.3, -1.25), (0.0, -1.25), (-0.9, -1.25), (-0.9, 0.0), (-0.9, 1.25), (0.0, 1.25), (1.3, 1.25)]
    for forward, left in posts:
        things["plain"].box(place.at(forward, left, 0.95), (0.06, 0.06, 1.9), place.yaw_rad, _YELLOW)
    for start, end in pairwise(posts):
        foot, next_foot = np.array(place.at(*start, 0.12)), np.array(place.at(*end, 0.12))
        things["mesh"].patch(tuple(foot), tuple(next_foot - foot), (0, 0, 1.75), (0.25, 0.25, 0.26))
        for up in (0.12, 1.87):
            rise = np.array([0, 0, up - 0.12])
            things["plain"].rod(tuple(foot + rise), tuple(next_foot + rise), 0.02, (0.25, 0.25, 0.26))


def conveyor(things: Set, place: Place) -> None:
    """Add a belt conveyor with boxes on it."""
    rng = things.rng
    long, high = rng.uniform(2.2, 3.2), rng.uniform(0.7, 0.9)
    plain, frame = things["plain"], paint(rng, 0.4, 0.7)
    things.shade(place, 0.6, long, 0.8)
    plain.box(place.at(0, 0, high - 0.04), (0.42, long, 0.08), place.yaw_rad, (0.14, 0.14, 0.15))
    for forward in (-0.24, 0.24):
        plain.box(place.at(forward, 0, high - 0.03), (0.05, long, 0.14), place.yaw_rad, frame)
        for left in np.linspace(-0.45 * long, 0.45 * long, 3):
            plain.box(place.at(forward, left, high / 2), (0.05, 0.05, high), place.yaw_rad, frame)
    left = -0.4 * long
    while left < 0.4 * long:
        size, tone = tuple(rng.uniform(0.15, 0.32, 3)), rng.uniform(0.5, 0.7)
        spot = place.at(0, left, high + size[2] / 2)
        plain.box(spot, size, place.yaw_rad + rng.normal(0, 0.1), (tone, tone * 0.82, tone * 0.62))
        left += rng.uniform(0.4, 1.0)


def pallet(things: Set, place: Place) -> None:
    """Add a pallet, mostly loaded."""
    rng = things.rng
    things.shade(place, 0.8, 1.2, 0.4)
    for forward in np.linspace(-0.35, 0.35, 5):
        things["wood"].box(place.at(forward, 0, 0.13), (0.12, 1.2, 0.025), place.yaw_rad, (0.6, 0.5, 0.36))
    for left in (-0.52, 0.0, 0.52):
        things["wood"].box(place.at(0, left, 0.06), (0.8, 0.1, 0.11), place.yaw_rad, (0.5, 0.41, 0.3))
    for layer in range(rng.integers(0, 3)):
        for left in (-0.3, 0.3):
            tone = rng.uniform(0.5, 0.65)
            size = (0.7, 0.56, 0.34)
            spot = place.at(0, left, 0.32 + 0.35 * layer)
            things["plain"].box(spot, size, place.yaw_rad, (tone, tone * 0.82, tone * 0.62))


_DRUM, _PALLET = Thing(drum, 0.65, 0.65, 0.95), Thing(pallet, 0.9, 1.3, 1.25)
CELL = Thing(robot_cell, 2.2, 2.6, 1.95)
AT_WALLS: tuple[Thing, ...] = (
    Thing(rack, 0.55, 1.8, 1.9), Thing(bench, 0.75, 2.0, 1.0), Thing(machine, 0.95, 1.8, 1.9),
    CABINET, _DRUM, Thing(conveyor, 0.6, 3.2, 1.2), _PALLET,
)  # fmt: skip
ANYWHERE: tuple[Thing, ...] = (BOX, _DRUM, TABLE, _PALLET, CHAIR, PARTITION)


def draw_bounds(rng: Rng) -> Bounds:
    """Draw where the walls stand (x from, to, y from, to) around the person's place."""
    return (-rng.uniform(4.4, 6.5), rng.uniform(4.4, 6.5), -rng.uniform(4.2, 5.8), rng.uniform(4.2, 5.8))


def shell(things: Set, bounds: Bounds, high_m: float) -> list[Piece]:
    """Return floor with its markings, walls, beams and ceiling."""
    rng, light = things.rng, things.light
    x0, x1, y0, y1 = bounds
    photo = things.photos.draw("floors", rng)
    concrete = textures.mottled(rng, paint(rng, 0.4, 0.62), 0.06, 4)
    floor = Maker(light, concrete if photo is None else photo, 1.8, is_ground=True)
    floor.patch((x0, y0, 0), (x1 - x0, 0, 0), (0, y1 - y0, 0), cells=10, dark_edge=0.3)
    marks = Maker(light, textures.mottled(rng, (1.0, 1.0, 1.0), 0.08, 16), 0.7, is_ground=True)
    for y in (-rng.uniform(1.2, 2.2), rng.uniform(1.2, 2.2)):
        marks.patch((x0, y - 0.05, 0.004), (x1 - x0, 0, 0), (0, 0.1, 0), _YELLOW)
    colour, photo = paint(rng, 0.55, 0.82), things.photos.draw("walls", rng)
    rough = textures.bricks(rng, colour) if rng.random() < 0.35 else textures.mottled(rng, colour, 0.02)
    walls, trim = Maker(light, rough if photo is None else photo, 1.3), Maker(light)
    dado = paint(rng, 0.3, 0.55)
    corners = [(x0, y0), (x0, y1), (x1, y1), (x1, y0)]
    for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1]):
        walls.patch((ax, ay, 0), (bx - ax, by - ay, 0), (0, 0, high_m), cells=8, dark_edge=0.28)
        dress_wall(trim, things, np.array([ax, ay]), np.array([bx, by]), dado, 0.0)
    white = float(rng.uniform(0.6, 0.85))
    trim.patch((x0, y1, high_m), (x1 - x0, 0, 0), (0, y0 - y1, 0), (1.2 * white,) * 3, 8, 0.2)
    for x in np.arange(x0 + 1, x1, 2.2):
        trim.box((x, (y0 + y1) / 2, high_m - 0.15), (0.15, y1 - y0, 0.3), 0.0, (0.45, 0.46, 0.48))
        trim.box((x + 1.1, (y0 + y1) / 2, high_m - 0.3), (0.15, 0.7 * (y1 - y0), 0.06), 0.0, (1.7, 1.7, 1.7))
    return [piece for maker in (floor, marks, walls, trim) if (piece := maker.piece())]
