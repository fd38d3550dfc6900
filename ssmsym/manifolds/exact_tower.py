"""Rational functions of symbols with an algebraic number adjoined last.

SymPy's own rational functions over a number field take greatest common divisors over that field, which is
hopeless beyond a few terms. Here an element is a polynomial in the number whose coefficients are rational
functions over the integers, whose divisors are found fast.
"""

from __future__ import annotations

from typing import Any

import sympy
from sympy.polys.domains.field import Field
from sympy.polys.domains.simpledomain import SimpleDomain
from sympy.polys.matrices import DomainMatrix
from sympy.polys.polyerrors import CoercionFailed


class TowerElement:
    """A polynomial in the adjoined number, lowest power first, as many coefficients as the number's degree."""

    __slots__ = ("coefficients", "field")

    def __init__(self, field: TowerField, coefficients: tuple[Any, ...]) -> None:
        self.field = field
        self.coefficients = coefficients

    def _other(self, value: Any) -> TowerElement:
        return value if isinstance(value, TowerElement) else self.field(value)

    def __add__(self, other: Any) -> TowerElement:
        pairs = zip(self.coefficients, self._other(other).coefficients, strict=True)
        return TowerElement(self.field, tuple(a + b if a and b else a or b for a, b in pairs))

    def __neg__(self) -> TowerElement:
        return TowerElement(self.field, tuple(-a for a in self.coefficients))

    def __sub__(self, other: Any) -> TowerElement:
        return self + (-self._other(other))

    def __rsub__(self, other: Any) -> TowerElement:
        return self._other(other) - self

    def __mul__(self, other: Any) -> TowerElement:
        return self.field.product(self, self._other(other))

    __radd__ = __add__
    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> TowerElement:
        return self * self.field.inverse(self._other(other))

    def __rtruediv__(self, other: Any) -> TowerElement:
        return self._other(other) / self

    def __pow__(self, exponent: int) -> TowerElement:
        base = self.field.inverse(self) if exponent < 0 else self
        total = self.field.one
        for _ in range(abs(exponent)):
            total = total * base
        return total

    def __eq__(self, other: object) -> bool:
        if isinstance(other, TowerElement):
            return self.coefficients == other.coefficients
        return isinstance(other, int) and self.coefficients == self.field(other).coefficients

    def __bool__(self) -> bool:
        return any(self.coefficients)

    def __hash__(self) -> int:
        return hash(self.coefficients)

    def __repr__(self) -> str:
        return str(self.field.to_sympy(self))


class TowerField(Field, SimpleDomain):
    """The field of rational functions of symbols over a number field.

    Parameters
    ----------
    numbers : SymPy algebraic field
    gens : list of symbols
    """

    rep = "Tower"
    is_Exact = True  # noqa: N815
    has_assoc_Ring = False  # noqa: N815
    has_assoc_Field = True  # noqa: N815
    dtype = TowerElement

    def __init__(self, numbers: Any, gens: list[Any]) -> None:
        self.numbers = numbers
        self.base = sympy.ZZ.frac_field(*gens)
        self.sympy_field = numbers.frac_field(*gens)
        leading, *rest = numbers.mod.to_list()
        self.degree = len(rest)
        self.number = numbers.ext.as_expr()
        self._relation = [self._rational(-c / leading) for c in reversed(rest)]  # its highest power
        self.zero = self._padded([])
        self.one = self._padded([self.base.one])
        self.gens = [self._padded([gen]) for gen in self.base.gens]

    def _rational(self, value: Any) -> Any:
        return self.base(int(value.numerator)) / self.base(int(value.denominator))

    def _padded(self, coefficients: list[Any]) -> TowerElement:
        missing = self.degree - len(coefficients)
        return TowerElement(self, (*coefficients, *[self.base.zero] * missing))

    def __call__(self, value: Any) -> TowerElement:
        if isinstance(value, TowerElement):
            return value
        return self._padded([self.base(int(value))])

    def convert(self, value: Any, base: Any = None) -> TowerElement:
        """An integer, or an element of the number field, as an element of this one."""
        if base is self.numbers:
            return self._padded([self._rational(c) for c in reversed(value.to_list())])
        if isinstance(value, (TowerElement, int)):
            return self(value)
        raise CoercionFailed(f"{value} is not in the field")

    def is_negative(self, a: TowerElement) -> bool:
        """The field is not ordered; no element needs another sign."""
        return False

    def product(self, left: TowerElement, right: TowerElement) -> TowerElement:
        """Product, high powers of the number replaced by lower ones."""
        total = [self.base.zero] * (2 * self.degree - 1)
        for i, a in enumerate(left.coefficients):
            for j, b in enumerate(right.coefficients):
                if a and b:
                    total[i + j] = total[i + j] + a * b
        for power in range(2 * self.degree - 2, self.degree - 1, -1):
            for j, c in enumerate(self._relation):
                if c and total[power]:
                    total[power - self.degree + j] += c * total[power]
        return TowerElement(self, tuple(total[: self.degree]))

    def inverse(self, element: TowerElement) -> TowerElement:
        """1 / element, from the linear system that multiplication by it is."""
        if not element:
            raise ZeroDivisionError("division by zero in an exact field")
        if not any(element.coefficients[1:]):
            return self._padded([self.base.one / element.coefficients[0]])
        powers = [self._padded([self.base.zero] * k + [self.base.one]) for k in range(self.degree)]
        columns = [self.product(element, power).coefficients for power in powers]
        rows = [[*row, self.base.one if i == 0 else self.base.zero] for i, row in enumerate(zip(*columns))]  # noqa: B905
        reduced, _ = DomainMatrix(rows, (self.degree, self.degree + 1), self.base).rref()
        return TowerElement(self, tuple(row[-1] for row in reduced.to_list()))

    def to_sympy(self, a: TowerElement) -> Any:
        """An element as an expression."""
        terms = [self.base.to_sympy(c) * self.number**k for k, c in enumerate(a.coefficients) if c]
        return sympy.Add(*terms)

    def to_number_field(self, element: TowerElement) -> Any:
        """An element as SymPy's rational function over the number field."""
        theta = self.sympy_field(self.numbers.unit)
        total = self.sympy_field.zero
        for power, c in enumerate(element.coefficients):
            total = total + self.sympy_field.convert(c, self.base) * theta**power
        return total

    def from_number_field(self, value: Any) -> TowerElement:
        """SymPy's rational function over the number field as an element."""
        return self._polynomial(value.numer) / self._polynomial(value.denom)

    def _polynomial(self, polynomial: Any) -> TowerElement:
        total = self.zero
        for monomial, coefficient in polynomial.terms():
            term = self.convert(coefficient, self.numbers)
            for gen, power in zip(self.gens, monomial, strict=True):
                term = term * gen**power
            total = total + term
        return total
