"""The simulated person's body: shape parameters to a skinned mesh and the skeleton the physics uses.

The mesh, its shape targets, its rig and its lid shapes are MakeHuman's (CC0), baked by
tools/make_body_asset.py. Its rest pose here is that of the physics: upright, arms hanging.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from har_ros.simulation.skeleton import SEGMENTS, Skeleton
from har_ros.simulation.skinning import DRIVES, Floats, Rig, Skin, turn, turn_about

HERITAGES = ("african", "asian", "caucasian")
SOLE_M = 0.012  # a shoe's sole below the bare foot
_UNIT_M = 0.1  # of the mesh
_DOWN = np.array([0.0, 0.0, -1.0])
_FINGER_CURL_RAD = 0.75  # relaxed hand
_FINGERS_CLOSED = 0.45  # how much nearer to each other the finger tips come than the mesh has them


@dataclass(frozen=True)
class Shape:
    """What one body looks like undressed.

    sex: 0 female to 1 male. age: 0 young adult to 1 old. muscle, weight: -1 to 1, 0 average.
    height_m: standing height in shoes. heritage: shares of HERITAGES in the face, summing to 1.
    """

    sex: float = 0.5
    age: float = 0.2
    muscle: float = 0.0
    weight: float = 0.0
    height_m: float = 1.72
    heritage: tuple[float, float, float] = (1 / 3, 1 / 3, 1 / 3)

    @classmethod
    def random(cls, rng: np.random.Generator) -> Shape:
        """Draw an adult."""
        sex = float(np.clip((rng.random() < 0.5) + rng.normal(0, 0.08), 0, 1))
        return cls(
            sex=sex,
            age=float(rng.uniform(0, 0.9)),
            muscle=float(rng.uniform(-0.5, 0.5)),
            weight=float(np.clip(rng.normal(0, 0.4), -0.7, 0.8)),
            height_m=float(np.clip(rng.normal(1.63 + 0.13 * sex, 0.06), 1.5, 1.95)),
            heritage=tuple(rng.dirichlet((0.6, 0.6, 0.6))),
        )

    @property
    def mass_kg(self) -> float:
        """Body mass, from a body mass index of 22.5 for average weight and muscle."""
        return (22.5 + 6 * self.weight + 2 * self.muscle) * self.height_m**2


class Body:
    """One person's mesh, ready to be posed, and the skeleton the physics moves.

    part_quads: the mesh's faces (F, 4) by part: skin, tights, skirt, eyes, lashes.
    base_mesh:  (V, 3) the mesh before shaping (left, up, forward, in 0.1 m), to find places on any face.
    lips:       (V,) 1 on the lips, else 0.
    skin:       every point of the mesh in the bind pose (arms out), see Skin.
    joints_m:   bone name -> (3,) where it starts, in the bind pose.
    skeleton:   what the physics needs; its joints are the mesh's own.
    """

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        asset = _asset()
        self.base_mesh: Floats = asset["vertices"]
        self.lips: Floats = (asset["lips"] / 255).astype(np.float32)
        amounts = np.array([_amount(str(name), shape) for name in asset["shape_names"]])
        used = np.flatnonzero(amounts)
        offsets = np.tensordot(amounts[used], asset["shapes"][used].astype(np.float32), axes=1).T / 1000
        points = _world_axes(asset["vertices"] + offsets)
        joints = _world_axes(asset["joints"] + np.tensordot(amounts, asset["joint_shapes"], axes=1))
        self.part_quads: dict[str, NDArray[np.intp]] = {
            str(part): asset["quads"][asset["quad_part"] == index].astype(np.intp)
            for index, part in enumerate(asset["parts"])
        }
        names = [str(name) for name in asset["joint_names"]]
        bare = np.unique(self.part_quads["skin"])
        sole_z, crown_z = points[bare, 2].min(), points[bare, 2].max()
        scale = (shape.height_m - SOLE_M) / _standing_height(dict(zip(names, joints)), sole_z, crown_z)
        weights = _weights(asset, names)
        points, joints = _close_fingers(points, dict(zip(names, joints)), weights) * scale, joints * scale
        self.sole_z_m = float(sole_z * scale - SOLE_M)
        self.crown_z_m = float(crown_z * scale)
        self.joints_m: dict[str, NDArray[np.float64]] = dict(zip(names, joints))
        self.skin = Skin(
            points.astype(np.float32),
            vertex_normals(points, np.concatenate(list(self.part_quads.values()))),
            weights,
            asset["blink_vertices"].astype(np.intp),
            (_world_axes(asset["blink"] / 1000) * scale).astype(np.float32),
        )
        straighten = _straightening(self.joints_m)
        pivots = np.array([_pivot(drive.bone, self.joints_m) for drive in DRIVES])
        self.rig = Rig(pivots, np.array([straighten.get(drive.bone, np.eye(3)) for drive in DRIVES]))
        self.skeleton = self._skeleton(straighten)

    def pose(self, position_m: NDArray[np.float64], rotation: NDArray[np.float64], eyes_closed: float) -> Floats:
        """Return the mesh's vertices (V, 3) for segments at position_m (14, 3), turned by rotation (14, 3, 3)."""
        return self.skin.pose(self.rig.transforms(position_m, rotation), eyes_closed)[0]

    def _skeleton(self, straighten: dict[str, NDArray[np.float64]]) -> Skeleton:
        """Straighten the bind pose's joints: legs and arms hang from where the mesh has them."""
        joint = self.joints_m
        hip_centre = _pivot("Hips", joint)
        starts = {
            "pelvis": hip_centre, "spine": joint["LowerBack"], "chest": joint["Spine"], "head": joint["Neck"],
        }
        ends = {"pelvis": joint["LowerBack"], "spine": joint["Spine"], "chest": joint["Neck"]}
        ends["head"] = np.array([joint["Head"][0], 0.0, self.crown_z_m])
        for side in ("left", "right"):
            name = side.capitalize()
            arm, forearm, thigh, shin, foot = (
                f"{part}_{side}" for part in ("upper_arm", "forearm", "thigh", "shin", "foot")
            )
            starts[arm], starts[thigh] = joint[f"{name}Arm"], joint[f"{name}UpLeg"]
            knuckles = (joint[f"{name}HandFinger1"] + joint[f"{name}Pinky"]) / 2
            reach = straighten[f"{name}ForeArm"] @ (knuckles - joint[f"{name}ForeArm"])
            for upper, lower, bone, next_bone in (
                (arm, forearm, "Arm", "ForeArm"), (thigh, shin, "UpLeg", "Leg"), (shin, foot, "Leg", "Foot"),
            ):
                length = np.linalg.norm(joint[f"{name}{next_bone}"] - joint[f"{name}{bone}"])
                ends[upper] = starts[lower] = starts[upper] + length * _DOWN
            ends[forearm] = starts[forearm] + reach
            toe = self.skin.points_m[self.skin.weights[:, _BONES.index(f"{name}ToeBase")] > 0.5]
            tip = np.array([toe[:, 0].max(), joint[f"{name}ToeBase"][1], self.sole_z_m + 0.02])
            ends[foot] = starts[foot] + tip - joint[f"{name}Foot"]
        ankle_z = joint["LeftFoot"][2] - self.sole_z_m
        lift = np.array([hip_centre[0], 0.0, starts["foot_left"][2] - ankle_z])
        return Skeleton(
            np.array([starts[name] for name in SEGMENTS]) - lift,
            np.array([ends[name] for name in SEGMENTS]) - lift,
            self.shape.mass_kg,
        )


