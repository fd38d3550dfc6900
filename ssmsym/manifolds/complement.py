"""The complement of the master subspace, in Schur form: coordinates and shifted solves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
AnyArray = NDArray[Any]
Complex = NDArray[np.complex128]

_BLOCK = 48  # rows per block of the back substitution


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
        self, rows: AnyArray, shifts: AnyArray, near: Array, small: Array
    ) -> tuple[AnyArray, tuple[int, int] | None]:
        """``(B - shift) y = row``, both in the coordinates of the basis, for each row.

        Parameters
        ----------
        rows : (n, N - d)
        shifts : (n,)
        near : (n,)
            Distance of a shift from an eigenvalue up to which the two count as equal.
        small : (n,)
            Size up to which a right-hand side counts as zero there: the solution is then taken to be 0.

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
        self, rows: AnyArray, shifts: AnyArray, near: Array, small: Array
    ) -> tuple[AnyArray, tuple[int, int] | None]:
        """See :class:`Complement`."""
        columns = np.ascontiguousarray(rows.T)
        event = np.full(len(shifts), -1, dtype=np.int64)
        if columns.size:
            shifted_solve(self.form, shifts, columns, near, small, event)
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


def shifted_solve(
    T: Array, shifts: AnyArray, r: AnyArray, near: Array, small: Array, event: NDArray[np.int64]
) -> None:
    """Back substitution ``(T - shift_s) x = r[:, s]`` in place; what couples blocks is free of shifts, a product."""
    from ssmsym.manifolds.kernels import substitute_rows

    high = len(T)
    flat = r.view(float).reshape(len(r), -1)
    while high > 0:
        low = max(0, high - _BLOCK)
        if low > 0 and T[low, low - 1] != 0.0:
            low -= 1
        substitute_rows(T, low, high, shifts, r, near, small, event)
        if low:
            flat[:low] -= T[:low, low:high] @ flat[low:high]
        high = low
