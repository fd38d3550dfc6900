"""The order-by-order recursion of a graph-style SSM over a field of exact numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from ssmsym.dynamics.spectrum import leading_order
from ssmsym.errors import ResonanceError
from ssmsym.fields.jets import Jets
from ssmsym.manifolds.exact_linear import roots
from ssmsym.manifolds.exact_maps import ExactComposition
from ssmsym.manifolds.exact_size import TermBudget
from ssmsym.manifolds.exact_subspace import ExactSubspace, to_array, to_matrix
from ssmsym.series.monomials import MonomialTable, monomial_table
from ssmsym.series.ring import ExactRing

Objects = NDArray[Any]


def expand_exactly(
    jets: Jets, subspace: ExactSubspace, state: Objects, table: MonomialTable, budget: TermBudget
) -> tuple[Objects, Objects]:
    """Parametrization (M, N) and reduced dynamics (M, d) as domain elements.

    Raises
    ------
    InputError
        If a degree would hold more terms than the budget allows.
    ResonanceError
        If a degree's equation has no solution.
    """
    ring = ExactRing(subspace.domain)
    d, q = table.n_master, table.n_parameters
    V, U = subspace.right, subspace.left
    W, R = ring.zeros((len(table), len(state))), ring.zeros((len(table), d))
    W[0] = state
    W[1 : 1 + d] = V.T
    R[1 : 1 + d] = subspace.linear.T
    after = (_MapSide if subspace.discrete else _FlowSide)(table, ring)
    for degree in range(1, table.order + 1):
        here = table.degree_slice(degree)
        budget.begin(degree)
        F = jets.advance(degree)
        if degree == 1:
            R[1 + d : 1 + d + q] = F[d:] @ U
        else:
            R[here] = F @ U
        coupling, composed = after.side(degree, W, R)
        right_side = R[here] @ V.T + composed - F
        unknown = _unknown_monomials(table, degree, d)
        _solve_degree(subspace, table, degree, coupling, right_side, unknown, W)
        budget.end(degree, W[here], R[here])
        jets.correct(degree, _split(jets, W[here]))
    return W, R


class _FlowSide:
    """The side DW R of a flow's invariance equation."""

    def __init__(self, table: MonomialTable, ring: ExactRing) -> None:
        self._table, self._ring = table, ring

    def side(self, degree: int, W: Objects, R: Objects) -> tuple[Objects, Objects]:
        """L_k with entry [to, from], and the part of DW R of this degree that holds neither W_1 nor W_k."""
        n, d = self._table.n_variables, self._table.n_master
        action = self._ring.zeros((n, n))
        action[:d] = R[1 : 1 + n].T
        coupling = _linear_action(self._table, degree, action, self._ring)
        return coupling, _convolution(self._table, degree, W, R, self._ring)


class _MapSide:
    """The side W(R) of a map's invariance equation."""

    def __init__(self, table: MonomialTable, ring: ExactRing) -> None:
        self._table, self._composition = table, ExactComposition(table, ring)

    def side(self, degree: int, W: Objects, R: Objects) -> tuple[Objects, Objects]:
        """L_k with entry [to, from], and the part of W(R) of this degree that holds neither W_1 nor W_k."""
        composition = self._composition
        composition.learn(degree, R[self._table.degree_slice(degree)])
        composition.expand(degree)
        return composition.linear_action(degree), composition.known(degree, W)


def _split(jets: Jets, rows: Objects) -> list[Objects]:
    sizes = jets.block_sizes
    ends = np.cumsum(sizes)
    return [rows[:, end - size : end] for end, size in zip(ends, sizes, strict=True)]


def _unknown_monomials(table: MonomialTable, degree: int, d: int) -> Objects:
    """Monomials whose coefficients are to be solved for: all, at degree 1 those of the parameters."""
    count = table.offsets[degree + 1] - table.offsets[degree]
    return np.arange(d if degree == 1 else 0, count)


def _convolution(table: MonomialTable, degree: int, W: Objects, R: Objects, ring: ExactRing) -> Objects:
    terms = table.convolution(degree)
    out = ring.zeros((table.offsets[degree + 1] - table.offsets[degree], W.shape[1]))
    for left, right, component, target, factor in zip(
        terms.left, terms.right, terms.component, terms.target, terms.factor, strict=True
    ):
        weight = R[right, component] * ring.number(int(factor))
        if weight != ring.domain.zero:
            out[target] = out[target] + W[left] * weight
    return out


