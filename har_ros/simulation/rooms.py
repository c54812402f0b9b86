"""Rooms people live and work in: living room, bedroom, kitchen, office and corridor, and what stands in them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from har_ros.simulation import furniture, textures
from har_ros.simulation.furniture import Place, Rng, Set, Thing, fabric, paint, timber
from har_ros.simulation.pieces import RGB, Maker, Piece

Bounds = tuple[float, float, float, float]


def shelf(things: Set, place: Place) -> None:
    """Add a bookcase, its front towards the place's yaw."""
    rng = things.rng
    wide, high = rng.uniform(0.7, 1.4), rng.uniform(1.0, 2.1)
    things.shade(place, 0.3, wide, high)
    things["wood"].box(place.at(-0.02, 0, high / 2), (0.28, wide, high), place.yaw_rad, timber(rng))
    corner = np.array(place.at(0.125, -wide / 2 + 0.03, 0.06))
    along = np.array(place.at(0.125, wide / 2 - 0.03, 0.06)) - corner
    things["books"].patch(tuple(corner), tuple(along), (0, 0, high - 0.1))


def sofa(things: Set, place: Place) -> None:
    """Add a sofa or an armchair."""
    rng = things.rng
    wide, colour = rng.choice((0.9, 1.6, 2.0)), fabric(rng)
    things.shade(place, 0.9, wide + 0.2, 0.6)
    cloth = things["cloth"]
    cloth.box(place.at(0, 0, 0.24), (0.85, wide, 0.36), place.yaw_rad, colour)
    cloth.box(place.at(-0.35, 0, 0.6), (0.2, wide, 0.45), place.yaw_rad, colour)
    for left in (-wide / 2, wide / 2):
        cloth.box(place.at(0, left, 0.4), (0.85, 0.18, 0.45), place.yaw_rad, colour)


def lamp(things: Set, place: Place) -> None:
    """Add a floor lamp."""
    things.shade(place, 0.3, 0.3)
    high = things.rng.uniform(1.3, 1.7)
    things["plain"].rod((place.x, place.y, 0), (place.x, place.y, high), 0.015, (0.2, 0.2, 0.2))
    things["plain"].rod((place.x, place.y, high), (place.x, place.y, high + 0.25), 0.2, (1.2, 1.1, 0.9), 0.13)


def bed(things: Set, place: Place) -> None:
    """Add a bed or a care bed with rails, its head at the wall."""
    rng = things.rng
    care, wide = rng.random() < 0.4, rng.choice((0.95, 1.5))
    if care:
        wide = 0.95
    high = 0.55 if care else 0.4
    frame = paint(rng, 0.5, 0.85) if care else timber(rng)
    sheet, cover = paint(rng, 0.7, 0.9), fabric(rng)
    things.shade(place, 2.1, wide, 0.5)
    things["wood"].box(place.at(0, 0, high - 0.16), (2.05, wide, 0.14), place.yaw_rad, frame)
    for forward in (-0.95, 0.95):
        for left in (-wide / 2 + 0.05, wide / 2 - 0.05):
            things["wood"].box(place.at(forward, left, high / 2 - 0.1), (0.07, 0.07, high - 0.2), place.yaw_rad, frame)
    things["wood"].box(place.at(-1.03, 0, high / 2 + 0.25), (0.05, wide, high + 0.5), place.yaw_rad, frame)
    things["cloth"].box(place.at(0, 0, high), (1.95, wide - 0.06, 0.18), place.yaw_rad, sheet)
    things["cloth"].box(place.at(0.3, 0, high + 0.08), (1.4, wide + 0.02, 0.1), place.yaw_rad, cover)
    things["cloth"].ball(place.at(-0.72, 0, high + 0.12), (0.24, 0.34, 0.09), sheet)
    if care:
        metal = (0.7, 0.7, 0.72)
        for left in (-wide / 2, wide / 2):
            for up in (0.2, 0.35):
                things["plain"].rod(place.at(-0.7, left, high + up), place.at(0.7, left, high + up), 0.015, metal)
            for forward in (-0.7, 0.0, 0.7):
                foot, head = place.at(forward, left, high - 0.1), place.at(forward, left, high + 0.36)
                things["plain"].rod(foot, head, 0.015, metal)


