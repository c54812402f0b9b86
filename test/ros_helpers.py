"""Real nodes as processes, and a plain rclpy participant that listens to them and shares no code with them."""

from __future__ import annotations

import faulthandler
import fcntl
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.srv import GetParameters, SetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile

from har_ros.nodes.discovery import announce_often

WAIT_S = 40.0  # a node starts in half a second, on a crowded machine in twenty
SHARED_MEMORY = Path("/dev/shm")


@contextmanager
def own_domain() -> Iterator[int]:
    """Hold a ROS domain that no other test on this machine uses."""
    for domain in random.sample(range(1, 101), 100):
        lock = (Path(tempfile.gettempdir()) / f"har_ros_test_domain_{domain}.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        with lock:
            yield domain
        return
    raise RuntimeError("all ROS domains are taken by running tests")


@dataclass(frozen=True)
class Status:
    """One received DiagnosticStatus."""

    level: int
    message: str
    values: dict[str, str]
    stamp_ns: int


class Inbox:
    """All messages of one topic, as they came."""

    def __init__(self) -> None:
        self._messages: list[Any] = []
        self._changed = threading.Condition()

    def put(self, message: Any) -> None:
        with self._changed:
            self._messages.append(message)
            self._changed.notify_all()

    def all(self) -> list[Any]:
        with self._changed:
            return list(self._messages)

    def clear(self) -> None:
        with self._changed:
            self._messages.clear()

    def wait(self, count: int = 1, timeout_s: float = WAIT_S) -> list[Any]:
        """Return all messages once there are `count`; fails the test after `timeout_s`."""
        with self._changed:
            arrived = self._changed.wait_for(lambda: len(self._messages) >= count, timeout_s)
            assert arrived, f"{len(self._messages)} messages of {count} came in {timeout_s} s"
            return list(self._messages)

    def wait_for(self, wanted: Callable[[Any], bool], timeout_s: float = WAIT_S) -> Any:
        """Return the first message, of those here and those to come, that is as wanted."""
        with self._changed:
            found = self._changed.wait_for(lambda: next(filter(wanted, self._messages), None), timeout_s)
            assert found, f"none of {len(self._messages)} messages was the wanted one; last: {self._messages[-1:]}"
            return found


class NodeProcess:
    """One node, started by its module as `ros2 run` would, under a hard time-out."""

    def __init__(self, ros: RosTest, command: list[str], environment: dict[str, str]) -> None:
        self._ros = ros
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115  closed with the process
        limited = ["timeout", "--kill-after=2", "300", *command]
        self.popen = subprocess.Popen(
            limited, stdout=self._log, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )

    @property
    def output(self) -> str:
        """What it printed so far, both streams."""
        self._log.seek(0)
        return self._log.read()

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """End it by a signal and return its exit code (negative: the signal that killed it)."""
        if self.popen.poll() is None:
            self._ros.note_shared_memory(self.pid)
            os.kill(self.pid, number)
        return self.wait()

    def wait(self) -> int:
        """Wait for its end and return its exit code."""
        code = self.popen.wait(timeout=WAIT_S)
        return 128 - code if code > 128 else code

    def last_words(self) -> str:
        """Abort it if it still runs, and return what it printed, at last where each of its threads was."""
        with suppress(AssertionError, OSError, subprocess.TimeoutExpired):  # it may end by itself meanwhile
            self.end(signal.SIGABRT)
        return self.output

    def said(self, name: str) -> list[str]:
        """The sentences it printed under its own name."""
        return [line for line in self.output.splitlines() if line.startswith(f"{name}: ")]

    @property
    def pid(self) -> int:
        """The node's own process id, a child of `timeout`."""
        children = Path(f"/proc/{self.popen.pid}/task/{self.popen.pid}/children")
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            words = children.read_text().split()
            if words:
                return int(words[0])
            time.sleep(0.01)
        raise AssertionError("the node's process did not come up")

    def close(self) -> None:
        """Make sure that it is gone."""
        if self.popen.poll() is None:
            self.end(signal.SIGKILL)
        self._log.close()


class RosTest:
    """One test's own ROS graph: a participant in this process, and the nodes under test."""

    def __init__(self, domain: int, log_folder: Path) -> None:
        announce_often()
        self.domain = domain
        self.environment = {
            **os.environ,
            "ROS_DOMAIN_ID": str(domain),
            "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
            "ROS_LOG_DIR": str(log_folder),
            "PYTHONUNBUFFERED": "1",
            "PYTHONFAULTHANDLER": "1",
            "OMP_NUM_THREADS": "1",
        }
        self._processes: list[NodeProcess] = []
        self._left_behind: set[Path] = set()
        self._context = rclpy.Context()
        self._context.init(args=[], domain_id=domain)
        self._node = Node("observer", context=self._context, enable_rosout=False)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()
        self.diagnostics = self.listen(DiagnosticArray, "/diagnostics", 50)

    def start(self, name: str, *options: str, namespace: str = "/har", first: str = "") -> NodeProcess:
        """Start a node of the package; `options` are parameters (`rate_hz:=30`) or words of a command line.

        first: Python that its process runs before the node, such as one that puts a fault into it.
        """
        words = ["--ros-args", "-r", f"__ns:={namespace}"]
        for option in options:
            words += ["-p", option] if ":=" in option and not option.startswith("__") else [option]
        node = f"har_ros.nodes.{name}"
        script = f"{first}\nimport sys\nfrom {node} import main\nsys.exit(main())"
        return self.run([*(["-c", script] if first else ["-m", node]), *words])

    def run(self, python_arguments: list[str]) -> NodeProcess:
        """Start this Python with arguments, inside this test's graph."""
        process = NodeProcess(self, [sys.executable, *python_arguments], self.environment)
        self._processes.append(process)
        return process

    def listen(self, message_type: type, topic: str, profile: QoSProfile | int = 10) -> Inbox:
        """Collect a topic's messages from now on."""
        inbox = Inbox()
        self._node.create_subscription(message_type, topic, inbox.put, profile)
        return inbox

    def offered(self, topic: str) -> QoSProfile:
        """Return the quality of service that a topic's one publisher offers."""
        [publisher] = self._node.get_publishers_info_by_topic(topic)
        return publisher.qos_profile

    def publisher(self, message_type: type, topic: str, profile: QoSProfile | int = 10) -> Any:
        """Return a publisher of this process."""
        return self._node.create_publisher(message_type, topic, profile)

    def status(self, name: str, wanted: Callable[[Status], bool] = lambda _: True) -> Status:
        """Wait for a diagnostics status of the node `name` (such as har/camera) that is as wanted."""

        def matching(array: DiagnosticArray) -> list[Status]:
            statuses = [_status(array, item) for item in array.status if item.name == name]
            return [status for status in statuses if wanted(status)]

        try:
            return matching(self.diagnostics.wait_for(lambda array: bool(matching(array))))[0]
        except AssertionError as error:
            faulthandler.dump_traceback(sys.__stderr__)  # a node that is silent may hang, or this process may
            said = "\n".join(process.last_words() for process in self._processes)
            raise AssertionError(f"{error}\nthe nodes said:\n{said}") from None

    def call(self, service_type: Any, name: str, request: Any, timeout_s: float = WAIT_S) -> Any:
        """Call a service and return its answer."""
        client = self._node.create_client(service_type, name)
        try:
            assert client.wait_for_service(timeout_s), f"no service {name}"
            done = threading.Event()
            future = client.call_async(request)
            future.add_done_callback(lambda _: done.set())
            assert done.wait(timeout_s), f"service {name} does not answer"
            return future.result()
        finally:
            self._node.destroy_client(client)

    def change_state(self, name: str, transition: str) -> bool:
        """Ask for a lifecycle transition by its name."""
        request = ChangeState.Request()
        request.transition.label = transition
        return bool(self.call(ChangeState, f"{name}/change_state", request).success)

    def set_parameter(self, name: str, key: str, value: Any) -> tuple[bool, str]:
        """Set a parameter and return whether it was taken, and the reason if not."""
        request = SetParameters.Request(parameters=[Parameter(key, value=value).to_parameter_msg()])
        result = self.call(SetParameters, f"{name}/set_parameters", request).results[0]
        return result.successful, result.reason

    def get_parameter(self, name: str, key: str) -> Any:
        """Return a parameter's present value."""
        answer = self.call(GetParameters, f"{name}/get_parameters", GetParameters.Request(names=[key]))
        return rclpy.parameter.parameter_value_to_python(answer.values[0])

    def close(self) -> None:
        """End everything, and remove the shared memory that killed processes left behind."""
        self.note_shared_memory(os.getpid())
        for process in self._processes:
            process.close()
        self._ending.set()
        self._thread.join(WAIT_S)
        self._executor.shutdown()
        self._node.destroy_node()
        self._context.try_shutdown()
        first_port = 7400 + 250 * self.domain  # the RTPS rule of ports
        for path in SHARED_MEMORY.glob("*fast*_port*"):
            port = int(re.findall(r"port(\d+)", path.name)[0])
            if first_port <= port < first_port + 250:
                self._left_behind.add(path)
        for path in self._left_behind:
            for name in (path.name, f"{path.name}_el", f"{path.name}_sl"):  # the segment and its locks
                path.with_name(name).unlink(missing_ok=True)

    def note_shared_memory(self, pid: int) -> None:
        """Note which shared memory a process of ours uses."""
        try:
            maps = Path(f"/proc/{pid}/maps").read_text()
        except OSError:
            return
        self._left_behind.update(Path(found) for found in re.findall(r"/dev/shm/(?:sem\.)?fast(?:dds|rtps)_\w+", maps))

    def _spin(self) -> None:
        while not self._ending.is_set():
            self._executor.spin_once(timeout_sec=0.1)


def _status(array: DiagnosticArray, status: Any) -> Status:
    return Status(
        level=int.from_bytes(status.level, "little"),
        message=status.message,
        values={pair.key: pair.value for pair in status.values},
        stamp_ns=stamp_ns(array.header),
    )


def stamp_ns(header: Any) -> int:
    """Return a header's stamp in ns."""
    return int(header.stamp.sec) * 1_000_000_000 + int(header.stamp.nanosec)
