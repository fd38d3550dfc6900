"""Polynomial maps between vector spaces, stored as exponents and coefficients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmsym.errors import InputError
from ssmsym.series.monomials import MonomialTable, monomial_table

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Polynomial:
    """A polynomial map from R^D to R^n.

    Parameters
    ----------
    exponents : (M, D) int
        One row a monomial, no row twice. Brought into graded lexicographic order, constant first.
    coefficients : (M, n)
        Coefficient of each monomial in each output: float64, or objects of an exact domain.

    Examples
    --------
    >>> square_plus_one = Polynomial([[0], [2]], [[1.0], [1.0]])
    >>> square_plus_one([3.0])
    array([10.])
    """

    exponents: NDArray[np.int64]
    coefficients: Array

    def __init__(self, exponents: ArrayLike, coefficients: ArrayLike) -> None:
        given = np.asarray(exponents)
        powers = given.astype(np.int64)
        if (powers != given).any():
            raise InputError("A polynomial's exponents must be whole numbers.")
        values = np.array(coefficients)
        if powers.ndim != 2 or values.ndim != 2 or len(powers) != len(values):
            raise InputError(
                f"A polynomial needs exponents (M, D) and coefficients (M, n) with equal M; found "
                f"{powers.shape} and {values.shape}."
            )
        if powers.size and powers.min() < 0:
            raise InputError(f"A polynomial's exponents must not be negative; found {powers.min()}.")
        if values.dtype != object:
            values = values.astype(float)
        order = np.lexsort((*(-powers.T[::-1]), powers.sum(axis=1)))
        powers, values = powers[order], values[order]
        if len(powers) > 1 and (powers[1:] == powers[:-1]).all(axis=1).any():
            raise InputError("A polynomial's exponents hold one monomial twice; add its coefficients first.")
        powers.setflags(write=False)
        values.setflags(write=False)
        object.__setattr__(self, "exponents", powers)
        object.__setattr__(self, "coefficients", values)

    @property
    def n_variables(self) -> int:
        return int(self.exponents.shape[1])

    @property
    def n_outputs(self) -> int:
        return int(self.coefficients.shape[1])

    @property
    def order(self) -> int:
        """Highest total degree."""
        return int(self.exponents.sum(axis=1).max(initial=0))

    def __repr__(self) -> str:
        return (
            f"Polynomial({self.n_variables} variables, {self.n_outputs} outputs, order {self.order}, "
            f"{len(self.exponents)} monomials)"
        )

    def _points(self, z: ArrayLike) -> Array:
        points = np.asarray(z)
        if points.ndim not in (1, 2) or points.shape[-1] != self.n_variables:
            raise InputError(
                f"This polynomial is evaluated at points ({self.n_variables},) or (n, {self.n_variables}); "
                f"found an array of shape {points.shape}."
            )
        return points

    def monomials(self, z: ArrayLike) -> Array:
        """Values of the monomials, shape (M,) or (n, M)."""
        points = self._points(z)
        out = None
        for variable in range(self.n_variables):
            powers = [np.ones_like(points[..., variable])]
            for _ in range(int(self.exponents[:, variable].max(initial=0))):
                powers.append(powers[-1] * points[..., variable])
            factor = np.stack(powers, axis=-1)[..., self.exponents[:, variable]]
            out = factor if out is None else out * factor
        if out is None:
            return np.ones((*points.shape[:-1], len(self.exponents)))
        return out

    def __call__(self, z: ArrayLike) -> Array:
        """Values at one point ``(D,)`` or at many ``(n, D)``; shape ``(n_outputs,)`` or ``(n, n_outputs)``."""
        return self.monomials(z) @ self.coefficients

    def derivative(self, variable: int) -> Polynomial:
        """Partial derivative with respect to one variable (0-based)."""
        keep = self.exponents[:, variable] > 0
        exponents = self.exponents[keep].copy()
        factor = exponents[:, variable].copy()
        exponents[:, variable] -= 1
        if not len(exponents):
            return self.constant(np.zeros(self.n_outputs), self.n_variables)
        return Polynomial(exponents, self.coefficients[keep] * factor[:, None])

    def jacobian(self, z: ArrayLike) -> Array:
        """First derivatives, shape (n_outputs, D) at one point or (n, n_outputs, D) at many."""
        columns = [self.derivative(variable)(z) for variable in range(self.n_variables)]
        return np.stack(columns, axis=-1)

    @classmethod
    def constant(cls, values: ArrayLike, n_variables: int) -> Polynomial:
        """The map that is `values` everywhere."""
        return cls(np.zeros((1, n_variables), dtype=int), np.atleast_2d(np.asarray(values)))

    @classmethod
    def identity(cls, n_variables: int) -> Polynomial:
        """The map z -> z."""
        return cls(np.eye(n_variables, dtype=int), np.eye(n_variables))

    @classmethod
    def from_table(cls, table: MonomialTable, coefficients: Array) -> Polynomial:
        """A polynomial on all monomials of a table; `coefficients` (M, n) in its order."""
        polynomial = object.__new__(cls)  # a table's monomials are in order and need no check
        values = np.array(coefficients)
        values.setflags(write=False)
        object.__setattr__(polynomial, "exponents", table.exponents)
        object.__setattr__(polynomial, "coefficients", values)
        return polynomial

    def _merged(self, exponents: Array, coefficients: Array) -> Polynomial:
        rows, inverse = np.unique(exponents, axis=0, return_inverse=True)
        out = np.zeros((len(rows), coefficients.shape[1]), dtype=coefficients.dtype)
        np.add.at(out, inverse.ravel(), coefficients)
        return Polynomial(rows, out)

    def __add__(self, other: Polynomial) -> Polynomial:
        self._same_shape(other)
        return self._merged(
            np.concatenate([self.exponents, other.exponents]),
            np.concatenate([self.coefficients, other.coefficients]),
        )

    def __neg__(self) -> Polynomial:
        return Polynomial(self.exponents, -self.coefficients)

    def __sub__(self, other: Polynomial) -> Polynomial:
        return self + (-other)

    def __mul__(self, other: Polynomial | float) -> Polynomial:
        """Product, output by output; a single output multiplies every output of the other factor."""
        if not isinstance(other, Polynomial):
            return Polynomial(self.exponents, self.coefficients * other)
        if self.n_variables != other.n_variables or (
            self.n_outputs != other.n_outputs and 1 not in (self.n_outputs, other.n_outputs)
        ):
            raise InputError(f"Cannot multiply {self!r} and {other!r}: variables or outputs differ.")
        exponents = self.exponents[:, None, :] + other.exponents[None, :, :]
        coefficients = self.coefficients[:, None, :] * other.coefficients[None, :, :]
        return self._merged(
            exponents.reshape(-1, self.n_variables), coefficients.reshape(-1, coefficients.shape[2])
        )

    __rmul__ = __mul__

    def _same_shape(self, other: Polynomial) -> None:
        if (self.n_variables, self.n_outputs) != (other.n_variables, other.n_outputs):
            raise InputError(f"Cannot add {self!r} and {other!r}: variables or outputs differ.")

    def transformed(self, matrix: ArrayLike) -> Polynomial:
        """The outputs mapped by a constant matrix (m, n_outputs)."""
        return Polynomial(self.exponents, self.coefficients @ np.asarray(matrix).T)

    def truncate(self, order: int) -> Polynomial:
        """The terms of total degree at most `order`."""
        keep = self.exponents.sum(axis=1) <= order
        if not keep.any():
            return self.constant(np.zeros(self.n_outputs), self.n_variables)
        return Polynomial(self.exponents[keep], self.coefficients[keep])

    def on_table(self, table: MonomialTable) -> Array:
        """Coefficients (M, n_outputs) over the monomials of `table`; terms outside it are dropped."""
        positions = table.position(self.exponents)
        out = np.zeros((len(table), self.n_outputs), dtype=self.coefficients.dtype)
        out[positions[positions >= 0]] = self.coefficients[positions >= 0]
        return out

    def closed_under_division(self) -> Polynomial:
        """The same map with zero coefficients added so that every divisor of a monomial is present."""
        table = monomial_table(self.n_variables, 0, self.order)
        wanted = np.zeros(len(table), dtype=bool)
        wanted[table.position(self.exponents)] = True
        for position in range(len(table) - 1, 0, -1):
            if wanted[position]:
                wanted[self._parents(table, position)] = True
        wanted[0] = True
        return Polynomial(table.exponents[wanted], self.on_table(table)[wanted])

    @staticmethod
    def _parents(table: MonomialTable, position: int) -> Array:
        variables = np.flatnonzero(table.exponents[position])
        lower = np.repeat(table.exponents[position][None], len(variables), axis=0)
        lower[np.arange(len(variables)), variables] -= 1
        return table.position(lower)

    def chains(self) -> tuple[Array, Array]:
        """For each monomial of a closed set, a monomial that divides it and the variable that is missing.

        Returns
        -------
        parent, variable : (M,) int
            Entries of the constant are 0 and meaningless.
        """
        rows = {tuple(row): i for i, row in enumerate(self.exponents.tolist())}
        parent = np.zeros(len(self.exponents), dtype=np.int64)
        variable = np.zeros(len(self.exponents), dtype=np.int64)
        for i, row in enumerate(self.exponents.tolist()):
            first = next((v for v, power in enumerate(row) if power), None)
            if first is not None:
                row[first] -= 1
                parent[i], variable[i] = rows[tuple(row)], first
        return parent, variable

    def compose(self, inner: Polynomial, order: int | None = None) -> Polynomial:
        """This map after `inner`, truncated to total degree `order` (default: this map's order).

        Parameters
        ----------
        inner : Polynomial
            As many outputs as this map has variables.
        """
        from ssmsym.series.recurrences import truncated_product
        from ssmsym.series.ring import FLOATS

        if inner.n_outputs != self.n_variables:
            raise InputError(f"Cannot compose {self!r} with {inner!r}: outputs and variables differ.")
        table = monomial_table(inner.n_variables, 0, self.order if order is None else order)
        entries = np.ascontiguousarray(inner.on_table(table))
        closed = self.closed_under_division()
        parent, variable = closed.chains()
        series = np.zeros((len(table), len(parent)))
        series[0, 0] = 1.0
        degrees = closed.exponents.sum(axis=1)
        for degree in range(1, closed.order + 1):
            columns = np.flatnonzero(degrees == degree)
            left = np.ascontiguousarray(series[:, parent[columns]])
            right = np.ascontiguousarray(entries[:, variable[columns]])
            series[:, columns] = truncated_product(table, FLOATS, left, right)
        return Polynomial.from_table(table, series @ closed.coefficients)

    def revert(self, order: int | None = None) -> Polynomial:
        """The inverse map near 0, by series reversion: ``self.compose(inverse) = identity`` to `order`.

        Raises
        ------
        InputError
            If the map is not square, has a constant term, or its linear part is singular.
        """
        order = self.order if order is None else order
        n = self.n_variables
        linear = self.jacobian(np.zeros(n))
        if self.n_outputs != n or np.any(self(np.zeros(n))):
            raise InputError(f"Reversion needs a square map without constant term; found {self!r}.")
        if np.linalg.matrix_rank(linear) < n:
            raise InputError("Reversion needs an invertible linear part; this one is singular.")
        inverse_linear = np.linalg.inv(linear)
        nonlinear = self - Polynomial.identity(n).transformed(linear)
        inverse = Polynomial.identity(n).transformed(inverse_linear)
        for degree in range(2, order + 1):
            rest = Polynomial.identity(n) - nonlinear.compose(inverse, degree)
            inverse = rest.transformed(inverse_linear)
        return inverse

    def to_sympy(self, variables: Sequence[Any]) -> list[Any]:
        """The outputs as SymPy expressions in the given symbols; zero coefficients are left out."""
        import sympy

        out = []
        for column in self.coefficients.T:
            terms = [
                sympy.sympify(value) * sympy.Mul(*(v**p for v, p in zip(variables, row, strict=True)))
                for value, row in zip(column, self.exponents.tolist(), strict=True)
                if value != 0
            ]
            out.append(sympy.Add(*terms))
        return out