def kitchenette(things: Set, place: Place) -> None:
    """Add base units with a worktop, wall units and a tap."""
    rng = things.rng
    front, top, wide = (paint(rng, 0.5, 0.9) if rng.random() < 0.7 else timber(rng)), timber(rng), 2.0
    things.shade(place, 0.6, wide, 0.9)
    for high, middle, deep, back in ((0.82, 0.45, 0.58, 0.0), (0.7, 1.75, 0.35, -0.12)):
        things["wood"].box(place.at(back, 0, middle), (deep, wide, high), place.yaw_rad, front)
        for door in range(4):
            left, panel = wide * ((door + 0.5) / 4 - 0.5), (0.02, wide / 4 - 0.015, high - 0.06)
            shade: RGB = (front[0] * 0.95, front[1] * 0.95, front[2] * 0.95)
            things["wood"].box(place.at(back + deep / 2, left, middle), panel, place.yaw_rad, shade)
            knob = place.at(back + deep / 2 + 0.02, left + 0.16, middle + 0.3 * high * np.sign(1 - middle))
            things["plain"].box(knob, (0.02, 0.02, 0.1), place.yaw_rad, (0.35, 0.35, 0.36))
    things["wood"].box(place.at(0.01, 0, 0.885), (0.62, wide + 0.02, 0.04), place.yaw_rad, top)
    things["plain"].box(place.at(0.02, 0.5, 0.907), (0.4, 0.5, 0.01), place.yaw_rad, (0.55, 0.56, 0.57))
    things["plain"].rod(place.at(-0.2, 0.5, 0.9), place.at(-0.2, 0.5, 1.15), 0.015, (0.7, 0.7, 0.72))
    things["plain"].box(place.at(0.02, -0.5, 0.908), (0.5, 0.56, 0.01), place.yaw_rad, (0.08, 0.08, 0.09))
    for _ in range(rng.integers(1, 4)):
        size = tuple(rng.uniform(0.08, 0.24, 3))
        spot = place.at(rng.uniform(-0.2, 0.05), rng.uniform(-0.9, 0.9), 0.9 + size[2] / 2)
        things["plain"].box(spot, size, place.yaw_rad, paint(rng))


def fridge(things: Set, place: Place) -> None:
    """Add a fridge."""
    colour = paint(things.rng, 0.6, 0.92)
    things.shade(place, 0.6, 0.6, 1.6)
    things["plain"].box(place.at(0, 0, 0.9), (0.6, 0.6, 1.8), place.yaw_rad, colour)
    for low, high in ((0.05, 0.75), (0.78, 1.78)):
        things["plain"].box(place.at(0.31, 0, (low + high) / 2), (0.03, 0.58, high - low), place.yaw_rad, colour)
        things["plain"].box(place.at(0.34, 0.24, high - 0.2), (0.03, 0.02, 0.25), place.yaw_rad, (0.4, 0.4, 0.4))


def desk(things: Set, place: Place) -> None:
    """Add a desk with a monitor, a keyboard and papers."""
    furniture.table(things, place)
    high, black = 0.76, (0.09, 0.09, 0.1)
    things["plain"].box(place.at(-0.12, 0, high + 0.03), (0.18, 0.22, 0.02), place.yaw_rad, black)
    things["plain"].box(place.at(-0.15, 0, high + 0.1), (0.03, 0.05, 0.2), place.yaw_rad, black)
    things["plain"].box(place.at(-0.14, 0, high + 0.32), (0.03, 0.56, 0.34), place.yaw_rad, black)
    corner, end = np.array(place.at(-0.12, -0.265, high + 0.165)), np.array(place.at(-0.12, 0.265, high + 0.165))
    things["screen"].patch(tuple(corner), tuple(end - corner), (0, 0, 0.31), (1.2, 1.2, 1.25))
    things["plain"].box(place.at(0.15, 0, high + 0.01), (0.15, 0.42, 0.02), place.yaw_rad, (0.2, 0.2, 0.21))
    things["plain"].box(place.at(0.1, 0.4, high + 0.006), (0.3, 0.21, 0.01), place.yaw_rad, (0.9, 0.9, 0.88))


def television(things: Set, place: Place) -> None:
    """Add a low board with a television."""
    furniture.cabinet(things, place)
    things["plain"].box(place.at(0.05, 0, 1.55), (0.05, 1.1, 0.64), place.yaw_rad, (0.05, 0.05, 0.06))


def coat_stand(things: Set, place: Place) -> None:
    """Add a coat stand with two coats."""
    rng = things.rng
    things.shade(place, 0.4, 0.4)
    things["wood"].rod(place.at(0, 0, 0), place.at(0, 0, 1.75), 0.025, timber(rng))
    things["wood"].rod(place.at(0, 0, 0), place.at(0, 0, 0.03), 0.2, timber(rng), 0.15)
    for left in (-0.13, 0.13):
        things["cloth"].rod(place.at(0, left, 1.6), place.at(0.03, 1.3 * left, 0.8), 0.06, fabric(rng), 0.17)


