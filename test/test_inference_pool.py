"""Recognisers that share a model: results as with a model of their own, and equal shares of too much work."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs onnx to write a model")
from tiny_model import write_tiny_model

from har_ros.core.alarm_policy import AlarmPolicy
from har_ros.core.decision import AlarmMonitor
from har_ros.inference.model import HarModel
from har_ros.inference.pool import ModelPool, Turns
from har_ros.inference.recogniser import StreamingRecogniser

PERIOD_NS = 33_333_333
PEOPLE, FRAMES = 4, 60


def verdicts(model: HarModel, person: int) -> np.ndarray:
    """Return the probabilities (windows, 6) of a person's frames and samples, which depend on who it is."""
    rng = np.random.default_rng(person)
    recogniser = StreamingRecogniser(model, AlarmMonitor(AlarmPolicy()))
    found = []
    for number in range(FRAMES):
        recogniser.add_imu((number + 1) * PERIOD_NS, rng.normal(0, 5, 3).astype(np.float32))
        verdict = recogniser.add_frame((number + 1) * PERIOD_NS, rng.integers(0, 250, (48, 64, 3), np.uint8))
        if verdict is not None:
            found.append(verdict.activity.probabilities)
    return np.array(found)


def test_recognisers_that_share_a_model_at_the_same_time_say_what_they_say_alone(tmp_path: Path) -> None:
    folder, pool = write_tiny_model(tmp_path / "model"), ModelPool()
    assert pool.load(folder) is pool.load(folder)
    shared: dict[int, np.ndarray] = {}
    threads = [
        threading.Thread(target=lambda person=person: shared.update({person: verdicts(pool.load(folder), person)}))
        for person in range(PEOPLE)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for person in range(PEOPLE):
        alone = verdicts(HarModel(folder), person)
        assert len(alone) == FRAMES - 29
        np.testing.assert_array_equal(shared[person], alone)
    assert not np.allclose(shared[0], shared[1])


def test_a_model_that_was_trained_anew_is_loaded_anew(tmp_path: Path) -> None:
    pool = ModelPool()
    before = pool.load(write_tiny_model(tmp_path / "model"))
    after = pool.load(write_tiny_model(tmp_path / "model", favour="WALK"))
    assert before.card.identity != after.card.identity


def test_under_overload_all_get_the_same_share() -> None:
    turns, taken, ending = Turns(1), [0] * PEOPLE, threading.Event()
    at_once, most_at_once = [0], [0]

    def work(person: int) -> None:
        while not ending.is_set():
            with turns.turn(person):
                at_once[0] += 1
                most_at_once[0] = max(most_at_once[0], at_once[0])
                time.sleep(0.002)
                taken[person] += 1
                at_once[0] -= 1
            time.sleep(0.0005 * person)  # one hurries, another dawdles; even so nobody is passed over

    threads = [threading.Thread(target=work, args=(person,)) for person in range(PEOPLE)]
    for thread in threads:
        thread.start()
    time.sleep(0.6)
    ending.set()
    for thread in threads:
        thread.join()
    assert most_at_once == [1]
    assert min(taken) > 0.8 * max(taken) > 4, taken


def test_a_turn_is_given_back_when_its_work_fails() -> None:
    turns = Turns(1)
    with pytest.raises(ValueError), turns.turn("one"):
        raise ValueError
    with turns.turn("another"):
        pass


def test_the_turn_of_one_that_hangs_can_be_taken_back() -> None:
    turns, hangs, may_end = Turns(1), threading.Event(), threading.Event()

    def hang() -> None:
        with turns.turn("hung"):
            hangs.set()
            may_end.wait(10)

    def work(done: threading.Event) -> None:
        with turns.turn(done):
            done.set()

    hung, waits = threading.Thread(target=hang), threading.Event()
    hung.start()
    assert hangs.wait(10)
    worker = threading.Thread(target=work, args=(waits,))
    worker.start()
    assert not waits.wait(0.1)
    turns.take_back("hung")
    assert waits.wait(10)
    may_end.set()  # its own end gives nothing back twice
    hung.join()
    worker.join()
    with turns.turn("a third"):
        worker = threading.Thread(target=work, args=(waits := threading.Event(),))
        worker.start()
        assert not waits.wait(0.1)
    worker.join()
    assert waits.is_set()
