"""A model folder in 8-bit integers: static quantisation of its encoder by onnxruntime.

Activations are uint8 and weights int8, a scale for each channel: for x86 processors other combinations are
far slower. Weights use 7 bits: without VNNI instructions the processor adds pairs of products in 16 bits,
and full weights overflow there, which changes verdicts from one machine to the next. The head stays in
float: it is a hundredth of the work.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from har_ros.core.errors import HarError
from har_ros.core.model_card import ENCODER_FILE, HEAD_FILE, file_sha256, load_card, publish_model
from har_ros.inference.sessions import open_session

_METHOD = "onnxruntime static: uint8 activations by minimum and maximum, int8 weights of 7 bits for each channel"
_ERRORS_ONLY, _WARNINGS = 3, 2  # onnxruntime's levels


class _Stem(NamedTuple):
    """How the encoder begins: bytes to channels first, to float, minus a mean, then the first convolution."""

    transpose: onnx.NodeProto
    cast: onnx.NodeProto
    subtract: onnx.NodeProto
    convolution: onnx.NodeProto


class _Frames(CalibrationDataReader):  # type: ignore[misc]
    """Hands frames to onnxruntime one by one; there must be one at least."""

    def __init__(self, frames: Iterable[NDArray[np.uint8]]) -> None:
        self._frames: Iterator[NDArray[np.uint8]] = iter(frames)
        first = next(self._frames, None)
        if first is None:
            raise HarError("there are no frames to calibrate on; give a dataset with captures")
        self._next: NDArray[np.uint8] | None = first
        self.last = first[None]
        self.count = 0

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        if self._next is None:
            return None
        self.count += 1
        self.last, self._next = self._next[None], next(self._frames, None)
        return {"frames": self.last}


def quantise_model(source: Path, out: Path, frames: Iterable[NDArray[np.uint8]], calibrated_on: str) -> None:
    """Write the int8 version of the model folder `source` into `out`, calibrated on model-sized `frames`.

    frames:        each (size, size, 3) uint8 BGR, such as the camera will show; a hundred are enough.
    calibrated_on: where they are from, in words for the card.

    The card says what was done; its figures are those from before. Raises HarError where `source` is no
    model, is quantised already or is `out`, or `frames` is empty.
    """
    if out.resolve() == source.resolve():
        raise HarError(f"'{out}' is the model itself; give another folder")
    card = load_card(source)
    reader = _Frames(frames)
    with tempfile.TemporaryDirectory() as scratch:
        draft = Path(scratch)
        _quantise(source / ENCODER_FILE, draft / ENCODER_FILE, reader)
        shutil.copyfile(source / HEAD_FILE, draft / HEAD_FILE)
        record = {
            "from": {"name": card.name, "identity": card.identity},
            "method": _METHOD,
            "onnxruntime": onnxruntime.__version__,
            "calibrated_on": calibrated_on,
            "calibration_frames": reader.count,
        }
        figures = {
            "feature_difference": _difference(source / ENCODER_FILE, draft / ENCODER_FILE, reader.last),
            "bytes": {name: (draft / name).stat().st_size for name in (ENCODER_FILE, HEAD_FILE)},
        }
        replace(
            card,
            name=out.resolve().name,
            sha256={name: file_sha256(draft / name) for name in (ENCODER_FILE, HEAD_FILE)},
            training={**card.training, "quantised": record},
            metrics={"before_quantising": card.metrics, "quantising": figures},
        ).save(draft)
        publish_model(draft, out)


def quantise_encoder(source: Path, out: Path, frames: Iterable[NDArray[np.uint8]]) -> None:
    """Write the int8 version of a network on frames, an encoder or the first part of one, calibrated on `frames`.

    The file appears whole or not at all. Raises HarError where `source` does not begin as an encoder, or `frames` is
    empty.
    """
    with tempfile.TemporaryDirectory(dir=out.parent) as scratch:
        draft = Path(scratch) / out.name
        _quantise(source, draft, _Frames(frames))
        draft.replace(out)


def _quantise(source: Path, out: Path, reader: _Frames) -> None:
    model = onnx.load(str(source))
    zero_point = _share_one_mean(model.graph, source)
    folded, prepared = out.with_suffix(".folded"), out.with_suffix(".prepared")
    onnx.save(model, str(folded))
    root, level = logging.getLogger(), logging.getLogger().level
    root.setLevel(logging.ERROR)  # onnxruntime's advice is followed here, and given all the same
    onnxruntime.set_default_logger_severity(_ERRORS_ONLY)
    try:
        quant_pre_process(str(folded), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(out),
            reader,
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
        )
    finally:
        root.setLevel(level)
        onnxruntime.set_default_logger_severity(_WARNINGS)
    quantised = onnx.load(str(out))
    _take_bytes_as_they_are(quantised.graph, zero_point)
    onnx.checker.check_model(quantised)
    onnx.save(quantised, str(out))


def _share_one_mean(graph: onnx.GraphProto, source: Path) -> int:
    """Subtract one whole number from all three colours in place of their means; return it.

    The convolution's bias makes up for the rest, exactly but at the border, where the padding now stands
    for that number. So bytes minus a zero point is what the convolution takes: bytes are quantised already.
    """
    stem = _stem(graph)
    if stem is None:
        raise HarError(f"'{source}' does not begin as `har train` writes it, or is int8 already; give a float model")
    constants = {entry.name: entry for entry in graph.initializer}
    mean_entry = constants[stem.subtract.input[1]]
    weight_name, bias_name = stem.convolution.input[1:3]
    means = numpy_helper.to_array(mean_entry).reshape(-1)
    weight, bias = (numpy_helper.to_array(constants[name]) for name in (weight_name, bias_name))
    zero_point = round(float(means.mean()))
    bias = bias + np.einsum("oihw,i->o", weight, zero_point - means)
    constants[bias_name].CopyFrom(numpy_helper.from_array(bias.astype(np.float32), bias_name))
    mean_entry.CopyFrom(numpy_helper.from_array(np.array(zero_point, np.float32), mean_entry.name))
    return zero_point


def _take_bytes_as_they_are(graph: onnx.GraphProto, zero_point: int) -> None:
    """Let the first convolution read the frames: without the cast, the subtraction and the quantisation."""
    cast = next(node for node in graph.node if node.op_type == "Cast")
    subtract = _reader_of(graph, cast.output[0])
    quantise = _reader_of(graph, subtract.output[0])
    dequantise = _reader_of(graph, quantise.output[0])
    scale_name, zero_name = dequantise.input[1:3]
    constants = {entry.name: entry for entry in graph.initializer}
    constants[scale_name].CopyFrom(numpy_helper.from_array(np.array(1, np.float32), scale_name))
    constants[zero_name].CopyFrom(numpy_helper.from_array(np.array(zero_point, np.uint8), zero_name))
    graph.initializer.remove(constants[subtract.input[1]])
    dequantise.input[0] = cast.input[0]
    for node in (cast, subtract, quantise):
        graph.node.remove(node)


def is_float(folder: Path) -> bool:
    """Return whether a model folder's encoder is one that `quantise_model` takes."""
    return _stem(onnx.load(str(folder / ENCODER_FILE)).graph) is not None


def _stem(graph: onnx.GraphProto) -> _Stem | None:
    nodes, tensor = [], "frames"
    for kind in ("Transpose", "Cast", "Sub", "Conv"):
        readers = [node for node in graph.node if tensor in node.input]
        if len(readers) != 1 or readers[0].op_type != kind:
            return None
        nodes.append(readers[0])
        tensor = readers[0].output[0]
    return _Stem(*nodes)


def _reader_of(graph: onnx.GraphProto, tensor: str) -> onnx.NodeProto:
    readers: list[onnx.NodeProto] = [node for node in graph.node if tensor in node.input]
    if len(readers) != 1:
        raise ValueError(f"{len(readers)} nodes read '{tensor}'")
    return readers[0]


def _difference(source: Path, quantised: Path, frames: NDArray[np.uint8]) -> float:
    """Return the greatest difference of the features over their greatest size."""
    before, after = (open_session(path).run(None, {"frames": frames})[0] for path in (source, quantised))
    return float(np.abs(after - before).max() / np.abs(before).max())