def _solve_degree(
    subspace: ExactSubspace,
    table: MonomialTable,
    degree: int,
    coupling: Objects,
    right_side: Objects,
    unknown: Objects,
    W: Objects,
) -> None:
    """Fill in W of one degree, block of coupled monomials by block."""
    ring = ExactRing(subspace.domain)
    exponents = table.exponents[table.degree_slice(degree)]
    offset = table.offsets[degree]
    parameter_degree = exponents[:, table.n_master :].sum(axis=1)
    for level in np.unique(parameter_degree):
        members = [int(m) for m in unknown if parameter_degree[m] == level]
        for block in _blocks(members, coupling, ring.domain.zero):
            inside = set(block)
            sides = []
            for m in block:
                side = right_side[m]
                for source in unknown:  # at degree 1, V R holds what comes from V
                    if source not in inside and coupling[m, source] != ring.domain.zero:
                        side = side + W[offset + source] * coupling[m, source]
                sides.append(side)
            solution = _solve_block(subspace, coupling, block, sides, ring)
            if solution is None:
                raise _resonance(subspace, exponents[block[0]], degree, int(level))
            W[[offset + m for m in block]] = solution


def _linear_action(table: MonomialTable, degree: int, action: Objects, ring: ExactRing) -> Objects:
    """L_k with entry [to, from] over the monomials of a degree."""
    here = table.degree_slice(degree)
    exponents = table.exponents[here]
    out = ring.zeros((len(exponents), len(exponents)))
    for i, j in np.ndindex(action.shape):
        if action[i, j] == ring.domain.zero:
            continue
        for source in np.flatnonzero(exponents[:, i] > 0):
            moved = exponents[source].copy()
            moved[i] -= 1
            moved[j] += 1
            position = int(table.position(moved[None])[0])
            if position >= 0:
                out[position - here.start, source] += action[i, j] * ring.number(int(exponents[source, i]))
    return out


def _blocks(members: list[int], coupling: Objects, zero: Any) -> list[list[int]]:
    """Single monomials if the action among them is triangular in some order of solving, else all at once."""
    waiting = list(members)
    ordered: list[list[int]] = []
    done: set[int] = set()
    outside = set(range(len(coupling))) - set(members)
    while waiting:
        ready = next(
            (
                m
                for m in waiting
                if all(coupling[m, s] == zero or s == m or s in done or s in outside for s in members)
            ),
            None,
        )
        if ready is None:
            return [*ordered, waiting]
        ordered.append([ready])
        done.add(ready)
        waiting.remove(ready)
    return ordered


def _solve_block(
    subspace: ExactSubspace, coupling: Objects, block: list[int], sides: list[Objects], ring: ExactRing
) -> Objects | None:
    """``A w_m - sum_s L[m, s] w_s = side_m`` with ``U^T w_m = 0`` for the monomials of a block."""
    found = _resolvent(subspace, coupling[np.ix_(block, block)], np.array(sides), ring)
    if found is not None:
        return found
    n, d, b = len(subspace.jacobian), subspace.dimension, len(block)
    matrix = ring.zeros((b * (n + d), b * n))
    vector = ring.zeros((b * (n + d),))
    for row, m in enumerate(block):
        equations = slice(row * n, (row + 1) * n)
        matrix[equations, equations] = subspace.jacobian
        vector[equations] = sides[row]
        for col, source in enumerate(block):
            for i in range(n):
                matrix[row * n + i, col * n + i] -= coupling[m, source]
        constraints = slice(b * n + row * d, b * n + (row + 1) * d)
        matrix[constraints, equations] = subspace.left.T
    solution = _solve(matrix, vector, ring.domain)
    return None if solution is None else solution.reshape(b, n)


