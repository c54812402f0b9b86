"""A trunk made of its ONNX file again gives what the file gives, and is thin where the file is."""

# ruff: noqa: E402 - without torch there is nothing to import
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("torch_pruning", reason="needs the extra train")

from trunk_maker import lively_trunk

from har_ros.core.errors import HarError
from har_ros.inference.quantise import quantise_encoder
from har_ros.inference.sessions import open_session
from har_ros.training.backbone import MobileNetV2, Trunk
from har_ros.training.export import export_trunk
from har_ros.training.reopen import reopen_trunk
from har_ros.training.structured import remove_channels

SIZE_PX = 64
FRAMES = np.random.default_rng(0).integers(0, 256, (4, SIZE_PX, SIZE_PX, 3), np.uint8)


def thin_trunk() -> Trunk:
    """Return an untrained trunk with half of its hidden channels."""
    trunk = lively_trunk()
    remove_channels(trunk, 0.5, [torch.from_numpy(FRAMES)])
    return trunk


def error(trunk: Trunk, file: Path) -> float:
    """Return the squared error of what a trunk gives over the variance of what a file does."""
    wanted = open_session(file).run(None, {"frames": FRAMES})[0]
    return float(np.square(trunk(torch.from_numpy(FRAMES)).numpy() - wanted).mean() / wanted.var())


def test_float_and_integers_are_made_a_trunk_again(tmp_path: Path) -> None:
    trunk = thin_trunk()
    export_trunk(trunk, SIZE_PX, tmp_path / "float.onnx")
    quantise_encoder(tmp_path / "float.onnx", tmp_path / "int8.onnx", list(FRAMES))
    for name, least in (("float", 1e-6), ("int8", 0.1)):
        again = reopen_trunk(tmp_path / f"{name}.onnx")
        shapes = [[parameter.shape for parameter in each.parameters()] for each in (again, trunk)]
        assert shapes[0] == shapes[1]
        assert error(again, tmp_path / f"{name}.onnx") < least, name
    export_trunk(again, SIZE_PX, tmp_path / "again.onnx")
    assert error(again, tmp_path / "again.onnx") < 1e-6


def test_another_network_is_refused(tmp_path: Path) -> None:
    export_trunk(Trunk(MobileNetV2().features[:3]).eval(), SIZE_PX, tmp_path / "short.onnx")
    with pytest.raises(HarError, match="6 convolutions, not the 52 of MobileNetV2"):
        reopen_trunk(tmp_path / "short.onnx")
