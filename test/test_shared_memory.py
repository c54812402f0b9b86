"""Only what a dead process of this run left behind is removed."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

import pytest

from har_ros import shared_memory

DEAD, LIVING, OLD = "fastrtps_00000000000000aa", "fastdds_00000000000000bb", "fastdds_00000000000000cc"
KEPT = ("fastrtps_port7000", "fastrtps_port7000_el", "another_program_el")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(shared_memory, "FOLDER", tmp_path)
    for name in KEPT:
        (tmp_path / name).touch()
    for segment in (DEAD, LIVING, OLD):
        for name in (segment, f"{segment}_el", f"sem.{segment}_mutex"):
            (tmp_path / name).touch()
    return tmp_path


def test_only_new_segments_of_dead_owners_go(folder: Path) -> None:
    before_s = time.time() - 100
    os.utime(folder / f"{OLD}_el", (before_s - 1, before_s - 1))
    with (folder / f"{LIVING}_el").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert shared_memory.remove_abandoned(before_s) == 1
    left = {path.name for path in folder.iterdir()}
    assert not {name for name in left if DEAD in name}
    assert {*KEPT, LIVING, OLD} <= left
