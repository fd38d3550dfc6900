"""Bifurcations of large fields from a nearby guess, by Newton iteration on their defining systems.

Folds and Hopf points of flows; folds, flips and Neimark-Sacker points of maps.
"""

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
    vector : (N,) array, complex at a Hopf or Neimark-Sacker point
        Unit eigenvector of the critical eigenvalue.
    frequency : float
        omega of the eigenvalue i omega in 1/time, of a map theta of the multiplier exp(i theta), in radians an
        iterate; 0 at a fold, pi at a flip.
    residual : float
        Norm of f, or of f(x) - x for a map.
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

    For a map f and A are those of f(x) - x.

    Parameters
    ----------
    state, vector : (N,) arrays
    value : float

    Raises
    ------
    NotConvergedError
        If the iteration does not settle.
    """
    return _locate_real(family, state, value, vector, 0.0, "fold")


def locate_flip(family: ParameterFamily, state: Array, value: float, vector: Array) -> LocatedPoint:
    """The flip of a map near a guess: f(x) = x, Df v = -v, |v| = 1 (Kuznetsov, section 10.2.2).

    Parameters
    ----------
    state, vector : (N,) arrays
    value : float

    Raises
    ------
    NotConvergedError
        If the iteration does not settle.
    """
    return _locate_real(family, state, value, vector, -2.0, "flip")


def _locate_real(
    family: ParameterFamily, state: Array, value: float, vector: Array, eigenvalue: float, what: str
) -> LocatedPoint:
    """Where the defect's Jacobian has a given real eigenvalue: f = 0, A v = eigenvalue v, |v| = 1."""
    n = len(state)
    v = vector / np.linalg.norm(vector)

    def system(y: Array) -> tuple[Array, Array]:
        x, theta, w = y[:n], float(y[n]), y[n + 1 :]
        f, A, slope = family.defect(x, theta)
        Aw_x, Aw_theta = _derivatives_along(family, x, theta, w)
        shifted = A - eigenvalue * np.eye(n)
        matrix = np.zeros((2 * n + 1, 2 * n + 1))
        matrix[:n, :n], matrix[:n, n] = A, slope
        matrix[n : 2 * n, :n], matrix[n : 2 * n, n], matrix[n : 2 * n, n + 1 :] = Aw_x, Aw_theta, shifted
        matrix[-1, n + 1 :] = 2 * w
        return np.concatenate([f, shifted @ w, [w @ w - 1.0]]), matrix

    y, last = _iterate(system, np.concatenate([state, [value], v]), what)
    f, _, _ = family.defect(y[:n], float(y[n]))
    frequency = np.pi if eigenvalue else 0.0
    return LocatedPoint(y[:n], float(y[n]), y[n + 1 :], frequency, float(np.linalg.norm(f)), last)


def locate_hopf(
    family: ParameterFamily, state: Array, value: float, vector: NDArray[np.complexfloating], frequency: float
) -> LocatedPoint:
    """The Hopf point (of a map: Neimark-Sacker point) near a guess, with q normalised by the guess.

    f = 0, A q = i omega q; for a map f(x) = x, Df q = exp(i theta) q (Kuznetsov, sections 10.2.1 and 10.2.2).

    Parameters
    ----------
    state, vector : (N,) arrays
    value : float
    frequency : float
        omega, or theta for a map.

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
        critical, turn = _critical_pair(omega, family.field.is_map)
        shifted, imaginary = A - critical.real * np.eye(n), critical.imag * np.eye(n)
        residual = np.concatenate([f, shifted @ re + critical.imag * im, shifted @ im - critical.imag * re])
        q = guide.conj() @ (re + 1j * im)
        turned = turn * (re + 1j * im)
        matrix = np.zeros((3 * n + 2, 3 * n + 2))
        matrix[:n, :n], matrix[:n, n] = A, slope
        rows = slice(n, 2 * n)
        matrix[rows, :n], matrix[rows, n], matrix[rows, n + 1] = re_x, re_theta, -turned.real
        matrix[rows, n + 2 : 2 * n + 2], matrix[rows, 2 * n + 2 :] = shifted, imaginary
        rows = slice(2 * n, 3 * n)
        matrix[rows, :n], matrix[rows, n], matrix[rows, n + 1] = im_x, im_theta, -turned.imag
        matrix[rows, n + 2 : 2 * n + 2], matrix[rows, 2 * n + 2 :] = -imaginary, shifted
        matrix[-2, n + 2 :] = np.concatenate([guide.real, guide.imag])
        matrix[-1, n + 2 :] = np.concatenate([-guide.imag, guide.real])
        return np.concatenate([residual, [q.real - 1.0, q.imag]]), matrix

    start = np.concatenate([state, [value, frequency], guide.real, guide.imag])
    y, last = _iterate(system, start, "Neimark-Sacker point" if family.field.is_map else "Hopf point")
    f, _, _ = family.defect(y[:n], float(y[n]))
    q = y[n + 2 : 2 * n + 2] + 1j * y[2 * n + 2 :]
    return LocatedPoint(
        y[:n], float(y[n]), q / np.linalg.norm(q), float(y[n + 1]), float(np.linalg.norm(f)), last
    )


def _critical_pair(omega: float, discrete: bool) -> tuple[complex, complex]:
    """The critical eigenvalue of the defect's Jacobian and its derivative along omega."""
    turn = np.exp(1j * omega)
    return (complex(turn - 1.0), complex(1j * turn)) if discrete else (1j * omega, 1j)


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
