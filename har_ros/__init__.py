"""Human activity recognition and anomaly detection from a camera and a body-worn accelerometer."""

__version__ = "0.1.0"
