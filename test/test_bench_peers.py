"""Other runtimes in `har bench`, each where it is installed: timed on the same files; without them the page says so."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

from har_ros.benchmark.peers import benchmark_peers
from har_ros.cli import main
from har_ros.core.resources import find_model

SLOTS = {  # of LiteRT's schema: those of a tensor, of a graph and of a model
    **{"shape": 0},
    **{"tensors": 0, "inputs": 1, "outputs": 2, "operators": 3},
    **{"operator_codes": 1, "subgraphs": 2, "buffers": 4},
}


def write_tflite(path: Path) -> Path:
    """Write the smallest network that LiteRT takes, of one value that is its input and its output."""
    import flatbuffers  # which LiteRT brings

    builder = flatbuffers.Builder()

    def vector(prepend: Callable[[int], object], *items: int) -> int:
        builder.StartVector(4, len(items), 4)
        for item in reversed(items):
            prepend(item)
        return builder.EndVector()

    def table(version: int = 0, **offsets: int) -> int:
        builder.StartObject(5)
        builder.PrependUint32Slot(0, version, 0)
        for name, offset in offsets.items():
            builder.PrependUOffsetTRelativeSlot(SLOTS[name], offset, 0)
        return builder.EndObject()

    number, offset = builder.PrependInt32, builder.PrependUOffsetTRelative
    shape, first, none = vector(number, 1), vector(number, 0), vector(offset)
    tensors = vector(offset, table(shape=shape))
    subgraphs = vector(offset, table(tensors=tensors, inputs=first, outputs=first, operators=none))
    buffers = vector(offset, table())
    builder.Finish(table(3, operator_codes=none, subgraphs=subgraphs, buffers=buffers), file_identifier=b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def test_openvino_is_timed_on_the_shipped_models() -> None:
    openvino = pytest.importorskip("openvino", reason="needs openvino")
    peers = benchmark_peers({name: find_model(name) for name in ("paper", "edge")}, None, rounds=2)
    for figures in (peers["ms"], peers["least_ms"]):
        for runtime in ("onnxruntime", "OpenVINO"):
            assert 0 < figures[f"{runtime} edge"] < figures[f"{runtime} paper"], "half the work, and in 8 bits"
    assert peers["versions"]["OpenVINO"] == openvino.__version__


def test_litert_is_timed_on_the_file_that_is_given(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert")
    folders = {"edge": find_model("edge")}
    peers = benchmark_peers(folders, write_tflite(tmp_path / "small.tflite"), rounds=2)
    assert 0 < peers["ms"]["LiteRT small.tflite"] < peers["ms"]["onnxruntime edge"]
    missing = benchmark_peers(folders, None, rounds=1)["missing"]
    assert "LiteRT: it reads no ONNX; give the same network with --tflite" in missing


def test_a_file_that_is_no_network_for_litert_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("ai_edge_litert", reason="needs ai-edge-litert")
    bad = tmp_path / "bad.tflite"
    bad.write_bytes(b"no network")
    assert main(["bench", "--tflite", str(bad)]) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"har: LiteRT can't run '{bad}' (") and said.endswith("; give a .tflite file")


@pytest.mark.parametrize(("runtime", "module"), [("OpenVINO", "openvino"), ("LiteRT", "ai_edge_litert")])
def test_what_is_not_installed_is_named(runtime: str, module: str) -> None:
    if importlib.util.find_spec(module) is not None:
        pytest.skip(f"{module} is installed")
    missing = benchmark_peers({"edge": find_model("edge")}, None, rounds=1)["missing"]
    assert f"{runtime}: '{module}' is not installed" in missing
