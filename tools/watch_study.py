"""Real people and a real sensor: how much a random split flatters, and how well the IMU branch knows new people.

    pip install --no-deps seglearn==1.2.5
    python tools/watch_study.py --json watch_study.json

The wheel carries 140 recordings of 10 people who do 7 shoulder exercises with a watch on the left or the right wrist:
accelerometer and gyro at 50 Hz (Burns et al., "Shoulder physiotherapy exercise recognition: machine learning the
inertial signals from a smartwatch", 2018). They are cut into windows of 30 steps, 0.6 s, that don't overlap. Each
method is scored twice: on windows drawn at random, whose neighbours it learnt from, and on people left out one at a
time.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from har_ros.core.errors import HarError
from har_ros.core.preprocess import STANDARD_GRAVITY_MPS2, mirror_accel
from har_ros.dataset.json_file import require_place, write_json
from har_ros.evaluation.metrics import score
from har_ros.training.data import subject_folds

SHA256 = "eb122f23cdf06ef6bd6c6c5312958ec5cf9d038e2e6d457b8081662c75a42537"
STEPS = 30
RANDOM_FOLDS = 5
TREES = 100
TURNED_RATE_RADPS = 2.0  # the gyro is seen in these
# Of the branch's training; chosen by leaving out each of subjects 1 to 5 in turn, with 6 to 10 put away.
TRAINING_STEPS, BATCH = 600, 128
LEARNING_RATE, WEIGHT_DECAY, LABEL_SMOOTHING, DROPOUT = 3e-3, 1e-2, 0.1, 0.5
PACE = 0.2  # log of how much quicker or slower a window may be
TURN_RAD = np.deg2rad((4.0, 9.0, 4.0))  # how differently a watch sits: most about the forearm


class Windows(NamedTuple):
    """Steps (N, 30, 6) in m/s^2 and rad/s; label, subject, recording and whether it is the right arm, (N,) each.

    Windows of one recording follow each other without a gap. The axes are a body frame's whose lateral axis goes along
    the forearm: there an arm is the other one mirrored.
    """

    steps: NDArray[np.float32]
    label: NDArray[np.int64]
    subject: NDArray[np.str_]
    recording: NDArray[np.int64]
    right: NDArray[np.bool_]


def data_file() -> Path:
    """Return the file of the installed wheel, which is not imported. Raises HarError where it isn't installed."""
    spec = importlib.util.find_spec("seglearn")
    if spec is None or spec.origin is None:
        raise HarError("the watch's data are missing; pip install --no-deps seglearn==1.2.5, or give --data FILE")
    return Path(spec.origin).parent / "data" / "watch_dataset.npy"


def read(path: Path, subjects: Sequence[str] = ()) -> tuple[Windows, list[str]]:
    """Return the windows of all subjects, or of those named, and the exercises' names.

    Raises HarError where it isn't the file of the wheel, which is a pickle and so runs what it holds.
    """
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise HarError(f"'{path}' can't be read ({error.strerror}); give --data FILE") from None
    if digest != SHA256:
        raise HarError(f"'{path}' is not watch_dataset.npy of seglearn 1.2.5; give that one")
    record = np.load(path, allow_pickle=True).item()
    names = [str(int(subject)) for subject in record["subject"]]
    steps, rows = [], []
    for number, (series, label, subject) in enumerate(zip(record["X"], record["y"], names)):
        if not subjects or subject in subjects:
            count = len(series) // STEPS
            steps.append(_in_body_frame(series[: count * STEPS]).reshape(count, STEPS, 6))
            rows += count * [(label, subject, number, record["side"][number] == 1)]
    if not rows:
        raise HarError(f"there are no subjects {', '.join(subjects)}; choose from {', '.join(sorted(set(names)))}")
    return Windows(np.concatenate(steps), *(np.array(column) for column in zip(*rows))), record["y_labels"]


