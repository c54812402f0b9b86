"""The backbone tuned on clips: what learns, what doesn't, and going on after a stop."""

# ruff: noqa: E402 - without torch there is nothing to import
from __future__ import annotations

import resource
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")

from capture_maker import write_dataset

from har_ros.core.errors import HarError
from har_ros.training.backbone import MobileNetV2, Trunk, split
from har_ros.training.data import Clip, list_clips
from har_ros.training.profile import Profile, load_profile
from har_ros.training.tune import tune

FIRST_BLOCK = 15


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Clip]:
    return list_clips(write_dataset(tmp_path_factory.mktemp("tune") / "dataset", subjects=("one",)))


def tiny(epochs: int) -> Profile:
    profile = load_profile("edge")
    tuning = replace(profile.tuning, epochs=epochs, first_block=FIRST_BLOCK, pictures=2, batch_size=3)
    return replace(profile, tuning=tuning, pictures=replace(profile.pictures, frame_size_px=32))


def new_trunk() -> Trunk:
    torch.manual_seed(0)
    trunk, _ = split(MobileNetV2().eval(), 0)
    return trunk


def weights(trunk: Trunk) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in trunk.state_dict().items()}


def test_later_layers_learn_early_ones_and_statistics_stay(clips: list[Clip], tmp_path: Path) -> None:
    trunk = new_trunk()
    before = weights(trunk)
    tune(trunk, clips, tiny(epochs=1), tmp_path / "tuned.pt")
    changed = {name for name, value in weights(trunk).items() if not torch.equal(value, before[name])}
    learnt = {name for name, _ in trunk.named_parameters() if int(name.split(".")[1]) >= FIRST_BLOCK}
    assert changed == learnt and len(learnt) > 10
    assert not any(each.requires_grad for each in trunk.parameters())


def test_eyes_are_learnt_where_captures_tell_of_them(clips: list[Clip], tmp_path: Path) -> None:
    shut = [replace(clip, eyes_closed=(1.0,) * 30) for clip in clips]
    for name, taught in (("untold", clips), ("told", shut)):
        tune(new_trunk(), taught, tiny(epochs=1), tmp_path / f"{name}.pt")
    untold, told = (torch.load(tmp_path / f"{name}.pt", weights_only=True)["network"] for name in ("untold", "told"))
    assert told["eyes.bias"] > untold["eyes.bias"], "what wasn't told stays as it was"


def test_a_stopped_tuning_goes_on_to_the_same_weights(
    clips: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = new_trunk()
    tune(whole, clips, tiny(epochs=2), tmp_path / "whole.pt")
    stopped = new_trunk()
    with monkeypatch.context() as patch:
        patch.setattr("har_ros.training.tune.save_state", save_once_then_stop(tmp_path / "stopped.pt"))
        with pytest.raises(KeyboardInterrupt):
            tune(stopped, clips, tiny(epochs=2), tmp_path / "stopped.pt")
    again = new_trunk()
    tune(again, clips, tiny(epochs=2), tmp_path / "stopped.pt")
    for name, value in weights(whole).items():
        torch.testing.assert_close(weights(again)[name], value, rtol=1e-4, atol=1e-6)


def save_once_then_stop(path: Path):
    from har_ros.training.fit import save_state

    def save(state: dict, target: Path) -> None:
        assert target == path
        save_state(state, target)
        raise KeyboardInterrupt

    return save


def test_a_profile_that_trains_the_last_block_and_tunes_all_is_refused() -> None:
    profile = load_profile("paper")
    with pytest.raises(HarError, match=r"tuning\.epochs needs pictures\.trainable_blocks: 0"):
        replace(
            profile,
            pictures=replace(profile.pictures, trainable_blocks=1),
            tuning=replace(profile.tuning, epochs=1),
        )


def test_a_disk_without_room_is_told_before_the_first_picture(clips: list[Clip], tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))  # as if no more were free
    try:
        with pytest.raises(OSError, match="File too large"):
            tune(new_trunk(), clips, tiny(epochs=1), tmp_path / "tuned.pt")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not list(tmp_path.iterdir())
