"""Eigenvalues of Jacobians, in the order that every result of ssmsym uses."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import InputError
from ssmsym.fields.field import VectorField

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

_AGREEMENT = 1e-8


def leading_order(eigenvalues: NDArray[Any], *, discrete: bool = False) -> NDArray[np.int64]:
    """Positions that sort eigenvalues leading first.

    Flows: descending real part; maps: descending modulus. A pair stays together, positive imaginary part first.
    """
    rate = np.abs(eigenvalues) if discrete else eigenvalues.real
    return np.lexsort((-eigenvalues.imag, -np.abs(eigenvalues.imag), -rate))


def sorted_eigenvalues(matrix: Array, *, discrete: bool = False) -> Complex:
    """All eigenvalues of a matrix, leading first."""
    eigenvalues = np.linalg.eigvals(matrix).astype(complex)
    return eigenvalues[leading_order(eigenvalues, discrete=discrete)]


def unstable_count(eigenvalues: Complex, *, discrete: bool = False) -> int:
    """Number of growing directions: real part above 0, for maps modulus above 1."""
    growing = np.abs(eigenvalues) > 1 if discrete else eigenvalues.real > 0
    return int(growing.sum())


def leading_eigenvalues(field: VectorField, state: Array, count: int) -> Complex:
    """The first `count` eigenvalues of Df, by Arnoldi iteration with a check.

    Arnoldi iteration can silently return the wrong ones, so it is run from two starts, for some more
    eigenvalues than asked; where the two disagree, or the matrix is small, all eigenvalues are computed.

    Parameters
    ----------
    field : VectorField
    state : (N,) array
    count : int
        At least 1 and at most N. A pair that would be cut is completed.

    Returns
    -------
    (count,) or (count + 1,) complex array
    """
    n = field.n_states
    if not 1 <= count <= n:
        raise InputError(f"'spectrum' must lie between 1 and the {n} states; found {count}.")
    found = None
    if count + 12 < n // 4:
        found = _arnoldi(field, state, count)
    if found is None:
        found = sorted_eigenvalues(field.jacobian(state), discrete=field.is_map)
    cut = count + (found[count - 1].imag > 0)
    return found[:cut]


def _arnoldi(field: VectorField, state: Array, count: int) -> Complex | None:
    from scipy.sparse.linalg import ArpackError, eigs

    operator = field.jacobian_operator(state)
    rng = np.random.default_rng(0)
    runs = []
    for _ in range(2):
        try:
            values = eigs(
                operator,
                k=count + 4,
                which="LM" if field.is_map else "LR",
                v0=rng.standard_normal(field.n_states),
                return_eigenvectors=False,
            )
        except ArpackError:
            return None
        runs.append(values[leading_order(values, discrete=field.is_map)][: count + 1])
    scale = np.abs(runs[0]).max()
    return runs[0] if np.abs(runs[0] - runs[1]).max() < _AGREEMENT * scale else None
