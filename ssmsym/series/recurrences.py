"""Operations on power series, advanced one degree at a time.

Every operation computes the homogeneous part of degree k of its result from parts of lower degree and from its
operands' parts of degree k. The latter enter linearly, so a part of degree k can be computed first without a
contribution that is not known yet (`advance`) and be completed by a linear update when it is (`correct`). The whole
series, an array (monomials, n), is kept only where lower degrees are needed later. Order K costs one pass over the
degrees, one product per nonlinear operation and degree. A part that vanishes identically is None.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence

import numpy as np

from ssmsym.series.monomials import MonomialTable
from ssmsym.series.polynomial import Polynomial
from ssmsym.series.ring import Array, Ring

Part = Array | None


class Operation(abc.ABC):
    """A node of the computation with the series of its value.

    Attributes
    ----------
    value : (n,) array
        Value at the expansion point.
    series : (M, n) array
        Coefficients, row 0 the value. Only where :meth:`keep` has been called.
    part : (M_k, n) array or None
        Homogeneous part of the degree that is being computed; a view of the series where that is kept. Without a
        series it is not completed by `correct`.
    delta : (M_k, n) array or None
        Update of that part caused by the last correction.
    """

    operands: tuple[Operation, ...] = ()
    series: Array

    def __init__(self, table: MonomialTable, ring: Ring, value: Array) -> None:
        self.table = table
        self.ring = ring
        self.value = value
        self.is_kept = False
        self.part: Part = None
        self.delta: Part = None

    @property
    def width(self) -> int:
        return len(self.value)

    def keep(self) -> None:
        """Keep the series from now on; to be called before the first degree."""
        if not self.is_kept:
            self.series = self.ring.zeros((len(self.table), self.width))
            self.series[0] = self.value
            self.is_kept = True

    def advance(self, degree: int) -> None:
        """Set the part of this degree from lower degrees and the operands' parts."""
        lower = self._lower(degree)
        linear = self._linear([operand.part for operand in self.operands])
        if lower is None:
            self._store(degree, linear)
            return
        if linear is not None:
            lower += linear
        self.part = lower

    def correct(self, degree: int) -> None:
        """Add the linear effect of the operands' updates to the part of this degree."""
        self.delta = self._linear([operand.delta for operand in self.operands])
        if self.is_kept:
            self._update(degree)

    def _update(self, degree: int) -> None:
        if self.delta is None:
            return
        if self.part is None:
            self._store(degree, self.delta)
        else:
            self.part += self.delta

    def _store(self, degree: int, part: Part) -> None:
        if self.is_kept and part is not None:
            here = self.series[self.table.degree_slice(degree)]
            here[...] = part
            part = here
        self.part = part

    def _blank(self, degree: int) -> Array:
        """Zeros for the part of this degree, in the series where that is kept."""
        if self.is_kept:
            return self.series[self.table.degree_slice(degree)]
        return self.ring.zeros((len_of(self.table, degree), self.width))

    def _lower(self, degree: int) -> Part:
        """Contribution of lower degrees alone, in the blank of this degree."""
        return None

    @abc.abstractmethod
    def _linear(self, parts: Sequence[Part]) -> Part:
        """Image of the operands' degree-k parts under the derivative at the expansion point."""


def _add(a: Part, b: Part) -> Part:
    if a is None or b is None:
        return b if a is None else a
    return a + b


class Input(Operation):
    """A series given from outside: a block of the state or a parameter."""

    def feed(self, degree: int, part: Part) -> None:
        self._store(degree, part)

    def update(self, degree: int, delta: Part) -> None:
        self.delta = delta
        if self.is_kept:
            self._update(degree)

    def advance(self, degree: int) -> None:
        pass

    def correct(self, degree: int) -> None:
        pass

    def _linear(self, parts: Sequence[Part]) -> Part:
        return None


class Sum(Operation):
    """Sum of operands of equal width."""

    def __init__(
        self, table: MonomialTable, ring: Ring, value: Array, operands: tuple[Operation, ...]
    ) -> None:
        super().__init__(table, ring, value)
        self.operands = operands

    def _linear(self, parts: Sequence[Part]) -> Part:
        total: Part = None
        for part in parts:
            total = _add(total, part)
        return total


