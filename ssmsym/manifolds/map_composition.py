"""The right-hand side W(R(p)) of a map's invariance equation, degree by degree."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ssmsym.series.monomials import MonomialTable
from ssmsym.series.ring import FLOATS

Array = NDArray[np.float64]


class MapComposition:
    """Series of all monomials of (R(p, mu), mu), grown with R.

    A monomial of degree 2 or more is the product of a lower one with one coordinate, so its part of degree k
    needs R up to degree k - 1 only.
    """

    def __init__(self, table: MonomialTable) -> None:
        self._table = table
        n, d = table.n_variables, table.n_master
        self._entries = np.zeros((len(table), n))
        self._entries[1 + np.arange(d, n), np.arange(d, n)] = 1.0  # mu stays
        self._monomials = np.zeros((len(table), len(table)))
        self._monomials[0, 0] = 1.0
        exponents = table.exponents
        self._variables = np.argmax(exponents > 0, axis=1)
        lower = exponents.copy()
        lower[np.arange(1, len(lower)), self._variables[1:]] -= 1
        self._parents = table.position(lower)

    def learn(self, degree: int, R: Array) -> None:
        """Make the part (M_k, d) of the reduced dynamics of one degree known."""
        here = self._table.degree_slice(degree)
        self._entries[here, : self._table.n_master] = R
        first = self._table.degree_slice(1)
        self._monomials[here, first] = self._entries[here]

    def known(self, degree: int, W: Array) -> Array:
        """The part of W(R) of this degree that holds neither W_1 nor W_k, (M_k, N)."""
        table = self._table
        here = table.degree_slice(degree)
        pairs = table.product(degree)
        ones = FLOATS.ones(pairs)
        for power in range(2, degree + 1):
            columns = np.arange(*table.degree_slice(power).indices(len(table))[:2])
            left = np.ascontiguousarray(self._monomials[:, self._parents[columns]])
            right = np.ascontiguousarray(self._entries[:, self._variables[columns]])
            block = np.zeros((here.stop - here.start, len(columns)))
            FLOATS.products(block, left, right, pairs, ones)
            self._monomials[here, columns] = block
        inner = slice(table.offsets[2], table.offsets[degree])
        return np.asarray(self._monomials[here, inner] @ W[inner])
