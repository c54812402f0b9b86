"""Start the nodes: ros2 launch har_ros har.launch.py. Arguments and nodes come from har_ros.graph."""

import time

from launch.actions import DeclareLaunchArgument, ExecuteProcess, OpaqueFunction, Shutdown
from launch.event import Event
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode
from launch_ros.parameter_descriptions import ParameterValue

from har_ros.graph import ARGUMENTS, COMPOSED, FAKE_IMU, NodePlan, Plan, commands, make_plans
from har_ros.processes import RESTART_DELAY_S, node_environment
from har_ros.shared_memory import remove_abandoned
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity

_BEGUN_S = time.time()


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments, then start what they ask for."""
    declarations = [
        DeclareLaunchArgument(
            argument.name,
            default_value=argument.default,
            description=argument.help,
            choices=argument.choices or None,
        )
        for argument in ARGUMENTS
    ]
    return LaunchDescription([*declarations, OpaqueFunction(function=_processes)])


def _processes(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    texts = {argument.name: LaunchConfiguration(argument.name).perform(context) for argument in ARGUMENTS}
    plans = make_plans(texts)
    nodes = [_node(plan, node) for plan in plans for node in plan.nodes if not node.composed]
    others = [
        ExecuteProcess(cmd=command, name=name.replace("/", "_"), **_PROCESS)
        for name, command in commands(*plans).items()
        if name == COMPOSED or name.endswith(FAKE_IMU)
    ]
    return [*nodes, *others]


def _node(plan: Plan, node: NodePlan) -> LifecycleNode:
    values = {name: ParameterValue(value, value_type=type(value)) for name, value in node.parameters.items()}
    return LifecycleNode(
        package="har_ros",
        executable=node.name,
        name=node.name,
        namespace=plan.namespace,
        parameters=[*([plan.params_file] if plan.params_file else []), values],
        **_PROCESS,
    )


def _end_all(event: Event, context: LaunchContext) -> Shutdown | None:
    """End the whole where a process ended by itself; one that a signal killed is started again."""
    remove_abandoned(_BEGUN_S)
    if event.returncode < 0 or context.is_shutdown:
        return None
    return Shutdown(reason=f"{event.process_name} ended")


_PROCESS = {
    "output": "screen",
    "additional_env": node_environment(),
    "respawn": True,
    "respawn_delay": RESTART_DELAY_S,
    "on_exit": _end_all,
}
