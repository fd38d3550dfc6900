"""How strongly each input drives each mode of a fixed point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike, NDArray

from ssmsym.bifurcation_curves.steady import check_steady
from ssmsym.dynamics.fixed_points import FixedPoint
from ssmsym.dynamics.spectrum import leading_order
from ssmsym.errors import InputError, SubspaceError
from ssmsym.fields.family import ParameterFamily
from ssmsym.fields.field import VectorField

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

_PARALLEL = (
    1e-7  # |p^H q| of unit left and right eigenvectors below which an eigenvalue is defective to rounding
)


@dataclass(frozen=True, eq=False)
class InputGains:
    """Gains from parameters to modes at a fixed point.

    Attributes
    ----------
    parameters : tuple of str
    eigenvalues : (k,) complex array
        Leading first, in 1/time; of a map the multipliers.
    gains : (k, n) complex array
        p_i^H df/du_j with unit right vectors q_i and p_i^H q_i = 1: the rate at which input j pushes along q_i.
    shifts : (k, n) complex array
        Displacement of the fixed point along q_i by a unit of input j: -gains / eigenvalue, of a map
        gains / (1 - multiplier).
    """

    parameters: tuple[str, ...]
    eigenvalues: Complex
    gains: Complex
    shifts: Complex


def input_gains(
    field: VectorField,
    point: FixedPoint | ArrayLike,
    *,
    modes: int = 5,
    parameters: Sequence[str] | None = None,
) -> InputGains:
    """Gains from inputs to the leading modes of a fixed point.

    Parameters
    ----------
    field : VectorField
    point : FixedPoint or (N,) array
    modes : int
        Number of leading modes.
    parameters : sequence of str, optional
        All parameters by default.

    Returns
    -------
    InputGains

    Raises
    ------
    InputError
        If `modes` is out of range, a parameter unknown or the point no fixed point.
    SubspaceError
        If one of the modes is defective: it has no gain of its own.

    Examples
    --------
    >>> import numpy as np, ssmsym
    >>> field = ssmsym.rate_network(np.diag([0.9, 0.2]), B=np.array([[2.0], [0.5]]))
    >>> found = input_gains(field, np.zeros(2), modes=2, parameters=["u[0]"])
    >>> np.abs(found.gains[:, 0]).round(6).tolist(), np.abs(found.shifts[:, 0]).round(6).tolist()
    ([2.0, 0.5], [20.0, 0.625])

    References
    ----------
    Trefethen and Embree, Spectra and Pseudospectra, 2005, section 52: p^H q as the conditioning of an eigenvalue.
    """
    if not isinstance(field, VectorField):
        raise InputError(f"Gains are those of a field; found {type(field).__name__}. Give the model's field.")
    if isinstance(parameters, str):
        raise InputError(f"'parameters' is a sequence of names; write ['{parameters}'].")
    state = field.check_state(point.state if isinstance(point, FixedPoint) else point, batch=False)
    check_steady(field, state, "The given point")
    if isinstance(modes, bool) or not isinstance(modes, (int, np.integer)) or not 1 <= modes <= len(state):
        raise InputError(f"'modes' must be an integer from 1 to {len(state)}; found {modes!r}.")
    names = tuple(field.parameters) if parameters is None else tuple(parameters)
    slopes = [ParameterFamily(field, name).defect(state, field.parameters[name])[2] for name in names]
    driven = np.stack(slopes, axis=1) if slopes else np.zeros((len(state), 0))
    values, left, right = scipy.linalg.eig(field.jacobian(state), left=True, right=True)
    order = leading_order(values, discrete=field.is_map)[:modes]
    values, left, right = values[order], left[:, order], right[:, order]
    overlaps = np.einsum("ij,ij->j", left.conj(), right)
    if (np.abs(overlaps) < _PARALLEL).any():
        which = int(np.argmin(np.abs(overlaps)))
        raise SubspaceError(
            f"Mode {which} (eigenvalue {values[which]:.4g}) is defective: its left and right eigenvectors are "
            "orthogonal, so inputs have no gain to it alone. Ask for fewer modes."
        )
    gains = (left.conj().T @ driven) / overlaps[:, None]
    distances = (1.0 - values) if field.is_map else -values
    with np.errstate(divide="ignore", invalid="ignore"):
        shifts = np.where(gains == 0, 0.0, gains / distances[:, None])
    return InputGains(names, values, gains, shifts)
