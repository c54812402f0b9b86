"""Temperatures and limits of a network, from few people and from more."""

# ruff: noqa: E402 - without torch there is nothing to import
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from capture_maker import write_dataset

torch = pytest.importorskip("torch", reason="needs the extra train")

from trunk_maker import lively_trunk

from har_ros.core.model_card import MODALITIES, case_of, load_card
from har_ros.core.resources import find_model
from har_ros.training.batches import imu_scale, plain_batches
from har_ros.training.calibrate import calibrate
from har_ros.training.data import list_clips
from har_ros.training.export import export_trunk
from har_ros.training.features import FeatureStore
from har_ros.training.fit import predict
from har_ros.training.networks.build import build_network
from har_ros.training.profile import load_profile

SIZE_PX = 32
WHOLE = case_of(MODALITIES)


@pytest.mark.parametrize(("people", "temperature"), [(1, 1.0), (3, 1.0), (4, 0.25)])
def test_few_people_that_are_all_told_right_make_no_network_surer(
    tmp_path: Path, people: int, temperature: float
) -> None:
    clips = list_clips(write_dataset(tmp_path / "dataset", subjects=tuple(map(str, range(8)))))[::3]
    export_trunk(lively_trunk(), SIZE_PX, tmp_path / "trunk.onnx")
    store = FeatureStore(tmp_path / "cache", tmp_path / "trunk.onnx", SIZE_PX)
    store.fill([clip.folder for clip in clips], 1, 1, "features")
    torch.manual_seed(0)
    network = build_network(load_profile("paper"), None)
    scale = imu_scale(network.imu_channels, clips, store)
    answers = predict(network, plain_batches(clips, store, scale, len(clips))).logits.argmax(1)
    right = [
        replace(clip, label=int(answer), subject=str(number % people))
        for number, (clip, answer) in enumerate(zip(clips, answers))
    ]
    found = calibrate(network, right, store, scale)
    (figures,) = found.figures.values()
    assert (*found.temperature.values(), figures["accuracy"]) == (temperature, 1.0)
    assert figures["temperature_1"]["groups"] == people
    assert (figures["calibrated"] is None) == (people < 4)
    lax = load_card(find_model("paper"))
    lax = replace(lax, temperature={WHOLE: 3.0}, thresholds={**lax.thresholds, "min_confidence": 0.1})
    relaxed = calibrate(network, right, store, scale, lax)
    if people >= 4:
        assert (relaxed.temperature, relaxed.thresholds) == (found.temperature, found.thresholds), "they are enough"
    else:
        assert (relaxed.temperature[WHOLE], relaxed.thresholds["min_confidence"]) == (3.0, 0.1)
    strict = replace(lax, temperature={WHOLE: 0.2}, thresholds={**lax.thresholds, "min_confidence": 0.999})
    kept = calibrate(network, right, store, scale, strict)
    assert (kept.temperature, kept.thresholds) == (found.temperature, found.thresholds), "its own are wider"
    if people >= 4:
        assert figures["calibrated"]["groups"] == 4
        assert figures["calibrated"]["nll"] < figures["temperature_1"]["nll"], "each half is all right for the other"