def _resolvent(subspace: ExactSubspace, L: Objects, sides: Objects, ring: ExactRing) -> Objects | None:
    """Solve ``W A^T - L W = sides`` for rows (b, N) outside the master subspace; None if that is singular.

    With q(A) = 0 out there, q(A) - q(L) = (A - L) s(A, L) gives W = -q(L)^-1 s(A, L) sides: polynomials, and
    one division by a (b, b) matrix, where elimination would cancel rational functions in every step.
    """
    b = len(L)
    identity = ring.zeros((b, b))
    identity[np.arange(b), np.arange(b)] = ring.domain.one
    *inner, last = subspace.annihilator
    power = identity * ring.domain.zero
    total = sides * ring.domain.zero
    for coefficient in inner:
        power = L @ power + identity * coefficient
        total = total @ subspace.jacobian.T + power @ sides
    remainder = L @ power + identity * last
    if b == 1:
        return None if remainder[0, 0] == ring.domain.zero else -total / remainder[0, 0]
    reduced, pivots = to_matrix(np.concatenate([remainder, -total], axis=1), ring.domain).rref()
    return to_array(reduced)[:, b:] if pivots == tuple(range(b)) else None


def _solve(matrix: Objects, right_side: Objects, domain: Any) -> Objects | None:
    """A solution of a linear system, free unknowns 0; None if there is none.

    Parameters
    ----------
    matrix : (m, n) object array
    right_side : (m,) object array
    """
    n = matrix.shape[1]
    augmented = np.concatenate([matrix, right_side[:, None]], axis=1)
    reduced, pivots = to_matrix(augmented, domain).rref()
    if n in pivots:
        return None
    rows = to_array(reduced)
    out = np.empty(n, dtype=object)
    out[:] = [domain.zero] * n
    for row, pivot in enumerate(pivots):
        out[pivot] = rows[row, n]
    return out


def _resonance(subspace: ExactSubspace, monomial: Objects, degree: int, level: int) -> ResonanceError:
    """The error for a degree without solution; `level` is the degree in the parameter offsets."""
    multiples = tuple(int(m) for m in monomial[: subspace.dimension])
    outer = [(root, i) for i, (factor, _) in enumerate(subspace.outer) for root in roots(factor)]
    combinations = monomial_table(subspace.dimension, 0, max(degree - level, 1), None).exponents
    name, mode = "an eigenvalue outside the master subspace", -1
    for candidate in (c for c in combinations.tolist() if sum(c) == degree - level):
        total = _combined(subspace, candidate)
        met = next((root for root, _ in outer if sympy.simplify(total - root) == 0), None)
        if met is not None:
            multiples, mode = tuple(candidate), _spectral_position(subspace, met)
            name = f"the eigenvalue {met} outside the master subspace"
            break
    pairs = [(m, v) for m, v in zip(multiples, subspace.eigenvalues, strict=True) if m]
    if subspace.discrete:
        terms = " ".join(f"({v})^{m}" for m, v in pairs) or "1"
    else:
        terms = " + ".join(f"{m} ({v})" for m, v in pairs) or "0"
    remedy = f"keep 'order' below {degree}" if degree > 1 else "take no parameters as coordinates"
    return ResonanceError(
        f"Outer resonance at degree {degree}: {terms} equals {name}, and its right-hand side does not "
        f"vanish. Add that mode or {remedy}.",
        degree=degree,
        mode=mode,
        combination=multiples,
        distance=0.0,
    )


def _combined(subspace: ExactSubspace, multiples: Sequence[int]) -> Any:
    """The sum m.lambda; for a map the product of powers."""
    pairs = list(zip(multiples, subspace.eigenvalues, strict=True))
    return (
        sympy.Mul(*(v**m for m, v in pairs)) if subspace.discrete else sympy.Add(*(m * v for m, v in pairs))
    )


def _spectral_position(subspace: ExactSubspace, eigenvalue: Any) -> int:
    """Position in the spectrum, leading first; -1 if free symbols leave the order open."""
    outer = [v for factor, multiplicity in subspace.outer for v in roots(factor) * multiplicity]
    values = [*subspace.eigenvalues, *outer]
    if any(v.free_symbols for v in values) or len(values) < len(subspace.jacobian):
        return -1
    numbers = np.array([complex(v.evalf(30)) for v in values])
    order = leading_order(numbers, discrete=subspace.discrete)
    return int(np.argmin(np.abs(numbers[order] - complex(eigenvalue.evalf(30)))))