CHAIR = Thing(furniture.chair, 0.5, 0.5, 0.95)
TABLE, PLANT = Thing(furniture.table, 0.9, 1.6, 0.9), Thing(furniture.plant, 0.6, 0.6, 1.6)
_SHELF, CABINET = Thing(shelf, 0.32, 1.4, 2.1), Thing(furniture.cabinet, 0.62, 1.4, 1.9)
_SOFA, _LAMP, BOX = Thing(sofa, 0.95, 2.2, 0.85), Thing(lamp, 0.45, 0.45, 1.9), Thing(furniture.box, 0.6, 0.6, 1.1)
_BED, _DESK, _COATS = Thing(bed, 2.1, 1.5, 0.9), Thing(desk, 0.9, 1.6, 1.25), Thing(coat_stand, 0.5, 0.5, 1.75)
_KITCHEN, _FRIDGE = Thing(kitchenette, 0.6, 2.1, 2.1), Thing(fridge, 0.65, 0.65, 1.8)
_TV = Thing(television, 0.6, 1.4, 1.9)
AT_WALLS: dict[str, tuple[Thing, ...]] = {
    "living room": (_SHELF, CABINET, _SOFA, _SOFA, TABLE, PLANT, _LAMP, _TV),
    "bedroom": (_BED, _BED, CABINET, CABINET, _SHELF, _LAMP, PLANT, _DESK),
    "kitchen": (_KITCHEN, _KITCHEN, _FRIDGE, TABLE, CABINET, PLANT),
    "office": (_DESK, _DESK, _DESK, _SHELF, CABINET, PLANT, _COATS),
    "corridor": (PLANT, _COATS, CABINET, BOX, _SHELF),
}
PARTITION = Thing(furniture.partition, 0.3, 2.4, 2.3)
ANYWHERE: tuple[Thing, ...] = (TABLE, PLANT, BOX, _LAMP, PARTITION)
_WALLS: tuple[RGB, ...] = (  # off-whites, greys, sand, sage, pale blue, as sold
    (0.88, 0.87, 0.84), (0.84, 0.81, 0.75), (0.78, 0.78, 0.77), (0.80, 0.74, 0.66), (0.70, 0.74, 0.68),
    (0.70, 0.75, 0.80), (0.86, 0.80, 0.72), (0.62, 0.62, 0.62), (0.76, 0.66, 0.58), (0.52, 0.57, 0.58),
)


def draw_bounds(style: str, rng: Rng) -> Bounds:
    """Draw where the walls stand (x from, to, y from, to) around the person's place."""
    if style == "corridor":
        return (-rng.uniform(4, 8), rng.uniform(4, 8), -rng.uniform(1.9, 2.3), rng.uniform(1.9, 2.3))
    return (-rng.uniform(2.8, 4.6), rng.uniform(2.8, 4.6), -rng.uniform(2.6, 4.0), rng.uniform(2.6, 4.0))


def shell(style: str, things: Set, bounds: Bounds, high_m: float) -> list[Piece]:
    """Return floor, walls, ceiling; doors, windows and pictures go into `things`."""
    rng, light = things.rng, things.light
    x0, x1, y0, y1 = bounds
    photo = things.photos.draw("floors", rng)
    floor = Maker(light, _floor(style, rng) if photo is None else photo, float(rng.uniform(1.0, 1.4)), is_ground=True)
    floor.patch((x0, y0, 0), (x1 - x0, 0, 0), (0, y1 - y0, 0), cells=10, dark_edge=0.35)
    if style != "corridor" and rng.random() < 0.45:
        _rug(things, bounds)
    colour, photo = _WALLS[rng.integers(len(_WALLS))], things.photos.draw("walls", rng)
    walls = Maker(light, textures.mottled(rng, colour, 0.015) if photo is None else photo, 1.6)
    trim = Maker(light)
    corners = [(x0, y0), (x0, y1), (x1, y1), (x1, y0)]
    skirting, curtains = paint(rng, 0.6, 0.9), 0.6 if style in ("living room", "bedroom") else 0.15
    for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1]):
        tone = float(rng.uniform(0.92, 1.04))
        walls.patch((ax, ay, 0), (bx - ax, by - ay, 0), (0, 0, high_m), (tone,) * 3, cells=8, dark_edge=0.28)
        dress_wall(trim, things, np.array([ax, ay]), np.array([bx, by]), skirting, curtains)
    white = float(rng.uniform(0.8, 0.95))
    trim.patch((x0, y1, high_m), (x1 - x0, 0, 0), (0, y0 - y1, 0), (1.3 * white,) * 3, 8, 0.2)
    for _ in range(rng.integers(1, 4)):
        x, y = rng.uniform(0.7 * x0, 0.7 * x1), rng.uniform(0.7 * y0, 0.7 * y1)
        wide = 1.2 if style in ("office", "corridor") else 0.35
        trim.box((x, y, high_m - 0.03), (0.35, wide, 0.06), 0.0, (1.7, 1.7, 1.6))
    return [piece for maker in (floor, walls, trim) if (piece := maker.piece())]


