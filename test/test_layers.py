"""The layers hold: imports point downward only, and the core needs numpy alone."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "har_ros"

ALLOWED = {
    "core": set(),
    "link": {"core"},
    "inference": {"core"},
    "dataset": {"core"},
    "simulation": {"core", "dataset"},
    "evaluation": {"core", "inference", "dataset"},
    "benchmark": {"core", "inference", "dataset"},
    "training": {"core", "inference", "dataset", "evaluation"},
    "nodes": {"core", "link", "inference", "dataset", "simulation", "evaluation"},
}
OWNERS = {"rclpy": "nodes", "message_filters": "nodes", "cv_bridge": "nodes", "torch": "training"}
MESSAGE_PACKAGES = ("_msgs", "_srvs")


def imports_of(path: Path) -> set[str]:
    """Return the dotted names that a file imports, wherever in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def layer_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else "top"


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_downward(path: Path) -> None:
    layer = layer_of(path)
    if layer == "top":
        return
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] == "har_ros" and len(parts) > 1 and (PACKAGE / parts[1]).is_dir():
            assert parts[1] == layer or parts[1] in ALLOWED[layer], f"{layer} must not import {name}"
        elif parts[0] == "har_ros" and len(parts) > 1 and (PACKAGE / f"{parts[1]}.py").is_file():
            pytest.fail(f"{layer} must not import {name}, which stands above it")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_ros_and_torch_stay_in_their_layer(path: Path) -> None:
    layer = layer_of(path)
    for name in imports_of(path):
        root = name.split(".")[0]
        owner = "nodes" if root.endswith(MESSAGE_PACKAGES) else OWNERS.get(root, layer)
        assert layer == owner, f"only {owner} may import {root}"


def test_core_imports_numpy_alone() -> None:
    probe = """
import sys, pkgutil, importlib, numpy
before = set(sys.modules)
import har_ros.core as core
for module in pkgutil.iter_modules(core.__path__, "har_ros.core."):
    importlib.import_module(module.name)
known = set(sys.stdlib_module_names) | {"har_ros", "numpy"}
print(sorted({name.split(".")[0] for name in set(sys.modules) - before} - known))
"""
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"
