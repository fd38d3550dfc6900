"""What must hold before an SSM can be expanded, and the error when a resonance forbids it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmsym.dynamics.fixed_points import FixedPoint, time_constant
from ssmsym.dynamics.newton import defect
from ssmsym.errors import InputError, ResonanceError
from ssmsym.fields.field import VectorField
from ssmsym.manifolds.cohomological import Obstruction
from ssmsym.manifolds.resonances import Resonance
from ssmsym.manifolds.subspace import MasterSubspace

Array = NDArray[np.float64]

_ROUNDING = 1e-12
_NEAR = 1e-6  # length of a Newton step, relative to the state, that still counts as being there


def expansion_point(field: VectorField, point: FixedPoint | ArrayLike) -> tuple[Array, Array]:
    """The fixed point's state and the Jacobian there.

    Raises
    ------
    InputError
        If the state is no fixed point of the field: a Newton step would move it.
    """
    state = field.check_state(point.state if isinstance(point, FixedPoint) else point, batch=False)
    jacobian = field.jacobian(state)
    residual = defect(field, state)
    size, length = float(np.linalg.norm(residual)), float(np.linalg.norm(state))
    if size <= _ROUNDING * float(np.linalg.norm(jacobian)) * max(length, 0.1):
        return state, jacobian
    derivative = jacobian - np.eye(len(state)) if field.is_map else jacobian
    step = np.inf
    if np.isfinite(jacobian).all() and np.isfinite(size):
        step = float(np.linalg.norm(np.linalg.lstsq(derivative, residual, rcond=None)[0]))
    if not step <= _NEAR * length:
        raise InputError(
            f"The given state is no fixed point: |f| = {size:.1e} there. Take one from find_fixed_points, or "
            "refine_fixed_point at this state."
        )
    return state, jacobian


def described_point(
    field: VectorField, point: FixedPoint | ArrayLike, state: Array, subspace: MasterSubspace
) -> FixedPoint:
    """The given point, a bare state with the eigenvalues that are computed."""
    if isinstance(point, FixedPoint):
        return point
    residual = float(np.linalg.norm(defect(field, state)))
    return FixedPoint(state, residual, subspace.spectrum, 1, field.time, time_constant(field))


def resonance_error(subspace: MasterSubspace, obstruction: Obstruction, degree: int) -> ResonanceError:
    """The error for an outer resonance that obstructs the expansion."""
    d = len(subspace.modes)
    value = obstruction.combination
    outer = np.array(subspace.outer)
    mode = int(outer[np.argmin(np.abs(subspace.spectrum[outer] - value))])
    combination = obstruction.monomial[:d]
    found = Resonance(combination, sum(combination), mode, value, complex(subspace.spectrum[mode]))
    left_side = " + ".join(f"{m} λ{subspace.modes[i]}" for i, m in enumerate(combination) if m) or "0"
    if degree == 1:
        return ResonanceError(
            f"The parameters cannot be coordinates here: λ{mode} = {found.eigenvalue:.3g} outside the master subspace "
            f"is 0, so the fixed point has no unique continuation. Add mode {mode} to the master "
            "subspace, or drop the parameters.",
            degree=1,
            mode=mode,
            combination=combination,
            distance=found.distance,
        )
    return ResonanceError(
        f"Outer resonance at degree {degree}: {left_side} = {value:.6g} is {found.distance:.1e} from λ{mode} = "
        f"{found.eigenvalue:.6g}, and its right-hand side does not vanish. Add mode {mode} to the master subspace "
        f"or keep 'order' below {degree}.",
        degree=degree,
        mode=mode,
        combination=combination,
        distance=found.distance,
    )
