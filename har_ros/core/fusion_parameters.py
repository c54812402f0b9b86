"""What the user of the fusion node can set; the defaults are in config/har.yaml."""

from __future__ import annotations

from har_ros.core.mount import rotation_matrix
from har_ros.core.parameters import Parameter

_CARDS = "; 0 takes the model's own"

PARAMETERS = (
    Parameter("model", str, "Model folder, or the name of one that the package ships"),
    Parameter("provider", str, "Execution provider of onnxruntime"),
    Parameter("threads", int, "Threads of onnxruntime", low=1, high=64),
    Parameter("image_transport", str, "Which images to take", choices=("raw", "compressed")),
    Parameter(
        "input_reliability",
        str,
        "What to ask of the camera's and the accelerometer's publishers; best_effort fits all of them",
        choices=("reliable", "best_effort"),
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
    Parameter("publish_rate_hz", float, "Rate of the result topics", "Hz", low=1, high=100),
    Parameter("min_confidence", float, f"Below this confidence the label is unknown{_CARDS}", low=0, high=1),
    Parameter("suspect_score", float, f"From this score on a window is suspect{_CARDS}", low=0, high=1),
    Parameter("alarm_score", float, f"From this score on a window is an alarming one{_CARDS}", low=0, high=1),
    Parameter("on_window_s", float, "Span of windows that must speak for an alarm", "s", low=0, high=10),
    Parameter("on_share", float, "Share of those windows that raises the alarm", low=0.01, high=1),
    Parameter("off_s", float, "Quiet time that releases the alarm", "s", low=0, high=600),
    Parameter("latch_alarm", bool, "Hold the alarm until it is acknowledged"),
    Parameter(
        "mount_rotation",
        list,
        "Rotation from the sensor's axes to the model's, a quaternion x, y, z, w; see calibrate_mount",
        check=rotation_matrix,
        live=True,
    ),
)
