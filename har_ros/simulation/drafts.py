"""Drafts: chance may hide a person or let a fall end on its feet; such a draft is thrown away and drawn anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from har_ros.core.errors import HarError

Drawn = TypeVar("Drawn")


class RejectedError(HarError):
    """Says why a draft won't do; the next one may."""


def first_good(draw: Callable[[int], Drawn], most: int, what: str) -> tuple[Drawn, list[str]]:
    """Return the first of draw(0), draw(1) ... that is not rejected, and why those before it were.

    Raises HarError, which names `what` was to be drawn, when `most` drafts are rejected.
    """
    reasons: list[str] = []
    for draft in range(most):
        try:
            return draw(draft), reasons
        except RejectedError as reason:
            reasons.append(str(reason))
    raise HarError(f"none of {most} drafts of {what} will do ({reasons[-1]}); use another seed")
