"""`har ablate`: a table that shows by what a dataset's activities can be told."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from capture_maker import make_capture

pytest.importorskip("torch", reason="needs the extra train")

from har_ros.cli import main
from har_ros.core.errors import HarError
from har_ros.core.labels import LABELS
from har_ros.core.resources import find_resource
from har_ros.dataset.writer import write_capture
from har_ros.training.backbone import load_mobilenet

SUBJECTS = ("one", "two", "three", "four", "five")


@pytest.fixture(scope="module")
def weights() -> None:
    try:
        load_mobilenet(None)
    except HarError as error:
        pytest.skip(str(error))


def write_dataset(root: Path, coloured: bool) -> Path:
    """Write captures whose readings say nothing, and whose pictures have the colour of their activity if asked for."""
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    for index, (label, subject, _) in enumerate(product(LABELS, SUBJECTS, range(3))):
        capture = make_capture(label, seed=index, subject=subject)
        shade = 40 * LABELS.index(label) if coloured else 100
        frames = np.full((30, 24, 32, 3), (shade, 200 - shade, 100), np.uint8)
        write_capture(root, replace(capture, frames=frames), start + timedelta(seconds=index))
    return root


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    """The paper's profile with small pictures."""
    path = tmp_path / "small.yaml"
    path.write_text(find_resource("config/profiles/paper.yaml").read_text().replace("px: 224", "px: 32"))
    return path


@pytest.mark.timeout(300)
def test_a_room_that_gives_the_activity_away_is_found_out(weights: None, profile: Path, tmp_path: Path) -> None:
    people = write_dataset(tmp_path / "people", coloured=False)
    empty = write_dataset(tmp_path / "empty", coloured=True)
    places = ("--empty", str(empty), "--cache", str(tmp_path / "cache"), "--json", str(tmp_path / "table.json"))
    assert main(["ablate", str(people), *places, "--profile", str(profile)]) == 0
    report = json.loads((tmp_path / "table.json").read_text())
    found = {name: figures["accuracy"] for name, figures in report["conditions"].items()}
    assert set(found) == {
        *("both", "camera only", "IMU only", "first frame only", "shuffled frames", "background only"),
    }
    assert found["background only"] > 0.9
    assert found["camera only"] < 0.5 and found["first frame only"] < 0.5
    assert report["train_subjects"] + report["held_out_subjects"] == len(SUBJECTS)
    for figures in report["conditions"].values():
        low, high = figures["accuracy_ci"]
        assert low <= figures["accuracy"] <= high and set(figures["recall"]) == set(LABELS)


def test_a_dataset_without_people_has_every_capture(
    weights: None, profile: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    people = write_dataset(tmp_path / "people", coloured=False)
    empty = write_dataset(tmp_path / "empty", coloured=False)
    gone = sorted((empty / "WALK").iterdir())[0]
    shutil.rmtree(gone)
    places = ("--empty", str(empty), "--cache", str(tmp_path / "cache"))
    assert main(["ablate", str(people), *places, "--profile", str(profile)]) == 1
    assert capsys.readouterr().err.strip() == f"har: there is no capture '{gone}'; give a capture's folder"