def _floor(style: str, rng: Rng) -> NDArray[np.uint8]:
    kinds = {"kitchen": "tpt", "office": "ccp", "corridor": "tcl", "bedroom": "pcl"}.get(style, "ppct")
    kind = kinds[rng.integers(len(kinds))]
    if kind == "p":
        tone = rng.uniform(0.4, 0.85)
        return textures.planks(rng, (tone * 0.85, tone * 0.68, tone * 0.5))
    if kind == "t":
        return textures.tiles(rng, paint(rng, 0.45, 0.8))
    return textures.mottled(rng, paint(rng, 0.3, 0.65), 0.08 if kind == "c" else 0.025)


def _rug(things: Set, bounds: Bounds) -> None:
    rng = things.rng
    x0, x1, y0, y1 = bounds
    deep, wide = rng.uniform(1.2, 2.2), rng.uniform(1.6, 3.0)
    x, y = rng.uniform(x0 + 1.2, x1 - 1.2), rng.uniform(y0 + 1.5, y1 - 1.5)
    colour = fabric(rng)
    for inset, tone in ((0.0, 0.8), (0.08, 1.0)):
        corner = (x - deep / 2 + inset, y - wide / 2 + inset, 0.004 + 0.02 * inset)
        shade: RGB = (tone * colour[0], tone * colour[1], tone * colour[2])
        things["rug"].patch(corner, (deep - 2 * inset, 0, 0), (0, wide - 2 * inset, 0), shade)


def dress_wall(
    trim: Maker, things: Set, start: NDArray[Any], end: NDArray[Any], skirting: RGB, curtains: float
) -> None:
    """Give one wall a skirting board and perhaps a door, windows and pictures, side by side.

    curtains: chance that the windows have them.
    """
    rng = things.rng
    length = float(np.linalg.norm(end - start))
    along = (end - start) / length
    inward = np.array([along[1], -along[0]])

    def panel(maker: Maker, at: float, low: float, wide: float, tall: float, out: float, colour: RGB) -> None:
        corner = start + at * along + out * inward
        maker.patch((corner[0], corner[1], low), (wide * along[0], wide * along[1], 0), (0, 0, tall), colour)

    panel(trim, 0, 0, length, 0.08, 0.012, skirting)
    frame, at, curtain = paint(rng, 0.7, 0.95), rng.uniform(0.3, 0.9), fabric(rng)
    is_curtained, door = rng.random() < curtains, timber(rng)
    while at < length - 1.5:
        kind = rng.choice(("door", "window", "picture", "gap"), p=(0.15, 0.3, 0.25, 0.3))
        wide = float(rng.uniform(0.8, 1.4))
        if kind == "door":
            panel(things["wood"], at - 0.07, 0, 0.99, 2.1, 0.012, frame)
            panel(things["wood"], at, 0, 0.85, 2.02, 0.02, door)
            panel(trim, at + 0.07, 1.0, 0.1, 0.03, 0.03, (0.3, 0.3, 0.3))
        elif kind == "window":
            tall = float(rng.uniform(1.0, 1.3))
            panel(things["plain"], at - 0.06, 0.84, wide + 0.12, tall + 0.12, 0.015, frame)
            things["view"].pane(start + at * along + 0.02 * inward, along, wide, 0.9, tall)
            panel(things["plain"], at + wide / 2 - 0.025, 0.9, 0.05, tall, 0.025, frame)
            panel(things["plain"], at - 0.08, 0.82, wide + 0.16, 0.03, 0.06, frame)
            if is_curtained:
                for left in (at - 0.25, at + wide - 0.15):
                    for fold in range(4):
                        tone = 1.0 if fold % 2 else 0.88
                        shade: RGB = (tone * curtain[0], tone * curtain[1], tone * curtain[2])
                        panel(things["cloth"], left + 0.1 * fold, 0.05, 0.1, 2.15, 0.05, shade)
        elif kind == "picture":
            wide, tall = 0.5 * wide, float(rng.uniform(0.3, 0.6))
            panel(trim, at - 0.03, 1.37, wide + 0.06, tall + 0.06, 0.012, paint(rng, 0.1, 0.5))
            things["picture"].pane(start + at * along + 0.02 * inward, along, wide, 1.4, tall)
        at += wide + rng.uniform(0.4, 1.3)
