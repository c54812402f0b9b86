"""Brows, beard and hair, cut from the head's mesh; long hair hangs around what it falls on."""

from __future__ import annotations

import numpy as np

from har_ros.simulation import textures
from har_ros.simulation.body import Body
from har_ros.simulation.layers import Field, Layer, cut, plain, triangles_of
from har_ros.simulation.skinning import DRIVES, Skin
from har_ros.simulation.wardrobe import Look

_BONES = [drive.bone for drive in DRIVES]
_OFF_BODY_M, _OFF_CLOTHES_M = 0.012, 0.03  # how far long hair stays off the skin, and more off a dressed back


def hair(body: Body, look: Look) -> list[Layer]:
    """Return brows, beard and hair of a body that looks like `look`."""
    left, up, forward = body.base_mesh.T
    head = triangles_of(body.part_quads["skin"])
    head = head[(up[head] > 5.9).all(axis=1)]
    aside = np.abs(left) - 0.33
    brow = 1 - np.hypot(aside / 0.23, (up - 7.51 + 0.08 * aside + 1.2 * aside**2) / 0.045)
    skin, triangles, _ = cut(body.skin, head, np.where(forward > 0.9, brow, -1.0))
    layers = [plain(skin.pushed_out(0.001), triangles, look.hair)]
    if look.beard:
        skin, triangles, inside = cut(body.skin, head, _beard(body))
        shadowed = (1 - look.beard) * np.asarray(look.skin) + look.beard * np.asarray(look.hair)
        thick_m = np.clip(0.03 * inside, 0.0005, 0.009 * max(look.beard - 0.6, 0.1))
        layers.append(plain(skin.pushed_out(thick_m), triangles, shadowed))
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
    crest = np.clip((scalp.points_m[:, 2] - body.crown_z_m + 0.07) / 0.07, 0, 1)  # fuller on top
    lift_m = np.clip(0.06 * inside, 0.001, thickest_m) * (1 + 0.5 * crest)
    tufts = 0.0015 * np.sin(110 * scalp.points_m[:, 1] + 3 * np.sin(60 * scalp.points_m[:, 0]))
    volume = scalp.pushed_out(lift_m + tufts * np.clip(inside / 0.3, 0, 1))
    layers.append(plain(volume, triangles, look.hair, textures.strands()))
    if look.hair_style in ("bob", "long"):
        layers.append(_curtain(body, look))
    return layers


def _beard(body: Body) -> Field:
    """Return how far (0.1 m) inside the beard's edge each point lies: under the cheeks, around the mouth."""
    left, up, forward = body.base_mesh.T
    cheek = 7.08 - 0.40 * (forward - 0.7) - up
    mouth = 0.15 * (np.hypot(left / 0.29, (up - 6.6) / 0.13) - 1)
    return np.asarray(np.minimum.reduce([cheek, mouth, forward - 0.62, up - 6.17]))


def _curtain(body: Body, look: Look) -> Layer:
    """Return hair that hangs from the sides and the back of the head, around skull, neck and shoulders."""
    centre_x, top_z = body.joints_m["Head"][0] + 0.02, body.crown_z_m - 0.075
    end_z = top_z - (0.15 if look.hair_style == "bob" else 0.28)
    turn_rad = np.linspace(np.radians(78), np.radians(282), 29)  # from temple to temple around the back
    angle, height = np.meshgrid(turn_rad, np.linspace(top_z, end_z, 14))
    clothed = np.clip((body.joints_m["Neck"][2] + 0.06 - height) / 0.06, 0, 1)
    radius = _girth(body, centre_x, angle, height) + _OFF_BODY_M + _OFF_CLOTHES_M * clothed
    for row in range(1, len(radius)):  # falls straight down from where it is widest, then a little inwards
        radius[row] = np.maximum(radius[row], radius[row - 1] - 0.004)
    at_side = np.abs(np.sin(angle)) > 0.6  # goes down before or behind the shoulders, not out over them
    radius = np.where(at_side, np.minimum(radius, 0.11), radius) + 0.003 * np.sin(11 * angle)
    points = np.stack([centre_x + radius * np.cos(angle), radius * np.sin(angle), height], axis=-1).reshape(-1, 3)
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
    return plain(skin, triangles_of(quads), look.hair, textures.strands())


def _girth(body: Body, centre_x: float, angle: Field, height: Field) -> Field:
    """Return how far from the upright axis through the head the skin is, at angles and heights (R, C)."""
    points = body.skin.points_m[np.unique(body.part_quads["skin"])]
    points = points[(points[:, 2] > height.min() - 0.03) & (points[:, 2] < height.max() + 0.03)]
    across = points[:, :2] - [centre_x, 0]
    away, around = np.hypot(*across.T), np.arctan2(across[:, 1], across[:, 0]) % (2 * np.pi)
    is_near = (np.abs(around - angle[..., None]) < 0.22) & (np.abs(points[:, 2] - height[..., None]) < 0.015)
    return np.asarray(np.minimum(np.where(is_near, away, 0.04).max(axis=-1), 0.17))