_BONES = tuple(drive.bone for drive in DRIVES)


@lru_cache(maxsize=1)
def _asset() -> dict[str, NDArray[Any]]:
    with files("har_ros.simulation").joinpath("assets/body.npz").open("rb") as file, np.load(file) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _world_axes(mesh: NDArray[Any]) -> NDArray[np.float64]:
    """Turn the mesh's axes (left, up, forward) into the world's (forward, left, up), in metres."""
    return _UNIT_M * np.asarray(mesh, np.float64)[..., [2, 0, 1]]


def _amount(name: str, shape: Shape) -> float:
    """Return how much of the shape target `name` the body has: the product of its words' shares."""
    shares = {
        "universal": 1.0,
        "female": 1 - shape.sex, "male": shape.sex,
        "young": 1 - shape.age, "old": shape.age,
        **dict(zip(HERITAGES, shape.heritage)),
    }
    for what, value in (("muscle", shape.muscle), ("weight", shape.weight)):
        shares |= {f"min{what}": max(-value, 0.0), f"average{what}": 1 - abs(value), f"max{what}": max(value, 0.0)}
    return float(np.prod([shares[word] for word in name.split("-")]))


def _weights(asset: dict[str, NDArray[Any]], names: list[str]) -> Floats:
    column = np.array([_BONES.index(name) if name in _BONES else -1 for name in names])
    weights = np.zeros((len(asset["bones"]), len(_BONES)), np.float32)
    rows = np.arange(len(weights))
    for bone, share in zip(asset["bones"].T, asset["shares"].T):
        weights[rows, column[bone]] += share / np.float32(255)
    return weights


