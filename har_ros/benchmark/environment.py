"""Where a benchmark ran: figures without it say nothing."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from har_ros import __version__

_PACKAGES = ("onnxruntime", "onnx", "numpy", "opencv-python-headless", "openvino", "ai-edge-litert", "rclpy")
_ISA = ("avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8", "asimddp")


def environment() -> dict[str, str]:
    """Return processor, system and versions, each as a text."""
    cpu = _read("/proc/cpuinfo")
    flags = set(_field(cpu, "flags").split() or _field(cpu, "Features").split())
    load = " ".join(f"{share:.2f}" for share in os.getloadavg())
    return {
        "processor": _field(cpu, "model name") or platform.processor() or platform.machine(),
        "family, model": f"{_field(cpu, 'cpu family')}, {_field(cpu, 'model')}",
        "instructions": " ".join(flag for flag in _ISA if flag in flags),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{int(_field(_read('/proc/meminfo'), 'MemTotal').split()[0]) / 2**20:.0f} GiB",
        "load before": load,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "har_ros": __version__,
        **{name: _version(name) for name in _PACKAGES},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _field(text: str, name: str) -> str:
    found = re.search(rf"^{name}\s*:\s*(.*)$", text, re.MULTILINE)
    return found[1].strip() if found else ""
