"""The complement of the master subspace, in Schur form: coordinates and shifted solves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
AnyArray = NDArray[Any]
Complex = NDArray[np.complex128]
Index = NDArray[np.int64]

_BLOCK = 48  # rows per block of the back substitution


@dataclass(frozen=True, eq=False)
class Coupling:
    """How solutions enter the right-hand sides of others.

    Attributes
    ----------
    matrix : (n, M)
        Row s gains ``matrix[s] @ full``, full the (M, .) array of all solutions.
    places : (n,) int
        Row of `full` in which each solution stands.
    mirrors : (n,) int
        Row of `full` in which its conjugate stands, or -1.
    levels : (n,) int
        Solutions enter those of higher levels only.
    """

    matrix: AnyArray
    places: Index
    mirrors: Index
    levels: Index

    def spread(self, own: Array, gains: Array) -> Array:
        """Sizes of right-hand sides with what couples to them, if a solution has `gains` times their size, (n,)."""
        strengths = np.abs(self.matrix)
        total, full = own, np.zeros(strengths.shape[1])
        every = np.arange(len(own))
        for _ in range(int(np.ptp(self.levels))):
            self.put(full, gains * total, every)
            total = own + strengths @ full
        return total

    def put(self, full: AnyArray, solved: AnyArray, members: Index) -> None:
        """Enter the solutions of some rows into `full`."""
        full[self.places[members]] = solved
        mirrors = self.mirrors[members]
        full[mirrors[mirrors >= 0]] = solved[mirrors >= 0].conj()


class Complement(Protocol):
    """What the equations off the master subspace need of the Jacobian B restricted to its complement.

    Attributes
    ----------
    basis : (N, N - d)
        Orthonormal Z2; A^T Z2 spans Z2.
    """

    @property
    def basis(self) -> Array: ...

    def solve(
        self, rows: AnyArray, shifts: AnyArray, near: Array, small: Array, coupling: Coupling | None = None
    ) -> tuple[AnyArray, tuple[int, int] | None]:
        """``(B - shift) y = row``, both in the coordinates of the basis, for each row with what couples to it.

        Parameters
        ----------
        rows : (n, N - d)
        shifts : (n,)
        near : (n,)
            Distance of a shift from an eigenvalue up to which the two count as equal.
        small : (n,)
            Size up to which a right-hand side counts as zero there: the solution is then taken to be 0.
        coupling : Coupling, optional

        Returns
        -------
        y : (n, N - d)
        event : (int, int) or None
            Row, and position in the Schur form, of the first right-hand side that is not zero there.
        """
        ...

    def distances(self, shifts: AnyArray, near: Array) -> Array:
        """Distance of each shift from the nearest eigenvalue that it does not meet, (n,)."""
        ...


@dataclass(frozen=True, eq=False)
class SchurComplement:
    """The complement by the quasi-triangular Schur form T22 of B, with all its eigenvalues."""

    form: Array
    basis: Array
    eigenvalues: Complex

    def solve(
        self, rows: AnyArray, shifts: AnyArray, near: Array, small: Array, coupling: Coupling | None = None
    ) -> tuple[AnyArray, tuple[int, int] | None]:
        """See :class:`Complement`."""
        columns = np.ascontiguousarray(rows.T)
        event = np.full(len(shifts), -1, dtype=np.int64)
        if columns.size:
            _shifted_solve(self.form, shifts, columns, near, small, event, _compressed(coupling, columns))
        hit = np.flatnonzero(event >= 0)
        found = (int(hit[0]), int(event[hit[0]])) if len(hit) else None
        return columns.T, found

    def distances(self, shifts: AnyArray, near: Array) -> Array:
        """See :class:`Complement`."""
        if not len(self.eigenvalues):
            return np.ones(len(shifts))
        real, imaginary = self.eigenvalues.real, self.eigenvalues.imag
        squares = (real - shifts.real[:, None]) ** 2
        squares += (imaginary - shifts.imag[:, None]) ** 2 if np.iscomplexobj(shifts) else imaginary**2
        nearest = np.sqrt(squares.min(axis=1))
        if (nearest <= near).any():
            nearest = np.sqrt(np.where(squares <= near[:, None] ** 2, np.inf, squares).min(axis=1))
        return np.asarray(nearest)


def _compressed(coupling: Coupling | None, columns: AnyArray) -> tuple[AnyArray, ...]:
    """What the compiled substitution wants to know of a coupling: its nonzero entries by rows."""
    count = columns.shape[1]
    every = np.arange(count)
    if coupling is None:
        none = np.zeros(0, dtype=np.int64)
        nowhere = np.zeros(count, dtype=np.int64)
        full = np.zeros((2, 1), dtype=columns.dtype)
        return (
            every,
            np.zeros(count + 1, dtype=np.int64),
            none,
            none.astype(columns.dtype),
            nowhere,
            nowhere - 1,
            full,
        )
    order = np.argsort(coupling.levels, kind="stable")
    rows, sources = np.nonzero(coupling.matrix)
    factors = coupling.matrix[rows, sources].astype(columns.dtype, copy=False)
    starts = np.searchsorted(rows, np.arange(count + 1))
    full = np.zeros((2, coupling.matrix.shape[1]), dtype=columns.dtype)
    return order, starts, sources, factors, coupling.places, coupling.mirrors, full


def _shifted_solve(
    T: Array,
    shifts: AnyArray,
    r: AnyArray,
    near: Array,
    small: Array,
    event: Index,
    coupling: tuple[AnyArray, ...],
) -> None:
    """Back substitution ``(T - shift_s) x = r[:, s]`` in place; what couples blocks is free of shifts, a product."""
    from ssmsym.manifolds.kernels import substitute_rows

    high = len(T)
    flat = r.view(float).reshape(len(r), -1)
    while high > 0:
        low = max(0, high - _BLOCK)
        if low > 0 and T[low, low - 1] != 0.0:
            low -= 1
        substitute_rows(T, low, high, shifts, r, near, small, event, *coupling)
        if low:
            flat[:low] -= T[:low, low:high] @ flat[low:high]
        high = low
