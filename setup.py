"""Packaging for colcon (ament_python) and for pip alike."""

from pathlib import Path

from setuptools import find_packages, setup

NAME = "har_ros"
NODES = ("camera", "imu_bridge", "fusion", "recorder")
JAZZY = [
    "ros-jazzy-rclpy>=7.1.6,<8",
    "ros-jazzy-common-interfaces>=5.3.6,<5.4",
    "ros-jazzy-rmw-fastrtps-cpp>=8.4.3,<9",
]
KILTED = [
    "ros-kilted-rclpy>=9.1.2,<10",
    "ros-kilted-common-interfaces>=5.5.1,<6",
    "ros-kilted-rmw-fastrtps-cpp>=9.3.3,<10",
]
EVALUATE = ["rosbags>=0.11", "scikit-learn>=1.3", "scipy>=1.10", "matplotlib>=3.7"]
SIM = ["mujoco>=3.3", "panda3d>=1.10.15,<1.11", "dask>=2026.3", "distributed>=2026.3"]
QUANTISE = ["onnx>=1.17"]
TRAIN = ["torch>=2.6", *QUANTISE, "torch-pruning>=1.6,<2", "backports.zstd>=1"]
LINT = ["ruff>=0.9", "mypy>=1.13", "types-PyYAML"]
TEST = ["pytest>=8", "pytest-timeout>=2.3", "pytest-rerunfailures>=15", "pytest-xdist>=3.6", "hypothesis>=6.100", *LINT]


def shared(folder: str) -> list[tuple[str, list[str]]]:
    """Return data_files entries that install a folder of the repository under share/har_ros."""
    files = [path for path in sorted(Path(folder).rglob("*")) if path.is_file() and path.suffix != ".pyc"]
    parents = sorted({path.parent for path in files})
    return [(f"share/{NAME}/{parent}", [str(path) for path in files if path.parent == parent]) for parent in parents]


setup(
    name=NAME,
    version="0.1.0",
    description="Human activity recognition and anomaly detection from a camera and a body-worn accelerometer",
    long_description=(Path(__file__).resolve().parent / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    author="har_ros developers",
    author_email="har-ros@users.noreply.github.com",
    maintainer="har_ros developers",
    maintainer_email="har-ros@users.noreply.github.com",
    python_requires=">=3.10",
    packages=find_packages(include=[f"{NAME}*"]),
    package_data={NAME: ["py.typed"], f"{NAME}.benchmark": ["*.c"], f"{NAME}.simulation": ["assets/*", "*.json"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        *shared("launch"),
        *shared("config"),
        *shared("models"),
    ],
    install_requires=[
        "numpy>=1.24",
        "opencv-python-headless>=4.6",
        "onnxruntime>=1.17",
        "PyYAML>=6",
        "rich>=13",
    ],
    extras_require={
        "ros-jazzy": JAZZY,
        "ros-kilted": KILTED,
        "evaluate": EVALUATE,
        "sim": SIM,
        "quantise": QUANTISE,
        "train": [*TRAIN, *EVALUATE],
        "test": TEST,
    },
    entry_points={
        "console_scripts": [
            "har = har_ros.cli:main",
            *(f"{node} = har_ros.nodes.start:main" for node in NODES),
        ]
    },
)
