"""What the user of the fusion node can set; the defaults are in config/har.yaml."""

from __future__ import annotations

from har_ros.core.alarm_policy import BLINK_S
from har_ros.core.mount import rotation_matrix
from har_ros.core.parameters import Parameter

_CARDS = "; 0 takes the model's own"

PARAMETERS = (
    Parameter("model", str, "Model folder, or the name of one that the package ships"),
    Parameter("provider", str, "Execution provider of onnxruntime for the encoder"),
    Parameter("threads", int, "Threads of onnxruntime", low=1, high=64),
    Parameter("image_transport", str, "Which images to take", choices=("raw", "compressed")),
    Parameter(
        "input_reliability",
        str,
        "What to ask of the camera's and the accelerometer's publishers; best_effort fits all of them",
        choices=("reliable", "best_effort"),
    ),
    Parameter(
        "require_both", bool, "Make the topics STALE while either input is missing, though the model can go on without"
    ),
    Parameter(
        "slop_s", float, "An image and a sample must be less than this apart to pair", "s", low=0.001, high=1
    ),
    Parameter(
        "imu_rate_hz", float, "Expected rate of the accelerometer, for the queue", "Hz", low=1, high=1000
    ),
    Parameter(
        "max_latency_s",
        float,
        "How late the slower input may come and still find its partner",
        "s",
        low=0.01,
        high=5,
    ),
    Parameter(
        "input_timeout_s",
        float,
        "An input or result older than this makes the topics STALE",
        "s",
        low=0.15,
        high=10,
    ),
    Parameter("publish_rate_hz", float, "Least rate of the result topics; a verdict comes at once", "Hz", 1, 100),
    Parameter(
        "motion_gate_levels",
        float,
        "Skip the encoder while no part of the picture changes by more than this, of 255; 0 never does",
        low=0,
        high=255,
    ),
    Parameter("min_confidence", float, f"Below this confidence the label is unknown{_CARDS}", low=0, high=1),
    Parameter("suspect_score", float, f"From this score on a window is suspect{_CARDS}", low=0, high=1),
    Parameter("alarm_score", float, f"From this score on a window is sure of an anomaly{_CARDS}", low=0, high=1),
    Parameter("on_window_s", float, "Span of windows whose mean score tells a fall", "s", low=0, high=10),
    Parameter(
        "shock_mps2",
        float,
        "Least departure from gravity that the sensor feels in a fall; 0 asks for none",
        "m/s^2",
        low=0,
        high=50,
    ),
    Parameter(
        "long_lie_s",
        float,
        "Time after which what looks like a fall is one though the sensor doesn't bear it out",
        "s",
        low=0,
        high=3600,
    ),
    Parameter("off_s", float, "Time of quiet, neither lying nor unmoved, that ends a fall", "s", low=0, high=600),
    Parameter(
        "lying_tilt_rad", float, "Who lies has the sensor turned by this since before the fall", "rad", low=0.1, high=3
    ),
    Parameter("lying_s", float, "Time of lying still after which a fall becomes fallen", "s", low=0, high=60),
    Parameter("wait_for_lying", bool, "Raise the alarm of a fall only when the person lies still after it"),
    Parameter("drowsy_share", float, "Share of the last minute in drowsiness that raises the alarm", low=0.01, high=1),
    Parameter(
        "drowsy_episode_s", float, "Length of a single episode of drowsiness that raises it", "s", low=BLINK_S, high=60
    ),
    Parameter("drowsy_off_s", float, "Time of quiet that ends drowsiness", "s", low=0, high=600),
    Parameter(
        "refractory_s", float, "Least time from an alarm's end to the next of its kind", "s", low=0, high=600
    ),
    Parameter("latch_alarm", bool, "Hold the alarm until it is acknowledged"),
    Parameter(
        "mount_rotation",
        list,
        "Rotation from the sensor's axes to the model's, a quaternion x, y, z, w; see calibrate_mount",
        check=rotation_matrix,
        live=True,
    ),
)
