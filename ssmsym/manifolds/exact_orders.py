"""The order-by-order recursion of a graph-style SSM over a field of exact numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import ResonanceError
from ssmsym.fields.jets import Jets
from ssmsym.manifolds.exact_linear import ExactSubspace, solve_exactly
from ssmsym.series.monomials import MonomialTable
from ssmsym.series.ring import ExactRing

Objects = NDArray[Any]


def expand_exactly(
    jets: Jets, subspace: ExactSubspace, state: Objects, table: MonomialTable
) -> tuple[Objects, Objects]:
    """Parametrization (M, N) and reduced dynamics (M, d) as domain elements.

    Raises
    ------
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
    action = ring.zeros((d + q, d + q))
    action[:d, :d] = subspace.linear
    for degree in range(1, table.order + 1):
        here = table.degree_slice(degree)
        F = jets.advance(degree)
        if degree == 1:
            R[1 + d : 1 + d + q] = F[d:] @ U
            action[:d, d:] = (F[d:] @ U).T
            known = F
        else:
            R[here] = F @ U
            known = F - _convolution(table, degree, W, R, ring)
        right_side = R[here] @ V.T - known
        unknown = _unknown_monomials(table, degree, d)
        _solve_degree(subspace, table, degree, action, right_side, unknown, W)
        jets.correct(degree, _split(jets, W[here]))
    return W, R


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
    action: Objects,
    right_side: Objects,
    unknown: Objects,
    W: Objects,
) -> None:
    """Fill in W of one degree, block of coupled monomials by block."""
    ring = ExactRing(subspace.domain)
    exponents = table.exponents[table.degree_slice(degree)]
    offset = table.offsets[degree]
    coupling = _linear_action(table, degree, action, ring)
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
                raise _resonance(subspace, exponents[block[0]], degree)
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
    solution = solve_exactly(matrix, vector, ring.domain)
    return None if solution is None else solution.reshape(b, n)


def _resonance(subspace: ExactSubspace, monomial: Objects, degree: int) -> ResonanceError:
    multiples = monomial[: subspace.dimension]
    terms = " + ".join(
        f"{m} ({value})" for m, value in zip(multiples, subspace.eigenvalues, strict=False) if m
    )
    return ResonanceError(
        f"Outer resonance at degree {degree}: {terms or '0'} is an eigenvalue outside the master subspace, and its "
        f"right-hand side does not vanish. Add that mode or keep 'order' below {degree}.",
        degree=degree,
        mode=-1,
        combination=tuple(int(m) for m in multiples),
        distance=0.0,
    )
