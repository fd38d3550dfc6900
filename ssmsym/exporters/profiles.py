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
    firsts = np.arange(0, len(times) - 1, degree)[:, None] + np.arange(degree + 1)
    firsts = firsts[times[firsts[:, -1]] > times[firsts[:, 0]]]
    t, x = times[firsts], states[firsts]
    begins, lengths = t[:, :1], t[:, -1:] - t[:, :1]
    powers = np.arange(degree, -1, -1)
    at = np.linspace(0.0, 1.0, _BETWEEN, endpoint=False)
    coefficients = np.linalg.solve(((t - begins) / lengths)[:, :, None] ** powers, x)
    dense = at[:, None] ** powers @ coefficients
    dense_times = begins + at * lengths
    # once more the first piece after the last point: a maximum may lie where the orbit closes
    again = dense_times[0] + times[-1] - times[0]
    return np.append(dense_times, again), np.concatenate([dense.reshape(-1, states.shape[1]), dense[0]])


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
