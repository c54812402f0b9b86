"""References that don't lead through the floor."""

from __future__ import annotations

import numpy as np

from har_ros.simulation.joining import Reference
from har_ros.simulation.physics import RATE_HZ, Body
from har_ros.simulation.skeleton import SEGMENTS
from har_ros.simulation.tracks import Curve

_EVERY = 10  # samples between the poses that are tried
_REACH = round(0.15 * RATE_HZ / _EVERY)  # of the evening out, before and after


def lift_m(reference: Reference, dummy: Body) -> Curve:
    """Return how far to raise a reference, (T,), smoothly, so that no part of the body but the feet is in the floor.

    `dummy` is put into its poses.
    """
    spots = np.arange(0, len(reference.root_m), _EVERY)
    geoms = [dummy.model.geom(segment).id for segment in SEGMENTS if not segment.startswith("foot")]  # toes bend
    radius_m, half_m = dummy.model.geom_size[geoms, :2].T
    depth_m = np.zeros(len(spots))
    for slot, index in enumerate(spots):
        dummy.place(reference.root_m[index], reference.root_quat[index], reference.hinges[index])
        lowest = dummy.data.geom_xpos[geoms, 2] - np.abs(dummy.data.geom_xmat[geoms, 8]) * half_m - radius_m
        depth_m[slot] = max(-lowest.min(), 0.0)
    padded = np.pad(depth_m, 2 * _REACH, mode="edge")
    deepest = np.array([padded[slot : slot + 2 * _REACH + 1].max() for slot in range(len(spots) + 2 * _REACH)])
    bell = np.hanning(2 * _REACH + 3)[1:-1]
    coarse = np.interp(np.arange(len(reference.root_m)), spots, np.convolve(deepest, bell / bell.sum(), "valid"))
    # what is interpolated has corners, which a tracker would feel
    fine = np.hanning(2 * _EVERY + 1)
    smooth: Curve = np.convolve(np.pad(coarse, _EVERY, mode="edge"), fine / fine.sum(), "valid")
    return smooth
