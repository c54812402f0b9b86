"""A tethered process ends with its parent, however that one ends; any other process does not care."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest
from process_helpers import alive

from har_ros.core.tether import PARENT_VARIABLE, tethered_environment

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="prctl is Linux's")

CHILD = """
import time
from har_ros.core.tether import follow_parent

follow_parent()
print("up", flush=True)
time.sleep(60)
"""
PARENT = f"""
import os, subprocess, sys
from har_ros.core.tether import tethered_environment
environment = {{**os.environ, **(tethered_environment() if sys.argv[1] == "tethered" else {{}})}}
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}], env=environment, stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
child.wait()
"""


@pytest.mark.parametrize("kind", ["tethered", "free"])
def test_only_a_tethered_child_ends_when_its_parent_is_killed(kind: str) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, kind], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait(timeout=10)
    parent.stdout.close()
    until_s = time.monotonic() + (10 if kind == "tethered" else 0.5)
    while alive(child) and time.monotonic() < until_s:
        time.sleep(0.02)
    still_there = alive(child)
    if still_there:
        os.kill(child, 9)
    assert still_there == (kind == "free")


def test_a_parent_that_is_no_process_id_is_refused_with_one_sentence() -> None:
    environment = {**os.environ, PARENT_VARIABLE: "twelve"}
    ended = subprocess.run(
        [sys.executable, "-c", CHILD], env=environment, capture_output=True, text=True, timeout=20, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("HAR_PARENT_PID is 'twelve'") and ended.stderr.count("\n") == 1


def test_a_child_whose_parent_is_gone_already_does_not_begin() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    environment = {**os.environ, **{name: str(gone.pid) for name in tethered_environment()}}
    ended = subprocess.run([sys.executable, "-c", CHILD], env=environment, capture_output=True, timeout=20, check=False)
    assert (ended.returncode, ended.stdout) == (1, b"")
