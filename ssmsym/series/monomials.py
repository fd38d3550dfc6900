"""Multi-indices of truncated power series and the index tables of their products.

A table holds the monomials in ``n_master`` coordinates followed by ``n_parameters`` parameter offsets, of
total degree at most ``order`` and of degree at most ``parameter_order`` in the offsets together. This set
contains every divisor of its members, so that products, compositions and the invariance equation can be
truncated to it without touching a monomial outside. Order: graded, lexicographic within a degree,
``(1, 0) before (0, 1)``, constant first.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.int64]


@dataclass(frozen=True)
class ProductTable:
    """Pairs of monomials whose product has degree k, both factors of degree at least 1.

    Attributes
    ----------
    left, right : (P,) int
        Positions of the two factors among all monomials.
    target : (P,) int
        Position of the product among the monomials of degree k; ascending.
    weight : (P,) int
        Degree of the left factor (product tables) or multiplicity of the pair (square tables).
    """

    left: Index
    right: Index
    target: Index
    weight: Index

    @functools.cached_property
    def float_weight(self) -> NDArray[np.float64]:
        return self.weight.astype(float)

    @functools.cached_property
    def ones(self) -> NDArray[np.float64]:
        return np.ones(len(self.weight))

    def scaled_weight(self, degree: int) -> NDArray[np.float64]:
        """Left degree divided by `degree`, as the Euler operator's inverse needs it."""
        return self.float_weight / degree


@dataclass(frozen=True)
class ConvolutionTable:
    """Terms of ``DW R`` at degree k in which both factors have degree 2 to k - 1.

    The term is ``factor * W[left] * R[right, component]`` and belongs to monomial `target` of degree k.
    """

    left: Index
    right: Index
    component: Index
    target: Index
    factor: Index


