"""The card of a model that doesn't exist, for tests that need no networks."""

from __future__ import annotations

from typing import Any

from har_ros.core.model_card import ENCODER_FILE, HEAD_FILE, ModelCard


def make_card(**changes: Any) -> ModelCard:
    """Return a card of small sizes, changed as the keywords say."""
    plain: dict[str, Any] = {
        "name": "tiny",
        "profile": "test",
        "steps": 30,
        "step_rate_hz": 30.0,
        "frame_size_px": 32,
        "feature_size": 8,
        "imu_mean": (0.0, 0.0, 9.8),
        "imu_std": (3.0, 3.0, 3.0),
        "sha256": {ENCODER_FILE: "a", HEAD_FILE: "b"},
    }
    return ModelCard(**{**plain, **changes})