def _in_body_frame(series: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return a recording (n, 6) in g and rad/s with its axes turned so that x, along the forearm, is y."""
    accel, rates = (np.stack([-part[:, 1], part[:, 0], part[:, 2]], 1) for part in (series[:, :3], series[:, 3:]))
    return np.concatenate([accel * STANDARD_GRAVITY_MPS2, rates], 1).astype(np.float32)


def mirrored(windows: Windows) -> Windows:
    """Return the windows with every right arm shown as a left one."""
    steps = windows.steps.copy()
    steps[windows.right, :, :3] = mirror_accel(steps[windows.right, :, :3])
    steps[windows.right, :, 3:] = -mirror_accel(steps[windows.right, :, 3:])  # what turns left turns right
    return windows._replace(steps=steps)


Learner = Callable[[Windows, NDArray[np.int64], NDArray[np.int64], int], NDArray[np.int64]]


def forest(
    axes: int, trees: int, windows: Windows, train: NDArray[np.int64], test: NDArray[np.int64], seed: int
) -> Any:
    """Return what a random forest on five statistics of the first `axes` columns says of the windows `test`."""
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(trees, random_state=seed)
    model.fit(_statistics(windows.steps[train, :, :axes]), windows.label[train])
    return model.predict(_statistics(windows.steps[test, :, :axes]))


def _statistics(steps: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([of(steps, 1) for of in (np.mean, np.std, np.min, np.max, np.median)], 1)


def branch(
    orientation: bool, gyro: bool, windows: Windows, train: NDArray[np.int64], test: NDArray[np.int64], seed: int
) -> Any:
    """Return what the profile imu's branch with a softmax layer, trained on `train`, says of the windows `test`."""
    import torch
    from torch import nn

    from har_ros.training.networks.branches import ImuBranch, summary
    from har_ros.training.networks.invariants import OrientedChannels
    from har_ros.training.profile import load_profile

    def seen(steps: NDArray[np.float32]) -> torch.Tensor:
        accel, rates = steps[..., :3], steps[..., 3:] / TURNED_RATE_RADPS
        magnitude = np.linalg.norm(accel, axis=2, keepdims=True)  # peak and dip of a step with one sample
        parts = [accel, magnitude, magnitude, *([rates] if gyro else [])]
        return torch.from_numpy(np.concatenate(parts, 2, dtype=np.float32))

    torch.manual_seed(seed)
    settings = replace(load_profile("imu").heads, orientation=orientation)
    body = ImuBranch(settings, OrientedChannels(further=3) if gyro else None)
    dropout, classes = nn.Dropout(DROPOUT), nn.Linear(2 * settings.imu_units, int(windows.label.max()) + 1)
    network = nn.ModuleList([body, dropout, classes])
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, LEARNING_RATE, total_steps=TRAINING_STEPS)
    criterion = nn.CrossEntropyLoss(label_smoothing=LABEL_SMOOTHING)
    for steps, labels in training_batches(windows, train, np.random.default_rng(seed)):
        loss = criterion(classes(dropout(summary(body(seen(steps))))), torch.from_numpy(labels))
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    network.eval()
    with torch.inference_mode():
        return classes(summary(body(seen(windows.steps[test])))).argmax(1).numpy()


