"""Real people with a watch: what a random split flatters by, and what the study's own training may see."""

from __future__ import annotations

import runpy
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra train")

from har_ros.core.errors import HarError

STUDY = runpy.run_path(str(Path(__file__).parents[1] / "tools" / "watch_study.py"))


def made_up(recordings: int = 12, each: int = 20) -> Any:
    """Return windows of noise, of as many people and half as many right arms."""
    rng = np.random.default_rng(0)
    number = np.repeat(np.arange(recordings), each)
    steps = rng.normal(0, 1, (len(number), 30, 6)).astype(np.float32)
    return STUDY["Windows"](steps, number % 3, number.astype(str), number, number % 2 == 1)


@pytest.fixture(scope="module")
def watch() -> Any:
    try:
        return STUDY["read"](STUDY["data_file"]())[0]
    except HarError as error:
        pytest.skip(str(error))


@pytest.mark.timeout(300)
def test_a_random_split_flatters(watch: Any) -> None:
    assert (watch.steps.shape, len(set(watch.subject)), len(set(watch.label))) == ((8071, 30, 6), 10, 7)
    method = STUDY["Method"]("few trees", partial(STUDY["forest"], 3, 15), mirror=False)
    right = {}
    for split, folds_of in STUDY["SPLITS"].items():
        said = STUDY["judge"](method, watch, folds_of(watch, 0), 0, lambda: None)
        right[split] = (said == watch.label).mean()
    assert right["random"] - right["subjects"] >= 0.05
    assert right["subjects"] > 0.6, "chance is 1 in 7"


def test_mirrored_arms_are_alike(watch: Any) -> None:
    def apart(windows: Any) -> float:
        """Return how far the mean reading of an exercise differs from arm to arm, m/s^2."""
        sides = (windows.right, ~windows.right)
        means = [
            [windows.steps[side & (windows.label == label), :, :3].mean((0, 1)) for side in sides] for label in range(7)
        ]
        return float(np.mean([np.linalg.norm(right - left) for right, left in means]))

    assert apart(STUDY["mirrored"](watch)) < 0.2 * apart(watch)


def test_subjects_are_left_out_one_at_a_time() -> None:
    windows = made_up()
    folds = STUDY["folds_by_subject"](windows, 0)
    assert np.array_equal(np.sum(folds, axis=0), np.ones(len(windows.label)))
    assert all(len(set(windows.subject[fold])) == 1 for fold in folds)


@pytest.mark.parametrize("split", STUDY["SPLITS"])
def test_training_sees_nothing_of_the_windows_held_out(split: str) -> None:
    windows = made_up()
    for fold in STUDY["SPLITS"][split](windows, 0):
        windows.steps[:] = 1.0
        windows.steps[fold] = np.nan
        rng = np.random.default_rng(1)
        batches = islice(STUDY["training_batches"](windows, np.flatnonzero(~fold), rng), 20)
        assert all(np.isfinite(steps).all() for steps, _ in batches)


def test_training_stays_within_a_recording() -> None:
    windows = made_up()
    windows.steps[..., 3:] = 0
    windows.steps[..., :3] = (np.arange(12) + 1)[windows.recording, None, None]  # no turn changes a length
    lengths = np.sqrt(3) * np.arange(1, 13)
    for steps, labels in islice(STUDY["training_batches"](windows, np.arange(240), np.random.default_rng(2)), 20):
        seen = np.linalg.norm(steps[..., :3], axis=2)
        nearest = np.abs(seen[..., None] - lengths).argmin(2)
        assert np.abs(seen - lengths[nearest]).max() < 1e-3
        assert (nearest % 3 == labels[:, None]).all()


def test_another_file_is_not_unpickled(tmp_path: Path) -> None:
    (tmp_path / "watch_dataset.npy").write_bytes(b"something else")
    with pytest.raises(HarError, match=r"seglearn 1\.2\.5"):
        STUDY["read"](tmp_path / "watch_dataset.npy")
