"""The graph-style expansion: U^T W_k = 0, so the reduced coordinates are p = U^T (x - x*)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmsym.fields.field import VectorField
from ssmsym.fields.jets import Jets
from ssmsym.manifolds.cohomological import CohomologicalSolver, Obstruction
from ssmsym.manifolds.subspace import MasterSubspace
from ssmsym.series.monomials import MonomialTable
from ssmsym.series.ring import FLOATS

Array = NDArray[np.float64]

_HARMLESS = 1e-10  # of the natural size of a degree's right-hand side


@dataclass(frozen=True)
class Expansion:
    """Coefficients of an SSM over the monomials of a table.

    Attributes
    ----------
    parametrization : (M, N)
    reduced_dynamics : (M, d)
    obstruction : Obstruction or None
        With the degree at which it was met; coefficients from that degree on are meaningless.
    obstructed_degree : int or None
    """

    parametrization: Array
    reduced_dynamics: Array
    obstruction: Obstruction | None = None
    obstructed_degree: int | None = None


def active_parameters(
    field: VectorField, located: list[tuple[str, int]], first: int
) -> dict[str, tuple[Array, list[int | None]]]:
    """The parameters that are coordinates, as :class:`~ssmsym.fields.jets.Jets` wants them.

    `located` holds parameter symbols with entries; the first of them is coordinate number `first`.
    """
    out: dict[str, tuple[Array, list[int | None]]] = {}
    for offset, (name, entry) in enumerate(located):
        values = np.atleast_1d(field.values[name])
        coordinates = out.get(name, (values, [None] * len(values)))[1]
        coordinates[entry] = first + offset
        out[name] = (values, coordinates)
    return out


def expand(
    field: VectorField,
    state: Array,
    subspace: MasterSubspace,
    table: MonomialTable,
    located: list[tuple[str, int]],
    tolerance: float,
) -> Expansion:
    """Parametrization and reduced dynamics of a flow's SSM, order by order.

    For each degree: ``R_k = U^T F_k`` and ``(T22 - L_k) Y_k = Z2^T (C_k - F_k)``, W_k the part of Z2 Y_k in
    the kernel of U^T; F_k from jets, C_k the known part of DW R (Haller and Ponsioen, Nonlinear Dyn. 86, 2016;
    Jain and Haller, Nonlinear Dyn. 107, 2022, sections 3-4, whose multi-index form this follows).
    """
    d, q = table.n_master, table.n_parameters
    active = active_parameters(field, located, d)
    binding = field.bind(frozenset(active))
    jets = Jets(binding, field.program.outputs, table, FLOATS, field.split(state), active)
    right, left = subspace.right, subspace.left
    W = np.zeros((len(table), len(state)))
    R = np.zeros((len(table), d))
    W[0] = state
    F = jets.advance(1)
    W[1 : 1 + d] = right.T
    R[1 : 1 + d] = subspace.linear.T
    coupling = (F[d:] @ left).T
    R[1 + d : 1 + d + q] = coupling.T
    solver = CohomologicalSolver(subspace, table, coupling, tolerance)
    size = _NaturalSize(float(np.abs(subspace.spectrum).max()))
    if q:
        Y, obstruction = solver.solve(1, _complement(subspace, -F), size.small(1, F))
        if obstruction is not None:
            return Expansion(W, R, obstruction, 1)
        W[1 + d : 1 + d + q] = _in_graph(subspace, Y[d:])
    jets.correct(1, field.split(W[table.degree_slice(1)]))
    size.record(1, W[1 : 1 + d + q])
    for degree in range(2, table.order + 1):
        here = table.degree_slice(degree)
        F = jets.advance(degree)
        R[here] = F @ left
        excess = F - _known_convolution(table, degree, W, R)
        Y, obstruction = solver.solve(degree, _complement(subspace, -excess), size.small(degree, F))
        if obstruction is not None:
            return Expansion(W, R, obstruction, degree)
        W[here] = _in_graph(subspace, Y)
        size.record(degree, W[here])
        if degree < table.order:
            jets.correct(degree, field.split(W[here]))
    return Expansion(W, R)


def _complement(subspace: MasterSubspace, rows: Array) -> Array:
    return rows @ subspace.schur_basis


def _in_graph(subspace: MasterSubspace, Y: Array) -> Array:
    states = Y @ subspace.schur_basis.T
    return states - (states @ subspace.left) @ subspace.right.T


def _known_convolution(table: MonomialTable, degree: int, W: Array, R: Array) -> Array | float:
    """The part of DW R at this degree that holds neither W_1, W_k nor R_1."""
    terms = table.convolution(degree)
    if not len(terms.left):
        return 0.0
    first = table.offsets[2]
    matrix = np.zeros((table.offsets[degree + 1] - table.offsets[degree], table.offsets[degree] - first))
    np.add.at(matrix, (terms.target, terms.left - first), terms.factor * R[terms.right, terms.component])
    return matrix @ W[first : table.offsets[degree]]


class _NaturalSize:
    """How large right-hand sides of a degree are expected to be, from the growth of the coefficients so far."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._growth = 0.0

    def record(self, degree: int, part: Array) -> None:
        height = float(np.linalg.norm(part, axis=1).max(initial=0.0))
        self._growth = max(self._growth, height ** (1.0 / degree))

    def small(self, degree: int, F: Array) -> float:
        """Right-hand sides below this are rounding errors."""
        largest = float(np.abs(F).max(initial=0.0))
        return _HARMLESS * max(largest, self._rate * self._growth**degree)