class MonomialTable:
    """Monomials of degree 0 to `order` and, made when first asked for, their product tables.

    Use :func:`monomial_table`, which keeps one instance per shape.
    """

    def __init__(self, n_master: int, n_parameters: int, order: int, parameter_order: int) -> None:
        self.n_master = n_master
        self.n_parameters = n_parameters
        self.n_variables = n_master + n_parameters
        self.order = order
        self.parameter_order = parameter_order
        by_degree = [self._of_degree(k) for k in range(order + 1)]
        self.exponents: Index = np.concatenate(by_degree)
        self.exponents.setflags(write=False)
        self.offsets = np.concatenate([[0], np.cumsum([len(block) for block in by_degree])]).tolist()
        self._radix = _radix(self.n_variables, order)
        self._keys = self.exponents @ self._radix
        self._sorting = np.argsort(self._keys)
        self._sorted_keys = self._keys[self._sorting]
        self._products: dict[int, ProductTable] = {}
        self._squares: dict[int, ProductTable] = {}
        self._convolutions: dict[int, ConvolutionTable] = {}

    def __len__(self) -> int:
        return len(self.exponents)

    def _of_degree(self, degree: int) -> Index:
        """All monomials of one degree: those in the coordinates times those in the offsets."""
        blocks = []
        for parameter_degree in range(min(degree, self.parameter_order) + 1):
            own = _all_of_degree(self.n_master, degree - parameter_degree)
            offsets = _all_of_degree(self.n_parameters, parameter_degree)
            left = np.repeat(own, len(offsets), axis=0)
            blocks.append(np.concatenate([left, np.tile(offsets, (len(own), 1))], axis=1))
        exponents = np.concatenate(blocks)
        return exponents[np.lexsort(-exponents.T[::-1])]

    def degree_slice(self, degree: int) -> slice:
        """Positions of the monomials of one degree."""
        return slice(self.offsets[degree], self.offsets[degree + 1])

    def _positions(self, keys: Index) -> tuple[Index, NDArray[np.bool_]]:
        found = np.minimum(np.searchsorted(self._sorted_keys, keys), len(self._keys) - 1)
        return self._sorting[found], self._sorted_keys[found] == keys

    def position(self, exponents: NDArray[np.int64]) -> Index:
        """Positions of the given multi-indices, -1 where one is not in the table."""
        exponents = np.asarray(exponents)
        positions, present = self._positions(exponents @ self._radix)
        present = present & (exponents.sum(axis=-1) <= self.order) & (exponents.min(axis=-1, initial=0) >= 0)
        return np.where(present, positions, -1)

    def _pairs(self, degree: int, left_degree: int) -> tuple[Index, Index]:
        left = np.arange(self.offsets[left_degree], self.offsets[left_degree + 1])
        right_degree = degree - left_degree
        right = np.arange(self.offsets[right_degree], self.offsets[right_degree + 1])
        grid = np.meshgrid(left, right, indexing="ij")
        return grid[0].ravel(), grid[1].ravel()

    def product(self, degree: int) -> ProductTable:
        """All pairs whose product has this degree; `weight` is the degree of the left factor."""
        if degree not in self._products:
            parts = []
            for left_degree in range(1, degree):
                left, right = self._pairs(degree, left_degree)
                parts.append((left, right, np.full(len(left), left_degree)))
            self._products[degree] = self._table(degree, parts)
        return self._products[degree]

    def square(self, degree: int) -> ProductTable:
        """Unordered pairs whose product has this degree; `weight` is how often the pair occurs."""
        if degree not in self._squares:
            parts = []
            for left_degree in range(1, degree // 2 + 1):
                left, right = self._pairs(degree, left_degree)
                keep = left <= right
                left, right = left[keep], right[keep]
                parts.append((left, right, np.where(left == right, 1, 2)))
            self._squares[degree] = self._table(degree, parts)
        return self._squares[degree]

    def _table(self, degree: int, parts: list[tuple[Index, Index, Index]]) -> ProductTable:
        if not parts:
            empty = np.zeros(0, dtype=np.int64)
            return ProductTable(empty, empty, empty, empty)
        left, right, weight = (np.concatenate(column) for column in zip(*parts, strict=True))
        target, present = self._positions(self._keys[left] + self._keys[right])
        left, right, weight = left[present], right[present], weight[present]
        target = target[present] - self.offsets[degree]
        sorting = np.argsort(target, kind="stable")
        return ProductTable(left[sorting], right[sorting], target[sorting], weight[sorting])

    def convolution(self, degree: int) -> ConvolutionTable:
        """Terms of ``DW R`` at this degree without those that hold ``W_1``, ``W_k`` or ``R_1``."""
        if degree not in self._convolutions:
            columns: list[list[Index]] = [[], [], [], [], []]
            for left_degree in range(2, degree):
                all_left, all_right = self._pairs(degree + 1, left_degree)
                for component in range(self.n_master):
                    keep = self.exponents[all_left, component] > 0
                    left, right = all_left[keep], all_right[keep]
                    target, present = self._positions(
                        self._keys[left] + self._keys[right] - self._radix[component]
                    )
                    left, right, target = left[present], right[present], target[present]
                    row = (left, right, np.full(len(left), component), target - self.offsets[degree])
                    for column, values in zip(columns, (*row, self.exponents[left, component]), strict=True):
                        column.append(values)
            empty = np.zeros(0, dtype=np.int64)
            arrays = [np.concatenate(column) if column else empty for column in columns]
            self._convolutions[degree] = ConvolutionTable(*arrays)
        return self._convolutions[degree]


def _all_of_degree(n_variables: int, degree: int) -> Index:
    chosen = list(itertools.combinations_with_replacement(range(n_variables), degree))
    rows = np.array(chosen, dtype=np.int64).reshape(len(chosen), degree)
    exponents = np.zeros((len(rows), n_variables), dtype=np.int64)
    for column in range(degree):
        exponents[np.arange(len(rows)), rows[:, column]] += 1
    return exponents


def _radix(n_variables: int, order: int) -> Index:
    """Weights that turn a multi-index into one number, additive under products.

    A positional number where it fits 64 bits; else random weights modulo 2^64, for which a clash among a
    table's monomials has a chance below 1e-6 even for ten million of them.
    """
    if (order + 2) ** n_variables < 2**62:
        return (order + 2) ** np.arange(n_variables, dtype=np.int64)
    return np.random.default_rng(0).integers(-(2**62), 2**62, n_variables, dtype=np.int64)


@functools.lru_cache(maxsize=64)
def monomial_table(
    n_master: int, n_parameters: int, order: int, parameter_order: int | None = None
) -> MonomialTable:
    """The shared table of a shape.

    Parameters
    ----------
    n_master, n_parameters : int
        Number of coordinates of each kind; at least one in all.
    order : int
        Highest total degree.
    parameter_order : int, optional
        Highest degree in the parameter offsets together; `order` when not given.
    """
    limit = order if parameter_order is None else min(parameter_order, order)
    return MonomialTable(n_master, n_parameters, order, limit if n_parameters else 0)
