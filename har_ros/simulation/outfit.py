"""Dress a body: cut clothes from the mesh's close-fitting helper surfaces, push them out, hide skin below."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from har_ros.simulation.body import Body
from har_ros.simulation.skinning import DRIVES, Floats, Skin, join
from har_ros.simulation.wardrobe import RGB, Cloth, Look

Indices = NDArray[np.intp]
Field = NDArray[np.float64]

_CLOTH_TILE_M = 0.3
_HIDDEN_M = 0.03  # skin farther than this inside a garment's edge isn't drawn
_BONES = [drive.bone for drive in DRIVES]


@dataclass(frozen=True)
class Layer:
    """One drawn surface of the person: points that follow the bones, colours, faces, and a repeating texture."""

    skin: Skin
    albedo: Floats
    triangles: Indices
    texture: NDArray[np.uint8] | None = None


def dress(body: Body, look: Look) -> list[Layer]:
    """Return everything there is to draw of `body` looking like `look`."""
    fields = _Fields(body, look)
    layers = [_bare_skin(body, look, fields), *_eyes(body, look), *_clothes(body, look, fields)]
    return [*layers, *_hair(body, look)]


def joined(layers: list[Layer]) -> tuple[Skin, Floats, list[Indices]]:
    """Return one skin and the colours (V, 3) of all layers, and each layer's triangles in that numbering."""
    starts = np.cumsum([0, *(len(layer.albedo) for layer in layers)])
    triangles = [layer.triangles + start for layer, start in zip(layers, starts)]
    return join([layer.skin for layer in layers]), np.concatenate([layer.albedo for layer in layers]), triangles


def cloth_uv(skin: Skin) -> Floats:
    """Return texture places (V, 2): the fabric hangs in the person's front plane, one repeat per 0.3 m."""
    return skin.points_m[:, 1:] / np.float32(_CLOTH_TILE_M)


class _Fields:
    """For every point of the mesh, how far (m) inside each garment's edge it lies; negative is outside."""

    def __init__(self, body: Body, look: Look) -> None:
        joint, points = body.joints_m, body.skin.points_m.astype(np.float64)
        forward, height = points[:, 0], points[:, 2]
        along_arm = _along_arms(body, points)
        arm_m = np.linalg.norm(joint["LeftArm"] - joint["LeftForeArm"]) * 2
        hip_z, ankle_z = joint["LeftUpLeg"][2], joint["LeftFoot"][2]
        neck_z = joint["Neck"][2] + 0.005 - 0.5 * (forward - joint["Neck"][0])
        end_z = hip_z - look.leg * (hip_z - ankle_z - 0.01)
        waist_z = joint["LowerBack"][2] + 0.02
        self.top = np.minimum.reduce([height - hip_z + look.hem_m, look.sleeve * arm_m - along_arm, neck_z - height])
        self.bottom = np.minimum(waist_z - height, height - end_z)
        self.shoes = ankle_z + 0.015 - height
        self.covered = np.maximum.reduce([self.top, self.bottom, self.shoes])


def _along_arms(body: Body, points: Field) -> Field:
    """Return each point's distance along its arm from the shoulder (m); -1 off the arms."""
    joint = body.joints_m
    along = np.full(len(points), -1.0)
    for side in ("Left", "Right"):
        shoulder, elbow, wrist = (joint[side + bone] for bone in ("Arm", "ForeArm", "Hand"))
        upper_m, lower_m = np.linalg.norm(elbow - shoulder), np.linalg.norm(wrist - elbow)
        upper = (points - shoulder) @ (elbow - shoulder) / upper_m
        lower = (points - elbow) @ (wrist - elbow) / lower_m
        bones = [side + bone for bone in ("Arm", "ForeArm", "Hand", "FingerBase", "HandFinger1")] + [side[0] + "Thumb"]
        on_arm = body.skin.weights[:, [_BONES.index(bone) for bone in bones]].sum(axis=1) > 0.6
        along = np.where(on_arm, np.where(lower > 0, upper_m + lower, np.minimum(upper, upper_m)), along)
    return along


