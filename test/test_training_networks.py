"""The networks that a profile may name: turned sensors, missing inputs, export, what training makes small."""

# ruff: noqa: E402 - without torch there is nothing to import
from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs the extra train")

from har_ros.core.imu_steps import IMU_STATISTICS, imu_steps, step_edges
from har_ros.core.labels import LABELS
from har_ros.core.model_card import HEAD_FILE, NOVELTIES
from har_ros.core.resources import find_model
from har_ros.inference.sessions import open_session
from har_ros.training.backbone import FEATURES, MobileNetV2, split
from har_ros.training.batches import Batch
from har_ros.training.data import NONE_OF_THEM
from har_ros.training.export import HEADS_FILE, export_networks, export_trunk, is_exported
from har_ros.training.fit import Feed, Fit, learn_distance, load_state
from har_ros.training.losses import training_loss
from har_ros.training.networks import NETWORKS
from har_ros.training.networks.base import Output
from har_ros.training.networks.build import build_network
from har_ros.training.networks.distance import ClassDistance
from har_ros.training.networks.invariants import InvariantChannels
from har_ros.training.profile import load_profile

NEW = [name for name in NETWORKS if name != "paper"]
PRESENT = {"camera+imu": (1.0, 1.0), "camera": (1.0, 0.0), "imu": (0.0, 1.0)}


def network_of(name: str, seed: int = 1) -> torch.nn.Module:
    torch.manual_seed(seed)
    network = build_network(load_profile(name), None).eval()
    if "distance" in network.novelty:
        size = 2 * load_profile(name).heads.imu_units
        network.distance.learn(0.1 * np.random.default_rng(0).normal(size=(60, size)), np.arange(60) % len(LABELS))
    return network


def fall() -> np.ndarray:
    """Return the samples (100, 3) of a second in which a person falls: a dip, an impact, and gravity turned."""
    rng = np.random.default_rng(0)
    accel = np.tile(np.array((0.4, -0.3, 9.7)), (100, 1))
    accel[40:60] *= 0.2
    accel[60:62] = (20, 45, -30)
    accel[62:] = (9.5, 1.2, 1.9)
    return (accel + rng.normal(0, 0.3, accel.shape)).astype(np.float32)


def steps_of(samples: np.ndarray) -> np.ndarray:
    ends_ns = np.arange(1, 31) * 33_333_333
    return imu_steps(IMU_STATISTICS, np.arange(100) * 10_000_000, samples, step_edges(ends_ns, 30.0))[0]


def random_rotation(seed: int) -> np.ndarray:
    """Return a rotation matrix (3, 3), drawn evenly from all of them."""
    matrix, upper = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    matrix = matrix * np.sign(np.diag(upper))
    return (matrix * np.sign(np.linalg.det(matrix))).astype(np.float32)


@given(st.integers(0, 10_000))
@settings(max_examples=25)
def test_no_turn_of_the_sensor_changes_the_channels(seed: int) -> None:
    samples = fall()
    turned = samples @ random_rotation(seed).T
    channels = [InvariantChannels()(torch.from_numpy(steps_of(each))[None]) for each in (samples, turned)]
    torch.testing.assert_close(*channels, atol=1e-4, rtol=0)


def test_the_channels_tell_a_fall_from_its_parts() -> None:
    samples = fall()
    still, lying = np.tile(samples[:40], (3, 1))[:100], np.tile(samples[62:], (3, 1))[:100]
    seen = [InvariantChannels()(torch.from_numpy(steps_of(each))[None])[0] for each in (samples, still, lying)]
    impact, turn = 1, 10  # the places of the peak and of the angle between beginning and end
    assert [float(each[:, impact].max()) > 3 for each in seen] == [True, False, False]
    assert [float(each[0, turn]) < 0.5 for each in seen] == [True, False, False]
    assert (seen[1] - seen[2]).abs().max() < 1.5, "rest is rest, whichever way the sensor lies"