class Scale(Operation):
    """Operand times a constant, entry by entry; a one-column operand is widened to the constant's length."""

    def __init__(
        self, table: MonomialTable, ring: Ring, value: Array, operand: Operation, factor: Array
    ) -> None:
        super().__init__(table, ring, value)
        self.operands = (operand,)
        self.factor = factor

    def _linear(self, parts: Sequence[Part]) -> Part:
        return None if parts[0] is None else parts[0] * self.factor


class Linear(Operation):
    """Constant matrix times operand."""

    def __init__(
        self, table: MonomialTable, ring: Ring, value: Array, operand: Operation, matrix: Array
    ) -> None:
        super().__init__(table, ring, value)
        self.operands = (operand,)
        self.transposed = matrix.T

    def _linear(self, parts: Sequence[Part]) -> Part:
        return None if parts[0] is None else parts[0] @ self.transposed


class Product(Operation):
    """Entry-by-entry product of two operands of equal width."""

    def __init__(
        self, table: MonomialTable, ring: Ring, value: Array, operands: tuple[Operation, Operation]
    ) -> None:
        super().__init__(table, ring, value)
        self.operands = operands
        self._is_square = operands[0] is operands[1]
        for operand in operands:
            operand.keep()

    def _lower(self, degree: int) -> Part:
        pairs = self.table.square(degree) if self._is_square else self.table.product(degree)
        if not len(pairs.left):
            return None
        weight = self.ring.weight(pairs) if self._is_square else self.ring.ones(pairs)
        out = self._blank(degree)
        a, b = self.operands
        self.ring.products(out, a.series, b.series, pairs, weight)
        return out

    def _linear(self, parts: Sequence[Part]) -> Part:
        a, b = self.operands
        if self._is_square:
            return None if parts[0] is None else parts[0] * (a.value + a.value)
        left = None if parts[0] is None else parts[0] * b.value
        right = None if parts[1] is None else parts[1] * a.value
        return _add(left, right)


class Integral(Operation):
    """The function y(x) whose derivative dy/dx has a known series q.

    With the Euler operator, ``k y_k = sum_j j x_j q_(k-j)``: one product a degree (Griewank and Walther,
    Evaluating Derivatives, 2nd ed., 2008, table 13.2, for one variable; homogeneous parts in place of
    coefficients here).
    """

    def __init__(self, table: MonomialTable, ring: Ring, value: Array, operand: Operation) -> None:
        super().__init__(table, ring, value)
        self.operands = (operand,)
        self.derivative: Operation
        operand.keep()

    def differentiate(self, derivative: Operation) -> None:
        """Say which operation is the derivative; it may depend on this one."""
        self.derivative = derivative
        derivative.keep()

    def _lower(self, degree: int) -> Part:
        pairs = self.table.product(degree)
        if not len(pairs.left):
            return None
        out = self._blank(degree)
        weight = self.ring.euler_weight(pairs, degree)
        self.ring.products(out, self.operands[0].series, self.derivative.series, pairs, weight)
        return out

    def _linear(self, parts: Sequence[Part]) -> Part:
        return None if parts[0] is None else parts[0] * self.derivative.value


class Composition(Operation):
    """A function known only by its derivatives at the expansion point, composed with the operand.

    Parameters
    ----------
    taylor : callable
        ``taylor(n)`` gives the n-th derivative over n! at every entry, shape (width,).
    """

    def __init__(
        self,
        table: MonomialTable,
        ring: Ring,
        value: Array,
        operand: Operation,
        taylor: Callable[[int], Array],
    ) -> None:
        super().__init__(table, ring, value)
        self.operands = (operand,)
        self._taylor = [taylor(n) for n in range(table.order + 1)]
        # powers[n] is the series of (x - x0)^n; the constant part of each is zero
        self._powers = [ring.zeros((len(table), self.width)) for _ in range(table.order + 1)]
        self._shift = self._powers[1] if table.order >= 1 else self._powers[0]
        operand.keep()

    def _lower(self, degree: int) -> Part:
        if degree < 2:
            return None
        out = self._blank(degree)
        pairs = self.table.product(degree)
        ones = self.ring.ones(pairs)
        here = self.table.degree_slice(degree)
        self._shift[: self.table.offsets[degree]] = self.operands[0].series[: self.table.offsets[degree]]
        self._shift[0] = self.ring.zeros((self.width,))
        for n in range(2, degree + 1):
            power = self.ring.zeros(out.shape)
            self.ring.products(power, self._shift, self._powers[n - 1], pairs, ones)
            self._powers[n][here] = power
            out += power * self._taylor[n]
        return out

    def _linear(self, parts: Sequence[Part]) -> Part:
        return None if parts[0] is None else parts[0] * self._taylor[1]