def triangles_of(quads: Indices) -> Indices:
    """Split faces (F, 4) into triangles (2 F, 3)."""
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def cut(skin: Skin, triangles: Indices, field: Field) -> tuple[Skin, Indices, NDArray[np.float64]]:
    """Keep the part of the surface where `field` (per point) is positive, with a clean edge where it is 0.

    Returns the cut surface's points, its triangles, and the field at its points.
    """
    inside = field > 0
    count = inside[triangles].sum(axis=1)
    kept = np.unique(triangles[count > 0])
    kept = kept[inside[kept]]
    number = np.full(len(field), -1)
    number[kept] = np.arange(len(kept))
    crossings: dict[tuple[int, int], int] = {}
    fans: list[tuple[int, int, int]] = []
    for a, b, c in triangles[(count == 1) | (count == 2)].tolist():
        corners: list[int] = []
        for start, end in ((a, b), (b, c), (c, a)):
            if inside[start]:
                corners.append(int(number[start]))
            if inside[start] != inside[end]:
                edge = (min(start, end), max(start, end))
                corners.append(len(kept) + crossings.setdefault(edge, len(crossings)))
        fans += [(corners[0], corners[n], corners[n + 1]) for n in range(1, len(corners) - 1)]
    edges = np.array(list(crossings), np.intp).reshape(-1, 2)
    first, second = np.concatenate([kept, edges[:, 0]]), np.concatenate([kept, edges[:, 1]])
    gap = field[first] - field[second]
    share = np.where(first == second, 0.0, field[first] / np.where(gap == 0, 1, gap))
    faces = np.concatenate([number[triangles[count == 3]], np.array(fans, np.intp).reshape(-1, 3)])
    return skin.mix(first, second, share.astype(np.float32)), faces, field[first] - share * gap


def _plain(skin: Skin, triangles: Indices, colour: RGB | Field, texture: NDArray[np.uint8] | None = None) -> Layer:
    used, numbered = np.unique(triangles, return_inverse=True)
    albedo = np.broadcast_to(np.asarray(colour, np.float32), (len(skin.points_m), 3))[used]
    nothing = np.zeros(len(used), np.float32)
    return Layer(skin.mix(used, used, nothing), albedo, numbered.reshape(triangles.shape).astype(np.intp), texture)


def _bare_skin(body: Body, look: Look, fields: _Fields) -> Layer:
    triangles = triangles_of(body.part_quads["skin"])
    hidden = (fields.covered[triangles] > _HIDDEN_M).all(axis=1)
    tone = np.tile(np.asarray(look.skin), (len(body.skin.points_m), 1))
    lips = body.lips[:, None] * 0.6
    tone = (1 - lips) * tone + lips * tone * (0.95, 0.62, 0.62)
    left, up, forward = body.base_mesh.T
    cheeks = np.exp(-(((np.abs(left) - 0.45) / 0.2) ** 2 + ((up - 6.95) / 0.2) ** 2)) * (forward > 0.8) * (up > 6)
    tone *= 1 - 0.1 * cheeks[:, None] * np.array([0, 1, 1])
    sockets = np.exp(-(((np.abs(left) - 0.31) / 0.22) ** 2 + ((up - 7.33) / 0.13) ** 2)) * (forward > 0.9)
    tone *= 1 - 0.15 * sockets[:, None]
    return _plain(body.skin, triangles[~hidden], tone)


def _beard(body: Body) -> Field:
    """Return how far (0.1 m) inside the beard's edge each point lies: under the cheeks, around the mouth."""
    left, up, forward = body.base_mesh.T
    cheek = 7.08 - 0.40 * (forward - 0.7) - up
    mouth = 0.15 * (np.hypot(left / 0.29, (up - 6.6) / 0.13) - 1)
    return np.asarray(np.minimum.reduce([cheek, mouth, forward - 0.62, up - 6.17]))


def _eyes(body: Body, look: Look) -> list[Layer]:
    balls = triangles_of(body.part_quads["eyes"])
    left, up, _ = body.base_mesh.T
    from_axis = np.hypot(np.abs(left) - 0.3078, up - 7.284)
    layers = [
        _plain(body.skin, balls, (0.86, 0.84, 0.82)),
        _plain(body.skin, triangles_of(body.part_quads["lashes"]), (0.07, 0.05, 0.05)),
    ]
    front = balls[(body.base_mesh[balls, 2] > 1.2).all(axis=1)]
    for radius, colour, lift_m in ((0.068, look.iris, 0.0004), (0.03, (0.02, 0.02, 0.02), 0.0008)):
        disc, triangles, _ = cut(body.skin, front, radius - from_axis)
        layers.append(_plain(disc.pushed_out(lift_m), triangles, colour))
    return layers


def _garment(body: Body, part: str, field: Field, push_m: Field, what: Cloth) -> Layer:
    surface = body.skin.pushed_out(push_m)
    cut_skin, triangles, _ = cut(surface, triangles_of(body.part_quads[part]), field)
    return _plain(cut_skin, triangles, (1.0, 1.0, 1.0), what.texture())


def _clothes(body: Body, look: Look, fields: _Fields) -> list[Layer]:
    height = body.skin.points_m[:, 2]
    joint = body.joints_m
    chest_z, hip_z = joint["Spine1"][2], joint["LeftUpLeg"][2]
    drop = np.clip((chest_z - height) / (chest_z - hip_z), 0, 1)
    top_push_m = 0.010 + look.top.looseness_m * (0.3 + 0.7 * drop) + 0.010 * drop
    down = np.clip((hip_z - height) / 0.5, 0, 1)
    part = "skirt" if look.skirt else "tights"
    push_m = 0.007 + look.bottom.looseness_m * (0.2 + 0.8 * down) + (0.02 if look.skirt else 0.0) * down
    shod = body.skin.pushed_out(np.full(len(height), 0.007))
    shod.points_m[:, 2] = np.maximum(shod.points_m[:, 2], body.sole_z_m)
    shoe, shoe_triangles, _ = cut(shod, triangles_of(body.part_quads["tights"]), fields.shoes)
    on_sole = (shoe.points_m[:, 2] < body.sole_z_m + 0.018)[:, None]
    return [
        _garment(body, "tights", fields.top, top_push_m, look.top),
        _garment(body, part, fields.bottom, push_m, look.bottom),
        _plain(shoe, shoe_triangles, np.where(on_sole, look.soles, look.shoes)),
    ]


