"""The one exception whose message is meant for the user, and what to quote of others."""

from __future__ import annotations


class HarError(Exception):
    """A problem that the user can solve: the message is one sentence naming the cause and the remedy.

    Commands and nodes print it and end with exit code 1; a traceback never reaches the user.
    """


def first_line(error: Exception) -> str:
    """Return what an error says first."""
    return next(iter(str(error).splitlines()), type(error).__name__)
