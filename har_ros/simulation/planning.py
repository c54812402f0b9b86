"""From the acts that are wanted to acts that one body can do one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from har_ros.core.errors import HarError
from har_ros.simulation.acts import ACTS, Act, Posture

WAY_BACK_S = 7.0  # long enough to walk home from wherever a fall ended


@dataclass(frozen=True)
class Step:
    """One act of ACTS, by its name, and how long it lasts, s."""

    act: str
    seconds: float


_TO_FOOT: dict[Posture, tuple[Step, ...]] = {
    Posture.FOOT: (),
    Posture.CHAIR: (Step("stand_up", 2.0),),
    Posture.FLOOR: (Step("get_up", 5.0),),
}
_FROM_FOOT: dict[Posture, tuple[Step, ...]] = {Posture.FOOT: (), Posture.CHAIR: (Step("sit_down", 2.0),)}


def plan(steps: Sequence[Step]) -> list[Step]:
    """Return the steps with what must come between them: sitting down, standing up, getting up, the way back home.

    Raises HarError for an unknown act, a time out of the act's range, and for what needs a cut: a car can't be
    entered, nor left.
    """
    if not steps:
        raise HarError("there are no steps to perform; give at least one")
    planned: list[Step] = []
    posture, at_home = checked(steps[0]).before, True
    for step in steps:
        act = checked(step)
        for link in _links(posture, at_home, step):
            planned.append(link)
            at_home = link.act != "get_up"
        planned.append(step)
        posture = act.after
        at_home = posture is not Posture.FLOOR and step.act != "get_up"
    return planned


def checked(step: Step) -> Act:
    """Return a step's act. Raises HarError when there is none, or its time is out of range."""
    act = ACTS.get(step.act)
    if act is None:
        raise HarError(f"there is no act '{step.act}'; choose one of {', '.join(ACTS)}")
    shortest, longest = act.seconds
    if not shortest <= step.seconds <= longest:
        raise HarError(f"{step.act} can't last {step.seconds:g} s; give {shortest:g} to {longest:g}")
    return act


def _links(posture: Posture, at_home: bool, step: Step) -> list[Step]:
    """Return what leads from a posture and place to the beginning of a step."""
    goal = ACTS[step.act].before
    if (posture is Posture.CAR) != (goal is Posture.CAR):
        raise HarError(f"{step.act} can't follow here without a cut, into a car or out of it; make it another scene")
    if goal is Posture.FLOOR and posture is not Posture.FLOOR:
        raise HarError(f"{step.act} needs somebody on the floor; put a fall or lie_down before it")
    if posture is goal and (at_home or goal is Posture.FLOOR):
        return []
    walks_home = step.act == "walk" and step.seconds >= WAY_BACK_S
    way_back = [] if (at_home and posture is not Posture.FLOOR) or walks_home else [Step("walk", WAY_BACK_S)]
    return [*_TO_FOOT[posture], *way_back, *_FROM_FOOT[goal]]
