"""Domain elements as readable SymPy expressions: factored where that is cheap."""

from __future__ import annotations

from typing import Any

import sympy
from sympy.polys.fields import FracElement

from ssmsym.manifolds.exact_size import term_count
from ssmsym.manifolds.exact_tower import TowerElement

_SMALL = 40  # terms up to which any expression is factored fast


class Expressions:
    """Elements of a field as expressions.

    Small ones are factored. Of large ones only the denominator is, by the factors met before (denominators of
    an expansion are products of few differences of eigenvalues), and numbers and monomials are taken out.

    Parameters
    ----------
    domain : SymPy field or TowerField
    """

    def __init__(self, domain: Any) -> None:
        self.domain = domain
        self._known: list[Any] = []  # irreducible factors of denominators

    def __call__(self, element: Any) -> Any:
        """The expression of one element."""
        if term_count(element) <= _SMALL or not isinstance(element, (TowerElement, FracElement)):
            return sympy.factor(self.domain.to_sympy(element))
        if isinstance(element, TowerElement):
            number = element.field.number
            terms = [self._large(c) * number**k for k, c in enumerate(element.coefficients) if c]
            return sympy.Add(*terms)
        return self._large(element)

    def _large(self, element: Any) -> Any:
        content, rest = element.numer.primitive()
        powers = [min(column) for column in zip(*rest.itermonoms(), strict=True)]
        ring = rest.ring
        rest = ring.from_dict({_less(monomial, powers): c for monomial, c in rest.terms()})
        common = sympy.Mul(*(symbol**k for symbol, k in zip(ring.symbols, powers, strict=True)))
        return content * common * rest.as_expr() / self._factored(element.denom)

    def _factored(self, denominator: Any) -> Any:
        out = sympy.Integer(1)
        rest = denominator
        for factor in self._known:
            while not rest.is_ground:
                quotient, remainder = divmod(rest, factor)
                if remainder:
                    break
                out, rest = out * factor.as_expr(), quotient
        constant, factors = rest.factor_list()
        for factor, power in factors:
            self._known.append(factor)
            out *= factor.as_expr() ** power
        return constant * out


def _less(monomial: tuple[int, ...], powers: list[int]) -> tuple[int, ...]:
    return tuple(a - b for a, b in zip(monomial, powers, strict=True))