def _hair(body: Body, look: Look) -> list[Layer]:
    left, up, forward = body.base_mesh.T
    head = triangles_of(body.part_quads["skin"])
    head = head[(up[head] > 5.9).all(axis=1)]
    aside = np.abs(left) - 0.33
    brow = 1 - np.hypot(aside / 0.23, (up - 7.51 + 0.08 * aside + 1.2 * aside**2) / 0.045)
    skin, triangles, _ = cut(body.skin, head, np.where(forward > 0.9, brow, -1.0))
    layers = [_plain(skin.pushed_out(0.001), triangles, look.hair)]
    if look.beard:
        skin, triangles, inside = cut(body.skin, head, _beard(body))
        shadowed = (1 - look.beard) * np.asarray(look.skin) + look.beard * np.asarray(look.hair)
        thick_m = np.clip(0.03 * inside, 0.0005, 0.009 * max(look.beard - 0.6, 0.1))
        layers.append(_plain(skin.pushed_out(thick_m), triangles, shadowed))
    if look.hair_style == "bald":
        return layers
    hairline = np.interp(
        forward,
        (-0.4, -0.1, 0.1, 0.3, 0.42, 0.6, 0.75, 0.85, 1.0, 1.2, 1.4),
        (6.5, 6.55, 6.65, 6.85, 7.35, 7.3, 7.15, 7.4, 7.65, 7.95, 8.03),
    )
    ear = (np.abs(left) > 0.76) & (up < 7.5)
    scalp, triangles, inside = cut(body.skin, head, np.where(ear, -0.1, up - hairline))
    thickest_m = {"short": 0.010, "bob": 0.016, "long": 0.014}[look.hair_style]
    volume = scalp.pushed_out(np.clip(0.06 * inside, 0.001, thickest_m))
    strands = 1 + 0.15 * np.sin(40 * scalp.points_m[:, 1] / 0.1)[:, None]
    layers.append(_plain(volume, triangles, np.asarray(look.hair) * strands))
    if look.hair_style in ("bob", "long"):
        layers.append(_curtain(body, look))
    return layers


def _curtain(body: Body, look: Look) -> Layer:
    """Hair that hangs from the sides and the back of the head, as an open cylinder that narrows at the neck."""
    centre_x, half_width = body.joints_m["Head"][0] + 0.035, 0.082
    top_z = body.crown_z_m - 0.06
    end_z = top_z - (0.17 if look.hair_style == "bob" else 0.36)
    turn_rad = np.linspace(np.radians(88), np.radians(272), 23)  # from temple to temple around the back
    rows = np.linspace(0, 1, 10)
    angle, row = np.meshgrid(turn_rad, rows)
    radius = half_width - 0.03 * np.clip(1 - 5 * row, 0, 1) + 0.006 * np.sin(9 * angle) * row
    back = np.clip(-np.cos(angle), 0, 1)
    height = top_z + (end_z - top_z) * row
    neck = np.clip((body.joints_m["Head"][2] - height) / 0.1, 0, 1)
    points = np.stack([
        centre_x + 1.1 * radius * np.cos(angle) - 0.02 * back * neck, radius * np.sin(angle), height,
    ], axis=-1).reshape(-1, 3)
    normals = np.stack([np.cos(angle), np.sin(angle), 0.2 * np.ones_like(angle)], axis=-1).reshape(-1, 3)
    weights = np.zeros((len(points), len(_BONES)), np.float32)
    fallen = np.clip((body.joints_m["Neck1"][2] - points[:, 2]) / 0.15, 0, 1)
    weights[:, _BONES.index("Head")] = 1 - fallen
    weights[:, _BONES.index("Spine1")] = fallen
    index = np.arange(angle.size).reshape(angle.shape)
    quads = np.stack([index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]], axis=-1).reshape(-1, 4)
    skin = Skin(
        points.astype(np.float32), (normals / np.linalg.norm(normals, axis=1)[:, None]).astype(np.float32),
        weights, np.zeros(0, np.intp), np.zeros((0, 3), np.float32),
    )
    strands = (1 + 0.2 * np.sin(7 * angle)).reshape(-1, 1)
    return Layer(skin, (np.asarray(look.hair) * strands).astype(np.float32), triangles_of(quads))
