"""The two coefficient domains of a truncated power series: floats and exact domain elements.

Series code is written once, on NumPy arrays; these classes hold the few operations that differ. Floats use
compiled loops; exact domains use object arrays whose elements are those of a SymPy domain (rationals,
algebraic numbers, rational functions of free symbols), so that every sum and product is exact.
"""

from __future__ import annotations

import functools
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ssmsym.series.monomials import ProductTable

Array = NDArray[Any]


class Ring(Protocol):
    """What series arithmetic asks of its coefficients."""

    def zeros(self, shape: tuple[int, ...]) -> Array: ...

    def number(self, value: Fraction | float | int) -> Any:
        """The coefficient that stands for a rational number."""

    def products(self, out: Array, a: Array, b: Array, table: ProductTable, weight: Array) -> None:
        """Add the weighted products of a table to the rows of `out`."""

    def euler_weight(self, table: ProductTable, degree: int) -> Array:
        """Degree of the left factor over `degree`."""

    def weight(self, table: ProductTable) -> Array: ...

    def ones(self, table: ProductTable) -> Array: ...


class FloatRing:
    """Double precision; products by a compiled loop over the neurons."""

    def zeros(self, shape: tuple[int, ...]) -> Array:
        return np.zeros(shape)

    def number(self, value: Fraction | float | int) -> float:
        return float(value)

    def products(self, out: Array, a: Array, b: Array, table: ProductTable, weight: Array) -> None:
        if len(table.left):
            _accumulate_products()(out, a, b, table.left, table.right, table.target, weight)

    def euler_weight(self, table: ProductTable, degree: int) -> Array:
        return table.scaled_weight(degree)

    def weight(self, table: ProductTable) -> Array:
        return table.float_weight

    def ones(self, table: ProductTable) -> Array:
        return table.ones


class ExactRing:
    """Elements of a SymPy field, in object arrays."""

    def __init__(self, domain: Any) -> None:
        self.domain = domain

    def zeros(self, shape: tuple[int, ...]) -> Array:
        out = np.empty(shape, dtype=object)
        out[...] = self.domain.zero
        return out

    def number(self, value: Fraction | float | int) -> Any:
        fraction = Fraction(value)
        return self.domain(fraction.numerator) / self.domain(fraction.denominator)

    def products(self, out: Array, a: Array, b: Array, table: ProductTable, weight: Array) -> None:
        zero = self.domain.zero
        for left, right, target, factor in zip(table.left, table.right, table.target, weight, strict=True):
            for i in range(out.shape[1]):
                x, y = a[left, i], b[right, i]
                if x != zero and y != zero:
                    out[target, i] += factor * (x * y)

    def _numbers(self, values: list[Fraction]) -> Array:
        out = np.empty(len(values), dtype=object)
        out[:] = [self.number(value) for value in values]
        return out

    def euler_weight(self, table: ProductTable, degree: int) -> Array:
        return self._numbers([Fraction(int(w), degree) for w in table.weight])

    def weight(self, table: ProductTable) -> Array:
        return self._numbers([Fraction(int(w)) for w in table.weight])

    def ones(self, table: ProductTable) -> Array:
        return self._numbers([Fraction(1)] * len(table.weight))


@functools.cache
def _accumulate_products() -> Any:
    from ssmsym.series.kernels import accumulate_products

    return accumulate_products


FLOATS = FloatRing()
