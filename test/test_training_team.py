"""Several processes at one training, started by torchrun: they share the tuning and give one model."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from capture_maker import write_dataset

torch = pytest.importorskip("torch", reason="needs the extra train")

from har_ros.core.errors import HarError  # noqa: E402
from har_ros.core.resources import find_resource  # noqa: E402
from har_ros.training.backbone import load_mobilenet  # noqa: E402

PROGRAM = "import sys; from har_ros.cli import main; sys.exit(main())"


def command(place: Path, name: str, processes: int, *more: str) -> list[str]:
    """Return the command of a training, alone or as several processes that torchrun starts."""
    (place / "har.py").write_text(PROGRAM)
    team = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"] if processes > 1 else []
    options = ["--profile", "tiny.yaml", "--threads", "1", "--out", name, "--run-dir", f"run_{name}"]
    return [sys.executable, *team, "har.py", "train", "dataset", *options, *more]


def train(place: Path, name: str, processes: int, *more: str) -> subprocess.CompletedProcess[str]:
    words = command(place, name, processes, *more)
    return subprocess.run(words, cwd=place, capture_output=True, text=True, timeout=100, check=False)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a dataset and a profile that tunes the last blocks for two epochs."""
    try:
        load_mobilenet(None)
    except HarError as error:
        pytest.skip(str(error))
    write_dataset(tmp_path / "dataset", ("one", "two", "three"))
    values = yaml.safe_load(find_resource("config/profiles/edge.yaml").read_text())
    values["pictures"] |= {"frame_size_px": 64, "views": 0}
    values["tuning"] |= {"epochs": 2, "first_block": 17, "batch_size": 2, "pictures": 2}
    values["learning"] |= {"batch_size": 4, "passes": 1, "max_epochs": 1}
    values["compression"] |= {"steps": []}
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(values))
    return tmp_path


def test_two_processes_train_one_model(place: Path) -> None:
    done = train(place, "model", processes=2)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("dense: validation") == 1, "one of them speaks"
    assert (place / "model" / "model.yaml").is_file()
    tuned = torch.load(place / "run_model" / "tuned.pt", weights_only=True)
    assert tuned["epochs"] == 2
    each = 12 // 2 // 2  # steps of an epoch: twelve clips to train on, two processes, two clips a step
    assert int(tuned["optimiser"]["state"][0]["step"]) == 2 * each


def test_what_is_wrong_ends_all_of_them(place: Path) -> None:
    done = train(place, "model", processes=2)
    again = train(place, "model", processes=2)
    assert (done.returncode, again.returncode) == (0, 1)
    assert "holds a run; add --resume" in again.stderr


def test_a_stopped_tuning_goes_on_with_as_many_processes_alone(place: Path) -> None:
    values = yaml.safe_load((place / "tiny.yaml").read_text())
    values["tuning"] |= {"epochs": 200}
    (place / "tiny.yaml").write_text(yaml.safe_dump(values))
    alone = subprocess.Popen(command(place, "model", 1), cwd=place)
    try:
        deadline = time.monotonic() + 80
        while not (place / "run_model" / "tuned.pt").is_file():
            assert alone.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        alone.send_signal(signal.SIGINT)
        assert alone.wait(30) == 130
    finally:
        alone.kill()
        alone.wait()
    done = train(place, "model", 2, "--resume")
    assert done.returncode == 1
    assert "another number of processes (1, not 2); go on with as many" in done.stderr
