"""How much one core can compute at the most, measured, and how much a network asks for."""

from __future__ import annotations

import ctypes
import math
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

_SOURCE = Path(__file__).with_name("peaks.c")
_COMPILERS = ("gcc", "cc", "clang")
_FLAGS = ("-O3", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC")
_ROUNDS, _TRIES = 1_000_000, 20  # a try takes milliseconds: the best one was undisturbed
_MATRIX = 1024


@dataclass(frozen=True)
class Peaks:
    """Operations a second of one core, in 10^9, a multiplication and an addition being two; None if unknown.

    how: the means by which they were measured, in words.
    """

    float_gops: float
    int8_gops: float | None
    how: str


def measure_peaks() -> Peaks:
    """Measure by a C program compiled for this processor; without a compiler by a matrix product, a lower bound."""
    compiler = next(filter(None, map(shutil.which, _COMPILERS)), None)
    if compiler is None:
        return _by_matrix_product("no C compiler here")
    with tempfile.TemporaryDirectory() as scratch:
        library = Path(scratch, "peaks.so")
        command = [compiler, *_FLAGS, "-o", str(library), str(_SOURCE)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode:
            return _by_matrix_product(f"{Path(compiler).name} failed")
        peaks = ctypes.CDLL(str(library))
    for function in (peaks.float_peak, peaks.int8_peak):
        function.restype, function.argtypes = ctypes.c_double, [ctypes.c_long]
    peaks.int8_instruction.restype = ctypes.c_char_p
    int8_gops = _best(lambda: float(peaks.int8_peak(_ROUNDS))) or None
    instruction = peaks.int8_instruction().decode() or "none known for this processor"
    how = f"independent multiply-adds in registers, C by {Path(compiler).name}; 8 bits: {instruction}"
    return Peaks(_best(lambda: float(peaks.float_peak(_ROUNDS))), int8_gops, how)


def multiply_adds(encoder: Path) -> int:
    """Return the multiplications, each with its addition, that an encoder's convolutions and products take a frame."""
    model = onnx.load(str(encoder))
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    graph = onnx.shape_inference.infer_shapes(model, strict_mode=True).graph
    shapes = {entry.name: tuple(entry.dims) for entry in graph.initializer}
    for value in (*graph.value_info, *graph.output):
        shapes[value.name] = tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
    total = 0
    for node in graph.node:
        if node.op_type == "Conv":
            total += math.prod(shapes[node.input[1]]) * math.prod(shapes[node.output[0]][2:])
        elif node.op_type == "Gemm":
            total += math.prod(shapes[node.input[1]])
    return total


def _by_matrix_product(why: str) -> Peaks:
    matrix = np.ones((_MATRIX, _MATRIX), np.float32)
    out = np.empty_like(matrix)

    def product() -> float:
        np.matmul(matrix, matrix, out=out)
        return 2.0 * _MATRIX**3

    return Peaks(_best(product), None, f"{why}: numpy's matrix product, a lower bound; set OPENBLAS_NUM_THREADS=1")


def _best(operations: Callable[[], float]) -> float:
    """Return the best rate of several tries, in 10^9 a second."""
    best = 0.0
    for _ in range(_TRIES):
        begun_s = time.perf_counter()
        done = operations()
        best = max(best, done / (time.perf_counter() - begun_s) / 1e9)
    return best
