"""What a dataset is to hold, and which clips that makes.

A clip has a group and a number in it. There is a group for each of the six activities, and one for each act
that only looks or feels like an anomaly. Clips of one number, whatever their group, share the person, the room,
the camera, the light, the clothes and the device: nothing around the person tells what they do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from har_ros.core.labels import ACTIVITIES, Activity
from har_ros.simulation.acts import ACTS, Act, Posture
from har_ros.simulation.streams import stream

ANY_MOUNT = "any"  # one of MOUNTS by chance
HARD_NEGATIVES: tuple[Act, ...] = tuple(act for act in ACTS.values() if act.hard_negative)
_LONGEST_S = 10.0  # an act that takes longer is for scenarios: most of it would be simulated for nothing
_USUAL: dict[Activity, tuple[Act, ...]] = {
    label: tuple(
        act for act in ACTS.values()
        if act.label is label and not act.hard_negative and act.seconds[0] <= _LONGEST_S
        for _ in range(act.share)
    )
    for label in ACTIVITIES
}
GROUPS: tuple[str, ...] = (*map(str, ACTIVITIES), *(act.name for act in HARD_NEGATIVES))
_CHAIR_SHARE = 0.5  # of the clips on foot have a chair behind the person, as sitting people always do
_WALL_SHARE = 0.35  # of those on foot without a chair
_LIKE_NUMBERED = 3  # labels of fewer acts than this have numbered variants


@dataclass(frozen=True)
class Clip:
    """Names one capture of a dataset; everything about it follows from these.

    group: an activity, or a hard negative's act; number: which of that group. mount: one of MOUNTS, or ANY_MOUNT.
    """

    seed: int
    group: str
    number: int
    subject: int
    mount: str = "waist"

    @property
    def act(self) -> Act:
        """What the person does: the group's act, or one of the activity's by chance."""
        if self.group in ACTS:
            return ACTS[self.group]
        acts = _USUAL[Activity(self.group)]
        return acts[int(stream(self.seed, "act", self.group, self.number).integers(len(acts)))]

    @property
    def in_car(self) -> bool:
        """Whether it shows somebody at the wheel."""
        return self.act.before is Posture.CAR

    @property
    def with_chair(self) -> bool:
        """Whether a chair stands behind the person: always for who sits, by chance for others but at a wall."""
        if self.in_car or self.act.name == "fall_slide_down":
            return False
        chance = bool(self.shared("chair", 0).random() < _CHAIR_SHARE)
        return Posture.CHAIR in (self.act.before, self.act.after) or chance

    @property
    def with_wall(self) -> bool:
        """Whether a wall stands behind somebody on foot who doesn't slide down it: as often as people do."""
        on_foot = self.act.before is self.act.after is Posture.FOOT
        return on_foot and not self.with_chair and bool(self.shared("wall", 0).random() < _WALL_SHARE)

    @property
    def background(self) -> str:
        """Names what clips of this number share; a car is another one than a room."""
        return f"{'car' if self.in_car else 'room'}-{self.number}"

    @property
    def variant(self) -> str:
        """Names the kind of motion: the act, or where an activity has few acts, one of ten shares of its clips."""
        alike = HARD_NEGATIVES if self.group in ACTS else _USUAL[Activity(self.group)]
        return self.act.name if len(alike) >= _LIKE_NUMBERED else f"{self.act.name}-{self.number % 10}"

    def stream(self, what: str, draft: int) -> np.random.Generator:
        """Return the random stream that decides `what` of this clip alone, in this draft of it."""
        return stream(self.seed, what, self.group, self.number, draft)

    def shared(self, what: str, draft: int) -> np.random.Generator:
        """Return the random stream that decides `what` of all clips of this number, whatever their group."""
        return stream(self.seed, what, self.number, draft)


@dataclass(frozen=True)
class Order:
    """What a dataset is to hold. `per_class` and `negatives` may grow later; the rest makes it another dataset.

    per_class: captures of each of the six activities; negatives: of each act of HARD_NEGATIVES, under its own label.
    surfaces:  digest of the photographs on the rooms' surfaces, "" for none.
    """

    seed: int
    subjects: int
    width: int
    height: int
    mount: str
    per_class: int
    negatives: int = 0
    surfaces: str = ""

    def clips(self) -> Iterator[Clip]:
        """Yield all clips, the groups taking turns."""
        for number in range(max(self.per_class, self.negatives)):
            for group in GROUPS:
                if number < (self.negatives if group in ACTS else self.per_class):
                    yield Clip(self.seed, group, number, number % self.subjects, self.mount)

    def __len__(self) -> int:
        return self.per_class * len(ACTIVITIES) + self.negatives * len(HARD_NEGATIVES)