def training_batches(
    windows: Windows, train: NDArray[np.int64], rng: np.random.Generator
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
    """Yield steps (B, 30, 6) and labels (B,): thirty steps near each window, quicker or slower, the watch turned.

    They may reach into the windows beside it where those are for training, too, and never into any other.
    """
    samples = windows.steps.reshape(-1, 6)
    low, high = _rooms(windows, train)
    passes = -(-TRAINING_STEPS * BATCH // len(train))
    order = np.concatenate([rng.permutation(len(train)) for _ in range(passes)])[: TRAINING_STEPS * BATCH]
    for chosen in np.split(order, TRAINING_STEPS):
        room = high[chosen] - low[chosen]
        pace = np.minimum(np.exp(rng.uniform(-PACE, PACE, BATCH)), room / (STEPS - 1))
        start = low[chosen] + rng.random(BATCH) * (room - pace * (STEPS - 1))
        places = start[:, None] + pace[:, None] * np.arange(STEPS)
        before = np.minimum(places.astype(np.int64), high[chosen, None] - 1)
        share = (places - before)[..., None]
        steps = (1 - share) * samples[before] + share * samples[before + 1]
        steps[..., 3:] *= pace[:, None, None]
        turns = _small_turns(rng)
        turned = np.concatenate([steps[..., :3] @ turns, steps[..., 3:] @ turns], 2, dtype=np.float32)
        yield turned, windows.label[train[chosen]]


def _rooms(windows: Windows, train: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first and the last sample that may be seen with each window of `train`."""
    usable = np.zeros(len(windows.label) + 2, bool)  # with one before the first and one behind the last
    usable[train + 1] = True
    follows = np.zeros(len(usable) + 1, bool)  # the window before it is of the same recording
    follows[2 : len(windows.label) + 1] = np.diff(windows.recording) == 0
    before, behind = usable[train] & follows[train + 1], usable[train + 2] & follows[train + 2]
    return STEPS * (train - before), STEPS * (train + 1 + behind) - 1


def _small_turns(rng: np.random.Generator) -> NDArray[np.float64]:
    from scipy.spatial.transform import Rotation

    return Rotation.from_rotvec(rng.normal(0, TURN_RAD, (BATCH, 3))).as_matrix()


@dataclass(frozen=True)
class Method:
    """A learner, and whether it is shown all arms as left ones."""

    name: str
    learn: Learner
    mirror: bool


METHODS = {
    "forest": Method("random forest, accelerometer", partial(forest, 3, TREES), mirror=False),
    "forest-mirrored": Method("the same, right arms mirrored", partial(forest, 3, TREES), mirror=True),
    "forest-gyro": Method("the same, mirrored, with gyro", partial(forest, 6, TREES), mirror=True),
    "branch": Method("IMU branch, invariant channels", partial(branch, False, False), mirror=True),
    "branch-oriented": Method("IMU branch, orientation: true", partial(branch, True, False), mirror=True),
    "branch-gyro": Method("the same, with gyro", partial(branch, True, True), mirror=True),
}


def random_folds(windows: Windows, seed: int) -> list[NDArray[np.bool_]]:
    """Return masks (N,) of five parts drawn at random, as one must not."""
    part = np.random.default_rng(seed).permutation(len(windows.label)) % RANDOM_FOLDS
    return [part == fold for fold in range(RANDOM_FOLDS)]


def folds_by_subject(windows: Windows, _: int) -> list[NDArray[np.bool_]]:
    """Return masks (N,), one for each subject."""
    subjects = windows.subject.tolist()
    return [np.isin(windows.subject, list(left_out)) for left_out in subject_folds(subjects, len(set(subjects)))]


SPLITS = {"random": random_folds, "subjects": folds_by_subject}


def judge(
    method: Method, windows: Windows, folds: Sequence[NDArray[np.bool_]], seed: int, done: Callable[[], None]
) -> NDArray[np.int64]:
    """Return what the method says of each window (N,) after learning from the other folds; `done` after each fold."""
    shown = mirrored(windows) if method.mirror else windows
    said = np.full(len(windows.label), -1)
    for fold in folds:
        said[fold] = method.learn(shown, np.flatnonzero(~fold), np.flatnonzero(fold), seed)
        done()
    return said


def figures(windows: Windows, said: NDArray[np.int64], exercises: Sequence[str]) -> dict[str, Any]:
    """Return accuracy over windows, its interval by drawing whole subjects, and each subject's accuracy."""
    truth, given = ([exercises[index] for index in each] for each in (windows.label, said))
    table, intervals = score(truth, given, exercises, groups=windows.subject.tolist())
    hits = said == windows.label
    subjects = sorted(set(windows.subject.tolist()), key=int)
    by_subject = {name: round(float(hits[windows.subject == name].mean()), 6) for name in subjects}
    kept = {key: table[key] for key in ("n", "accuracy", "macro_f1", "confusion")}
    return {**kept, "interval": intervals["accuracy"], "basis": intervals["bootstrap"], "by_subject": by_subject}


def table_of(report: dict[str, Any]) -> Table:
    """Return a line for each method."""
    table = Table("method", title=f"{report['windows']} windows of {report['subjects']} people, seed {report['seed']}")
    for heading in ("random 5-fold, %", "one subject left out, %", "worst subject, %", "CPU, s"):
        table.add_column(heading, justify="right")
    for key, splits in report["methods"].items():
        by_subject = splits["subjects"]["by_subject"] if "subjects" in splits else {}
        worst = min(by_subject, key=by_subject.__getitem__, default=None)
        table.add_row(
            METHODS[key].name,
            *(_percent(splits.get(split)) for split in SPLITS),
            f"{100 * by_subject[worst]:.1f} (subject {worst})" if worst else "-",
            f"{sum(each['cpu_s'] for each in splits.values()):.0f}",
        )
    return table


def _percent(split: dict[str, Any] | None) -> str:
    if split is None:
        return "-"
    low, high = split["interval"]
    return f"{100 * split['accuracy']:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def study(args: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of each method in each split, ready for JSON."""
    windows, exercises = read(args.data or data_file(), args.subjects)
    methods: dict[str, Any] = {key: {} for key in args.only}
    folds = {split: SPLITS[split](windows, args.seed) for split in args.splits}
    with Progress() as bar:
        task = bar.add_task("folds", total=len(methods) * sum(map(len, folds.values())))
        for key, scores in methods.items():
            bar.update(task, description=METHODS[key].name)
            for split in args.splits:
                begun_s = time.process_time()
                said = judge(METHODS[key], windows, folds[split], args.seed, partial(bar.advance, task))
                seconds = round(time.process_time() - begun_s, 1)
                scores[split] = {**figures(windows, said, exercises), "cpu_s": seconds}
    counts = {"windows": len(windows.label), "subjects": len(set(windows.subject.tolist()))}
    return {**counts, "seed": args.seed, "methods": methods}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, metavar="FILE", help="watch_dataset.npy (default: the installed wheel's)")
    parser.add_argument("--only", nargs="+", choices=METHODS, default=list(METHODS), help="these methods (default all)")
    parser.add_argument("--splits", nargs="+", choices=SPLITS, default=list(SPLITS), help="default both")
    parser.add_argument("--subjects", nargs="+", default=(), metavar="ID", help="only these, as 1 2 3 4 5 for choosing")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results there")
    args = parser.parse_args()
    try:
        require_place(args.json)
        report = study(args)
        Console(soft_wrap=True, highlight=False).print(table_of(report))
        if args.json:
            write_json(args.json, report)
    except HarError as error:
        sys.exit(f"{error}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
