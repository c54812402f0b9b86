"""What an accelerometer and gyro feel on a moving body, and what a cheap one makes of it.

Motion comes at 200 Hz and is differentiated over 10 ms, which passes 84 % at 45 Hz and 49 % at 90 Hz, much as the
low-pass filter inside a cheap sensor does. Beside motion at 400 Hz, the blows of falls come out 1 % weaker in
readings at 100 Hz, and 4 % weaker (the hardest 9 %) at 200 Hz.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from har_ros.core.preprocess import STANDARD_GRAVITY_MPS2
from har_ros.simulation.physics import MOUNTS, Mount, other_side
from har_ros.simulation.skeleton import SEGMENTS, Motion

RANGES_G = (2, 4, 8, 16)  # that such accelerometers can be set to
_RANGE_SHARES = (0.03, 0.07, 0.2, 0.7)
RANGE_MPS2 = RANGES_G[-1] * STANDARD_GRAVITY_MPS2
_GYRO_RANGE_RADPS = np.radians(2000.0)
_PLACE_M, _FARTHEST_M = 0.015, 0.04  # standard deviation, and most, of where people put on a sensor
_CLOCK_PPM = 50.0  # within which a quartz keeps time
_JITTER_S = 100e-6  # standard deviation of a reading's moment, at most
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


def mount_at(place: str, rng: np.random.Generator) -> Mount:
    """Return how one person wears a sensor at a place of MOUNTS: on either side, and not quite in the same spot."""
    mount = MOUNTS[place] if rng.uniform() < 0.5 else MOUNTS[place].mirrored()
    x_m, y_m, z_m = (
        float(value) for value in mount.offset_m + np.clip(rng.normal(0, _PLACE_M, 3), -_FARTHEST_M, _FARTHEST_M)
    )
    return Mount(mount.segment, (x_m, y_m, z_m))


def mirrored(motion: Motion) -> Motion:
    """Return the motion as in a mirror that stands along x: left and right change places.

    What is felt is what a sensor feels on the mirrored mount (Mount.mirrored), in mirrored axes: y of the
    acceleration, and x and z of the rate, change sign.
    """
    flip = np.array([1.0, -1.0, 1.0])
    other = [SEGMENTS.index(other_side(segment)) for segment in SEGMENTS]
    return replace(
        motion,
        position_m=motion.position_m[:, other] * flip,
        rotation=flip[:, None] * motion.rotation[:, other] * flip,
        accel_mps2=motion.accel_mps2 * flip,
        gyro_radps=motion.gyro_radps * -flip,
    )


@dataclass(frozen=True)
class ImuSensor:
    """One device on one person: how it is mounted and how it errs.

    tilt:            (3, 3) rotation from the ideal mount's axes to the device's.
    accel_bias_mps2: (3,); accel_scale: (3,) factor; accel_noise_mps2: standard deviation of white noise.
    gyro_bias_radps: (3,); gyro_noise_radps: standard deviation. rate_hz: readings a second, at most 200.
    range_mps2:      what is more than this reads as this.
    clock_ppm:       how much too fast its clock goes; jitter_s: standard deviation of a reading's moment.
    """

    tilt: NDArray[np.float64]
    accel_bias_mps2: NDArray[np.float64]
    accel_scale: NDArray[np.float64]
    accel_noise_mps2: float
    gyro_bias_radps: NDArray[np.float64]
    gyro_noise_radps: float
    rate_hz: float = 100.0
    range_mps2: float = RANGE_MPS2
    clock_ppm: float = 0.0
    jitter_s: float = 0.0

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
            range_mps2=float(rng.choice(RANGES_G, p=_RANGE_SHARES)) * STANDARD_GRAVITY_MPS2,
            clock_ppm=rng.uniform(-_CLOCK_PPM, _CLOCK_PPM),
            jitter_s=rng.uniform(0, _JITTER_S),
        )

    def read(
        self, motion: Motion, rng: np.random.Generator
    ) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float32]]:
        """Return stamps (N,) in s from the motion's start, accelerations (N, 3) m/s^2 and rates (N, 3) rad/s.

        The stamps are the device's own: evenly spaced, by a clock that is a little wrong. The readings are of
        the true moments.
        """
        t_s = np.arange(int(motion.duration_s * self.rate_hz)) / self.rate_hz
        true_s = t_s / (1 + self.clock_ppm * 1e-6) + rng.normal(0, self.jitter_s, len(t_s))
        accel = self._sample(motion.accel_mps2, motion.rate_hz, true_s)
        gyro = self._sample(motion.gyro_radps, motion.rate_hz, true_s)
        accel = accel * self.accel_scale + self.accel_bias_mps2 + rng.normal(0, self.accel_noise_mps2, accel.shape)
        gyro = gyro + self.gyro_bias_radps + rng.normal(0, self.gyro_noise_radps, gyro.shape)
        accel = np.clip(accel, -self.range_mps2, self.range_mps2)
        return t_s, accel.astype(np.float32), np.clip(gyro, -_GYRO_RANGE_RADPS, _GYRO_RANGE_RADPS).astype(np.float32)

    def _sample(self, signal: NDArray[np.float64], rate_hz: float, t_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn into the device's axes, low-pass with a windowed sinc, and take the values between the samples."""
        slower = min(self.rate_hz / rate_hz, 1.0)
        reach = round(_FILTER_PERIODS / slower)
        at = t_s * rate_hz
        first = np.round(at).astype(int)
        taps = first[:, None] + np.arange(-reach, reach + 1)
        away = taps - at[:, None]
        kernel = np.sinc(2 * _PASS * slower * away) * np.cos(np.pi / 2 * away / (reach + 1)) ** 2
        kernel /= kernel.sum(axis=1, keepdims=True)
        values = signal[np.clip(taps, 0, len(signal) - 1)]
        return np.einsum("nk,nkj->nj", kernel, values) @ self.tilt.T


def rotation(vector_rad: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rotation matrix about `vector_rad` by its length (Rodrigues' formula)."""
    angle = float(np.linalg.norm(vector_rad))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = vector_rad / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    matrix: NDArray[np.float64] = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return matrix
