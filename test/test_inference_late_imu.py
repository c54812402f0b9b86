"""An accelerometer that is later than the camera, as by Wi-Fi: no sample is lost, and none counts twice."""

from __future__ import annotations

from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("onnx", reason="needs onnx to write a model")
from tiny_model import write_tiny_model

from har_ros.core.alarm_policy import AlarmPolicy
from har_ros.core.decision import AlarmMonitor
from har_ros.core.pairing import ApproximateTimePairer
from har_ros.inference.model import HarModel
from har_ros.inference.recogniser import Recognition, StreamingRecogniser

MS = 1_000_000
FRAME_NS, SAMPLE_NS = 33_333_333, 10 * MS
START_NS = 1_700_000_000_000 * MS
SAMPLES = 330
PICTURE = np.full((24, 32, 3), 100, np.uint8)
IMPACT_MPS2 = 60.0


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> HarModel:
    return HarModel(write_tiny_model(tmp_path_factory.mktemp("model") / "tiny", cases=("camera+imu", "camera")))


def listen(
    model: HarModel, camera_late_ns: int, samples_late_ns: list[int], phase_ns: int, impact: int
) -> list[Recognition]:
    """Return the verdicts on a person at rest whose sample number `impact` alone shows a blow.

    samples_late_ns: how late each sample comes, in its order.
    """
    stream = StreamingRecogniser(model, AlarmMonitor(AlarmPolicy()))
    verdicts: list[Recognition | None] = []
    pairer = ApproximateTimePairer(
        2, 100, 20 * MS, lambda frame_ns, _sample_ns: verdicts.append(stream.add_frame(frame_ns, PICTURE))
    )
    stamps_ns = [START_NS + phase_ns + index * SAMPLE_NS for index in range(SAMPLES)]
    arrivals_ns = accumulate((stamp + late for stamp, late in zip(stamps_ns, samples_late_ns)), max)
    events = [(at_ns, 1, index) for index, at_ns in enumerate(arrivals_ns)]
    events += [(START_NS + camera_late_ns + index * FRAME_NS, 0, index) for index in range(SAMPLES * 3 // 10)]
    for _, topic, index in sorted(events):
        if topic == 0:
            stamp_ns = START_NS + index * FRAME_NS
        else:
            stamp_ns = stamps_ns[index]
            stream.add_imu(stamp_ns, np.array((0, 0, IMPACT_MPS2 if index == impact else 9.8), np.float32))
        pairer.add(topic, stamp_ns, stamp_ns)
    return [verdict for verdict in verdicts if verdict is not None]


def windows_with_the_blow(verdicts: list[Recognition]) -> int:
    """Count the windows in which a step's greatest magnitude is the blow's; the model's energy is 1 at rest."""
    return sum(verdict.novelty["energy"] > 1.1 for verdict in verdicts)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 60),
    st.integers(0, 80),
    st.integers(0, 1000),
    st.integers(0, 9),
    st.integers(110, 200),
)
def test_each_sample_is_in_exactly_one_step_however_late_it_comes(
    model: HarModel, camera_late_ms: int, latest_ms: int, seed: int, phase_ms: int, impact: int
) -> None:
    samples_late_ns = np.random.default_rng(seed).integers(0, latest_ms * MS, SAMPLES, endpoint=True).tolist()
    verdicts = listen(model, camera_late_ms * MS, samples_late_ns, phase_ms * MS, impact)
    assert len(verdicts) > 60
    assert windows_with_the_blow(verdicts) == 30  # one step is in thirty windows


@pytest.mark.parametrize(("camera_late_ms", "imu_late_ms"), [(5, 12), (5, 30), (30, 60), (30, 0)])
def test_a_blow_is_felt_whichever_sample_shows_it(model: HarModel, camera_late_ms: int, imu_late_ms: int) -> None:
    for impact in range(110, 130):
        verdicts = listen(model, camera_late_ms * MS, [imu_late_ms * MS] * SAMPLES, 3 * MS, impact)
        assert windows_with_the_blow(verdicts) == 30, impact
