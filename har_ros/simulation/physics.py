"""The simulated body in MuJoCo: 14 segments, 28 hinges and a free root, made from a Skeleton.

Hinge angles are in radians about the segment's axes, positive by the right-hand rule: pitch about y
(left), roll about x (forward), yaw about z (up). A limb's rotation is pitch, then roll, then yaw.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from har_ros.core.preprocess import STANDARD_GRAVITY_MPS2
from har_ros.simulation.skeleton import PARENTS, SEGMENTS, Skeleton

RATE_HZ = 200.0  # of references, control and recordings
_STEPS = 2  # of the physics in each of them
_HINGE_DAMPING_NMSPRAD = 1.5
_DENSITY_KGPM3 = 985.0  # of the whole body; the total is then scaled to the person's mass

# segment -> ((axis, lowest, highest in degrees), ...); left limbs, the right ones mirror roll and yaw
_BALL = (("y", -130, 45), ("x", -35, 60), ("z", -45, 45))
_HINGES: dict[str, tuple[tuple[str, float, float], ...]] = {
    "spine": (("y", -20, 60), ("x", -25, 25), ("z", -30, 30)),
    "chest": (("y", -15, 40), ("x", -20, 20)),
    "head": (("y", -45, 60), ("x", -40, 40), ("z", -70, 70)),
    "upper_arm": (("y", -170, 60), ("x", -15, 120), ("z", -80, 80)),
    "forearm": (("y", -145, 2),),
    "thigh": _BALL,
    "shin": (("y", -2, 140),),
    "foot": (("y", -30, 50), ("x", -25, 25)),
}
_RADIUS_M = {"pelvis": 0.105, "spine": 0.10, "chest": 0.11, "head": 0.085, "upper_arm": 0.043, "forearm": 0.036,
             "thigh": 0.07, "shin": 0.048, "foot": 0.035}  # fmt: skip
_DAMPING_PER_STIFFNESS_S = 0.08
_STIFFNESS_NMPRAD = {"spine": 300, "chest": 300, "head": 60, "upper_arm": 80, "forearm": 50, "thigh": 300,
                     "shin": 250, "foot": 100}  # fmt: skip
# what a falling body meets beside the floor: half sizes and centres of boxes in their own axes, x to the front
_WALL = ((0.1, 3.0, 1.3), (-0.1, 0.0, 1.3))  # its face at x = 0
_SEAT_AND_BACK = (((0.22, 0.22, 0.025), (0.0, 0.0, 0.425)), ((0.015, 0.2, 0.22), (-0.235, 0.0, 0.68)))
_CHAIR = _SEAT_AND_BACK + tuple(((0.02, 0.02, 0.2), (x_m, y_m, 0.2)) for x_m in (-0.19, 0.19) for y_m in (-0.19, 0.19))
_LOST_IN_A_FALL = (
    "actuator_gainprm", "actuator_biasprm", "dof_damping", "geom_contype", "body_contype", "jnt_limited",
)  # fmt: skip
_AWAY_M = -50.0  # under the floor, where nobody meets them
_AXES = {"x": "1 0 0", "y": "0 1 0", "z": "0 0 1"}


def kind_of(segment: str) -> str:
    """Return a segment's name without its side."""
    return segment.removesuffix("_left").removesuffix("_right")


def other_side(segment: str) -> str:
    """Return the same segment of the other side; the trunk's have none and stay."""
    side = {"left": "right", "right": "left"}.get(segment.rpartition("_")[2])
    return segment if side is None else f"{kind_of(segment)}_{side}"


def _hinges(segment: str) -> list[tuple[str, float, float]]:
    mirror = segment.endswith("_right")
    return [
        (axis, -high, -low) if mirror and axis != "y" else (axis, low, high)
        for axis, low, high in _HINGES.get(kind_of(segment), ())
    ]


HINGES: tuple[tuple[str, str], ...] = tuple((segment, axis) for segment in SEGMENTS for axis, _, _ in _hinges(segment))
HINGE_INDEX = {f"{segment}.{axis}": index for index, (segment, axis) in enumerate(HINGES)}


@dataclass(frozen=True)
class Mount:
    """Where the sensor sits: a segment, and its place relative to that segment's joint in the rest pose, m.

    Its axes are the segment's: upright, x is forward, y left, z up (REP-103).
    """

    segment: str
    offset_m: tuple[float, float, float]

    def mirrored(self) -> Mount:
        """Return the same place on the other side of the body."""
        x_m, y_m, z_m = self.offset_m
        return Mount(other_side(self.segment), (x_m, -y_m, z_m))


