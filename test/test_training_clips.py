"""The clips of a training: split by subject, kept as features, shown mirrored and in other views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from capture_maker import make_capture
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch", reason="needs the extra train")

from test_training_run import write_profile
from trunk_maker import lively_trunk

from har_ros.core.errors import HarError
from har_ros.core.imu_steps import IMU_READINGS
from har_ros.core.labels import LABELS
from har_ros.dataset.reader import read_capture
from har_ros.dataset.writer import write_capture
from har_ros.training.batches import ImuScale, training_batches
from har_ros.training.data import Clip, list_clips, split_by_subject
from har_ros.training.export import export_trunk
from har_ros.training.features import FeatureStore, capture_digest
from har_ros.training.profile import load_profile

SCALE = ImuScale(IMU_READINGS, np.zeros(3, np.float32), np.ones(3, np.float32))
SIZE_PX = 64


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two captures of each activity whose pictures are not the same mirrored."""
    root, rng = tmp_path_factory.mktemp("clips"), np.random.default_rng(0)
    for index, label in enumerate(LABELS * 2):
        pictures = np.repeat(rng.integers(0, 256, (30, 3, 4, 3), np.uint8), 8, 1).repeat(8, 2)
        taken_at = datetime(2026, 1, 1, 0, index, tzinfo=timezone.utc)
        write_capture(root, replace(make_capture(label, seed=index), frames=pictures), taken_at)
    return root


def filled_store(clips: Sequence[Clip], views: int, folder: Path) -> FeatureStore:
    """Return the features of clips by an untrained trunk."""
    export_trunk(lively_trunk(1), SIZE_PX, folder / "trunk.onnx")
    store = FeatureStore(folder / "cache", folder / "trunk.onnx", SIZE_PX)
    store.fill([clip.folder for clip in clips], views, 1, "features")
    return store


def test_one_subject_can_not_be_split(tmp_path: Path) -> None:
    clips = [Clip(tmp_path / str(index), index, "alone", "real") for index in range(6)]
    with pytest.raises(HarError, match="record more subjects"):
        split_by_subject(clips, 0.2, 0)


@given(st.dictionaries(st.integers(0, 30), st.integers(1, 60), min_size=5), st.integers(0, 5))
def test_the_split_keeps_its_share_as_well_as_whole_subjects_allow(sizes: dict[int, int], seed: int) -> None:
    clips = [
        Clip(Path(f"{subject}/{label}/{index}"), label, f"s{subject}", "real")
        for subject, size in sizes.items()
        for label in range(len(LABELS))
        for index in range(size)
    ]
    _, validation = split_by_subject(clips, 0.2, seed)
    largest = max(sizes.values()) / sum(sizes.values())
    assert abs(len(validation) / len(clips) - 0.2) <= largest / 2 + 1e-9


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 20)), min_size=6, max_size=200), st.integers(0, 5))
def test_no_subject_is_on_both_sides_and_all_classes_are(pairs: list[tuple[int, int]], seed: int) -> None:
    clips = [Clip(Path(str(index)), label, f"s{subject}", "real") for index, (label, subject) in enumerate(pairs)]
    try:
        train, validation = split_by_subject(clips, 0.2, seed)
    except HarError:
        return
    assert not {clip.subject for clip in train} & {clip.subject for clip in validation}
    assert {clip.label for clip in train} == {clip.label for clip in validation} == set(range(6))
    assert sorted(train + validation, key=str) == sorted(clips, key=str)
    assert (train, validation) == split_by_subject(list(reversed(clips))[::-1], 0.2, seed)


def test_clips_are_mirrored_whole_and_their_readings_with_them(
    dataset: Path, tmp_path: Path
) -> None:
    clips = list_clips(dataset)
    store = filled_store(clips, 2, tmp_path)
    settings = load_profile(str(write_profile(tmp_path / "one.yaml", learning__batch_size=1, learning__passes=1)))
    settings = replace(settings, pictures=replace(settings.pictures, train_positions=99))
    readings = {clip.folder: read_capture(clip.folder).readings_mps2 for clip in clips}
    mirrored = 0
    for maps, imu, _, _ in training_batches(clips, store, SCALE, settings, epoch=0):
        of = next(clip for clip in clips if np.allclose(readings[clip.folder][:, 0], imu[0, :, 0]))
        flipped = not np.allclose(readings[of.folder], imu[0])
        expected = readings[of.folder] * np.array([1, -1 if flipped else 1, 1], np.float32)
        np.testing.assert_allclose(imu[0], expected)
        np.testing.assert_array_equal(maps[0], store.maps(of.folder)[int(flipped)].astype(np.float32))
        mirrored += flipped
    assert 0 < mirrored < len(clips)


@pytest.mark.parametrize("views", [1, 2])
def test_each_further_view_is_trained_on_and_goes_with_its_side(
    dataset: Path, tmp_path: Path, views: int
) -> None:
    clip = list_clips(dataset)[0]
    store = filled_store([clip], 2 + views, tmp_path)
    settings = load_profile(str(write_profile(tmp_path / "one.yaml", learning__batch_size=1, learning__passes=40)))
    settings = replace(settings, pictures=replace(settings.pictures, train_positions=99, views=views))
    shown = [each.astype(np.float32) for each in store.maps(clip.folder)]
    assert not any(np.array_equal(*pair) for pair in combinations(shown, 2))
    seen: set[int] = set()
    for maps, imu, _, _ in training_batches([clip], store, SCALE, settings, epoch=0):
        flipped = not np.allclose(read_capture(clip.folder).readings_mps2, imu[0])
        of_its_side = {index for index in range(int(flipped), len(shown), 2) if np.array_equal(maps[0], shown[index])}
        assert of_its_side
        seen |= of_its_side
    assert seen == set(range(2 + views))


def test_another_picture_is_another_entry_of_the_cache(tmp_path: Path) -> None:
    folders = [
        write_capture(tmp_path / name, make_capture(seed=1), datetime(2026, 1, 1, tzinfo=timezone.utc))
        for name in ("one", "two")
    ]
    assert capture_digest(folders[0]) == capture_digest(folders[1])
    picture = folders[1] / "frames" / "frame_7.jpg"
    content = bytearray(picture.read_bytes())
    content[-10] ^= 1
    picture.write_bytes(content)
    assert capture_digest(folders[0]) != capture_digest(folders[1])
