"""Solving the cohomological equation of one degree on the complement of the master subspace.

With x = x* + V p + Z2 y + ..., the degree-k equation projected on the complement is

    B Y - Y L_k = right-hand side,

L_k the action of the linear reduced dynamics (for a map its power action), couplings to the parameter offsets
included, on the monomials of degree k. In modal coordinates L_k is triangular: a monomial's solution enters
the right-hand sides of monomials of higher levels. All are solved in one batched substitution, O(N^2) a monomial.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.manifolds.complement import Coupling
from ssmsym.manifolds.subspace import MasterSubspace
from ssmsym.series.monomials import MonomialTable

Array = NDArray[np.float64]
AnyArray = NDArray[Any]

_NEVER = -1.0  # a size below which no right-hand side is
_SPECTRAL_ROUNDING = 1e-12  # of the largest eigenvalue: how exactly any eigenvalue is known


@dataclass(frozen=True)
class Obstruction:
    """A resonance whose right-hand side does not vanish.

    Attributes
    ----------
    monomial : tuple of int
        Exponents in the modal coordinates and parameter offsets.
    combination : complex
        The multiple of the master eigenvalues.
    row : int
        Row of the Schur form at which the pivot vanishes.
    """

    monomial: tuple[int, ...]
    combination: complex
    row: int


@dataclass(frozen=True)
class DegreeForm:
    """Transforms between the real monomials of a degree and the modal ones; None stands for the identity."""

    into: AnyArray | None
    back: AnyArray | None
    half: NDArray[np.int64] | None
    conjugate: NDArray[np.int64] | None


class CohomologicalSolver:
    """The degree-k equations of one master subspace.

    Parameters
    ----------
    subspace : MasterSubspace
    table : MonomialTable
        Monomials in the d reduced coordinates and q parameter offsets.
    coupling : (d, q)
        U^T df/dmu.
    tolerance : float
        Distance, relative to a combination's size, at which it counts as resonant.
    discrete : bool
        Whether the field is a map: L_k is then the power action of the linear reduced map.
    """

    def __init__(
        self,
        subspace: MasterSubspace,
        table: MonomialTable,
        coupling: Array,
        tolerance: float,
        *,
        discrete: bool = False,
    ) -> None:
        self._discrete = discrete
        self._subspace = subspace
        self._table = table
        self._tolerance = tolerance
        self._floor = _SPECTRAL_ROUNDING * subspace.scale
        d, q = coupling.shape
        self._linear = np.zeros((d + q, d + q), dtype=subspace.triangular.dtype)
        self._linear[:d, :d] = subspace.triangular
        self._linear[:d, d:] = subspace.to_modal @ coupling
        if discrete:
            self._linear[np.arange(d, d + q), np.arange(d, d + q)] = 1.0  # parameters stay what they are
        self._weights = self._level_weights(d, q)
        self._is_coupled = bool(np.any(np.triu(self._linear, 1)))
        self._is_complex = np.iscomplexobj(subspace.triangular)
        self._fixed_form = "x" not in subspace.structure

    @functools.cached_property
    def _action(self) -> LinearPower:
        return LinearPower(self._table, self._linear)

    @functools.cached_property
    def _into(self) -> LinearPower:
        return LinearPower(self._table, self._subspace.from_modal)

    @functools.cached_property
    def _back(self) -> LinearPower:
        return LinearPower(self._table, self._subspace.to_modal)

    def _level_weights(self, d: int, q: int) -> NDArray[np.int64]:
        """Weights of the coordinates such that every coupling leads to a monomial of greater weight."""
        strict = np.triu(self._linear[:d, :d], 1)
        if np.any(strict):
            return np.concatenate([np.arange(d), np.full(q, d)])
        return np.concatenate([np.zeros(d, dtype=np.int64), np.ones(q, dtype=np.int64)])

    def solve(
        self, degree: int, right_side: Array, small: Array | None
    ) -> tuple[Array, Array, Obstruction | None]:
        """Y of one degree.

        Parameters
        ----------
        right_side : (M_k, N - d)
        small : (M_k,) or None
            Size of each right-hand side that counts as zero at a resonance; None if none does.

        Returns
        -------
        Y : (M_k, N - d)
        noise : (M_k,)
            Size of rounding errors in Y that `small` rounding errors of the right-hand sides cause; 0 without.
        obstruction : Obstruction or None
        """
        form = self.form(degree)
        exponents = self._table.exponents[self._table.degree_slice(degree)]
        shifts = self.shifts(degree)
        rows = right_side if form.into is None else form.into @ right_side
        if form.half is not None:
            shifts, rows = shifts[form.half], rows[form.half]
        if small is not None and form.into is not None:
            small = np.full(len(shifts), small.max(initial=0.0))
        solution, noise, event = self._batch(rows, shifts, small, self._coupled(degree, form))
        obstruction = None
        if event is not None:
            which = event[0] if form.half is None else int(form.half[event[0]])
            monomial = tuple(int(m) for m in exponents[which])
            obstruction = Obstruction(monomial, complex(shifts[event[0]]), event[1])
        return self._real(solution, form), self._spread(noise, form, len(exponents)), obstruction

    def _coupled(self, degree: int, form: DegreeForm) -> Coupling | None:
        if not self._is_coupled:
            return None
        matrix, levels = self.coupling(degree), self.levels(degree)
        if not np.any(matrix):
            return None
        if form.half is None or form.conjugate is None:
            places = np.arange(len(matrix))
            return Coupling(matrix, places, np.full(len(places), -1), levels)
        return Coupling(matrix[form.half], form.half, form.conjugate[form.half], levels[form.half])

    def shifts(self, degree: int) -> AnyArray:
        """Diagonal of L_k: the combination m . lambda (map: the product) of each modal monomial, (M_k,)."""
        exponents = self._table.exponents[self._table.degree_slice(degree)]
        multipliers = np.diag(self._linear)
        return np.prod(multipliers**exponents, axis=1) if self._discrete else exponents @ multipliers

    def levels(self, degree: int) -> NDArray[np.int64]:
        """Level of each modal monomial, (M_k,): couplings lead from lower levels to higher ones."""
        return np.asarray(self._table.exponents[self._table.degree_slice(degree)] @ self._weights)

    def _spread(self, noise: Array, form: DegreeForm, count: int) -> Array:
        """Noise by real monomial; modal ones mix, so there the largest stands for all."""
        return noise if form.into is None else np.full(count, noise.max(initial=0.0))

    def _real(self, solution: AnyArray, form: DegreeForm) -> Array:
        if form.back is None:
            return np.ascontiguousarray(solution.real)
        if form.half is not None:
            assert form.conjugate is not None
            full = np.empty((form.back.shape[1], solution.shape[1]), dtype=complex)
            full[form.conjugate[form.half]] = solution.conj()
            full[form.half] = solution
            solution = full
        return np.ascontiguousarray((form.back @ solution).real)

    def _batch(
        self, rows: AnyArray, shifts: AnyArray, small: Array | None, coupling: Coupling | None
    ) -> tuple[AnyArray, Array, tuple[int, int] | None]:
        """``(B - shift) y = row`` for each row; noise; the first obstruction as (row, position)."""
        dtype = complex if self._is_complex else float
        near = np.maximum(self._tolerance * np.abs(shifts), self._floor)
        complement = self._subspace.complement
        noise, limits = np.zeros(len(shifts)), np.full(len(shifts), _NEVER)
        if small is not None:
            gains = 1.0 / complement.distances(shifts, near)
            limits = small if coupling is None else coupling.spread(small, gains)
            noise = limits * gains
        solution, found = complement.solve(
            rows.astype(dtype, copy=False), shifts.astype(dtype, copy=False), near, limits, coupling
        )
        return solution, noise, found

    # -- modal monomials ----------------------------------------------------------------------------------

    def form(self, degree: int) -> DegreeForm:
        """Transforms between real and modal monomials of a degree."""
        subspace = self._subspace
        if not self._is_complex and self._fixed_form:
            return DegreeForm(None, None, None, None)
        if self._fixed_form:
            return _pair_form(self._table, subspace.structure, degree)
        return DegreeForm(self._into.of_degree(degree).T, self._back.of_degree(degree).T, None, None)

    def coupling(self, degree: int) -> AnyArray:
        """Off-diagonal part of L_k, entry [to, from]: how much of monomial `from` reaches the equation of `to`."""
        if self._discrete:
            action = self._action.of_degree(degree).T.copy()
            action[np.diag_indices_from(action)] = 0.0
            return action
        count = self._table.offsets[degree + 1] - self._table.offsets[degree]
        out = np.zeros((count, count), dtype=self._linear.dtype)
        for i, j in zip(*np.nonzero(np.triu(self._linear, 1)), strict=True):
            targets, sources, powers = _moves(self._table, degree, int(i), int(j))
            out[targets, sources] += powers * self._linear[i, j]
        return out


@functools.lru_cache(maxsize=1024)
def _moves(
    table: MonomialTable, degree: int, i: int, j: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Where a factor i of each monomial becomes a factor j: targets, sources and powers of i."""
    here = table.degree_slice(degree)
    exponents = table.exponents[here]
    sources = np.flatnonzero(exponents[:, i] > 0)
    moved = exponents[sources].copy()
    moved[:, i] -= 1
    moved[:, j] += 1
    targets = table.position(moved)
    inside = targets >= 0
    sources = sources[inside]
    return targets[inside] - here.start, sources, exponents[sources, i]


