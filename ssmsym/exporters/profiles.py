"""Largest and smallest values along a periodic orbit that is given at mesh points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_BETWEEN = 20  # points in each mesh interval at which the interpolating polynomials are looked at


def extremes(times: Array, states: Array, degree: int) -> tuple[Array, Array, float]:
    """Maxima and minima of each coordinate, and the largest norm of the state.

    A collocation program's solution is a polynomial of one degree on each mesh interval; between mesh points it is
    interpolated, and the vertex of the parabola through the three highest points is taken.

    Parameters
    ----------
    times : (K,) array
        Ascending; every `degree`-th is the end of a mesh interval.
    states : (K, n) array
    degree : int

    Returns
    -------
    (n,) array, (n,) array, float
    """
    dense_times, dense = _dense(times, states, degree)
    largest = np.array([_top(dense_times, column) for column in dense.T])
    smallest = np.array([-_top(dense_times, -column) for column in dense.T])
    return largest, smallest, float(np.linalg.norm(dense, axis=1).max())


def _dense(times: Array, states: Array, degree: int) -> tuple[Array, Array]:
    if degree < 2 or (len(times) - 1) % degree or len(times) <= degree:
        return times, states
    at = np.linspace(0.0, 1.0, _BETWEEN, endpoint=False)
    pieces_t, pieces_x = [], []
    for first in range(0, len(times) - 1, degree):
        t, x = times[first : first + degree + 1], states[first : first + degree + 1]
        if not t[-1] > t[0]:
            continue
        nodes = (t - t[0]) / (t[-1] - t[0])
        coefficients = np.linalg.solve(np.vander(nodes), x)
        pieces_t.append(t[0] + at * (t[-1] - t[0]))
        pieces_x.append(np.vander(at, degree + 1) @ coefficients)
    # once more the first piece after the last point: a maximum may lie where the orbit closes
    dense_times = np.concatenate([*pieces_t, pieces_t[0] + times[-1] - times[0]])
    return dense_times, np.concatenate([*pieces_x, pieces_x[0]])


def _top(times: Array, values: Array) -> float:
    """The highest vertex of a parabola through the highest value and its neighbours."""
    top = int(np.argmax(values[1:-1])) + 1 if len(values) > 2 else 0
    if not top or max(values[0], values[-1]) > values[top]:
        return float(values.max())
    t, v = times[top - 1 : top + 2] - times[top], values[top - 1 : top + 2]
    after, before = (v[2] - v[1]) / t[2], (v[0] - v[1]) / t[0]
    curvature = (after - before) / (t[2] - t[0])
    if not curvature < 0:
        return float(v[1])
    slope = after - curvature * t[2]
    return float(v[1] - slope**2 / (4 * curvature))
