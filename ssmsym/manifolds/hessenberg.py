"""The master subspace without the spectrum: leading eigenvalues only, the complement in Hessenberg form.

No QR iteration is run on the complement: systems shifted by combinations of master eigenvalues are solved in O(N^2)
from the Hessenberg form. Whatever the computed eigenvalues cannot decide is left to the Schur form of
:mod:`ssmsym.manifolds.subspace`, by :class:`~ssmsym.manifolds.hessenberg_leading.SpectrumNeeded`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from ssmsym.dynamics.spectrum import leading_order
from ssmsym.manifolds.complement import Coupling
from ssmsym.manifolds.hessenberg_leading import SpectrumNeeded, is_complete, leading_subspace
from ssmsym.manifolds.subspace import (
    MasterSubspace,
    assembled,
    check_finite,
    chosen_positions,
    master_subspace,
    refuse_cuts,
    reordered,
    schur_eigenvalues,
)

Array = NDArray[np.float64]
AnyArray = NDArray[Any]
Complex = NDArray[np.complex128]
Result = TypeVar("Result")

_BATCH = 16  # shifts that share each column of the matrix while it is in the cache
_INVARIANT = 1e-12  # of the norm of A: part of A Z1 outside Z1
_SUSPICIOUS = 1e4  # sqrt(N) times this: how far pivots may exceed the distance to an eigenvalue
_MET = 0.1
_ILL_CONDITIONED = 1e-6  # of the root mean square of B: pivots below which too many digits would be lost


@dataclass(frozen=True, eq=False)
class HessenbergComplement:
    """The complement by the Hessenberg form of B = Z2^T A Z2, without its eigenvalues.

    The first basis vector is random. By that, an eigenvalue near a shift shows in the last pivot of the RQ form,
    1 / |(H - shift)^-1 e1|, except with a probability of about 1e-4.

    Attributes
    ----------
    columns : (N - d, N - d)
        Columns of the Hessenberg form H as rows.
    basis : (N, N - d)
    scale : float
        Root mean square of the rows' norms of B.
    """

    columns: Array
    basis: Array
    scale: float

    def solve(
        self, rows: AnyArray, shifts: AnyArray, near: Array, small: Array, coupling: Coupling | None = None
    ) -> tuple[AnyArray, None]:
        """See :class:`~ssmsym.manifolds.complement.Complement`; no event is ever reported.

        Raises
        ------
        SpectrumNeeded
            If a shift may meet an eigenvalue.
        """
        if coupling is None:
            return self._batch(rows, shifts, near), None
        full = np.zeros((coupling.matrix.shape[1], rows.shape[1]), dtype=rows.dtype)
        for level in np.unique(coupling.levels):
            members = np.flatnonzero(coupling.levels == level)
            here = rows[members] + coupling.matrix[members] @ full
            coupling.put(full, self._batch(here, shifts[members], near[members]), members)
        return full[coupling.places], None

    def _batch(self, rows: AnyArray, shifts: AnyArray, near: Array) -> AnyArray:
        out = np.zeros_like(rows)
        if not rows.size:
            return out
        active = np.flatnonzero(np.any(rows, axis=1))
        distinct, group = np.unique(shifts[active], return_inverse=True)
        order = active[np.argsort(group, kind="stable")]
        ends = np.concatenate([[0], np.cumsum(np.bincount(group, minlength=len(distinct)))])
        limits = np.zeros(len(distinct))
        np.maximum.at(limits, group, near[active])
        sorted_rows = np.ascontiguousarray(rows[order])
        for first in range(0, len(distinct), _BATCH):
            last = min(first + _BATCH, len(distinct))
            block = sorted_rows[ends[first] : ends[last]]
            pivots = _solve(self.columns, distinct[first:last], ends[first : last + 1] - ends[first], block)
            self._refuse_resonances(distinct[first:last], pivots, limits[first:last])
        out[order] = sorted_rows
        return out

    def _refuse_resonances(self, shifts: AnyArray, pivots: Array, near: Array) -> None:
        """Pivots show candidates; the trace of the resolvent, which no non-normality enlarges, decides."""
        self._refuse_loss(pivots)
        suspects = ~(pivots > _SUSPICIOUS * np.sqrt(len(self.columns)) * near)
        if not suspects.any():
            return
        traces = np.abs(_traces(self.columns, shifts[suspects].astype(complex)))
        if not (traces < _MET / near[suspects]).all():
            raise SpectrumNeeded

    def _refuse_loss(self, pivots: Array) -> None:
        """Leave ill-conditioned systems to the Schur form, which keeps a triangular structure that A may have."""
        if not (pivots > _ILL_CONDITIONED * self.scale).all():
            raise SpectrumNeeded

    def distances(self, shifts: AnyArray, near: Array) -> Array:
        """Infinite: resonances are never judged here."""
        return np.full(len(shifts), np.inf)

    def left_solve(self, triangular: AnyArray, right_side: AnyArray) -> AnyArray:
        """Y of ``T11 Y - Y B = right_side`` for a (complex) upper triangular T11, (d, N - d)."""
        flipped = np.ascontiguousarray(self.columns.T[::-1, ::-1])
        out = np.zeros_like(right_side)
        one = np.array([0, 1])
        for i in range(len(triangular) - 1, -1, -1):
            row = triangular[i, i + 1 :] @ out[i + 1 :] - right_side[i]
            row = np.ascontiguousarray(row[None, ::-1])
            self._refuse_loss(_solve(flipped, triangular[i, i : i + 1], one, row))
            out[i] = row[0, ::-1]
        return out


def _solve(columns: Array, shifts: AnyArray, groups: NDArray[np.int64], rows: AnyArray) -> Array:
    from ssmsym.manifolds.kernels import solve_hessenberg

    pivots = np.empty(len(shifts))
    solve_hessenberg(columns, np.ascontiguousarray(shifts), groups, rows, pivots)
    return pivots


def _traces(columns: Array, shifts: Complex) -> Complex:
    from ssmsym.manifolds.kernels import resolvent_traces

    traces = np.empty(len(shifts), dtype=complex)
    resolvent_traces(columns, shifts, traces)
    return traces


def hessenberg_subspace(
    jacobian: Array, modes: int | Sequence[int], *, discrete: bool = False
) -> MasterSubspace:
    """The master subspace of a Jacobian from its leading eigenvalues alone.

    As :func:`~ssmsym.manifolds.subspace.master_subspace`, but `spectrum` holds only the leading eigenvalues up to the
    last master one. That none was missed is checked by a contour integral.

    Raises
    ------
    InputError
        If `modes` is out of range.
    SubspaceError
        If the modes cut a group of eigenvalues.
    SpectrumNeeded
        If the leading eigenvalues do not decide.
    """
    check_finite(jacobian)
    n = len(jacobian)
    chosen = chosen_positions(modes, n)
    count, d = max(chosen) + 1, len(chosen)
    if count >= n:
        raise SpectrumNeeded
    form, leading = leading_subspace(jacobian, count, discrete=discrete)
    values = schur_eigenvalues(form)
    order = leading_order(values, discrete=discrete)
    moved = reordered(form, np.eye(count), order[list(chosen)])
    if moved is None:
        raise SpectrumNeeded
    T11, T12, Z1, complement = _split(jacobian, leading @ moved[1][:, :d])
    spectrum = values[order]
    bound = float(
        abs(spectrum[-1]) if discrete else spectrum[-1].real
    )  # that of a master mode, which B has not
    known = np.delete(spectrum, list(chosen))
    if not is_complete(complement.columns, bound, known, discrete=discrete):
        raise SpectrumNeeded
    refuse_cuts(spectrum, chosen)
    return assembled(
        (T11, Z1, _left_basis(T11, T12, Z1, complement)),
        spectrum,
        chosen,
        complement,
        scale=spectral_scale(spectrum, jacobian),
        discrete=discrete,
    )


def spectral_scale(spectrum: Complex, jacobian: Array | None) -> float:
    """Largest modulus of the computed eigenvalues and, if a Jacobian is given, the root mean square of all or more.

    By Schur's inequality the squared moduli sum to at most the squared Frobenius norm.
    """
    largest = float(np.abs(spectrum).max())
    if jacobian is None:
        return largest
    return max(largest, float(np.linalg.norm(jacobian)) / np.sqrt(len(jacobian)))


def on_master_subspace(
    jacobian: Array,
    modes: int | Sequence[int],
    action: Callable[[MasterSubspace], Result],
    *,
    spectrum: bool,
    discrete: bool,
) -> tuple[MasterSubspace, Result]:
    """The master subspace and what `action` makes of it, with the whole spectrum if asked for or needed."""
    if not spectrum:
        try:
            subspace = hessenberg_subspace(jacobian, modes, discrete=discrete)
            return subspace, action(subspace)
        except SpectrumNeeded:
            pass
    subspace = master_subspace(jacobian, modes, discrete=discrete)
    return subspace, action(subspace)


def _split(jacobian: Array, master: Array) -> tuple[Array, Array, Array, HessenbergComplement]:
    """T11 in Schur form, T12, Z1 and the complement, from a basis of the master subspace."""
    n, d = master.shape
    random = np.random.default_rng(1).standard_normal((n, 1))
    (raw, tau), _ = scipy.linalg.qr(np.concatenate([master, random], axis=1), mode="raw")
    reflectors, mixing = _compact(raw, tau)
    turned = _turn(_turn(jacobian, reflectors, mixing).T, reflectors, mixing).T
    if not np.linalg.norm(turned[d:, :d]) <= _INVARIANT * np.linalg.norm(jacobian):
        raise SpectrumNeeded
    H, Q = scipy.linalg.hessenberg(turned[d:, d:], calc_q=True, check_finite=False)
    padded = np.zeros((n - d, n))
    padded[:, d:] = Q.T
    basis = _turn(padded, reflectors, mixing.T).T
    T11, S = scipy.linalg.schur(turned[:d, :d], output="real")
    first = np.eye(d, n) - (reflectors[:d] @ mixing.T) @ reflectors.T
    scale = float(np.linalg.norm(H)) / np.sqrt(n - d)
    complement = HessenbergComplement(np.ascontiguousarray(H.T), basis, scale)
    return T11, S.T @ turned[:d, d:] @ Q, first.T @ S, complement


def _compact(raw: Array, tau: Array) -> tuple[Array, Array]:
    """Y and M with Q = I - Y M Y^T, the product of Householder reflectors.

    Schreiber and Van Loan, SIAM J. Sci. Stat. Comput. 10, 1989.
    """
    count = len(tau)
    Y = np.tril(raw[:, :count], -1)
    Y[np.arange(count), np.arange(count)] = 1.0
    M = np.zeros((count, count))
    for i in range(count):
        M[i, i] = tau[i]
        M[:i, i] = -tau[i] * M[:i, :i] @ (Y[:, :i].T @ Y[:, i])
    return Y, M


def _turn(rows: Array, Y: Array, M: Array) -> Array:
    """``rows @ (I - Y M Y^T)``."""
    return rows - ((rows @ Y) @ M) @ Y.T


def _left_basis(T11: Array, T12: Array, Z1: Array, complement: HessenbergComplement) -> Array:
    """U0 with U0^T Z1 = I and U0^T A = T11 U0^T."""
    if np.any(np.diag(T11, -1)):
        triangular, S = scipy.linalg.schur(T11, output="complex")
        rows = (S @ complement.left_solve(triangular, S.conj().T @ T12)).real
    else:
        rows = complement.left_solve(T11, np.ascontiguousarray(T12))
    return np.asarray(Z1 + complement.basis @ rows.T)