@pytest.mark.parametrize("name", NEW)
@pytest.mark.parametrize("seed", range(3))
def test_no_turn_of_the_sensor_changes_the_answer(name: str, seed: int) -> None:
    network = network_of(name)
    projected = torch.randn(1, 30, network.frame_size)
    samples = fall()
    both = torch.ones(1, 2)
    with torch.no_grad():
        answers = [
            network.window(projected, torch.from_numpy(steps_of(each))[None], both)
            for each in (samples, samples @ random_rotation(seed).T, samples[::-1].copy())
        ]
    torch.testing.assert_close(answers[0].logits, answers[1].logits, atol=1e-4, rtol=0)
    torch.testing.assert_close(answers[0].reconstruction, answers[1].reconstruction, atol=1e-4, rtol=0)
    scores = [network.novelty_scores(each, both) for each in answers]
    torch.testing.assert_close(scores[0], scores[1], atol=1e-3, rtol=1e-3)
    if "imu" in network.modalities:
        assert (answers[0].logits - answers[2].logits).abs().max() > 1e-3, "the accelerometer matters"


@pytest.mark.parametrize("name", ["attention", "decision", "imu"])
def test_networks_that_know_the_mount_tell_one_side_from_the_other(name: str) -> None:
    profile = load_profile(name)
    torch.manual_seed(1)
    network = build_network(replace(profile, heads=replace(profile.heads, orientation=True)), None).eval()
    projected, both = torch.zeros(1, 30, network.frame_size), torch.ones(1, 2)
    samples = fall()
    about_up = samples * np.array((-1, -1, 1), np.float32)  # half a turn
    with torch.no_grad():
        answers = [
            network.window(projected, torch.from_numpy(steps_of(each))[None], both) for each in (samples, about_up)
        ]
    assert (answers[0].logits - answers[1].logits).abs().max() > 1e-3


@pytest.fixture(scope="module")
def trunk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("trunk") / "trunk.onnx"
    export_trunk(split(MobileNetV2().eval(), 0)[0], 32, path)
    return path


@pytest.mark.parametrize("name", ["paper", *NEW])
def test_what_is_exported_is_known_from_another_network(name: str, trunk: Path, tmp_path: Path) -> None:
    network, other = network_of(name), network_of(name, seed=2)
    export_networks(tmp_path, trunk, network, 32)
    assert is_exported(tmp_path, network) and not is_exported(tmp_path, other)


@pytest.mark.parametrize("missing", [0, 1], ids=["camera", "imu"])
def test_what_answers_otherwise_only_where_an_input_is_missing_is_another_network(
    missing: int, trunk: Path, tmp_path: Path
) -> None:
    network = network_of("attention")
    export_networks(tmp_path, trunk, network, 32)
    answer = network.window

    def otherwise(projected: torch.Tensor, imu: torch.Tensor, presence: torch.Tensor) -> Output:
        output = answer(projected, imu, presence)
        return replace(output, logits=output.logits + torch.arange(6) * (1 - presence[:, missing : missing + 1]))

    assert is_exported(tmp_path, network)
    network.window = otherwise
    assert not is_exported(tmp_path, network)


@pytest.mark.parametrize("name", NEW)
def test_exported_heads_ignore_what_is_missing(name: str, trunk: Path, tmp_path: Path) -> None:
    network = network_of(name)
    assert export_networks(tmp_path, trunk, network, 32) <= 1e-5
    graph = onnx.load(tmp_path / HEAD_FILE).graph
    assert {entry.name for entry in graph.input} == {"features", "imu", "presence"}
    assert [entry.name for entry in graph.output] == ["probabilities", "novelty"]
    session = open_session(tmp_path / HEAD_FILE)
    rng = np.random.default_rng(2)
    features = rng.normal(size=(1, 30, network.frame_size)).astype(np.float32)
    imu = rng.normal((0, 0, 9.8, 11, 9), 3, (1, 30, 5)).astype(np.float32)
    for case in network.cases:
        camera, body = PRESENT[case]
        presence = np.array([[camera, body]], np.float32)
        whole = session.run(None, {"features": features, "imu": imu, "presence": presence})
        lacking = {
            "features": features if camera else np.full_like(features, np.nan),
            "imu": imu if body else np.full_like(imu, np.nan),
            "presence": presence,
        }
        for given_output, expected in zip(session.run(None, lacking), whole):
            np.testing.assert_array_equal(given_output, expected)
            assert np.isfinite(expected).all()
        assert whole[0].sum() == pytest.approx(1, abs=1e-5) and whole[1].shape == (1, len(network.novelty))


