"""The master subspace: ordered Schur form, right and left bases in the convention by which numbers compare."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from ssmsym.dynamics.fixed_points import format_eigenvalue
from ssmsym.dynamics.spectrum import leading_order
from ssmsym.errors import InputError, SmoothnessError, SubspaceError
from ssmsym.manifolds.complement import Complement, SchurComplement
from ssmsym.manifolds.modal_form import modal_form

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

_COINCIDENT = 1e-9  # relative distance at which eigenvalues count as one
_PARALLEL = 1e-4  # smallest singular value of joined bases at which eigenvectors count as parallel
_LARGEST_PROJECTOR = 1e7
_TIE = 1e-8  # relative difference below which two entries count as equally large
_CIRCULAR = 1e-8  # |v.v| of a unit eigenvector below which its phase cannot be fixed by orthogonality


@dataclass(frozen=True, eq=False)
class MasterSubspace:
    """A spectral subspace with bases, and the Schur form of the complement.

    Attributes
    ----------
    spectrum : (k,) complex
        Leading eigenvalues, leading first; all unless the complement is in Hessenberg form.
    modes : tuple of int
        Positions of the master eigenvalues in the spectrum, in the order of the coordinates.
    right, left : (N, d)
        V and U with U^T V = I. A real mode is a unit vector with positive largest entry; a pair gives
        sqrt(2) (Re v, Im v) with |v| = 1, Re v orthogonal to Im v, |Re v| >= |Im v|; modes that coincide or
        are nearly parallel give orthonormal Schur vectors.
    linear : (d, d)
        U^T A V, block diagonal.
    to_modal, from_modal : (d, d), complex if a mode is
        p = from_modal q, q = to_modal p; in q the linear part is `triangular`.
    triangular : (d, d)
        Upper triangular; diagonal unless modes form a cluster.
    structure : str
        ``r`` per real mode, ``c`` per pair, ``x`` per coordinate of a cluster: what decides `to_modal` if
        it holds no ``x``.
    complement : Complement
        Its orthonormal basis Z2 and the solver there; A^T Z2 spans Z2.
    scale : float
        Largest modulus among all eigenvalues, an estimate if only some are computed.
    """

    spectrum: Complex
    modes: tuple[int, ...]
    right: Array
    left: Array
    linear: Array
    to_modal: NDArray[np.complexfloating] | Array
    from_modal: NDArray[np.complexfloating] | Array
    triangular: NDArray[np.complexfloating] | Array
    structure: str
    complement: Complement
    scale: float

    @property
    def eigenvalues(self) -> Complex:
        """Master eigenvalues, (d,), leading first."""
        return self.spectrum[list(self.modes)]

    @property
    def outer(self) -> tuple[int, ...]:
        """Positions of the other computed eigenvalues."""
        return tuple(i for i in range(len(self.spectrum)) if i not in self.modes)


def master_subspace(jacobian: Array, modes: int | Sequence[int], *, discrete: bool = False) -> MasterSubspace:
    """The master subspace of a Jacobian.

    Parameters
    ----------
    jacobian : (N, N)
    modes : int or sequence of int
        Number of leading modes, or positions in the spectrum (leading first).

    Raises
    ------
    InputError
        If `modes` is out of range.
    SubspaceError
        If the modes cut a complex pair or a group of coinciding or inseparable eigenvalues.
    """
    check_finite(jacobian)
    T, Z = scipy.linalg.schur(jacobian, output="real", check_finite=False)
    diagonal = schur_eigenvalues(T)
    order = leading_order(diagonal, discrete=discrete)
    spectrum = diagonal[order]
    chosen = chosen_positions(modes, len(spectrum))
    refuse_cuts(spectrum, chosen)
    d = len(chosen)
    if d < len(T):
        moved = reordered(T, Z, order[list(chosen)], overwrite=True)
        if moved is None:
            raise SubspaceError(
                f"Modes {list(chosen)} cannot be separated from the rest numerically; choose a larger gap.",
                modes=chosen,
            )
        T, Z = moved
    outer = np.delete(spectrum, list(chosen))
    complement = SchurComplement(np.ascontiguousarray(T[d:, d:]), Z[:, d:], outer)
    return assembled(
        (T[:d, :d], Z[:, :d], _left_basis(T, Z, d)),
        spectrum,
        chosen,
        complement,
        scale=float(np.abs(spectrum).max()),
        discrete=discrete,
    )


def assembled(
    master: tuple[Array, Array, Array],
    spectrum: Complex,
    chosen: tuple[int, ...],
    complement: Complement,
    *,
    scale: float,
    discrete: bool,
) -> MasterSubspace:
    """A master subspace from its Schur form.

    Parameters
    ----------
    master : tuple of T11 (d, d), Z1 (N, d), U0 (N, d)
        Schur form, Schur vectors and left basis with U0^T Z1 = I.
    spectrum : (k,) complex
    chosen : tuple of int
    complement : Complement
    scale : float
    discrete : bool

    Raises
    ------
    SubspaceError
        If the modes are almost parallel to the rest.
    """
    T11, Z1, left_schur = master
    basis, structure, values = _master_basis(T11, Z1, discrete)
    chosen = _in_order_of(values, spectrum, chosen)
    projector = np.sqrt(np.linalg.norm(left_schur.T @ left_schur, 2))
    if projector > _LARGEST_PROJECTOR:
        raise SubspaceError(
            f"Modes {list(chosen)} are almost parallel to the rest (spectral projector of norm {projector:.1e}): a "
            "Jordan block would be cut. Add the modes whose eigenvalues lie nearest.",
            modes=chosen,
        )
    inverse = np.linalg.inv(basis)
    linear, to_modal, from_modal, triangular = modal_form(inverse @ T11 @ basis, structure)
    return MasterSubspace(
        spectrum=spectrum,
        modes=chosen,
        right=Z1 @ basis,
        left=left_schur @ inverse.T,
        linear=linear,
        to_modal=to_modal,
        from_modal=from_modal,
        triangular=triangular,
        structure=structure,
        complement=complement,
        scale=scale,
    )


def check_finite(jacobian: Array) -> None:
    """Refuse a Jacobian with entries that are no numbers."""
    if not np.isfinite(jacobian).all():
        raise SmoothnessError("The Jacobian is not finite at this state; no linearisation exists there.")


def reordered(
    T: Array, Z: Array, positions: NDArray[np.int64], *, overwrite: bool = False
) -> tuple[Array, Array] | None:
    """A real Schur form with the eigenvalues at some positions of its diagonal first; None if they stick."""
    select = np.zeros(len(T), dtype=np.int32)
    select[positions] = 1
    found = scipy.linalg.lapack.dtrsen(select, T, Z, job="N", overwrite_t=overwrite, overwrite_q=overwrite)
    return None if found[-1] != 0 or int(found[4]) != len(positions) else (found[0], found[1])


def ordered_spectrum(jacobian: Array, *, discrete: bool = False) -> Complex:
    """All eigenvalues in the order by which `master_subspace` counts modes."""
    diagonal = schur_eigenvalues(scipy.linalg.schur(jacobian, output="real", check_finite=False)[0])
    return diagonal[leading_order(diagonal, discrete=discrete)]


def schur_eigenvalues(T: Array) -> Complex:
    """Eigenvalues of a standardised real Schur form, in the order of its diagonal."""
    values = np.diag(T).astype(complex)
    below = np.flatnonzero(np.diag(T, -1))
    imaginary = np.sqrt(np.abs(T[below + 1, below])) * np.sqrt(np.abs(T[below, below + 1]))
    values[below] += 1j * imaginary
    values[below + 1] -= 1j * imaginary
    return values


def chosen_positions(modes: int | Sequence[int], n: int) -> tuple[int, ...]:
    """The positions that `modes` stands for among n eigenvalues, ascending; refuses what makes no sense."""
    if isinstance(modes, (int, np.integer)):
        if not 1 <= modes <= n:
            raise InputError(f"'modes' must lie between 1 and the {n} states; found {modes}.")
        return tuple(range(int(modes)))
    if not isinstance(modes, Sequence | np.ndarray) or not all(
        isinstance(i, (int, np.integer)) for i in modes
    ):
        raise InputError(f"'modes' must be an integer or a sequence of integers; found {modes!r}.")
    chosen = tuple(sorted(int(i) for i in modes))
    if not chosen or len(set(chosen)) < len(chosen) or chosen[0] < 0 or chosen[-1] >= n:
        raise InputError(
            f"'modes' as positions must be distinct and between 0 and {n - 1}; found {list(modes)}."
        )
    return chosen


def refuse_cuts(spectrum: Complex, chosen: tuple[int, ...]) -> None:
    """Refuse positions in a spectrum that cut a pair or a group of coinciding eigenvalues."""
    floor = 1e-12 * np.abs(spectrum).max()
    others = np.array([i for i in range(len(spectrum)) if i not in set(chosen)], dtype=int)
    for i in chosen:
        if not len(others):
            return
        value = spectrum[i]
        if value.imag:
            conjugate = i + 1 if value.imag > 0 else i - 1
            if conjugate not in chosen:
                first = min(i, conjugate)
                raise SubspaceError(
                    f"These modes would cut the pair {format_eigenvalue(spectrum[first])} (modes {first}, "
                    f"{first + 1}). Ask for both or for neither{_counts(chosen, first)}.",
                    modes=(first, first + 1),
                )
        distance = np.abs(spectrum[others] - value)
        near = others[distance <= max(_COINCIDENT * abs(value), floor)]
        if len(near):
            group = sorted({i, *near.tolist()})
            listed = ", ".join(str(k) for k in group[:6]) + (", ..." if len(group) > 6 else "")
            raise SubspaceError(
                f"These modes would cut a group of coinciding eigenvalues {format_eigenvalue(value)} (modes {listed}). "
                "Ask for all of them or for none.",
                modes=tuple(group),
            )


def _counts(chosen: tuple[int, ...], first: int) -> str:
    if chosen != tuple(range(len(chosen))):
        return ""
    options = " or ".join(str(n) for n in (first, first + 2) if n > 0)
    return f", that is for {options} modes"


def _left_basis(T: Array, Z: Array, d: int) -> Array:
    """U0 with U0^T Z1 = I and U0^T A = T11 U0^T, from one Sylvester equation."""
    left = np.array(Z[:, :d])
    if d < len(T):
        solution, scale, _ = scipy.linalg.lapack.dtrsyl(T[:d, :d], T[d:, d:], T[:d, d:], isgn=-1)
        left += Z[:, d:] @ (solution / scale).T
    return left


def _in_order_of(values: list[complex], spectrum: Complex, chosen: tuple[int, ...]) -> tuple[int, ...]:
    """The chosen positions in the order of the coordinates, which keeps the members of a cluster together."""
    left = list(chosen)
    ordered = []
    for value in values:
        nearest = left[int(np.argmin(np.abs(spectrum[left] - value)))]
        left.remove(nearest)
        ordered.append(nearest)
    return tuple(ordered)


def _master_basis(T11: Array, Z1: Array, discrete: bool) -> tuple[Array, str, list[complex]]:
    """Columns, in Schur coordinates, of the basis of the master subspace, its structure and eigenvalues."""
    values, vectors = np.linalg.eig(T11)
    groups: list[tuple[Array, list[complex], str]] = []
    order = leading_order(values.astype(complex), discrete=discrete)
    for i in order:
        if values[i].imag == 0:
            groups.append((_real_mode(vectors[:, i].real, Z1), [complex(values[i])], "r"))
        elif values[i].imag > 0:
            pair = [complex(values[i]), complex(values[i]).conjugate()]
            columns = _pair(vectors[:, i], Z1)
            if np.linalg.norm(columns[:, 1]) > _PARALLEL * np.linalg.norm(columns[:, 0]):
                groups.append((columns, pair, "c"))
            else:
                groups.append((_cluster_basis(T11, Z1, pair), pair, "xx"))
    groups = _merge_clusters(groups, T11, Z1)
    basis = np.concatenate([columns for columns, _, _ in groups], axis=1)
    values_in_order = [value for _, members, _ in groups for value in members]
    return basis, "".join(kind for _, _, kind in groups), values_in_order


def _real_mode(vector: Array, Z1: Array) -> Array:
    vector = vector / np.linalg.norm(vector)
    state = Z1 @ vector
    return (vector * np.sign(state[_largest(state)]))[:, None]


def _largest(values: NDArray[Any]) -> int:
    """Position of the entry of largest modulus, the first of equal ones however they are rounded."""
    modulus = np.abs(values)
    return int(np.flatnonzero(modulus >= (1.0 - _TIE) * modulus.max())[0])


def _pair(vector: Complex, Z1: Array) -> Array:
    vector = vector / np.linalg.norm(vector)
    state = Z1 @ vector
    square = state @ state
    if abs(square) > _CIRCULAR:
        phase = np.exp(-0.5j * np.angle(square))
        real = (state * phase).real
        phase *= np.sign(real[_largest(real)])
    else:
        phase = np.exp(-1j * np.angle(state[_largest(state)]))
    vector = vector * phase
    return np.sqrt(2.0) * np.stack([vector.real, vector.imag], axis=1)


def _merge_clusters(
    groups: list[tuple[Array, list[complex], str]], T11: Array, Z1: Array
) -> list[tuple[Array, list[complex], str]]:
    """Join groups that coincide or are nearly parallel, until none is."""
    scale = max((abs(value) for _, values, _ in groups for value in values), default=1.0)
    merged = True
    while merged:
        merged = False
        for a, b in itertools.combinations(range(len(groups)), 2):
            if _inseparable(groups[a], groups[b], scale):
                values = groups[a][1] + groups[b][1]
                joined = (_cluster_basis(T11, Z1, values), values, "x" * len(values))
                groups = [*groups[:a], joined, *groups[a + 1 : b], *groups[b + 1 :]]
                merged = True
                break
    return groups


def _inseparable(
    a: tuple[Array, list[complex], str], b: tuple[Array, list[complex], str], scale: float
) -> bool:
    if min(abs(x - y) for x in a[1] for y in b[1]) <= _COINCIDENT * scale:
        return True
    cosines = _orthonormal(a[0]).T @ _orthonormal(b[0])
    largest = float(np.linalg.norm(cosines, 2)) if cosines.size > 1 else abs(cosines[0, 0])
    return bool(1.0 - largest < _PARALLEL**2)  # the smallest singular value of the joined bases, squared


def _orthonormal(columns: Array) -> Array:
    return columns / np.linalg.norm(columns) if columns.shape[1] == 1 else np.linalg.qr(columns)[0]


def _cluster_basis(T11: Array, Z1: Array, values: list[complex]) -> Array:
    """Orthonormal Schur vectors of the invariant subspace that belongs to a group of eigenvalues."""
    diagonal = schur_eigenvalues(T11)
    select = np.zeros(len(T11), dtype=np.int32)
    for value in values:
        free = np.flatnonzero(select == 0)
        select[free[np.argmin(np.abs(diagonal[free] - value))]] = 1
    columns = scipy.linalg.lapack.dtrsen(select, T11, np.eye(len(T11)), job="N")[1][:, : len(values)]
    state = Z1 @ columns
    signs = np.array([np.sign(column[_largest(column)]) for column in state.T])
    return columns * signs
