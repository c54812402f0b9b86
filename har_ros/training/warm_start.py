"""Beginning with a trained model's networks, to adapt them or to make them smaller still."""

from __future__ import annotations

from pathlib import Path

from har_ros.core.errors import HarError
from har_ros.core.model_card import ENCODER_FILE, HEAD_FILE, load_card
from har_ros.inference.quantise import is_float
from har_ros.training import prune
from har_ros.training.compress import Compressible
from har_ros.training.data import known
from har_ros.training.export import HEADS_FILE, extract_trunk, is_exported
from har_ros.training.fit import load_state
from har_ros.training.job import Job, Sets
from har_ros.training.networks.base import ActivityNetwork
from har_ros.training.networks.build import build_network
from har_ros.training.profile import INT8, SPARSE, STRUCTURED, Profile
from har_ros.training.reopen import reopen_trunk
from har_ros.training.stage import ADAPTED

_BY_CHANCE = 0.01  # share of the weights that may be zero though nothing was pruned


def begin_warm(job: Job, sets: Sets) -> Compressible:
    """Return the network of a trained model behind that model's trunk, as far compressed as it is.

    Raises HarError where profile and model don't fit together.
    """
    assert job.warm_start is not None
    network = warm_network(job.warm_start, job.profile)
    file = job.folder / f"trunk_{ADAPTED}.onnx"
    extract_trunk(job.warm_start / ENCODER_FILE, file)
    prune.hold_zeros(network.prunable())
    pruned = {STRUCTURED, SPARSE} & set(job.profile.compression.steps)
    trunk = reopen_trunk(file) if pruned else None
    return Compressible(trunk, file, network, known(sets.train), job.profile, job.folder)


def warm_network(source: Path, profile: Profile) -> ActivityNetwork:
    """Return the network after a model's trunk, as trained. Raises HarError where that and the profile don't fit."""
    steps = profile.compression.steps
    if profile.pictures.trainable_blocks:
        raise HarError("--warm-start keeps the backbone; give a profile with pictures.trainable_blocks: 0")
    card = load_card(source)
    if card.frame_size_px != profile.pictures.frame_size_px:
        raise HarError(f"'{source}' and profile '{profile.name}' differ in their pictures' size; give the same profile")
    if steps == (INT8,) and not is_float(source):
        raise HarError(f"'{source}' is in 8-bit integers already; leave out --int8")
    if not (source / HEADS_FILE).is_file():
        raise HarError(f"'{source}' has no {HEADS_FILE} to begin with; train it again, or give a model that has one")
    network = build_network(profile, None)
    try:
        state = load_state(source / HEADS_FILE)
    except HarError:
        raise HarError(f"the {HEADS_FILE} in '{source}' is damaged; copy the model's whole folder again") from None
    try:
        network.load_state_dict(state)
    except RuntimeError:
        raise HarError(f"'{source}' has another network than profile '{profile.name}'; give the same profile") from None
    if not is_exported(source, network):
        raise HarError(
            f"with profile '{profile.name}' the {HEADS_FILE} in '{source}' doesn't answer as {HEAD_FILE} does; give "
            "the profile that it was trained with, or copy the model's whole folder again"
        )
    zeros = max(prune.zero_shares(network.prunable()), default=0.0)
    if STRUCTURED in steps and SPARSE not in steps and zeros > _BY_CHANCE:
        raise HarError(
            f"'{source}' has weights of zero, which --structured alone would fill; add --sparsity 0.5, "
            "without --keep-heads"
        )
    return network