@pytest.mark.parametrize("name", NEW)
def test_windows_of_a_batch_are_answered_as_each_alone(name: str) -> None:
    network = network_of(name)
    given = torch.randn(4, 30, network.frame_size), 3 * torch.randn(4, 30, 5) + torch.tensor((0, 0, 9.8, 10, 9.6))
    presence = torch.tensor([*PRESENT.values(), (1.0, 1.0)])
    with torch.no_grad():
        together = network.window(*given, presence)
        alone = [network.window(*(each[[row]] for each in (*given, presence))) for row in range(4)]
    torch.testing.assert_close(together.logits, torch.cat([each.logits for each in alone]))
    torch.testing.assert_close(together.reconstruction, torch.cat([each.reconstruction for each in alone]))
    scores = network.novelty_scores(together, presence)
    rows = [network.novelty_scores(each, presence[[row]]) for row, each in enumerate(alone)]
    torch.testing.assert_close(scores, torch.cat(rows))
    if "distance" in network.novelty:
        felt = scores[:, network.novelty.index("distance")] > 0
        assert felt.tolist() == [body > 0 for _, body in presence.tolist()], "0 where it isn't felt"


def test_the_shipped_heads_are_what_the_shipped_model_runs() -> None:
    folder = find_model("edge")
    network = network_of("edge")
    network.load_state_dict(load_state(folder / HEADS_FILE))
    session = open_session(folder / HEAD_FILE)
    features = torch.randn(1, 30, network.frame_size)
    imu = 3 * torch.randn(1, 30, 5) + torch.tensor((0, 0, 9.8, 10, 9.6))
    for present in PRESENT.values():
        inputs = {"features": features, "imu": imu, "presence": torch.tensor([present])}
        with torch.no_grad():
            expected = network.window_head()(*inputs.values())
        given = session.run(None, {name: tensor.numpy() for name, tensor in inputs.items()})
        for answer, wanted in zip(given, expected):
            np.testing.assert_allclose(answer, wanted.numpy(), rtol=1e-4, atol=1e-5)


def batch_of(labels: list[int]) -> Batch:
    torch.manual_seed(3)
    count = len(labels)
    imu = torch.randn(count, 30, 5) + torch.tensor((0, 0, 9.8, 10, 9.6))
    return Batch(torch.rand(count, 30, 1, 1280), imu, torch.ones(count, 2), torch.tensor(labels))


@pytest.mark.parametrize("name", NEW)
def test_training_fits_labels_and_leaves_strangers_open(name: str) -> None:
    network, learning = network_of(name), load_profile(name).learning
    batch = batch_of([0, 1, 2, 3, 4, 5, NONE_OF_THEM, NONE_OF_THEM])
    optimiser = torch.optim.Adam(network.parameters(), 0.01)
    losses = []
    for _ in range(150):
        loss = training_loss(network(batch.maps, batch.imu, batch.presence), batch, learning)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    probabilities = torch.softmax(network(batch.maps, batch.imu, batch.presence).logits, 1).detach()
    assert losses[-1] < losses[0] / 2
    assert probabilities[:6].argmax(1).tolist() == [0, 1, 2, 3, 4, 5]
    assert probabilities[:6].max(1).values.min() > 0.7
    assert probabilities[6:].max() < 0.45


def test_an_epoch_tells_the_same_of_training_as_of_validation(tmp_path: Path) -> None:
    profile = load_profile("attention")
    still = replace(profile.learning, learning_rate=1e-8, weight_decay=0.0)  # what would differ is what is told
    profile = replace(profile, learning=still, heads=replace(profile.heads, video_dropout=0.0, dropout=0.0))
    batches = [batch_of([0, 1, 2, NONE_OF_THEM]), batch_of([3, 4, 5, 0, NONE_OF_THEM, NONE_OF_THEM])]
    torch.manual_seed(1)
    fit = Fit("dense", build_network(profile, None), profile, 1, tmp_path / "dense.pt")
    (epoch,) = fit.run(Feed(lambda _epoch: batches, lambda: batches, len(batches)))
    assert epoch.loss == pytest.approx(epoch.validation_loss, rel=1e-3)
    assert epoch.accuracy == epoch.validation_accuracy > 0


