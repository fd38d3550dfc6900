"""The size of exact coefficients: how many terms they hold, and a refusal before they become too many."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sympy.polys.fields import FracElement

from ssmsym.errors import InputError
from ssmsym.manifolds.exact_tower import TowerElement
from ssmsym.series.monomials import ProductTable
from ssmsym.series.ring import ExactRing

Objects = NDArray[Any]

MAX_TERMS = 5_000  # greatest common divisors of larger expressions take minutes
_FACTORING = 4  # so many times longer does factoring take than other arithmetic
_FEW = 100  # terms of a degree from which its growth says something


def term_count(element: Any) -> int:
    """Terms in numerator and denominator of a domain element; 0 of zero."""
    if isinstance(element, TowerElement):
        return sum(term_count(c) for c in element.coefficients)
    if not element:
        return 0
    return len(element.numer) + len(element.denom) if isinstance(element, FracElement) else 1


class TermBudget:
    """Watches the terms of an expansion's degrees.

    Parameters
    ----------
    limit : int
        Terms that all coefficients of a degree may hold together.
    order : int
        Highest degree to come.
    """

    def __init__(self, limit: int, order: int) -> None:
        self.limit = limit
        self._order = order
        self._degree = 1
        self._last: tuple[int, int] | None = None  # a degree and its terms

    def begin(self, degree: int) -> None:
        """Say which degree is being computed."""
        self._degree = degree

    def end(self, degree: int, *coefficients: Objects) -> None:
        """Count a degree's terms.

        Raises
        ------
        InputError
            If these are too many, or those of a degree to come, which grow as a power of the degree does: a
            polynomial of degree D in s symbols has about D^s / s! terms.
        """
        terms = sum(term_count(e) for array in coefficients for e in np.ravel(array))
        if terms > self.limit:
            self._refuse(degree, terms)
        if terms < _FEW:  # odd and even fields have degrees with few terms or none
            return
        if self._last is not None:
            before, fewer = self._last
            power = max(math.log(terms / fewer) / math.log(degree / before), 0.0)
            for coming in range(degree + 1, self._order + 1):
                expected = terms * (coming / degree) ** power
                if expected > self.limit:
                    self._refuse(coming, expected)
        self._last = degree, terms

    def check_factoring(self, coefficients: Iterable[Any]) -> None:
        """Refuse a characteristic polynomial that is too long to be factored.

        Raises
        ------
        InputError
        """
        terms = sum(term_count(c) for c in coefficients)
        limit = self.limit // _FACTORING
        if terms > limit:
            raise InputError(
                f"The characteristic polynomial holds {_round(terms)} terms (limit {_round(limit)}, a fourth of "
                "'max_terms'); give numbers for some symbols in 'values', or raise 'max_terms'."
            )

    def check_product(self, left: Any, right: Any) -> None:
        """Refuse a product whose numerator would hold too many terms.

        Raises
        ------
        InputError
        """
        if not isinstance(left, FracElement) or len(left.numer) * len(right.numer) <= self.limit:
            return
        degrees = np.add(left.numer.degrees(), right.numer.degrees())
        size = min(
            len(left.numer) * len(right.numer),
            math.prod(int(d) + 1 for d in degrees),
            math.comb(_total_degree(left.numer) + _total_degree(right.numer) + len(degrees), len(degrees)),
        )
        if size > self.limit:
            self._refuse(self._degree, size)

    def _refuse(self, degree: int, terms: float) -> None:
        raise InputError(
            f"Degree {degree} would hold about {_round(terms)} terms (limit {_round(self.limit)}); lower 'order', "
            "give numbers for some symbols in 'values', or raise 'max_terms'."
        )


def _total_degree(polynomial: Any) -> int:
    return max(map(sum, polynomial.itermonoms()), default=0)


def _round(number: float) -> str:
    return f"{number:.0e}".replace("e+0", "e").replace("e+", "e") if number >= 1000 else str(int(number))


class GuardedRing(ExactRing):
    """An exact ring whose products of series are checked against a budget.

    Parameters
    ----------
    domain : SymPy field or TowerField
    budget : TermBudget
    """

    def __init__(self, domain: Any, budget: TermBudget) -> None:
        super().__init__(domain)
        self._budget = budget

    def products(self, out: Objects, a: Objects, b: Objects, table: ProductTable, weight: Objects) -> None:
        for left, right in zip(table.left, table.right, strict=True):
            for x, y in zip(a[left], b[right], strict=True):
                if x and y:
                    self._budget.check_product(x, y)
        super().products(out, a, b, table, weight)
