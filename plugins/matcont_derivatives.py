"""Derivatives of written-out right-hand sides, term by term: SymPy's own sort long sums at every step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sympy

from ssmsym.exporters.model import ExportModel

_MOST_TERMS = 4000  # of all tensors of one order that is written unasked
HIGHEST = 5  # MatCont uses derivatives up to this order


def derivative(e: Any, symbol: Any) -> Any:
    """The derivative of an expression, its terms in the order of the expression's."""
    terms = [d for term in (e.args if e.is_Add else (e,)) if (d := _term(term, symbol)) != 0]
    if len(terms) == 1:
        return terms[0]
    return sympy.Add(*terms, evaluate=False) if terms else sympy.S.Zero


def _term(e: Any, symbol: Any) -> Any:
    if symbol not in e.free_symbols:
        return sympy.S.Zero
    if e.is_Mul:
        inside = [factor for factor in e.args if symbol in factor.free_symbols]
        if len(inside) == 1:
            return _product(derivative(inside[0], symbol), [f for f in e.args if f is not inside[0]])
    if e.is_Pow and e.base == symbol and e.exp.is_Integer:
        return _product(e.base ** (e.exp - 1), [e.exp])
    if isinstance(e, sympy.Piecewise):
        pieces = [(derivative(value, symbol), condition) for value, condition in e.args]
        return sympy.Piecewise(*pieces, evaluate=False)
    return sympy.diff(e, symbol)


def _product(d: Any, others: list[Any]) -> Any:
    if d == 0:
        return sympy.S.Zero
    factors = [*others, *(d.args if d.is_Mul else (d,))]
    number = sympy.Mul(*(f for f in factors if f.is_Number))
    rest = [f for f in factors if not f.is_Number]
    if not rest:
        return number
    if number == 1:
        return rest[0] if len(rest) == 1 else sympy.Mul(*rest, evaluate=False)
    return sympy.Mul(number, *rest, evaluate=False)


def usual_order(model: ExportModel) -> int:
    """The highest order of derivatives by the state whose text stays short; at least 1."""
    size = sum(_size(e) for e in model.right_sides)
    order = 1
    while order < HIGHEST and size * len(model.states) ** (order + 1) <= _MOST_TERMS:
        order += 1
    return order


def _size(e: Any) -> int:
    return sum(1 for part in sympy.preorder_traversal(e) if part.is_Symbol) if not e.is_Number else 1


def tensors(model: ExportModel, order: int) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Derivatives of one order from 2 on by the state that are not zero.

    Yields
    ------
    (i, j, k ...), expression
        Equation i by the states j <= k <= ...: the others follow by symmetry.
    """
    for (i, *places), e in tensors(model, order - 1) if order > 2 else _first(model):
        for k in range(places[-1], len(model.states)):
            d = derivative(e, model.states[k])
            if d != 0:
                yield (i, *places, k), d


def _first(model: ExportModel) -> Iterator[tuple[tuple[int, ...], Any]]:
    for i, row in enumerate(model.jacobian):
        for j, e in enumerate(row):
            if e != 0:
                yield (i, j), e


def mixed(model: ExportModel) -> Iterator[tuple[tuple[int, int, int], Any]]:
    """Derivatives of equation i by state j and parameter k that are not zero."""
    for (i, j), e in _first(model):
        for k, parameter in enumerate(model.parameters):
            d = derivative(e, parameter)
            if d != 0:
                yield (i, j, k), d
