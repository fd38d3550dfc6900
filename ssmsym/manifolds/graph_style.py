"""The expansion of an SSM order by order, in graph style (U^T W_k = 0) or with a tangential part of W."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmsym.fields.field import VectorField
from ssmsym.fields.jets import Jets
from ssmsym.manifolds.cohomological import CohomologicalSolver, Obstruction
from ssmsym.manifolds.map_composition import MapComposition
from ssmsym.manifolds.normal_form_style import TangentialEquation
from ssmsym.manifolds.subspace import MasterSubspace
from ssmsym.series.monomials import MonomialTable
from ssmsym.series.ring import FLOATS

Array = NDArray[np.float64]

_ROUNDING = 3e-13  # of the terms that a right-hand side is made of: what is left when they cancel


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
    tangential: TangentialEquation | None = None,
) -> Expansion:
    """Parametrization and reduced dynamics of an SSM, order by order.

    For each degree: ``R_k = U^T F_k`` and ``(T22 - L_k) Y_k = Z2^T (C_k - F_k)``, W_k the part of Z2 Y_k in
    the kernel of U^T; F_k from jets, C_k the known part of DW R, for a map of W(R) (Haller and Ponsioen,
    Nonlinear Dyn. 86, 2016; Jain and Haller, Nonlinear Dyn. 107, 2022, sections 3-4, in multi-index form). In graph
    style p = U^T (x - x*). With a tangential equation, R_k is as simple as that makes it and W_k has a part V a_k.

    Rounding errors, by which a resonance is judged, are followed only where one is met.
    """
    found = _expanded(field, state, subspace, table, located, tolerance, tangential, is_judged=False)
    if found.obstruction is None:
        return found
    return _expanded(field, state, subspace, table, located, tolerance, tangential, is_judged=True)


def _expanded(
    field: VectorField,
    state: Array,
    subspace: MasterSubspace,
    table: MonomialTable,
    located: list[tuple[str, int]],
    tolerance: float,
    tangential: TangentialEquation | None,
    *,
    is_judged: bool,
) -> Expansion:
    """:func:`expand`, every resonance an obstruction unless it is judged by its right-hand side."""
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
    shift, R[1 + d : 1 + d + q] = tangential.parameters(F[d:] @ left) if tangential else (0.0, F[d:] @ left)
    coupling = R[1 + d : 1 + d + q].T
    solver = CohomologicalSolver(subspace, table, coupling, tolerance, discrete=field.is_map)
    composition = MapComposition(table) if field.is_map else None
    size = _NaturalSize(table, subspace.scale, np.linalg.norm(F[d:], axis=1)) if is_judged else None
    if q:
        small = size.small(1, F, 0.0) if size else None
        Y, noise, obstruction = solver.solve(1, _complement(subspace, -F), small)
        if size:
            size.record(1, W[1 : 1 + d + q], R[1 : 1 + d + q], noise)
        if obstruction is not None:
            return Expansion(W, R, obstruction, 1)
        W[1 + d : 1 + d + q] = _in_graph(subspace, Y[d:])
        if tangential is not None:
            W[1 + d : 1 + d + q] += shift @ right.T
    jets.correct(1, field.split(W[table.degree_slice(1)]))
    if composition is not None:
        composition.learn(1, R[1 : 1 + d + q])
    for degree in range(2, table.order + 1):
        here = table.degree_slice(degree)
        F = jets.advance(degree)
        known = composition.known(degree, W) if composition else _known_convolution(table, degree, W, R)
        along: Array | float = 0.0
        if tangential is None:
            R[here] = F @ left
        else:
            along, R[here] = tangential.solve(solver, degree, (known - F) @ left)
        if composition is not None:
            composition.learn(degree, R[here])
        small = size.small(degree, F, known) if size else None
        Y, noise, obstruction = solver.solve(degree, _complement(subspace, known - F), small)
        if obstruction is not None:
            return Expansion(W, R, obstruction, degree)
        W[here] = _in_graph(subspace, Y)
        if tangential is not None:
            W[here] += along @ right.T
        if size:
            size.record(degree, W[here], R[here], noise)
        if degree < table.order:
            jets.correct(degree, field.split(W[here]))
    return Expansion(W, R)


def _complement(subspace: MasterSubspace, rows: Array) -> Array:
    return rows @ subspace.complement.basis


def _in_graph(subspace: MasterSubspace, Y: Array) -> Array:
    states = Y @ subspace.complement.basis.T
    return states - (states @ subspace.left) @ subspace.right.T


def _known_convolution(table: MonomialTable, degree: int, W: Array, R: Array) -> Array | float:
    """The part of DW R at this degree that holds neither W_1, W_k nor R_1."""
    terms = table.convolution(degree)
    if not len(terms.left):
        return 0.0
    first = table.offsets[2]
    shape = (table.offsets[degree + 1] - table.offsets[degree], table.offsets[degree] - first)
    places = terms.target * shape[1] + (terms.left - first)
    weights = terms.factor * R[terms.right, terms.component]
    matrix = np.bincount(places, weights, minlength=shape[0] * shape[1]).reshape(shape)
    return np.asarray(matrix @ W[first : table.offsets[degree]])


class _NaturalSize:
    """The size below which a right-hand side is a rounding error.

    Measured against the terms it is made of and against the growth of the coefficients so far, so that it
    scales as it must with the units of states, time and parameters: a monomial weighs as much as the shift of
    the state that its parameters cause.
    """

    def __init__(self, table: MonomialTable, rate: float, slopes: Array) -> None:
        self._table = table
        self._rate = rate
        self._shifts = np.where(slopes > 0, slopes / rate if rate else slopes, 1.0)
        self._growth = 0.0
        self._dynamics: dict[int, float] = {}  # heights of R by degree
        self._noise: dict[int, float] = {}  # rounding errors of W by degree

    def _weights(self, degree: int) -> Array | float:
        if not len(self._shifts):
            return 1.0
        exponents = self._table.exponents[self._table.degree_slice(degree), self._table.n_master :]
        return np.asarray(np.prod(self._shifts**exponents, axis=1))

    def record(self, degree: int, W: Array, R: Array, noise: Array) -> None:
        weights = self._weights(degree)
        self._dynamics[degree] = _height(R, weights)
        self._noise[degree] = float((noise / weights).max(initial=0.0))
        if degree > 1:
            own = self._dynamics[degree] / self._rate if self._rate else 0.0
            height = max(_height(W, weights), own)
            self._growth = max(self._growth, height ** (1.0 / (degree - 1)))

    def _inherited(self, degree: int) -> float:
        """Rounding errors of lower degrees that reach this one, through DW R and through f."""
        total = 0.0
        for lower, noise in self._noise.items():
            through_dynamics = lower * self._dynamics.get(degree + 1 - lower, 0.0) if lower > 1 else 0.0
            through_field = self._rate * self._growth ** (degree - lower)
            total += noise * (through_dynamics + through_field)
        return total

    def small(self, degree: int, F: Array, known: Array | float) -> Array:
        """One bound a monomial, (M_k,)."""
        terms = _lengths(F)
        if isinstance(known, np.ndarray):
            terms = terms + _lengths(known)
        weights = self._weights(degree)
        natural = float((terms / weights).max(initial=0.0)) + self._rate * self._growth ** (degree - 1)
        return np.full(len(F), _ROUNDING * natural + self._inherited(degree)) * weights


def _lengths(rows: Array) -> Array:
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", rows, rows)))


def _height(rows: Array, weights: Array | float) -> float:
    return float((_lengths(rows) / weights).max(initial=0.0))
