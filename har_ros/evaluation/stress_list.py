"""The stress test's list of disturbances: fixed, so that figures of different models and versions compare."""

from __future__ import annotations

from dataclasses import dataclass

from har_ros.core.model_card import CAMERA, IMU
from har_ros.evaluation.stress_pictures import (
    OnPictures,
    behind_posts,
    below_covered,
    compressed,
    cropped,
    defocused,
    far_away,
    grainy,
    half_in_shade,
    in_light,
    shaken,
    side_covered,
)
from har_ros.evaluation.stress_sensors import (
    OnOrder,
    OnSamples,
    at_fps,
    at_rate,
    biased,
    clipped,
    frames_in_a_row_lost,
    frames_lost,
    late,
    noisy,
    tilted,
    turned_anyhow,
)

UNDISTURBED = "undisturbed"


@dataclass(frozen=True)
class Condition:
    """One disturbance: of the pictures, of their order in time, of the accelerometer, or an input that is missing."""

    name: str
    group: str
    pictures: OnPictures | None = None
    order: OnOrder | None = None
    samples: OnSamples | None = None
    missing: str = ""


CONDITIONS: tuple[Condition, ...] = (
    Condition(UNDISTURBED, "none"),
    Condition("dark, levels at a quarter", "light", pictures=in_light(0.25, 0.25, 0.25)),
    Condition("bright, levels doubled", "light", pictures=in_light(2.0, 2.0, 2.0)),
    Condition("warm light", "light", pictures=in_light(0.55, 0.9, 1.2)),
    Condition("cold light", "light", pictures=in_light(1.3, 1.0, 0.65)),
    Condition("lit from one side", "light", pictures=half_in_shade),
    Condition("out of focus, 1 % of height", "blur", pictures=defocused(0.01)),
    Condition("out of focus, 2.5 % of height", "blur", pictures=defocused(0.025)),
    Condition("shaken, 5 % of height", "blur", pictures=shaken(0.05)),
    Condition("grain of 20 levels", "noise", pictures=grainy(20)),
    Condition("grain of 50 levels", "noise", pictures=grainy(50)),
    Condition("behind posts, a third hidden", "occlusion", pictures=behind_posts),
    Condition("one side hidden, 40 %", "occlusion", pictures=side_covered),
    Condition("lower part hidden, 40 %", "occlusion", pictures=below_covered),
    Condition("JPEG of quality 20", "JPEG", pictures=compressed(20)),
    Condition("JPEG of quality 8", "JPEG", pictures=compressed(8)),
    Condition("a 75 % part, enlarged", "crop", pictures=cropped(0.75)),
    Condition("further off, at 60 %", "crop", pictures=far_away(0.6)),
    Condition("10 % of the frames lost", "frames", order=frames_lost(0.1)),
    Condition("30 % of the frames lost", "frames", order=frames_lost(0.3)),
    Condition("6 frames in a row lost", "frames", order=frames_in_a_row_lost(6)),
    *(Condition(f"camera of {fps} fps", "camera rate", order=at_fps(fps)) for fps in (10, 15, 24, 60)),
    *(Condition(f"sensor tilted by {degrees} degrees", "mounting", samples=tilted(degrees)) for degrees in (8, 30, 90)),
    Condition("sensor turned anyhow", "mounting", samples=turned_anyhow),
    *(Condition(f"sensor of {rate} Hz", "sensor rate", samples=at_rate(rate)) for rate in (25, 50, 100, 200)),
    *(Condition(f"sensor bias of {size:g} m/s^2", "bias", samples=biased(size)) for size in (0.5, 1.5)),
    *(Condition(f"sensor noise of {size:g} m/s^2", "sensor noise", samples=noisy(size)) for size in (0.5, 2)),
    Condition("sensor clips at 2 g", "clipping", samples=clipped(2)),
    *(Condition(f"sensor {1000 * s:+g} ms against camera", "sync", samples=late(s)) for s in (-0.15, 0.05, 0.15)),
    Condition("camera missing", "missing", missing=CAMERA),
    Condition("accelerometer missing", "missing", missing=IMU),
)
