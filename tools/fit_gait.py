"""Fit the Fourier numbers of har_ros/simulation/gait.json from DeepMimic-style motion clips.

usage: python tools/fit_gait.py FOLDER_WITH_CLIPS
The clips are humanoid3d_walk.txt and humanoid3d_run.txt as the zlib-licensed PyPI package pybullet
carries them (pybullet_data/data/motions).
"""

import json
import sys
from pathlib import Path

import numpy as np

HARMONICS = 5
OUT = Path(__file__).parents[1] / "har_ros" / "simulation" / "gait.json"
# column of the first value, number of values; 4 is a quaternion w x y z, 1 an angle about the right-hand axis
COLUMNS = {
    "pelvis": (4, 4), "chest": (8, 4), "hip_right": (16, 4), "knee_right": (20, 1), "ankle_right": (21, 4),
    "shoulder_right": (25, 4), "elbow_right": (29, 1), "hip_left": (30, 4), "knee_left": (34, 1),
    "ankle_left": (35, 4), "shoulder_left": (39, 4), "elbow_left": (43, 1),
}  # fmt: skip


def matrices(quaternions):
    """Rotation matrices in x forward, y left, z up from the clips' x forward, y up, z right."""
    w, x, up, right = quaternions.T
    y, z = -right, up
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), 2, 0)


def pitch_roll_yaw(rotation):
    """Angles (T, 3) of R = Ry(pitch) Rx(roll) Rz(yaw)."""
    roll = np.arcsin(np.clip(-rotation[:, 1, 2], -1, 1))
    pitch = np.arctan2(rotation[:, 0, 2], rotation[:, 2, 2])
    yaw = np.arctan2(rotation[:, 1, 0], rotation[:, 1, 1])
    return np.stack([pitch, roll, yaw], 1)


def angles_of(frames, name):
    first, width = COLUMNS[name]
    if width == 1:
        return np.stack([-frames[:, first], 0 * frames[:, first], 0 * frames[:, first]], 1)
    return pitch_roll_yaw(matrices(frames[:, first : first + width]))


def harmonics(curve):
    """Fourier coefficients [mean, cos1, sin1, ...] of one cycle, after taking out the seam's jump."""
    count = len(curve)
    spectrum = np.fft.rfft(curve) / count
    numbers = [spectrum[0].real]
    for k in range(1, HARMONICS + 1):
        numbers += [2 * spectrum[k].real, -2 * spectrum[k].imag]
    return np.array(numbers)


def shifted(numbers, turn):
    """The same curve, `turn` of a cycle later."""
    out = numbers.copy()
    for k in range(1, HARMONICS + 1):
        a, b = numbers[2 * k - 1], numbers[2 * k]
        angle = -2 * np.pi * k * turn
        out[2 * k - 1] = a * np.cos(angle) + b * np.sin(angle)
        out[2 * k] = -a * np.sin(angle) + b * np.cos(angle)
    return out


def fit(path):
    frames = np.array(json.loads(path.read_text())["Frames"])
    cycle_s = float(frames[:-1, 0].sum())
    travelled = float(frames[-1, 1] - frames[0, 1])
    table = {}
    for limb in ("hip", "knee", "ankle", "shoulder", "elbow"):
        left = angles_of(frames, f"{limb}_left")[:-1]
        right = angles_of(frames, f"{limb}_right")[:-1] * [1, -1, -1]
        numbers = [(harmonics(left[:, axis]) + shifted(harmonics(right[:, axis]), 0.5)) / 2 for axis in range(3)]
        table[limb] = np.round(numbers[:1] if limb in ("knee", "elbow") else numbers, 4).tolist()
    for trunk in ("pelvis", "chest"):
        angles = angles_of(frames, trunk)[:-1]
        numbers = []
        for axis in range(3):
            curve = harmonics(angles[:, axis])
            mirrored = shifted(curve, 0.5) * (1 if axis == 0 else -1)
            numbers.append((curve + mirrored) / 2)
        table[trunk] = np.round(numbers, 4).tolist()
    return {"cycle_s": round(cycle_s, 3), "stride_m": round(travelled, 3), "angles": table}


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    clips = Path(sys.argv[1])
    record = {name: fit(clips / f"humanoid3d_{clip}.txt") for name, clip in (("walk", "walk"), ("jog", "run"))}
    OUT.write_text(json.dumps(record, indent=1) + "\n")
    print(OUT)