def test_the_autoencoder_learns_from_normal_activities_alone() -> None:
    network, learning = network_of("attention"), load_profile("attention").learning
    for labels, learns in (([0, 1, NONE_OF_THEM], False), ([2, 3, 4, 5], True)):
        network.zero_grad()
        batch = batch_of(labels)
        training_loss(network(batch.maps, batch.imu, batch.presence), batch, learning).backward()
        size = sum(float(each.grad.abs().sum()) for each in network.autoencoder.parameters())
        assert (size > 0) == learns


def test_the_distance_tells_what_no_class_is_like() -> None:
    size, rng = 8, np.random.default_rng(5)
    labels = np.repeat([0, 1, 3, 4, 5], 40)  # of one class there is none
    centres = rng.normal(0, 10, (6, size))
    shape = rng.normal(size=(size, size))
    numbers = (centres[labels] + rng.normal(size=(len(labels), size)) @ shape).astype(np.float32)
    distance = ClassDistance(size)
    assert distance(torch.from_numpy(numbers)).abs().max() == 0, "it has learnt nothing yet"
    distance.learn(numbers, labels)

    def of(points: np.ndarray) -> np.ndarray:
        return distance(torch.from_numpy(points.astype(np.float32))).numpy()

    assert of(centres[[0, 1, 3, 4, 5]]).max() < 0.5
    assert of(centres[[2]])[0] > 2 * np.quantile(of(numbers), 0.95), "what it has not seen"
    # The same step is far where the classes hardly vary, and near where they do.
    axes = np.linalg.eigh(shape.T @ shape)[1]
    far, near = of(centres[0] + 3 * axes[:, [0, -1]].T)
    assert far > 3 * near


def test_what_is_taken_for_a_fall_is_less_strange_for_its_motion_but_never_usual_for_it() -> None:
    network, far = network_of("edge"), 5 * torch.ones(2, 64)
    falls, walks = (torch.full((1, 6), -5.0).index_fill(1, torch.tensor([LABELS.index(label)]), 5.0)
                    for label in ("FALL_OR_COLLAPSE", "WALK"))  # fmt: skip
    output = Output(torch.cat([falls, walks]), reconstruction=torch.zeros(2), motion=far)
    scores = network.novelty_scores(output, torch.ones(2, 2))
    fall, walk = scores[:, NOVELTIES.index("distance")].tolist()
    assert walk == pytest.approx(float(network.distance(far)[1].detach()), rel=0.01)
    assert fall == pytest.approx(0.7 * walk, rel=0.01)


def test_one_capture_of_each_class_is_learnt_as_well() -> None:
    distance = ClassDistance(4)
    distance.learn(np.eye(4, dtype=np.float32), np.arange(4))
    assert distance(torch.eye(4)).abs().max() == 0 and distance(-torch.eye(4)).min() > 1


def test_a_network_learns_the_distance_of_each_label_from_what_is_felt() -> None:
    network = network_of("edge")
    torch.manual_seed(4)
    batches = [
        Batch(torch.randn(12, 30, 1, FEATURES), 3 * torch.randn(12, 30, 5), torch.ones(12, 2), torch.arange(12) % 6)
        for _ in range(4)
    ]
    learn_distance(network, batches)
    with torch.no_grad():
        scores = [network.distance(network(each.maps, each.imu, each.presence).motion) for each in batches]
    shuffled = [each._replace(labels=each.labels.flip(0)) for each in batches]
    learnt = {key: value.clone() for key, value in network.distance.state_dict().items()}
    assert 0.2 < float(torch.cat(scores).mean()) < 2, "of random motion, as far as is usual"
    learn_distance(network, shuffled)
    assert not torch.equal(network.distance.state_dict()["_centres"], learnt["_centres"])
    learn_distance(network, batches)
    for key, value in network.distance.state_dict().items():
        torch.testing.assert_close(value, learnt[key])


def test_heads_from_before_there_was_a_distance_still_load() -> None:
    network = network_of("edge")
    older = {key: value for key, value in network.state_dict().items() if not key.startswith("distance.")}
    fresh = build_network(load_profile("edge"), None)
    fresh.load_state_dict(older)
    assert torch.equal(fresh.gates.weight, network.gates.weight)
    with pytest.raises(RuntimeError):
        fresh.load_state_dict({key: value for key, value in older.items() if key != "gates.weight"})
