"""How much one core can compute at the most, measured, and how much a network asks for."""

from __future__ import annotations

import ctypes
import math
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

_SOURCE = Path(__file__).with_name("peaks.c")
_COMPILERS = ("gcc", "cc", "clang")
_FLAGS = ("-O3", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC")
_ROUNDS = 500_000  # some milliseconds
_MATRIX = 512


@dataclass(frozen=True)
class PeakKernels:
    """Functions that keep one core as busy as it can be, each returning how many operations it did.

    A multiplication and an addition are two operations. They are timed by the caller, in turn with what is
    to be compared with them.

    how: the means, in words.
    """

    kernels: dict[str, Callable[[], float]]
    how: str


def peak_kernels() -> PeakKernels:
    """Compile a C program for this processor: `fp32` and `int8`; without a compiler a matrix product, a lower bound."""
    compiler = next(filter(None, map(shutil.which, _COMPILERS)), None)
    if compiler is None:
        return _matrix_product("no C compiler here")
    with tempfile.TemporaryDirectory() as scratch:
        library = Path(scratch, "peaks.so")
        command = [compiler, *_FLAGS, "-o", str(library), str(_SOURCE)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode:
            return _matrix_product(f"{Path(compiler).name} failed")
        peaks = ctypes.CDLL(str(library))
    for function in (peaks.fp32_peak, peaks.int8_peak):
        function.restype, function.argtypes = ctypes.c_double, [ctypes.c_long]
    peaks.int8_instruction.restype = ctypes.c_char_p
    instruction = peaks.int8_instruction().decode()
    kernels: dict[str, Callable[[], float]] = {"fp32": partial(peaks.fp32_peak, _ROUNDS)}
    if instruction:
        kernels["int8"] = partial(peaks.int8_peak, _ROUNDS)
    how = f"independent multiply-adds in registers, C by {Path(compiler).name}"
    return PeakKernels(kernels, f"{how}; 8 bits: {instruction or 'nothing known for this processor'}")


def multiply_adds(encoder: Path) -> int:
    """Return the multiplications, each with its addition, that an encoder's convolutions and products take a frame."""
    import onnx  # here, so that graph and cameras are measured without

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


def _matrix_product(why: str) -> PeakKernels:
    matrix = np.ones((_MATRIX, _MATRIX), np.float32)
    out = np.empty_like(matrix)

    def product() -> float:
        np.matmul(matrix, matrix, out=out)
        return 2.0 * _MATRIX**3

    return PeakKernels({"fp32": product}, f"{why}: numpy's matrix product, a lower bound; set OPENBLAS_NUM_THREADS=1")
