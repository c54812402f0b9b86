"""Other runtimes on the same files, where they are installed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from har_ros.benchmark.timing import interleave
from har_ros.core.errors import HarError, first_line
from har_ros.core.model_card import ENCODER_FILE, load_card
from har_ros.inference.sessions import BoundRun, open_session


def benchmark_peers(folders: Mapping[str, Path], tflite: Path | None, rounds: int) -> dict[str, Any]:
    """Time the encoders of model folders, one thread each, in onnxruntime and in each other runtime here.

    tflite: a network for LiteRT, which reads no ONNX; it must be the same one for a fair figure.
    """
    cases: dict[str, Callable[[], object]] = {}
    versions = {"onnxruntime": onnxruntime.__version__}
    for name, folder in folders.items():
        cases[f"onnxruntime {name}"] = _onnxruntime(folder)
    missing = []
    for runtime, add in (("OpenVINO", _add_openvino), ("LiteRT", _add_litert)):
        try:
            versions[runtime] = add(cases, folders, tflite)
        except ModuleNotFoundError as error:
            missing.append(f"{runtime}: '{error.name}' is not installed")
        except _NoFileError as error:
            missing.append(f"{runtime}: {error}")
    timings = interleave(cases, rounds)
    return {
        "ms": {name: timing.median_ms for name, timing in timings.items()},
        "least_ms": {name: timing.least_ms for name, timing in timings.items()},
        "versions": versions,
        "missing": missing,
    }


def open_tflite(file: Path) -> Callable[[], object]:
    """Return what computes a network once, of a file for LiteRT, on one thread and whatever its input holds.

    Raises HarError where it is no such file, and ModuleNotFoundError without LiteRT.
    """
    from ai_edge_litert.interpreter import Interpreter

    try:
        interpreter = Interpreter(str(file), num_threads=1)
        interpreter.allocate_tensors()
        interpreter.invoke()
    except (ValueError, RuntimeError) as error:
        raise HarError(f"LiteRT can't run '{file}' ({first_line(error)}); give a .tflite file") from None
    invoke: Callable[[], object] = interpreter.invoke
    return invoke


class _NoFileError(Exception):
    """A runtime is here, but none of the files suits it."""


_Cases = dict[str, Callable[[], object]]


def _frames(folder: Path) -> NDArray[np.uint8]:
    """Return one picture of noise in the size that a model takes."""
    size_px = load_card(folder).frame_size_px
    return np.random.default_rng(0).integers(0, 256, (1, size_px, size_px, 3), np.uint8)


def _onnxruntime(folder: Path) -> BoundRun:
    features = np.zeros((1, load_card(folder).feature_size), np.float32)
    return BoundRun(open_session(folder / ENCODER_FILE), {"frames": _frames(folder)}, features)


def _add_openvino(cases: _Cases, folders: Mapping[str, Path], _tflite: Path | None) -> str:
    import openvino

    core = openvino.Core()
    for name, folder in folders.items():
        network, frames = core.read_model(str(folder / ENCODER_FILE)), _frames(folder)
        network.reshape(list(frames.shape))
        # Float means float: left to itself it computes in bfloat16 where the processor can.
        settings = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
        request = core.compile_model(network, "CPU", settings).create_infer_request()
        request.set_input_tensor(openvino.Tensor(frames))
        cases[f"OpenVINO {name}"] = request.infer
    return str(openvino.__version__)


def _add_litert(cases: _Cases, _folders: Mapping[str, Path], tflite: Path | None) -> str:
    import ai_edge_litert

    if tflite is None:
        raise _NoFileError("it reads no ONNX; give the same network with --tflite")
    cases[f"LiteRT {tflite.name}"] = open_tflite(tflite)
    return str(ai_edge_litert.__version__)
