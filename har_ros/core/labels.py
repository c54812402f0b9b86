"""The six activities, their spoken names, and which of them are anomalies (paper section III.A).

Whatever else a person does, such as kneeling or getting up from the floor, is OTHER: a truth that captures
and recordings may carry, never a class of a model, whose answer to it should be `unknown`.
"""

from __future__ import annotations

import re
from enum import Enum


class Activity(str, Enum):
    """One of the paper's six classes, or none of them; the value is also the dataset's folder name."""

    DRIVERS_DROWSINESS = "DRIVERS_DROWSINESS"
    FALL_OR_COLLAPSE = "FALL_OR_COLLAPSE"
    JOGGING = "JOGGING"
    SITTING = "SITTING"
    STAND = "STAND"
    WALK = "WALK"
    OTHER = "OTHER"

    def __str__(self) -> str:
        return self.value

    @property
    def is_anomaly(self) -> bool:
        """True for the activities that the paper flags as dangerous."""
        return self in ANOMALIES


ACTIVITIES: tuple[Activity, ...] = tuple(activity for activity in Activity if activity is not Activity.OTHER)
LABELS: tuple[str, ...] = tuple(activity.value for activity in ACTIVITIES)
TRUTHS: tuple[Activity, ...] = (*ACTIVITIES, Activity.OTHER)  # what a person may be said to do
ANOMALIES = frozenset({Activity.DRIVERS_DROWSINESS, Activity.FALL_OR_COLLAPSE})

_ALIASES: dict[str, Activity] = {
    "DRIVER_DROWSINESS": Activity.DRIVERS_DROWSINESS,
    "DROWSINESS": Activity.DRIVERS_DROWSINESS,
    "DROWSY": Activity.DRIVERS_DROWSINESS,
    "FALL": Activity.FALL_OR_COLLAPSE,
    "FALLING": Activity.FALL_OR_COLLAPSE,
    "COLLAPSE": Activity.FALL_OR_COLLAPSE,
    "JOG": Activity.JOGGING,
    "SIT": Activity.SITTING,
    "STANDING": Activity.STAND,
    "WALKING": Activity.WALK,
}


def parse_activity(text: str) -> Activity:
    """Return the activity that `text` names, whatever its case, blanks or spoken form.

    Raises ValueError with the accepted names when `text` names none.
    """
    key = re.sub(r"[^A-Z]+", "_", text.upper()).strip("_")
    if key in _ALIASES:
        return _ALIASES[key]
    try:
        return Activity(key)
    except ValueError:
        raise ValueError(f"'{text}' is no activity; use one of {', '.join(Activity)}") from None
