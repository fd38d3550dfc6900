"""Whether a state is a fixed point of a field at its parameter values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssmsym.dynamics.newton import defect
from ssmsym.errors import InputError
from ssmsym.fields.field import VectorField

Array = NDArray[np.float64]

_RESIDUAL = 1e-6  # |f| of a fixed point, against the size of its Jacobian times the state's


def check_steady(field: VectorField, state: Array, what: str) -> None:
    """Refuse a state that is no fixed point; at a bifurcation a Newton step cannot tell, so the residual decides."""
    if not np.isfinite(state).all():
        raise InputError(f"{what} has a state that is not finite.")
    residual = float(np.linalg.norm(defect(field, state)))
    size = float(np.linalg.norm(field.jacobian(state))) * max(float(np.linalg.norm(state)), 0.1)
    if not residual <= _RESIDUAL * max(size, 0.1):
        raise InputError(
            f"{what} is no fixed point of this field: |f| = {residual:.1e} there. Take it from a field at the same "
            "settings of all other parameters."
        )