MOUNTS: dict[str, Mount] = {
    "waist": Mount("pelvis", (0.10, -0.06, 0.06)),
    "chest": Mount("chest", (0.11, 0.0, 0.10)),
    "wrist": Mount("forearm_right", (0.0, -0.03, -0.24)),
    "pocket": Mount("thigh_right", (0.06, -0.05, -0.12)),
}


@dataclass(frozen=True)
class Pose:
    """Where the segments are at one instant: position_m (14, 3) and rotation (14, 3, 3), as in Motion."""

    position_m: NDArray[np.float64]
    rotation: NDArray[np.float64]


class Body:
    """One person's MuJoCo model and its present state."""

    def __init__(self, skeleton: Skeleton) -> None:
        self.model = mujoco.MjModel.from_xml_string(_mjcf(skeleton))
        mujoco.mj_setTotalmass(self.model, skeleton.mass_kg)
        self.model.jnt_limited[:] = 0  # who follows a track would knock against limits; see let_go
        self.data = mujoco.MjData(self.model)
        self.ids = {segment: self.model.body(segment).id for segment in SEGMENTS}
        self._segments = list(self.ids.values())
        self._feet = [self.model.geom(f"foot_{side}").id for side in ("left", "right")]

    def place(self, root_m: NDArray[np.float64], root_quat: NDArray[np.float64], hinges: NDArray[np.float64]) -> None:
        """Put the body into a pose: pelvis position (3,), quaternion (4,) w first, hinge angles (28,)."""
        self.data.qpos[:3], self.data.qpos[3:7], self.data.qpos[7:] = root_m, root_quat, hinges
        mujoco.mj_kinematics(self.model, self.data)

    def advance(self, pace: float = 1.0) -> Pose:
        """Simulate `pace` / RATE_HZ under the controls and forces in `data`; return the pose just before its end."""
        self.model.opt.timestep = max(pace, 1e-3) / (_STEPS * RATE_HZ)
        mujoco.mj_step(self.model, self.data, _STEPS)
        return Pose(self.data.xpos[self._segments], self.data.xmat[self._segments].reshape(-1, 3, 3))

    @contextmanager
    def let_go(self) -> Iterator[None]:
        """Let limbs meet each other, not the floor alone; give back strength, damping and an empty floor at the end.

        Upright, thighs and arms would rub. Inside, the model's gains and dampings may be changed at will; after
        it the body is as strong as ever, in the pose it ended in, with no force on it.
        """
        model, data = self.model, self.data
        kept = {name: getattr(model, name).copy() for name in _LOST_IN_A_FALL}
        model.geom_contype[:] = model.body_contype[:] = 1
        model.jnt_limited[1:] = 1  # all but the root
        try:
            yield
        finally:
            for name, values in kept.items():
                getattr(model, name)[:] = values
            data.xfrc_applied[:], data.qfrc_applied[:] = 0, 0
            data.mocap_pos[:] = (0, 0, _AWAY_M)

    def put(self, thing: str, place_m: NDArray[np.float64], heading_rad: float) -> None:
        """Put the `wall` (a point of its face) or the `chair` (its seat's centre) at x, y, facing `heading_rad`."""
        index = self.model.body(thing).mocapid[0]
        self.data.mocap_pos[index] = (*place_m[:2], 0.0)
        self.data.mocap_quat[index] = (np.cos(heading_rad / 2), 0, 0, np.sin(heading_rad / 2))

    def joints_m(self, limb: str) -> NDArray[np.float64]:
        """Return where the left and the right `limb` (such as thigh) begin in the present pose, (2, 3)."""
        places: NDArray[np.float64] = self.data.xpos[[self.ids[f"{limb}_left"], self.ids[f"{limb}_right"]]]
        return places

    def soles_m(self) -> NDArray[np.float64]:
        """Return the z of the lowest point of the left and the right foot in the present pose, (2,)."""
        half, radius = self.model.geom_size[self._feet, 1], self.model.geom_size[self._feet, 0]
        lowest: NDArray[np.float64] = (
            self.data.geom_xpos[self._feet, 2] - np.abs(self.data.geom_xmat[self._feet, 8]) * half - radius
        )
        return lowest