class LinearPower:
    """G with ``(matrix q)^m = sum_n G[m, n] q^n`` over the monomials of one degree, grown degree by degree.

    `matrix` (d, d) acts on the first d coordinates; the others stay.
    """

    def __init__(self, table: MonomialTable, matrix: AnyArray) -> None:
        d = len(matrix)
        self._table = table
        self._full = np.eye(table.n_variables, dtype=matrix.dtype)
        self._full[:d, :d] = matrix
        self._restart()

    def _restart(self) -> None:
        self._degree, self._power = 0, np.ones((1, 1), dtype=self._full.dtype)

    def of_degree(self, degree: int) -> AnyArray:
        if degree < self._degree:
            self._restart()
        while self._degree < degree:
            self._degree += 1
            self._power = self._raised(self._degree)
        return self._power

    def _raised(self, degree: int) -> AnyArray:
        parents, variables, targets = _raising(self._table, degree)
        out = np.zeros((len(parents), len(parents)), dtype=self._full.dtype)
        for variable, (columns, places) in enumerate(targets):
            factor = self._full[variables, variable]
            used = np.flatnonzero(factor)
            out[used[:, None], places] += factor[used, None] * self._power[parents[used][:, None], columns]
        return out


def linear_power(table: MonomialTable, matrix: AnyArray, degree: int) -> AnyArray:
    """The :class:`LinearPower` of one degree."""
    return LinearPower(table, matrix).of_degree(degree)