class Component(Operation):
    """One entry of the operand."""

    def __init__(self, table: MonomialTable, ring: Ring, value: Array, operand: Operation, at: int) -> None:
        super().__init__(table, ring, value)
        self.operands = (operand,)
        self.at = at

    def _linear(self, parts: Sequence[Part]) -> Part:
        return None if parts[0] is None else parts[0][:, self.at : self.at + 1]


class Stack(Operation):
    """Operands side by side."""

    def __init__(
        self, table: MonomialTable, ring: Ring, value: Array, operands: tuple[Operation, ...]
    ) -> None:
        super().__init__(table, ring, value)
        self.operands = operands

    def _linear(self, parts: Sequence[Part]) -> Part:
        rows = next((len(part) for part in parts if part is not None), None)
        if rows is None:
            return None
        filled = [
            self.ring.zeros((rows, operand.width)) if part is None else part
            for operand, part in zip(self.operands, parts, strict=True)
        ]
        return np.concatenate(filled, axis=1)


class PolynomialMap(Operation):
    """A polynomial, given as data, of the operand's entries.

    The series of every monomial of the polynomial is kept, each as the product of a lower monomial with
    one entry.
    """

    def __init__(
        self, table: MonomialTable, ring: Ring, value: Array, operand: Operation, polynomial: Polynomial
    ) -> None:
        super().__init__(table, ring, value)
        self.operands = (operand,)
        closed = polynomial.closed_under_division()
        self._parent, self._variable = closed.chains()
        self._degrees = closed.exponents.sum(axis=1)
        self._weights = closed.coefficients
        self._gradient = polynomial.jacobian(operand.value).T
        self._monomials = ring.zeros((len(table), len(closed.exponents)))
        operand.keep()
        self._monomials[0] = closed.monomials(operand.value)

    def _lower(self, degree: int) -> Part:
        """Parts of degree k of all monomials as far as lower degrees determine them."""
        if degree < 2:
            return None
        self._complete(degree - 1)
        out = self._blank(degree)
        out += self._propagate(degree, None) @ self._weights
        return out

    def _complete(self, degree: int) -> None:
        here = self.table.degree_slice(degree)
        self._monomials[here] = self._propagate(degree, self.operands[0].series[here])

    def _propagate(self, degree: int, entries: Part) -> Array:
        pairs = self.table.product(degree)
        ones = self.ring.ones(pairs)
        source = self.operands[0].series
        out = self.ring.zeros((len_of(self.table, degree), len(self._degrees)))
        for polynomial_degree in range(1, int(self._degrees.max(initial=0)) + 1):
            columns = np.flatnonzero(self._degrees == polynomial_degree)
            parents, variables = self._parent[columns], self._variable[columns]
            block = out[:, parents] * source[0, variables]
            if entries is not None:
                block = block + self._monomials[0, parents] * entries[:, variables]
            left = np.ascontiguousarray(self._monomials[:, parents])
            right = np.ascontiguousarray(source[:, variables])
            self.ring.products(block, left, right, pairs, ones)
            out[:, columns] = block
        return out

    def _linear(self, parts: Sequence[Part]) -> Part:
        return None if parts[0] is None else parts[0] @ self._gradient


def len_of(table: MonomialTable, degree: int) -> int:
    """Number of monomials of one degree."""
    return table.offsets[degree + 1] - table.offsets[degree]


def truncated_product(table: MonomialTable, ring: Ring, a: Array, b: Array) -> Array:
    """Product of two series of equal width, all degrees at once.

    Parameters
    ----------
    a, b : (M, n) arrays
        Coefficients over the monomials of `table`.

    Returns
    -------
    (M, n) array
    """
    out: Array = a * b[0] + a[0] * b
    out[0] = a[0] * b[0]
    for degree in range(2, table.order + 1):
        pairs = table.product(degree)
        here = table.degree_slice(degree)
        block = np.ascontiguousarray(out[here])
        ring.products(block, a, b, pairs, ring.ones(pairs))
        out[here] = block
    return out
