"""Slow points: minima of the speed that are no fixed points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.dynamics.distinct import RELATIVE_TOLERANCE
from ssmsym.dynamics.fixed_points import generator
from ssmsym.dynamics.newton import defect, defect_jacobian
from ssmsym.dynamics.spectrum import sorted_eigenvalues
from ssmsym.dynamics.starts import in_units, relaxing_states, search_scale, typical_rate
from ssmsym.fields.field import VectorField
from ssmsym.threads import single_blas_thread

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SlowPoint:
    """A local minimum of |f|^2 / 2 with nonzero speed: not a fixed point.

    Attributes
    ----------
    state : (N,) array
    speed : float
        Norm of f, in 1/time.
    eigenvalues : (N,) complex array
        Of Df, leading first.
    hits : int
    """

    state: Array
    speed: float
    eigenvalues: NDArray[np.complex128]
    hits: int = 1


@single_blas_thread()
def find_slow_points(
    field: VectorField,
    *,
    starts: int = 64,
    seed: int | None = 0,
    max_speed: float | None = None,
    scale: float | None = None,
) -> list[SlowPoint]:
    """Minima of |f|^2 / 2 (flows) or |f(x) - x|^2 / 2 (maps) that are no fixed points, slowest first.

    Parameters
    ----------
    field : VectorField
    starts : int
        Number of runs of a trust-region least-squares search, each from a state on a relaxing run.
    seed : int, optional
        Of the runs and the choice among their states.
    max_speed : float, optional
        Drop points faster than this; by default a tenth of the median speed of the starting states.
    scale : float, optional
        Order of magnitude of the states, as in :func:`find_fixed_points`.

    Returns
    -------
    list of SlowPoint

    References
    ----------
    Sussillo and Barak, Neural Computation 25, 2013, section 2.
    """
    from scipy.optimize import least_squares

    rng = generator(seed)
    unit = search_scale(field, scale)
    scaled = in_units(field, unit)
    visited = _usable(scaled, relaxing_states(scaled, rng))
    if not len(visited):
        return []
    chosen = visited[rng.integers(len(visited), size=starts)]
    rate = typical_rate(scaled, visited) or 1.0
    limit = max_speed
    if limit is None:
        limit = 0.1 * unit * float(np.median(np.linalg.norm(defect(scaled, chosen), axis=1)))
    found: list[SlowPoint] = []
    for start in chosen:
        try:
            with np.errstate(all="ignore"):
                run: Any = least_squares(
                    lambda x: defect(scaled, x) / rate,
                    start,
                    jac=lambda x: defect_jacobian(scaled, x) / rate,
                    xtol=1e-12,
                    gtol=1e-12,
                    ftol=1e-15,
                )
        except (ValueError, np.linalg.LinAlgError):  # it left the states where f is finite
            continue
        speed = float(np.linalg.norm(run.fun))
        if speed > 1e4 * RELATIVE_TOLERANCE and unit * rate * speed <= limit:
            found = _with_slow_point(field, found, unit * run.x, unit * rate * speed, unit)
    return sorted(found, key=lambda point: point.speed)


def _usable(field: VectorField, states: Array) -> Array:
    """Those at which f and its Jacobian are finite."""
    with np.errstate(all="ignore"):
        states = states[np.isfinite(defect(field, states)).all(axis=1)]
        finite = [bool(np.isfinite(defect_jacobian(field, state)).all()) for state in states]
    return states[np.array(finite, dtype=bool)]


def _with_slow_point(
    field: VectorField, found: list[SlowPoint], state: Array, speed: float, unit: float
) -> list[SlowPoint]:
    for i, other in enumerate(found):
        if np.linalg.norm(other.state - state) < 1e-3 * (unit + np.linalg.norm(state)):
            merged = SlowPoint(other.state, other.speed, other.eigenvalues, other.hits + 1)
            return [*found[:i], merged, *found[i + 1 :]]
    eigenvalues = sorted_eigenvalues(field.jacobian(state), discrete=field.is_map)
    return [*found, SlowPoint(state, speed, eigenvalues)]
