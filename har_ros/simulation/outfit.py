"""Dress a body: cut clothes from the mesh's close-fitting helper surfaces, push them out, hide skin below."""

from __future__ import annotations

import numpy as np

from har_ros.simulation.body import Body
from har_ros.simulation.hair import hair
from har_ros.simulation.layers import Field, Indices, Layer, cut, plain, triangles_of
from har_ros.simulation.skinning import DRIVES, Floats, Skin, join
from har_ros.simulation.wardrobe import Cloth, Look

_CLOTH_TILE_M = 0.3
_HIDDEN_M = 0.03  # skin farther than this inside a garment's edge isn't drawn
_BONES = [drive.bone for drive in DRIVES]


def dress(body: Body, look: Look) -> list[Layer]:
    """Return everything there is to draw of `body` looking like `look`."""
    fields = _Fields(body, look)
    layers = [_bare_skin(body, look, fields), *_eyes(body, look), *_clothes(body, look, fields)]
    return [*layers, *hair(body, look)]


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
    return plain(body.skin, triangles[~hidden], tone)


def _eyes(body: Body, look: Look) -> list[Layer]:
    balls = triangles_of(body.part_quads["eyes"])
    left, up, _ = body.base_mesh.T
    from_axis = np.hypot(np.abs(left) - 0.3078, up - 7.284)
    layers = [
        plain(body.skin, balls, (0.86, 0.84, 0.82)),
        plain(body.skin, triangles_of(body.part_quads["lashes"]), (0.07, 0.05, 0.05)),
    ]
    front = balls[(body.base_mesh[balls, 2] > 1.2).all(axis=1)]
    for radius, colour, lift_m in ((0.068, look.iris, 0.0004), (0.03, (0.02, 0.02, 0.02), 0.0008)):
        disc, triangles, _ = cut(body.skin, front, radius - from_axis)
        layers.append(plain(disc.pushed_out(lift_m), triangles, colour))
    return layers


def _garment(body: Body, part: str, field: Field, push_m: Field, what: Cloth) -> Layer:
    surface = body.skin.pushed_out(push_m)
    cut_skin, triangles, _ = cut(surface, triangles_of(body.part_quads[part]), field)
    return plain(cut_skin, triangles, (1.0, 1.0, 1.0), what.texture())


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
        plain(shoe, shoe_triangles, np.where(on_sole, look.soles, look.shoes)),
    ]
