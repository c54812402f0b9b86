"""A body that follows a reference: servos in the hinges, and an outside hand at the pelvis that keeps it upright.

The forces that the reference itself takes are fed forward (inverse dynamics without a floor); springs and
servos mend what is left. The hand carries the weight: no floor pushes on the feet, and no joint meets its limit;
both are there in falls alone (Body.let_go). What a step or a seat does to the body is part of the reference.
"""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from har_ros.simulation.joining import Reference
from har_ros.simulation.physics import RATE_HZ, Body, Pose

_HAND_RADPS = 2 * np.pi * 3.5  # natural frequency of the body on the hand's spring
_HAND_DAMPING = 0.9
_ROOT = slice(0, 6)  # the pelvis' degrees of freedom: world x, y, z, then rotation in its own axes


class Tracker:
    """Steps one body along one reference from the state in which the body is."""

    def __init__(self, body: Body, reference: Reference) -> None:
        self._body, self._reference = body, reference
        self._qvel = self._velocities()
        self._qacc = np.gradient(self._qvel, axis=0) * RATE_HZ
        self._ideal = mujoco.MjData(body.model)
        mujoco.mj_forward(body.model, self._ideal)
        inertia = np.zeros((body.model.nv, body.model.nv))
        mujoco.mj_fullM(body.model, self._ideal, inertia)
        self._inertia = np.diag(inertia)[_ROOT].copy()  # of the rest pose: the same spring whatever is tracked
        friction = body.model.dof_damping[6:] - body.model.actuator_biasprm[:, 2]
        self._lead_s = friction / body.model.actuator_gainprm[:, 0]  # a moving hinge trails its servo's target

    def place(self, index: int) -> None:
        """Put the body where the reference is at a sample, at its speed."""
        mujoco.mj_resetData(self._body.model, self._body.data)
        reference = self._reference
        self._body.place(reference.root_m[index], reference.root_quat[index], reference.hinges[index])
        self._body.data.qvel[:] = self._qvel[index]
        mujoco.mj_forward(self._body.model, self._body.data)

    def step(self, index: int) -> Pose:
        """Simulate sample `index` of the reference."""
        self.hold(index, 1.0)
        self._body.data.ctrl[:] = self._reference.hinges[index] + self._lead_s * self._qvel[index, 6:]
        return self._body.advance()

    def hold(self, index: int, share: float) -> None:
        """Set the forces that hold the body up at sample `index`, scaled by `share` from 0 (let go) to 1."""
        data = self._body.data
        damping = 2 * _HAND_DAMPING * _HAND_RADPS * self._inertia
        self._body.model.dof_damping[_ROOT] = share * damping  # as an applied force it would be unstable
        error = np.empty(6)
        error[:3] = self._reference.root_m[index] - data.qpos[:3]
        mujoco.mju_subQuat(error[3:], self._reference.root_quat[index], data.qpos[3:7])
        force = self._inverse_dynamics(index)
        force[_ROOT] += self._inertia * _HAND_RADPS**2 * error + damping * self._qvel[index, _ROOT]
        data.qfrc_applied[:] = share * force

    def _inverse_dynamics(self, index: int) -> NDArray[np.float64]:
        model, ideal = self._body.model, self._ideal
        ideal.qpos[:3], ideal.qpos[3:7] = self._reference.root_m[index], self._reference.root_quat[index]
        ideal.qpos[7:] = self._reference.hinges[index]
        ideal.qvel[:], ideal.qacc[:] = self._qvel[index], self._qacc[index]
        mujoco.mj_kinematics(model, ideal)
        mujoco.mj_comPos(model, ideal)
        mujoco.mj_comVel(model, ideal)
        force: NDArray[np.float64] = np.empty(model.nv)
        mujoco.mj_rne(model, ideal, 1, force)
        force += model.dof_armature * self._qacc[index]
        return force

    def _velocities(self) -> NDArray[np.float64]:
        reference = self._reference
        velocities = np.zeros((len(reference.hinges), self._body.model.nv))
        velocities[:, :3] = np.gradient(reference.root_m, axis=0) * RATE_HZ
        velocities[:, 6:] = np.gradient(reference.hinges, axis=0) * RATE_HZ
        turn = np.zeros(3)
        for index in range(1, len(velocities)):
            mujoco.mju_subQuat(turn, reference.root_quat[index], reference.root_quat[index - 1])
            velocities[index, 3:6] = turn * RATE_HZ
        velocities[0, 3:6] = velocities[1, 3:6]
        return velocities