def _mjcf(skeleton: Skeleton) -> str:
    children: dict[int, list[int]] = {index: [] for index in range(-1, len(SEGMENTS))}
    for index, parent in enumerate(PARENTS):
        children[parent].append(index)
    servos = []
    for segment, axis in HINGES:
        stiffness = _STIFFNESS_NMPRAD[kind_of(segment)]
        damping = _DAMPING_PER_STIFFNESS_S * stiffness
        servos.append(f'<position joint="{segment}.{axis}" kp="{stiffness}" kv="{damping:g}"/>')
    neighbours = [("pelvis", "chest"), ("spine", "head"), ("spine", "upper_arm_left"), ("spine", "upper_arm_right"),
                  ("chest", "forearm_left"), ("chest", "forearm_right"), ("spine", "thigh_left"),
                  ("spine", "thigh_right"), ("thigh_left", "thigh_right")]  # fmt: skip
    excludes = "".join(f'<exclude body1="{a}" body2="{b}"/>' for a, b in neighbours)
    return f"""<mujoco>
<compiler angle="degree" autolimits="true"/>
<option timestep="{1 / (_STEPS * RATE_HZ)}" integrator="implicitfast" gravity="0 0 {-STANDARD_GRAVITY_MPS2}"/>
<default>
  <geom density="{_DENSITY_KGPM3}" friction="0.9 0.02 0.002" solref="0.04 1" solimp="0.9 0.95 0.002" contype="0"/>
  <joint armature="0.02" damping="{_HINGE_DAMPING_NMSPRAD}" limited="true" solreflimit="0.02 1"/>
</default>
<worldbody>
  <geom name="floor" type="plane" size="20 20 0.1" solref="0.05 1" contype="0" priority="1"/>
  {_thing("wall", _WALL)}{_thing("chair", *_CHAIR)}
  {_body(0, children, skeleton, np.zeros(3))}
</worldbody>
<contact>{excludes}</contact>
<actuator>{"".join(servos)}</actuator>
</mujoco>"""


def _thing(name: str, *boxes: tuple[tuple[float, ...], tuple[float, ...]]) -> str:
    """Return something that stands where it is put and moves for nobody."""
    geoms = "".join(
        f'<geom type="box" mass="0" size="{" ".join(map(str, half))}" pos="{" ".join(map(str, centre))}"'
        ' solref="0.08 1" friction="0.2 0.02 0.002" priority="1"/>'
        for half, centre in boxes
    )
    return f'<body name="{name}" mocap="true" pos="0 0 {_AWAY_M}">{geoms}</body>'


def _body(index: int, children: dict[int, list[int]], skeleton: Skeleton, parent_m: NDArray[np.float64]) -> str:
    segment = SEGMENTS[index]
    joint_m, end_m = skeleton.joints_m[index], skeleton.ends_m[index]
    place = " ".join(f"{value:.5f}" for value in joint_m - parent_m)
    joints = '<freejoint name="root"/>' if index == 0 else "".join(
        f'<joint name="{segment}.{axis}" axis="{_AXES[axis]}" range="{low} {high}"/>'
        for axis, low, high in _hinges(segment)
    )  # fmt: skip
    inner = "".join(_body(child, children, skeleton, joint_m) for child in children[index])
    geom = _geom(segment, end_m - joint_m, skeleton)
    return f'<body name="{segment}" pos="{place}">{joints}{geom}{inner}</body>'


def _geom(segment: str, reach_m: NDArray[np.float64], skeleton: Skeleton) -> str:
    kind = kind_of(segment)
    radius = _RADIUS_M[kind] * skeleton.height_m / 1.72
    start, end = np.zeros(3), np.array(reach_m, dtype=float)
    if kind in ("pelvis", "chest"):  # as wide as hips and shoulders
        half_width = skeleton.joints_m[SEGMENTS.index("thigh_left" if kind == "pelvis" else "upper_arm_left"), 1]
        centre = end * (0.3 if kind == "pelvis" else 0.6)
        reach = np.array([0, 0.75 * half_width, 0])
        start, end = centre + reach, centre - reach
    elif kind == "head":
        start, end = end * 0.45, end * 0.65
    elif kind == "foot":
        start = np.array([-0.04, 0.0, end[2]])
        sole = radius - (skeleton.joints_m[SEGMENTS.index(segment), 2])
        start[2] = end[2] = sole
    points = " ".join(f"{value:.5f}" for value in (*start, *end))
    return f'<geom name="{segment}" type="capsule" size="{radius:.4f}" fromto="{points}"/>'