def _close_fingers(
    points: NDArray[np.float64], joint: dict[str, NDArray[np.float64]], weights: Floats
) -> NDArray[np.float64]:
    """Return the points with fingers and thumb, which the mesh spreads wide, drawn together towards their tips."""
    closed = points.copy()
    for side in ("Left", "Right"):
        knuckles = (joint[f"{side}HandFinger1"] + joint[f"{side}Pinky"]) / 2
        across = joint[f"{side}HandFinger1"] - joint[f"{side}Pinky"]
        across /= np.linalg.norm(across)
        along = knuckles - joint[f"{side}Hand"]
        along -= (along @ across) * across
        along /= np.linalg.norm(along)
        fingers = np.flatnonzero(weights[:, _BONES.index(f"{side}HandFinger1")] > 0.3)
        offset = points[fingers] - knuckles
        reach = np.clip(offset @ along / (offset @ along).max(), 0, 1)
        closed[fingers] -= (_FINGERS_CLOSED * reach * (offset @ across))[:, None] * across
        thumb = np.flatnonzero(weights[:, _BONES.index(f"{side[0]}Thumb")] > 0.3)
        offset = points[thumb] - joint[f"{side[0]}Thumb"]
        out = offset - (offset @ along)[:, None] * along
        reach = np.clip(np.linalg.norm(offset, axis=1) / np.linalg.norm(offset, axis=1).max(), 0, 1)
        closed[thumb] -= _FINGERS_CLOSED * reach[:, None] * out
    return closed


def vertex_normals(points: NDArray[np.float64], quads: NDArray[np.intp]) -> Floats:
    """Return unit normals (V, 3) of `points`, averaged over the faces around each."""
    corners = points[quads]
    face = np.cross(corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1])
    normals = np.stack(
        [np.bincount(quads.ravel(), np.repeat(face[:, axis], 4), len(points)) for axis in range(3)], axis=1
    )
    length = np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return np.asarray(normals / length, np.float32)


def _pivot(bone: str, joint: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return where a bone turns: its start, but the hips about the hip centre and the chest about its own joint."""
    if bone in ("Hips", "LHipJoint", "RHipJoint"):
        return (joint["LeftUpLeg"] + joint["RightUpLeg"]) / 2
    return joint["Spine" if bone == "Spine1" else bone]


def _standing_height(joint: dict[str, NDArray[np.float64]], sole_z: float, crown_z: float) -> float:
    leg = [joint[name] for name in ("LeftUpLeg", "LeftLeg", "LeftFoot")]
    length = np.linalg.norm(np.diff(leg, axis=0), axis=1).sum()
    return float(crown_z - leg[0][2] + length + leg[2][2] - sole_z)


def _straightening(joint: dict[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
    """Return, per limb bone, the rotation from the bind pose to hanging straight down, without twist."""
    straight: dict[str, NDArray[np.float64]] = {}
    for side in ("Left", "Right"):
        for upper, lower, end in (("Arm", "ForeArm", "Hand"), ("UpLeg", "Leg", "Foot")):
            first = turn(joint[side + lower] - joint[side + upper], _DOWN)
            second = turn(first @ (joint[side + end] - joint[side + lower]), _DOWN) @ first
            straight[side + upper], straight[side + lower] = first, second
        hand = straight[f"{side}ForeArm"]
        straight |= {f"{side}Hand": hand, f"{side}FingerBase": hand, f"{side[0]}Thumb": hand}
        across = hand @ (joint[f"{side}HandFinger1"] - joint[f"{side}Pinky"])
        inward = 1 if side == "Left" else -1
        curl = turn_about(across / np.linalg.norm(across), inward * _FINGER_CURL_RAD)
        straight[f"{side}HandFinger1"] = curl @ hand
    return straight
