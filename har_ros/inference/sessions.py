"""onnxruntime sessions: opened the same way everywhere, and bound to memory that stays where it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from har_ros.core.errors import HarError, first_line

CPU = ("CPUExecutionProvider",)
_OPENVINO = "OpenVINOExecutionProvider"
_BATCH = "N"  # the name of the networks' first dimension


def open_session(path: Path, threads: int = 1, providers: Sequence[str] = CPU, batch: int | None = None) -> Any:
    """Return a session on `path` whose threads never spin; `batch` fixes the first dimension of its inputs.

    Raises HarError for a file that is no network or a provider that is not there.
    """
    missing = set(providers) - set(onnxruntime.get_available_providers())
    if missing:
        raise HarError(
            f"onnxruntime here has no {', '.join(sorted(missing))}; "
            f"use one of {', '.join(onnxruntime.get_available_providers())}"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    if batch is not None:
        options.add_free_dimension_override_by_name(_BATCH, batch)
    # Left to itself OpenVINO computes in bfloat16 where the processor can, and then differs from the others.
    asked = {_OPENVINO: {"device_type": "CPU", "precision": "FP32", "num_of_threads": str(threads)}}
    try:
        return onnxruntime.InferenceSession(
            str(path), options, providers=list(providers), provider_options=[asked.get(name, {}) for name in providers]
        )
    except Exception as error:  # noqa: BLE001  onnxruntime raises many types of its own
        raise HarError(f"'{path}' can't be loaded ({first_line(error)}); export the model again") from None


class BoundRun:
    """A session tied to arrays: a call reads the inputs where they lie and writes the outputs where they lie.

    Nothing is copied or allocated, so a caller changes an input's content and never the array itself.
    """

    def __init__(self, session: Any, inputs: Mapping[str, NDArray[Any]], *outputs: NDArray[np.float32]) -> None:
        self._session = session
        self._binding = session.io_binding()
        self._values = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in (*inputs.values(), *outputs)]
        for name, value in zip(inputs, self._values):
            self._binding.bind_ortvalue_input(name, value)
        for entry, value in zip(session.get_outputs(), self._values[len(inputs) :], strict=True):
            self._binding.bind_ortvalue_output(entry.name, value)

    def __call__(self) -> None:
        """Compute."""
        self._session.run_with_iobinding(self._binding)
