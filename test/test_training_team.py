"""Several processes at one training, started by torchrun: they share the tuning and give one model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from capture_maker import write_dataset

torch = pytest.importorskip("torch", reason="needs the extra train")

from har_ros.core.errors import HarError  # noqa: E402
from har_ros.core.resources import find_resource  # noqa: E402
from har_ros.training.backbone import load_mobilenet  # noqa: E402

PROGRAM = "import sys; from har_ros.cli import main; sys.exit(main())"


def train(place: Path, name: str, processes: int) -> subprocess.CompletedProcess[str]:
    """Run har train, alone or as several processes that torchrun starts."""
    (place / "har.py").write_text(PROGRAM)
    team = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"] if processes > 1 else []
    options = ["--profile", "tiny.yaml", "--threads", "1", "--out", name, "--run-dir", f"run_{name}"]
    command = [sys.executable, *team, "har.py", "train", "dataset", *options]
    return subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=100, check=False)


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
