"""The right-hand side W(R(p)) of a map's invariance equation over a field of exact numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.series.monomials import MonomialTable
from ssmsym.series.ring import ExactRing

Objects = NDArray[Any]
Series = dict[int, Any]  # position of a monomial to its coefficient, zeros left out


class ExactComposition:
    """Series of all monomials of (R(p, mu), mu), grown with R.

    A monomial of degree 2 or more is the product of a lower one with one coordinate, so its part of degree k
    needs R up to degree k - 1 only.

    Parameters
    ----------
    table : MonomialTable
    ring : ExactRing
    """

    def __init__(self, table: MonomialTable, ring: ExactRing) -> None:
        self._table = table
        self._ring = ring
        d = table.n_master
        self._parts: list[list[Series]] = [[{} for _ in range(len(table))] for _ in range(table.order + 1)]
        self._parts[0][0] = {0: ring.number(1)}
        for offset in range(table.n_parameters):  # mu stays
            self._parts[1][1 + d + offset] = {1 + d + offset: ring.number(1)}
        exponents = table.exponents
        self._variables = np.argmax(exponents > 0, axis=1)
        lower = exponents.copy()
        lower[np.arange(1, len(lower)), self._variables[1:]] -= 1
        self._parents = table.position(lower)

    def learn(self, degree: int, R: Objects) -> None:
        """Make the part (M_k, d) of the reduced dynamics of one degree known."""
        start, zero = self._table.offsets[degree], self._ring.domain.zero
        for component in range(self._table.n_master):
            part = {start + i: value for i, value in enumerate(R[:, component]) if value != zero}
            self._parts[degree][1 + component] = part

    def expand(self, degree: int) -> None:
        """Make the monomials' parts of this degree known, as far as R of lower degree gives them."""
        table = self._table
        for monomial in range(table.offsets[2], table.offsets[degree + 1]):
            total: Series = {}
            for lower in range(1, degree):
                left = self._parts[lower][self._parents[monomial]]
                right = self._parts[degree - lower][1 + self._variables[monomial]]
                if left and right:
                    self._add_product(total, left, right)
            self._parts[degree][monomial] = total

    def _add_product(self, total: Series, left: Series, right: Series) -> None:
        exponents = self._table.exponents
        for i, a in left.items():
            targets = self._table.position(exponents[i] + exponents[list(right)])
            for target, b in zip(targets.tolist(), right.values(), strict=True):
                if target >= 0:
                    total[target] = total[target] + a * b if target in total else a * b

    def known(self, degree: int, W: Objects) -> Objects:
        """The part of W(R) of this degree that holds neither W_1 nor W_k, (M_k, N)."""
        table = self._table
        start = table.offsets[degree]
        out = self._ring.zeros((table.offsets[degree + 1] - start, W.shape[1]))
        for monomial in range(table.offsets[2], start):
            for target, weight in self._parts[degree][monomial].items():
                out[target - start] = out[target - start] + W[monomial] * weight
        return out

    def linear_action(self, degree: int) -> Objects:
        """L_k with entry [to, from]: the monomials of this degree, in which the coordinates are mapped by R_1."""
        start, end = self._table.offsets[degree], self._table.offsets[degree + 1]
        out = self._ring.zeros((end - start, end - start))
        for source in range(start, end):
            for target, value in self._parts[degree][source].items():
                out[target - start, source - start] = value
        return out
