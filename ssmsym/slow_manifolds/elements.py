"""Elements of an invariant curve: polynomials over their own tangent that solve the invariance equation.

In the frame x = x0 + s e + Q y(s), 0 <= s <= h, with r = e . f the invariance equation is Q^T f = y' r. It is
collocated at Chebyshev-Lobatto points except the first, where the inflow value y(0) = 0 is given, and solved by
simplified Newton iteration, one Sylvester equation a step.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray
from scipy.linalg import lapack, schur

from ssmsym.fields.field import VectorField

Array = NDArray[np.float64]

_TOLERANCE = 1e-11  # of the largest velocity of an element
_MOST_STEPS = 40
_RETAKEN_AT = (2, 5)  # iterations at which the Jacobian may be taken anew,
_SLOW = 0.1  # if the last step has not reduced the defect to this share


@dataclass(frozen=True, eq=False)
class Element:
    """A piece of a curve, x(t) = sum_k c_k T_k(t) for t from -1 to 1, along the flow.

    Attributes
    ----------
    coefficients : (n + 1, N) array
    """

    coefficients: Array

    def at(self, t: float | Array) -> Array:
        """States at t () or (m,): (N,) or (m, N)."""
        return np.asarray(chebyshev.chebval(t, self.coefficients), dtype=float).T

    def tangent(self, t: float | Array) -> Array:
        """dx/dt at t."""
        return np.asarray(chebyshev.chebval(t, chebyshev.chebder(self.coefficients)), dtype=float).T

    @property
    def tail(self) -> float:
        """Largest entry of the last two coefficients, by which the resolution is judged."""
        return float(np.abs(self.coefficients[-2:]).max())


@functools.lru_cache(maxsize=8)
def lobatto(n: int) -> tuple[Array, Array, Array]:
    """Points ascending, differentiation matrix, and the matrix from values to Chebyshev coefficients.

    Trefethen, Spectral Methods in MATLAB, chapter 6.
    """
    x = np.cos(np.pi * np.arange(n, -1, -1) / n)
    weights = np.ones(n + 1)
    weights[[0, -1]] = 2.0
    weights *= (-1.0) ** np.arange(n + 1)
    gaps = x[:, None] - x + np.eye(n + 1)
    D = np.outer(weights, 1 / weights) / gaps
    D -= np.diag(D.sum(axis=1))
    return x, D, np.asarray(np.linalg.inv(chebyshev.chebvander(x, n)), dtype=float)


def complement(e: Array) -> Array:
    """Orthonormal basis (N, N - 1) of the vectors orthogonal to a unit vector, by a Householder reflection."""
    v = np.array(e)
    v[0] += 1.0 if e[0] >= 0 else -1.0
    reflection = np.eye(len(e)) - (2.0 / (v @ v)) * np.outer(v, v)
    return reflection[:, 1:]


@dataclass(eq=False)
class FrozenJacobian:
    """The Schur form with which the last element was solved; the next is tried with it first.

    Attributes
    ----------
    form : tuple of two (N - 1, N - 1) arrays, or None
    """

    form: tuple[Array, Array] | None = None


def collocate(
    field: VectorField,
    x0: Array,
    e: Array,
    length: float,
    guess: Array,
    *,
    noise: float,
    end: Array | None,
    frozen: FrozenJacobian,
) -> Element | None:
    """The element of a given length from x0 in direction e; None if the iteration does not settle.

    Parameters
    ----------
    x0, e : (N,) arrays
        Start and unit tangent there.
    length : float
        In the direction of e.
    guess : (n + 1, N) array
        States near the curve at the Lobatto points.
    noise : float
        Size of rounding errors of f, in 1/time: the defect need not fall below it.
    end : (N,) array, optional
        A fixed point at which the element ends.
    frozen : FrozenJacobian
        Taken over from the element before, and renewed where that converges slowly.
    """
    n = len(guess) - 1
    t, D, to_coefficients = lobatto(n)
    D = D * (2.0 / length)
    Q = complement(e)
    s = (1.0 + t) * (length / 2.0)
    Y = (guess - x0) @ Q
    Y[0] = 0.0
    if end is not None:
        Y[-1] = (end - x0) @ Q
    rows = np.arange(1, n + 1 - (end is not None))
    best = previous = np.inf
    for iteration in range(_MOST_STEPS):
        states = x0 + np.outer(s, e) + Y @ Q.T
        F = field(states)
        r, slopes = F @ e, D @ Y
        G = F @ Q - slopes * r[:, None]
        defect = float(np.abs(G[rows]).max())
        if defect <= _TOLERANCE * float(np.abs(F).max()) + noise:
            return Element(to_coefficients @ states)
        if not defect < 100 * best or (iteration > 12 and defect > 0.5 * best and defect > 1e-6):
            return None
        best = min(best, defect)
        if frozen.form is None or (iteration in _RETAKEN_AT and defect > _SLOW * previous):
            AQ = field.jacobian(states[n // 2]) @ Q
            M = Q.T @ AQ - np.outer(slopes[n // 2], e @ AQ)
            if not np.isfinite(M).all():
                return None
            frozen.form = schur(M, check_finite=False)
        T, Z = frozen.form
        previous = defect
        S, X = schur((r[:, None] * D)[np.ix_(rows, rows)].T)
        solution, scale, _ = lapack.dtrsyl(T, S, -(Z.T @ G[rows].T @ X), isgn=-1)
        Y[rows] += (Z @ (solution / scale) @ X.T).T
    return None
