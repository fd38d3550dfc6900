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
        nonlinear = table.exponents[table.offsets[2] :]
        self._variables = np.argmax(nonlinear > 0, axis=1)
        lower = nonlinear.copy()
        lower[np.arange(len(lower)), self._variables] -= 1
        self._parents = table.position(lower)
        self._quadratic = np.flatnonzero(self._parents < table.offsets[2])
        self._higher = np.flatnonzero(self._parents >= table.offsets[2])
        # every nonlinear monomial is a product of two columns: its lower monomial and its missing coordinate
        self._left = np.zeros((len(table), len(nonlinear)))
        self._right = np.zeros((len(table), len(nonlinear)))

    def learn(self, degree: int, R: Array) -> None:
        """Make the part (M_k, d) of the reduced dynamics of one degree known."""
        here = self._table.degree_slice(degree)
        self._entries[here, : self._table.n_master] = R
        self._right[here] = self._entries[here][:, self._variables]
        self._left[here, self._quadratic] = self._entries[here][:, self._parents[self._quadratic] - 1]

    def known(self, degree: int, W: Array) -> Array:
        """The part of W(R) of this degree that holds neither W_1 nor W_k, (M_k, N)."""
        table = self._table
        here = table.degree_slice(degree)
        pairs = table.product(degree)
        first = table.offsets[2]
        reached = table.offsets[degree + 1] - first  # monomials of higher degree start later
        block = np.zeros((here.stop - here.start, reached))
        FLOATS.products(block, self._left, self._right, pairs, FLOATS.ones(pairs))
        known = self._higher[self._parents[self._higher] < table.offsets[degree + 1]]
        self._left[here, known] = block[:, self._parents[known] - first]
        return np.asarray(block[:, : table.offsets[degree] - first] @ W[first : table.offsets[degree]])
