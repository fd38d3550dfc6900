"""The plane over which a slow surface is a graph, from a series, a fixed point, states, trajectories or directions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmsym.dynamics.fixed_points import FixedPoint
from ssmsym.errors import InputError, ResonanceError
from ssmsym.fields.field import VectorField
from ssmsym.manifolds.ssm import SSM, compute_ssm
from ssmsym.manifolds.subspace import master_subspace
from ssmsym.slow_manifolds.surface_start import Plane

Array = NDArray[np.float64]

_ORDER = 9
_FIXED = 1e-8  # speed of a fixed point, relative to |A| |x|
_FLAT = 1e-6  # second singular value of states that lie on a line, relative to the first


@dataclass(frozen=True, eq=False)
class Guide:
    """What leads to a surface.

    Attributes
    ----------
    plane : Plane
    start : (N,) array
        A state on or near the surface.
    states : (n, N) array
        All that were given.
    series : SSM or None
        The surface near a fixed point.
    """

    plane: Plane
    start: Array
    states: Array
    series: SSM | None


def guide_to_surface(field: VectorField, through: Any, directions: ArrayLike | None) -> Guide:
    """The plane and a start from what the user gave.

    Raises
    ------
    InputError
        If it does not span a plane or does not fit the field.
    SubspaceError
        If the two leading modes of a fixed point would cut a pair.
    """
    if isinstance(through, SSM):
        return _from_series(field, through, directions)
    if isinstance(through, FixedPoint):
        through = [through]
    if isinstance(through, Sequence) and len(through) and all(isinstance(p, FixedPoint) for p in through):
        through = np.array([p.state for p in through])
    states = _states(field, through)
    if directions is not None:
        E = _orthonormal(field, directions)
        origin = states.mean(axis=0)
        return Guide(Plane(origin, E, E), _nearest(states, origin), states, None)
    if len(states) == 1:
        return _from_fixed_point(field, states)
    origin = states.mean(axis=0)
    values, rows = np.linalg.svd(states - origin, full_matrices=False)[1:]
    if len(values) < 2 or values[1] <= _FLAT * values[0]:
        raise InputError(
            "The states lie on a line and do not span a plane; give more states, trajectories, or 'directions' of "
            f"shape ({field.n_states}, 2)."
        )
    E = rows[:2].T * np.sign(rows[np.arange(2), np.abs(rows[:2]).argmax(axis=1)])
    return Guide(Plane(origin, E, E), _nearest(states, origin), states, None)


def _from_series(field: VectorField, series: SSM, directions: ArrayLike | None) -> Guide:
    if series.dimension != 2 or series.parameters or series.style != "graph" or directions is not None:
        raise InputError(
            "A series that leads to a surface is an SSM of two modes in graph style without parameters, and brings its "
            f"own directions; found {series!r}."
        )
    if series.field.n_states != field.n_states:
        raise InputError(
            f"The series has {series.field.n_states} states, the field {field.n_states}; they must belong together."
        )
    state = series.fixed_point.state
    return Guide(Plane(state, series.right, series.left), state, state[None], series)


def _from_fixed_point(field: VectorField, states: Array) -> Guide:
    A = field.jacobian(states[0])
    size = float(np.linalg.norm(A, 2)) * (1.0 + float(np.linalg.norm(states[0])))
    if not np.linalg.norm(field(states[0])) <= _FIXED * size:
        raise InputError(
            "One state that is no fixed point does not tell in which directions the surface lies; give more states, "
            f"trajectories, or 'directions' of shape ({field.n_states}, 2)."
        )
    subspace = master_subspace(A, 2)
    plane = Plane(states[0], subspace.right, subspace.left)
    try:
        series: SSM | None = compute_ssm(field, states[0], modes=2, order=_ORDER)
    except (InputError, ResonanceError):  # no series to this order: the quasi-static surface starts as well
        series = None
    return Guide(plane, states[0], states, series)


def _states(field: VectorField, through: Any) -> Array:
    n = field.n_states
    try:
        if isinstance(through, Sequence) and len(through) and all(np.ndim(t) == 2 for t in through):
            array = np.concatenate([np.asarray(t, dtype=float) for t in through])
        else:
            array = np.asarray(through, dtype=float)
    except (TypeError, ValueError):
        raise InputError(
            f"'through' must be an SSM, fixed points, states or trajectories; found {type(through).__name__}."
        ) from None
    if not array.ndim or array.ndim > 3 or array.shape[-1] != n or not array.size:
        raise InputError(
            f"'through' has shape {array.shape}; expected states (n, {n}) or trajectories (n, M, {n})."
        )
    if not np.isfinite(array).all():
        raise InputError("'through' holds numbers that are not finite.")
    return array.reshape(-1, n)


def _orthonormal(field: VectorField, directions: ArrayLike) -> Array:
    try:
        given = np.asarray(directions, dtype=float)
    except (TypeError, ValueError):
        given = np.zeros(0)
    if given.shape != (field.n_states, 2) or not np.isfinite(given).all():
        raise InputError(f"'directions' must be two columns of numbers, shape ({field.n_states}, 2).")
    Q, R = np.linalg.qr(given)
    scales = np.abs(np.diag(R))
    if not scales.min() > _FLAT * scales.max():
        raise InputError("The two 'directions' are parallel or zero; they must span a plane.")
    return np.asarray(Q * np.sign(np.diag(R)))


def _nearest(states: Array, origin: Array) -> Array:
    return np.asarray(states[np.linalg.norm(states - origin, axis=1).argmin()])
