"""What a simulated person can do: one table of acts, with the truth that each is labelled with."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from har_ros.core.labels import Activity


class Posture(str, Enum):
    """How a body is held up before and after an act."""

    FOOT = "foot"
    CHAIR = "chair"
    CAR = "car"
    FLOOR = "floor"


@dataclass(frozen=True)
class Act:
    """Something a person does.

    label:          its truth; a fall is labelled so from its onset, after a second or so on foot or on the chair.
    before, after:  the postures it leads from and to.
    seconds:        the shortest and the longest time it may be asked to last.
    hard_negative:  True for what looks or feels like an anomaly without being one.
    share:          how often it is drawn among the acts of its label, against the others'.
    """

    name: str
    label: Activity
    before: Posture
    after: Posture
    seconds: tuple[float, float]
    hard_negative: bool = False
    share: int = 1


_FOOT, _CHAIR, _CAR, _FLOOR = Posture
_FALL, _OTHER = Activity.FALL_OR_COLLAPSE, Activity.OTHER
_LONGEST_S = 600.0
FALL_SECONDS = (5.0, 60.0)  # upright, falling, lying

ACTS: dict[str, Act] = {
    act.name: act
    for act in (
        Act("walk", Activity.WALK, _FOOT, _FOOT, (5.0, _LONGEST_S)),
        Act("jog", Activity.JOGGING, _FOOT, _FOOT, (5.0, _LONGEST_S)),
        Act("stand", Activity.STAND, _FOOT, _FOOT, (1.0, _LONGEST_S)),
        Act("sit", Activity.SITTING, _CHAIR, _CHAIR, (1.0, _LONGEST_S)),
        Act("drive", Activity.SITTING, _CAR, _CAR, (1.0, _LONGEST_S)),
        Act("drowse", Activity.DRIVERS_DROWSINESS, _CAR, _CAR, (2.0, _LONGEST_S)),
        Act("doze_off", Activity.DRIVERS_DROWSINESS, _CAR, _CAR, (20.0, 180.0)),
        Act("fall_trip", _FALL, _FOOT, _FLOOR, FALL_SECONDS),
        Act("fall_slip", _FALL, _FOOT, _FLOOR, FALL_SECONDS),
        Act("fall_push", _FALL, _FOOT, _FLOOR, FALL_SECONDS),
        Act("fall_faint", _FALL, _FOOT, _FLOOR, FALL_SECONDS),
        Act("fall_slide_down", _FALL, _FOOT, _FLOOR, FALL_SECONDS, share=2),  # the gentlest: hardest to tell
        Act("fall_from_chair", _FALL, _CHAIR, _FLOOR, FALL_SECONDS),
        Act("sit_down", _OTHER, _FOOT, _CHAIR, (1.5, 4.0)),
        Act("stand_up", _OTHER, _CHAIR, _FOOT, (1.5, 4.0)),
        Act("get_up", _OTHER, _FLOOR, _FOOT, (4.0, 10.0)),
        Act("sit_down_hard", _OTHER, _FOOT, _CHAIR, (1.5, 4.0), True),
        Act("bend", _OTHER, _FOOT, _FOOT, (2.0, 10.0), True),
        Act("pick_up", _OTHER, _FOOT, _FOOT, (2.0, 8.0), True),
        Act("tie_shoes", _OTHER, _FOOT, _FOOT, (4.0, 15.0), True),
        Act("kneel", _OTHER, _FOOT, _FOOT, (4.0, 30.0), True),
        Act("lie_down", _OTHER, _FOOT, _FLOOR, (5.0, 60.0), True),
        Act("stumble", Activity.WALK, _FOOT, _FOOT, (4.0, 30.0), True),
        Act("jump", _OTHER, _FOOT, _FOOT, (1.5, 5.0), True),
        Act("knock", Activity.STAND, _FOOT, _FOOT, (1.0, 30.0), True),
        Act("look_around", Activity.SITTING, _CAR, _CAR, (2.0, 30.0), True),
        Act("reach_over", Activity.SITTING, _CAR, _CAR, (2.0, 15.0), True),
    )
}
