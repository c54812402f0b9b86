"""Several processes at one training, as torchrun starts them: one for each GPU of a machine, or of several.

They share the tuning of the backbone, which is what takes long; all else is done by the first of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import distributed, nn

RANK, SIZE = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
LEADS = RANK == 0
_PLACE = int(os.environ.get("LOCAL_RANK", "0"))
DEVICE = torch.device(f"cuda:{_PLACE}" if torch.cuda.is_available() else "cpu")


@contextmanager
def team() -> Iterator[None]:
    """Meet the other processes, if there are any, and part again."""
    if SIZE > 1:
        distributed.init_process_group("nccl" if DEVICE.type == "cuda" else "gloo")
    try:
        yield
    finally:
        if SIZE > 1:
            distributed.destroy_process_group()


def shared(network: nn.Module) -> nn.Module:
    """Return the network with gradients that are the mean of all processes'; they must meet at this call."""
    return nn.parallel.DistributedDataParallel(network) if SIZE > 1 else network


def wait_for_all() -> None:
    """Go on when all processes are here."""
    if SIZE > 1:
        distributed.barrier()