@functools.lru_cache(maxsize=256)
def _raising(
    table: MonomialTable, degree: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[tuple[NDArray[np.int64], NDArray[np.int64]]]]:
    """For each monomial of a degree a lower one and the missing variable; for each variable, from where to where."""
    exponents = table.exponents[table.degree_slice(degree)]
    variables = np.argmax(exponents > 0, axis=1)
    lower = exponents.copy()
    lower[np.arange(len(lower)), variables] -= 1
    parents = table.position(lower) - table.offsets[degree - 1]
    below = table.exponents[table.degree_slice(degree - 1)]
    targets = []
    for variable in range(table.n_variables):
        raised = below.copy()
        raised[:, variable] += 1
        position = table.position(raised)
        inside = np.flatnonzero(position >= 0)
        targets.append((inside, position[inside] - table.offsets[degree]))
    return parents, variables, targets


@functools.lru_cache(maxsize=256)
def _pair_form(table: MonomialTable, structure: str, degree: int) -> DegreeForm:
    """Transforms for real modes and pairs; of conjugate monomials only one is solved for."""
    permutation: list[int] = []
    blocks = []
    for kind in structure:
        start = len(permutation)
        if kind == "r":
            permutation.append(start)
            blocks.append(np.eye(1, dtype=complex))
        else:
            permutation += [start + 1, start]
            blocks.append(np.array([[1, -1j], [1, 1j]]) / np.sqrt(2.0))
    d = len(permutation)
    permutation += list(range(d, table.n_variables))
    into = np.zeros((d, d), dtype=complex)
    position = 0
    for block in blocks:
        into[position : position + len(block), position : position + len(block)] = block
        position += len(block)
    exponents = table.exponents[table.degree_slice(degree)]
    conjugate = table.position(exponents[:, permutation]) - table.offsets[degree]
    half = np.flatnonzero(np.arange(len(exponents)) <= conjugate)
    return DegreeForm(
        into=linear_power(table, into.conj().T, degree).T,
        back=linear_power(table, into, degree).T,
        half=half,
        conjugate=conjugate,
    )
