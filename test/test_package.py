"""What the package says of itself is true: versions agree, dependencies are named, everything it needs is installed."""

import ast
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import har_ros
from har_ros.core.model_card import load_card
from har_ros.core.parameters import load_defaults
from har_ros.core.resources import DEFAULT_MODEL, find_model

ROOT = Path(__file__).parents[1]
PACKAGE = ElementTree.parse(ROOT / "package.xml").getroot()
SETUP = (ROOT / "setup.py").read_text()
ROS_PACKAGES = re.compile(r"^(rclpy|launch|launch_ros|message_filters|cv_bridge|\w+_(msgs|srvs|interfaces))$")


def imported_roots(*folders: str) -> set[str]:
    roots = set()
    for folder in folders:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    roots |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    roots.add(node.module.split(".")[0])
    return roots


def test_every_ros_package_in_use_is_a_dependency_and_the_other_way_round() -> None:
    declared = {entry.text for entry in PACKAGE.findall("exec_depend")}
    used = {name for name in imported_roots("har_ros", "launch") if ROS_PACKAGES.match(name)}
    assert used - declared == set()
    assert {name for name in declared if ROS_PACKAGES.match(name)} - used == set()


def test_versions_and_the_maintainer_agree() -> None:
    assert PACKAGE.findtext("version") == har_ros.__version__
    assert f'version="{har_ros.__version__}"' in SETUP
    email = PACKAGE.find("maintainer").get("email")
    assert re.fullmatch(r"[\w.+-]+@[\w-]+(\.[\w-]+)+", email)
    assert f'author_email="{email}"' in SETUP


def test_each_node_has_its_executable() -> None:
    for node in ("camera", "imu_bridge", "fusion", "recorder"):
        module = ast.parse((ROOT / "har_ros" / "nodes" / f"{node}.py").read_text())
        assert "main" in {item.name for item in module.body if isinstance(item, ast.FunctionDef)}


def test_commands_and_fusion_node_have_one_default_model_and_it_is_shipped() -> None:
    assert load_defaults("fusion")["model"] == DEFAULT_MODEL
    assert load_card(find_model(DEFAULT_MODEL)).name == DEFAULT_MODEL


def test_the_wheel_carries_everything_a_user_needs(tmp_path: Path) -> None:
    sources = tmp_path / "sources"  # a build leaves build/ behind, whose files the next wheel would carry
    sources.mkdir()
    for name in ("har_ros", "config", "launch", "models", "resource"):
        shutil.copytree(ROOT / name, sources / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "setup.cfg", "pyproject.toml", "package.xml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, sources)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(sources)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    opened = zipfile.ZipFile(wheel)
    names = opened.namelist()
    for ending in ("config/har.yaml", "config/profiles/paper.yaml", "config/scenarios/all_six.yaml",
                   "launch/har.launch.py", f"models/{DEFAULT_MODEL}/model.yaml",
                   f"models/{DEFAULT_MODEL}/frame_encoder.onnx",
                   "simulation/assets/body.npz", "simulation/gait.json", "py.typed",
                   "har_ros/package.xml"):  # fmt: skip
        assert any(name.endswith(ending) for name in names), ending
    assert not any("test" in name.split("/")[0] for name in names)
    metadata = opened.read(next(name for name in names if name.endswith(".dist-info/METADATA"))).decode()
    extras = set(re.findall(r"^Provides-Extra: (\S+)$", metadata, re.MULTILINE))
    assert extras == set(re.findall(r"extra == ['\"](\S+)['\"]", metadata)), "extras bring something"
