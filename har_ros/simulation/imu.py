"""What an accelerometer and gyro feel on a moving body, and what a cheap one makes of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from har_ros.core.preprocess import STANDARD_GRAVITY_MPS2
from har_ros.simulation.skeleton import Motion

RANGE_MPS2 = 16 * STANDARD_GRAVITY_MPS2
_TILT_RAD = 0.15  # standard deviation about each axis: 8.6 degrees
_PASS = 0.45  # of the rate: faster movements are filtered out, or they would return as slow ones
_FILTER_PERIODS = 6  # of the rate, on either side


def felt(
    place_m: NDArray[np.float64], attitude: NDArray[np.float64], rate_hz: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what an ideal IMU on this path reads: specific force (T, 3) m/s^2 and angular rate (T, 3) rad/s.

    place_m (T, 3) and attitude (T, 3, 3), sensor to world, equally spaced, at least 3 of them. The path
    itself is differentiated, so that reading and picture agree; a physics engine's own accelerometer leaves
    out what its implicit integrator does to stiff dampers.
    """
    force = np.diff(place_m, 2, axis=0) * rate_hz**2
    force = np.concatenate([force[:1], force, force[-1:]])
    force[:, 2] += STANDARD_GRAVITY_MPS2
    spin = np.einsum("tji,tjk->tik", attitude, np.gradient(attitude, axis=0) * rate_hz)
    return np.einsum("tji,tj->ti", attitude, force), np.stack([spin[:, 2, 1], spin[:, 0, 2], spin[:, 1, 0]], axis=1)


@dataclass(frozen=True)
class ImuSensor:
    """One device on one person: how it is mounted and how it errs.

    tilt:            (3, 3) rotation from the ideal mount's axes to the device's.
    accel_bias_mps2: (3,); accel_scale: (3,) factor; accel_noise_mps2: standard deviation of white noise.
    gyro_bias_radps: (3,); gyro_noise_radps: standard deviation. rate_hz: readings a second.
    """

    tilt: NDArray[np.float64]
    accel_bias_mps2: NDArray[np.float64]
    accel_scale: NDArray[np.float64]
    accel_noise_mps2: float
    gyro_bias_radps: NDArray[np.float64]
    gyro_noise_radps: float
    rate_hz: float = 100.0

    @staticmethod
    def random(rng: np.random.Generator, rate_hz: float = 100.0) -> ImuSensor:
        """Draw a device and its mounting: tilt 8.6 degrees, bias 0.1 m/s^2, scale 1 % (standard deviations)."""
        return ImuSensor(
            tilt=rotation(rng.normal(0, _TILT_RAD, 3)),
            accel_bias_mps2=rng.normal(0, 0.1, 3),
            accel_scale=1 + rng.normal(0, 0.01, 3),
            accel_noise_mps2=rng.uniform(0.02, 0.08),
            gyro_bias_radps=rng.normal(0, 0.01, 3),
            gyro_noise_radps=rng.uniform(0.002, 0.01),
            rate_hz=rate_hz,
        )

    def read(
        self, motion: Motion, rng: np.random.Generator
    ) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float32]]:
        """Return stamps (N,) in s from the motion's start, accelerations (N, 3) m/s^2 and rates (N, 3) rad/s."""
        t_s = np.arange(int(motion.duration_s * self.rate_hz)) / self.rate_hz
        accel = self._sample(motion.accel_mps2, motion.rate_hz, t_s)
        gyro = self._sample(motion.gyro_radps, motion.rate_hz, t_s)
        accel = accel * self.accel_scale + self.accel_bias_mps2 + rng.normal(0, self.accel_noise_mps2, accel.shape)
        gyro = gyro + self.gyro_bias_radps + rng.normal(0, self.gyro_noise_radps, gyro.shape)
        return t_s, np.clip(accel, -RANGE_MPS2, RANGE_MPS2).astype(np.float32), gyro.astype(np.float32)

    def _sample(self, signal: NDArray[np.float64], rate_hz: float, t_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn into the device's axes, low-pass with a windowed sinc, and resample."""
        reach = round(_FILTER_PERIODS * max(rate_hz / self.rate_hz, 1.0))
        taps = np.arange(-reach, reach + 1)
        kernel = np.sinc(2 * _PASS * min(self.rate_hz / rate_hz, 1.0) * taps) * np.hanning(len(taps) + 2)[1:-1]
        kernel /= kernel.sum()
        padded = np.pad(signal @ self.tilt.T, ((reach, reach), (0, 0)), mode="edge")
        at = np.arange(len(signal)) / rate_hz
        return np.stack([np.interp(t_s, at, np.convolve(axis, kernel, "valid")) for axis in padded.T], axis=1)


def rotation(vector_rad: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rotation matrix about `vector_rad` by its length (Rodrigues' formula)."""
    angle = float(np.linalg.norm(vector_rad))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = vector_rad / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    matrix: NDArray[np.float64] = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return matrix
