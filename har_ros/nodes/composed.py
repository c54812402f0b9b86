"""Cameras, bridges and fusion nodes of one or several namespaces in one process: neighbours that share the model.

Its command line is theirs, one after the other: `camera --ros-args ... -- fusion --ros-args ... --`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial

from har_ros.core.errors import HarError
from har_ros.inference.pool import ModelPool
from har_ros.nodes.base import HarNode
from har_ros.nodes.camera import CameraNode
from har_ros.nodes.executor import make_executor
from har_ros.nodes.fusion import FusionNode
from har_ros.nodes.imu_bridge import ImuBridgeNode
from har_ros.nodes.neighbours import Neighbours
from har_ros.nodes.running import run_nodes

END = "--"
_NAMESPACE = "__ns:="


def main() -> int:
    """Run the nodes that the command line lists."""
    for node_class in (CameraNode, ImuBridgeNode, FusionNode):
        node_class.prepare()
    neighbours = Neighbours()
    makers: dict[str, Callable[..., HarNode]] = {
        CameraNode.NAME: partial(CameraNode, neighbours=neighbours),
        ImuBridgeNode.NAME: partial(ImuBridgeNode, neighbours=neighbours),
        FusionNode.NAME: partial(FusionNode, neighbours=neighbours, models=ModelPool()),
    }
    # The fusion nodes begin first and end first: a camera that takes long for either must not keep a STALE back.
    listed = sorted(_split(sys.argv[1:]), key=lambda words: words[0] != FusionNode.NAME)

    def make() -> list[HarNode]:
        return [_make(makers, *words) for words in listed]

    return run_nodes("composed", make, [words[1:] for words in listed], [], make_executor)


def _make(makers: dict[str, Callable[..., HarNode]], name: str, *arguments: str) -> HarNode:
    if name not in makers:
        raise HarError(f"there is no node '{name}' to compose; there are {', '.join(makers)}")
    try:
        return makers[name](list(arguments))
    except HarError as error:
        namespace = next((word.removeprefix(_NAMESPACE) for word in arguments if word.startswith(_NAMESPACE)), "")
        raise HarError(f"{namespace}/{name}: {error}") from None


def _split(words: Sequence[str]) -> list[list[str]]:
    """Return the words of each node: its name and its arguments."""
    listed: list[list[str]] = [[]]
    for word in words:
        if word == END:
            listed.append([])
        else:
            listed[-1].append(word)
    return [each for each in listed if each]


if __name__ == "__main__":
    sys.exit(main())
