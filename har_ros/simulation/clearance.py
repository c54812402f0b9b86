"""Tracks that don't lead through the floor."""

from __future__ import annotations

import numpy as np

from har_ros.simulation.joining import Reference
from har_ros.simulation.physics import RATE_HZ, Body
from har_ros.simulation.skeleton import SEGMENTS
from har_ros.simulation.tracks import Track

_EVERY = 10  # samples between the poses that are tried
_REACH = round(0.15 * RATE_HZ / _EVERY)  # of the evening out, before and after


def lift_clear(track: Track, dummy: Body) -> None:
    """Raise a track, smoothly, wherever a part of the body would be in the floor; `dummy` is put into its poses."""
    spots = np.arange(0, len(track.root_m), _EVERY)
    reference = Reference.of(track)
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
    lift_m = np.interp(np.arange(len(track.root_m)), spots, np.convolve(deepest, bell / bell.sum(), "valid"))
    # what is interpolated has corners, which a tracker would feel
    fine = np.hanning(2 * _EVERY + 1)
    track.root_m[:, 2] += np.convolve(np.pad(lift_m, _EVERY, mode="edge"), fine / fine.sum(), "valid")
