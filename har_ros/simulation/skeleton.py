"""The simulated body's segments, and the motion that physics hands to the renderer and the sensor.

World frame (REP-103): x forward, y left, z up, metres, floor at z = 0. In the rest pose the person
stands upright at the origin facing +x with arms hanging straight down, and every segment's rotation
is the identity; a segment's position is that of its proximal joint (pelvis: the mid hip centre).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SEGMENTS: tuple[str, ...] = (
    "pelvis", "spine", "chest", "head",
    "upper_arm_left", "forearm_left", "upper_arm_right", "forearm_right",
    "thigh_left", "shin_left", "foot_left", "thigh_right", "shin_right", "foot_right",
)
PARENTS: tuple[int, ...] = (-1, 0, 1, 2, 2, 4, 2, 6, 0, 8, 9, 0, 11, 12)


@dataclass(frozen=True)
class Skeleton:
    """Segment geometry of one person in the rest pose.

    joints_m: (14, 3) proximal joint of each segment, world frame, order of SEGMENTS.
    ends_m:   (14, 3) distal end of each segment (head: crown; forearm: fist; foot: toe tip).
    mass_kg:  whole-body mass.
    """

    joints_m: NDArray[np.float64]
    ends_m: NDArray[np.float64]
    mass_kg: float

    @property
    def height_m(self) -> float:
        """Standing height: the crown's z."""
        return float(self.ends_m[SEGMENTS.index("head"), 2])


@dataclass(frozen=True)
class Motion:
    """What one simulated body did, sampled at a fixed rate from time 0.

    rate_hz:     sampling rate of the arrays below.
    position_m:  (T, 14, 3) world position of each segment's proximal joint.
    rotation:    (T, 14, 3, 3) segment-to-world rotation matrices.
    eyes_closed: (T,) lid closure, 0 open to 1 shut.
    label:       (T,) index into har_ros.core.labels.TRUTHS.
    act:         (T,) index into tuple(har_ros.simulation.acts.ACTS).
    accel_mps2:  (T, 3) specific force (gravity included) at the sensor site, sensor frame, before
                 sensor errors: +9.81 on the upward axis at rest (REP-145).
    gyro_radps:  (T, 3) angular velocity, sensor frame.
    """

    rate_hz: float
    position_m: NDArray[np.float64]
    rotation: NDArray[np.float64]
    eyes_closed: NDArray[np.float64]
    label: NDArray[np.int64]
    act: NDArray[np.int64]
    accel_mps2: NDArray[np.float64]
    gyro_radps: NDArray[np.float64]

    @property
    def duration_s(self) -> float:
        """Length of the recording."""
        return len(self.label) / self.rate_hz


def default_skeleton(height_m: float = 1.72, mass_kg: float = 70.0) -> Skeleton:
    """Return an average adult's skeleton scaled to `height_m` (Drillis and Contini proportions)."""
    h = height_m
    hip_z, knee_z, ankle_z = 0.530 * h, 0.285 * h, 0.039 * h
    shoulder_z, elbow_z, wrist_z = 0.818 * h, 0.632 * h, 0.485 * h
    hip_y, shoulder_y = 0.050 * h, 0.110 * h
    joints = [
        (0.0, 0.0, hip_z), (0.0, 0.0, 0.60 * h), (0.0, 0.0, 0.69 * h), (0.0, 0.0, 0.85 * h),
        (0.0, shoulder_y, shoulder_z), (0.0, shoulder_y, elbow_z),
        (0.0, -shoulder_y, shoulder_z), (0.0, -shoulder_y, elbow_z),
        (0.0, hip_y, hip_z), (0.0, hip_y, knee_z), (0.0, hip_y, ankle_z),
        (0.0, -hip_y, hip_z), (0.0, -hip_y, knee_z), (0.0, -hip_y, ankle_z),
    ]
    ends = [
        (0.0, 0.0, 0.60 * h), (0.0, 0.0, 0.69 * h), (0.0, 0.0, 0.85 * h), (0.0, 0.0, h),
        (0.0, shoulder_y, elbow_z), (0.0, shoulder_y, wrist_z - 0.08 * h),
        (0.0, -shoulder_y, elbow_z), (0.0, -shoulder_y, wrist_z - 0.08 * h),
        (0.0, hip_y, knee_z), (0.0, hip_y, ankle_z), (0.11 * h, hip_y, 0.02 * h),
        (0.0, -hip_y, knee_z), (0.0, -hip_y, ankle_z), (0.11 * h, -hip_y, 0.02 * h),
    ]
    return Skeleton(np.array(joints), np.array(ends), mass_kg)
