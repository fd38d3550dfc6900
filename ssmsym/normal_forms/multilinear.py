"""Derivatives of a field along directions: the symmetric multilinear forms of its Taylor series.

D^k f(v1, ..., vk) is the polarization of the homogeneous part of degree k. With directions d_m, v_i = sum_m c_im d_m,

    D^k f(v1, ..., vk) = sum_nu  nu!  [x^nu] (prod_i sum_m c_im x_m)  [x^nu] f(x* + sum_m x_m d_m),

so that one Taylor series in the real directions involved gives a form of complex vectors; B, C, D, E of Kuznetsov,
Elements of Applied Bifurcation Theory, 3rd ed., sections 5.4 and 8.7.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.fields.field import VectorField
from ssmsym.fields.jets import Jets
from ssmsym.fields.parameters import locate
from ssmsym.manifolds.graph_style import active_parameters
from ssmsym.normal_forms.series import Series, product
from ssmsym.series.monomials import monomial_table
from ssmsym.series.ring import FLOATS

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]


class MultilinearForms:
    """Derivatives of any order of a field at one point, in the states and some parameters together.

    Parameters
    ----------
    field : VectorField
    state : (N,) array
    parameters : sequence of str
        q scalar parameters. Vectors have N entries for the states followed by q for them.
    """

    def __init__(self, field: VectorField, state: Array, parameters: Sequence[str] = ()) -> None:
        self.field = field
        self.state = state
        self.n_states = field.n_states
        self.n_parameters = len(parameters)
        self._located = [locate(name, field.values) for name in parameters]

    def __call__(self, *vectors: NDArray[Any]) -> Complex:
        """D^k f of k vectors, (N + q,) each, real or complex; shape (N,)."""
        directions, factors = self._directions(vectors)
        used = [j for j in range(self.n_parameters) if any(v[self.n_states + j] != 0 for v in vectors)]
        for factor, vector in zip(factors, vectors, strict=True):
            for column, j in enumerate(used):
                if vector[self.n_states + j] != 0:
                    factor[_unit(len(directions) + column)] = complex(vector[self.n_states + j])
        width = len(directions) + len(used)
        weights: Series = {(): 1.0 + 0.0j}
        for factor in factors:
            weights = product(weights, {_padded(key, width): value for key, value in factor.items()}, width)
        exponents, coefficients = self._homogeneous(directions, used, len(vectors))
        row_weights = np.zeros(len(exponents), dtype=complex)
        for row, powers in enumerate(exponents.tolist()):
            weight = weights.get(tuple(powers))
            if weight is not None:
                row_weights[row] = weight * math.prod(math.factorial(k) for k in powers)
        return np.asarray(row_weights @ coefficients)

    def _directions(self, vectors: Sequence[NDArray[Any]]) -> tuple[list[Array], list[Series]]:
        """Distinct real directions among the states of the vectors, and each vector over them."""
        directions: list[Array] = []
        known: dict[bytes, int] = {}
        factors: list[Series] = []
        for vector in vectors:
            factor: Series = {}
            state = vector[: self.n_states]
            for part, unit in ((state.real, 1.0 + 0.0j), (state.imag, 1.0j)):
                real = np.ascontiguousarray(part) + 0.0  # no negative zeros
                if not real.any():
                    continue
                sign = 1.0
                position = known.get(real.tobytes())
                if position is None:
                    position, sign = known.get((0.0 - real).tobytes()), -1.0
                if position is None:
                    position, sign = len(directions), 1.0
                    known[real.tobytes()] = position
                    directions.append(real)
                key = _unit(position)
                factor[key] = factor.get(key, 0.0) + sign * unit
            factors.append(factor)
        return directions, factors

    def _homogeneous(self, directions: list[Array], used: list[int], degree: int) -> tuple[Any, Array]:
        """Exponents and coefficients of the part of one degree of f(x* + sum s_m d_m, theta + sum t_j e_j)."""
        m, q = len(directions), len(used)
        if not m + q:
            return np.zeros((0, 0), dtype=int), np.zeros((0, self.n_states))
        table = monomial_table(m, q, degree)
        active = active_parameters(self.field, [self._located[j] for j in used], m)
        split = self.field.split
        jets = Jets(
            self.field.bind(frozenset(active)),
            self.field.program.outputs,
            table,
            FLOATS,
            split(self.state),
            active,
        )
        rows = np.zeros((m + q, self.n_states))
        if m:
            rows[:m] = directions
        out = jets.advance(1, split(rows))
        for k in range(2, degree + 1):
            here = table.degree_slice(k)
            out = jets.advance(k, split(np.zeros((here.stop - here.start, self.n_states))))
        return table.exponents[table.degree_slice(degree)], np.asarray(out)


def _unit(position: int) -> tuple[int, ...]:
    return (*([0] * position), 1)


def _padded(key: tuple[int, ...], width: int) -> tuple[int, ...]:
    return (*key, *([0] * (width - len(key))))
