"""Independent random streams, named by what they decide.

A stream shared by two decisions would let one be guessed from the other (a label from the scenery), so
each decision draws from a stream of its own.
"""

from __future__ import annotations

import hashlib

import numpy as np


def derive_seed(seed: int, *names: str | int) -> int:
    """Return a seed (0 to 2**32 - 1) that depends on `seed` and on every one of `names`, on any machine."""
    digest = hashlib.sha256(repr((seed, *names)).encode()).digest()
    return int.from_bytes(digest[:4], "little")


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """Return the random stream called `names` of the dataset or person with `seed`."""
    return np.random.default_rng(derive_seed(seed, *names))
