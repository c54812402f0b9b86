"""What all nodes share: parameters, lifecycle and diagnostics."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter as RosParameter
from rclpy.timer import Timer

from har_ros.core.errors import HarError, first_line
from har_ros.core.parameters import ROS_OWN
from har_ros.nodes import qos
from har_ros.nodes.executor import make_executor
from har_ros.nodes.parameters import (
    AUTOSTART,
    Parameter,
    describe_to_ros,
    load_defaults,
    refuse_missed_sections,
    resolve,
)

DIAGNOSTICS_PERIOD_S = 1.0
RclError = rclpy_implementation.RCLError


@dataclass
class Health:
    """How an active node fares, as its diagnostics show it; the values become texts."""

    level: bytes = DiagnosticStatus.OK
    message: str = "running"
    values: dict[str, Any] = field(default_factory=dict)
    hardware_id: str = ""


class MustRestartError(HarError):
    """Something of the process is stuck for ever, and only a new process mends it."""


class HarNode(LifecycleNode):
    """A lifecycle node with checked parameters and with diagnostics from its first second, in every state.

    A subclass sets NAME and PARAMETERS, and EXECUTOR where it needs another one, and fills `open`, `start`, `stop`,
    `close` and `health`. Each of the first four may raise HarError: the transition then fails and the sentence
    stands in log and diagnostics.
    Clean-up calls may come in any state, so `stop` and `close` must bear being called for nothing.
    """

    NAME = "har"
    PARAMETERS: tuple[Parameter, ...] = ()
    EXECUTOR: Callable[[], Any] = staticmethod(make_executor)

    def __init__(self, arguments: Sequence[str] | None = None) -> None:
        """Take the ROS arguments of this node alone, in a process of several; None: those of the command line."""
        super().__init__(
            self.NAME,
            cli_args=arguments,
            use_global_arguments=arguments is None,
            automatically_declare_parameters_from_overrides=True,
        )
        self.state = "unconfigured"
        self.problem = ""
        self._brings_up = False
        self._publishing_output = False
        self._table = {parameter.name: parameter for parameter in (AUTOSTART, *self.PARAMETERS)}
        refuse_missed_sections(sys.argv if arguments is None else arguments, self.get_fully_qualified_name())
        self._declare_all()
        self._answer_impossible_transitions()
        self.add_on_set_parameters_callback(self._judge_changes)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", qos.DIAGNOSTICS)
        self.every(DIAGNOSTICS_PERIOD_S, self.publish_diagnostics)

    @staticmethod
    def prepare() -> None:
        """Make the process ready, before ROS is started and the node is made."""

    def open(self) -> None:
        """Open what the node needs: files, models, publishers, subscriptions."""

    def start(self) -> None:
        """Begin to work; publishers are enabled."""

    def stop(self) -> None:
        """End the work, and with it every thread of it; publishers are still enabled."""

    def close(self) -> None:
        """Release all that `open` opened."""

    def health(self) -> Health:
        """Return how the active node fares."""
        return Health()

    def check(self) -> None:
        """Raise HarError where the process must end; asked all the time.

        It then ends as one that refused to go on, or, by MustRestartError, as one that crashed: see NodeProcesses.
        """

    def value(self, name: str) -> Any:
        """Return the present value of a parameter."""
        return self.get_parameter(name).value

    def publish_output(self, name: str, value: Any) -> None:
        """Set one of the parameters by which the node tells others something."""
        self._publishing_output = True
        try:
            self.set_parameters([RosParameter(name, value=value)])
        finally:
            self._publishing_output = False

    def every(self, period_s: float, callback: Callable[[], Any]) -> Timer:
        """Call `callback` in real time, also while simulated time stands still; `destroy_timer` ends it."""
        return self.create_timer(period_s, callback, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def bring_up(self) -> None:
        """Configure and activate. Raises HarError with the reason where either fails."""
        self._brings_up = True
        for trigger in (self.trigger_configure, self.trigger_activate):
            if trigger() != TransitionCallbackReturn.SUCCESS:
                raise HarError(self.problem)
        self._brings_up = False

    def wind_down(self) -> None:
        """Stop and release everything, whatever the state."""
        if self.state != "finalized":
            self.trigger_shutdown()

    def check_aloud(self) -> None:
        """Check, and let the diagnostics say what the process ends of. Raises HarError as `check`."""
        try:
            self.check()
        except HarError as error:
            self.problem = str(error)
            self.publish_diagnostics()
            raise

    def publish_diagnostics(self) -> None:
        """Publish one DiagnosticArray with this node's status."""
        health = self._health_in_state()
        status = DiagnosticStatus(
            level=health.level,
            name=self.get_fully_qualified_name().lstrip("/"),
            message=health.message,
            hardware_id=health.hardware_id,
        )
        values = {"state": self.state, **health.values}
        status.values = [KeyValue(key=key, value=_text(value)) for key, value in values.items()]
        array = DiagnosticArray(status=[status])
        array.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(array)

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Lifecycle: open."""
        return self._move("inactive", lambda: super(HarNode, self).on_configure(state), self.open)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Lifecycle: enable the publishers, then start."""
        return self._move("active", lambda: super(HarNode, self).on_activate(state), self.start)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Lifecycle: stop, then disable the publishers."""
        return self._move("inactive", self.stop, lambda: super(HarNode, self).on_deactivate(state))

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Lifecycle: close."""
        return self._move("unconfigured", self.close, lambda: super(HarNode, self).on_cleanup(state))

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Lifecycle: stop and close from any state."""
        return self._move("finalized", self.stop, self.close)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Lifecycle: after an unexpected error release everything; the node can be configured again."""
        reason = self.problem
        result = self._move("unconfigured", self.stop, self.close)
        self.problem = reason
        return result

    def _move(self, target: str, *steps: Callable[[], Any]) -> TransitionCallbackReturn:
        try:
            for step in steps:
                step()
        except HarError as error:
            return self._fail(str(error), TransitionCallbackReturn.FAILURE)
        except Exception as error:  # noqa: BLE001  rclpy would swallow it without a word
            return self._fail(describe(error), TransitionCallbackReturn.ERROR)
        self.state, self.problem = target, ""
        self.publish_diagnostics()
        return TransitionCallbackReturn.SUCCESS

    def _fail(self, reason: str, result: TransitionCallbackReturn) -> TransitionCallbackReturn:
        self.problem = reason
        if not self._brings_up:  # there the caller says it
            self.get_logger().error(reason)
        self._release_half_opened()
        self.publish_diagnostics()
        return result

    def _release_half_opened(self) -> None:
        """Undo a failed step, so that the next try begins from a clean state."""
        undo = {"unconfigured": self.close, "inactive": self.stop}.get(self.state)
        if undo is not None:
            undo()

    def _health_in_state(self) -> Health:
        if self.problem:
            return Health(DiagnosticStatus.ERROR, self.problem)
        if self.state != "active":
            return Health(DiagnosticStatus.WARN, self.state)
        return self.health()

    def _answer_impossible_transitions(self) -> None:
        """Say no to a transition that the state lacks: rclpy would leave a manager waiting for an answer."""
        service = self._service_change_state
        change_state = service.callback

        def answer(request: ChangeState.Request, response: ChangeState.Response) -> ChangeState.Response:
            try:
                return change_state(request, response)
            except RclError as error:
                self.get_logger().warning(first_line(error))
                response.success = False
                return response

        service.callback = answer

    def _declare_all(self) -> None:
        given: dict[str, Any] = dict(self.get_parameters_by_prefix(""))
        overrides = {name: given[name].value for name in given if not name.startswith(ROS_OWN)}
        values = resolve(self.NAME, tuple(self._table.values()), load_defaults(self.NAME), overrides)
        for name in overrides:  # declared by rclpy without description and range
            self.undeclare_parameter(name)
        for name, value in values.items():
            self.declare_parameter(name, value, describe_to_ros(self._table[name]), ignore_override=True)

    def _judge_changes(self, changes: list[RosParameter]) -> SetParametersResult:
        for change in changes:
            parameter = self._table.get(change.name)
            if parameter is None or (parameter.output and self._publishing_output):
                continue
            try:
                self._judge_change(parameter, change.value)
            except HarError as error:
                return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _judge_change(self, parameter: Parameter, value: Any) -> None:
        if parameter.output:
            raise HarError(f"parameter '{parameter.name}' is set by the node alone")
        if not parameter.live and self.state != "unconfigured":
            raise HarError(f"parameter '{parameter.name}' can change only while the node is unconfigured")
        parameter.accept(value)


def describe(error: Exception) -> str:
    """Return a sentence for an error that nobody foresaw, with the place it came from."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}:{place.lineno}"
    return f"unexpected {type(error).__name__} at {where}: {first_line(error)}; please report it"


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)

