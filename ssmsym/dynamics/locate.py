"""Folds and Hopf points of large fields from a nearby guess, by Newton iteration on their defining systems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import NotConvergedError
from ssmsym.fields.family import ParameterFamily

Array = NDArray[np.float64]

_MAX_STEPS = 20
_TOLERANCE = 1e-10  # of a step, relative
_DIFFERENCE = 1e-5  # of states, for the derivative of the Jacobian along a direction


@dataclass(frozen=True, eq=False)
class LocatedPoint:
    """A bifurcation point of a field.

    Attributes
    ----------
    state : (N,) array
    value : float
        Of the parameter.
    vector : (N,) array, complex at a Hopf point
        Unit null vector, or eigenvector of i omega.
    frequency : float
        omega in 1/time; 0 at a fold.
    residual : float
        Norm of f.
    last_step : float
        Relative length of the last Newton step.
    """

    state: Array
    value: float
    vector: NDArray[np.complexfloating] | Array
    frequency: float
    residual: float
    last_step: float


def locate_fold(family: ParameterFamily, state: Array, value: float, vector: Array) -> LocatedPoint:
    """The fold near a guess: f = 0, A v = 0, |v| = 1 (Govaerts, 2000, section 4.1.2).

    Parameters
    ----------
    state, vector : (N,) arrays
    value : float

    Raises
    ------
    NotConvergedError
        If the iteration does not settle.
    """
    n = len(state)
    v = vector / np.linalg.norm(vector)

    def system(y: Array) -> tuple[Array, Array]:
        x, theta, w = y[:n], float(y[n]), y[n + 1 :]
        f, A, slope = family.defect(x, theta)
        Aw_x, Aw_theta = _derivatives_along(family, x, theta, w)
        matrix = np.zeros((2 * n + 1, 2 * n + 1))
        matrix[:n, :n], matrix[:n, n] = A, slope
        matrix[n : 2 * n, :n], matrix[n : 2 * n, n], matrix[n : 2 * n, n + 1 :] = Aw_x, Aw_theta, A
        matrix[-1, n + 1 :] = 2 * w
        return np.concatenate([f, A @ w, [w @ w - 1.0]]), matrix

    y, last = _iterate(system, np.concatenate([state, [value], v]), "fold")
    f, _, _ = family.defect(y[:n], float(y[n]))
    return LocatedPoint(y[:n], float(y[n]), y[n + 1 :], 0.0, float(np.linalg.norm(f)), last)


def locate_hopf(
    family: ParameterFamily, state: Array, value: float, vector: NDArray[np.complexfloating], frequency: float
) -> LocatedPoint:
    """The Hopf point near a guess: f = 0, A q = i omega q, with q normalised by the guess.

    Raises
    ------
    NotConvergedError
        If the iteration does not settle.
    """
    n = len(state)
    guide = vector / np.linalg.norm(vector)

    def system(y: Array) -> tuple[Array, Array]:
        x, theta, omega = y[:n], float(y[n]), float(y[n + 1])
        re, im = y[n + 2 : 2 * n + 2], y[2 * n + 2 :]
        f, A, slope = family.defect(x, theta)
        re_x, re_theta = _derivatives_along(family, x, theta, re)
        im_x, im_theta = _derivatives_along(family, x, theta, im)
        residual = np.concatenate([f, A @ re + omega * im, A @ im - omega * re])
        q = guide.conj() @ (re + 1j * im)
        matrix = np.zeros((3 * n + 2, 3 * n + 2))
        matrix[:n, :n], matrix[:n, n] = A, slope
        rows = slice(n, 2 * n)
        matrix[rows, :n], matrix[rows, n], matrix[rows, n + 1] = re_x, re_theta, im
        matrix[rows, n + 2 : 2 * n + 2], matrix[rows, 2 * n + 2 :] = A, omega * np.eye(n)
        rows = slice(2 * n, 3 * n)
        matrix[rows, :n], matrix[rows, n], matrix[rows, n + 1] = im_x, im_theta, -re
        matrix[rows, n + 2 : 2 * n + 2], matrix[rows, 2 * n + 2 :] = -omega * np.eye(n), A
        matrix[-2, n + 2 :] = np.concatenate([guide.real, guide.imag])
        matrix[-1, n + 2 :] = np.concatenate([-guide.imag, guide.real])
        return np.concatenate([residual, [q.real - 1.0, q.imag]]), matrix

    start = np.concatenate([state, [value, frequency], guide.real, guide.imag])
    y, last = _iterate(system, start, "Hopf point")
    f, _, _ = family.defect(y[:n], float(y[n]))
    q = y[n + 2 : 2 * n + 2] + 1j * y[2 * n + 2 :]
    return LocatedPoint(
        y[:n], float(y[n]), q / np.linalg.norm(q), float(y[n + 1]), float(np.linalg.norm(f)), last
    )


def _iterate(system: Callable[[Array], tuple[Array, Array]], y: Array, what: str) -> tuple[Array, float]:
    size = np.inf
    for _ in range(_MAX_STEPS):
        residual, matrix = system(y)
        try:
            step = np.linalg.solve(matrix, residual)
        except np.linalg.LinAlgError:
            break
        y = y - step
        size = float(np.linalg.norm(step) / (1.0 + np.linalg.norm(y)))
        if size < _TOLERANCE:
            return y, size
        if not np.isfinite(size):
            break
    raise NotConvergedError(
        f"Newton iteration for a {what} did not settle (last relative step {size:.1e}); start nearer to it."
    )


def _derivatives_along(
    family: ParameterFamily, x: Array, theta: float, v: Array
) -> tuple[Array, float | Array]:
    """Derivatives of A(x, theta) v along x, (N, N), and along theta, (N,), by central differences of A.

    They only steer the iteration; its end is decided by the exact equations.
    """
    length = float(np.linalg.norm(v))
    if length == 0.0:
        return np.zeros((len(x), len(x))), np.zeros(len(x))
    h = _DIFFERENCE * (1.0 + float(np.linalg.norm(x))) / length
    _, ahead, slope_ahead = family.defect(x + h * v, theta)
    _, behind, slope_behind = family.defect(x - h * v, theta)
    return (ahead - behind) / (2 * h), (slope_ahead - slope_behind) / (2 * h)
