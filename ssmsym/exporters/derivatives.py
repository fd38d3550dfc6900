"""Derivatives of written-out expressions, term by term.

SymPy's own sort and simplify at every step, which takes minutes for long sums and for networks of fifty units.
"""

from __future__ import annotations

from typing import Any

import sympy


def derivative(e: Any, symbol: Any) -> Any:
    """The derivative of a scalar expression; a sum keeps the order of its terms.

    Parameters
    ----------
    e : SymPy expression
    symbol : SymPy symbol
    """
    terms = [d for term in (e.args if e.is_Add else (e,)) if (d := _term(term, symbol)) != 0]
    if len(terms) == 1:
        return terms[0]
    return sympy.Add(*terms, evaluate=False) if terms else sympy.S.Zero


def _term(e: Any, symbol: Any) -> Any:
    if e == symbol:
        return sympy.S.One
    if symbol not in e.free_symbols:
        return sympy.S.Zero
    if e.is_Add:
        return derivative(e, symbol)
    if e.is_Mul:
        inside = [factor for factor in e.args if symbol in factor.free_symbols]
        if len(inside) == 1:
            return _product(derivative(inside[0], symbol), [f for f in e.args if f is not inside[0]])
    if e.is_Pow and e.exp.is_Number:
        return _product(derivative(e.base, symbol), [e.exp, e.base ** (e.exp - 1)])
    if isinstance(e, sympy.Piecewise):
        pieces = [(derivative(value, symbol), condition) for value, condition in e.args]
        return sympy.Piecewise(*pieces, evaluate=False)
    if e.is_Function and len(e.args) == 1 and not isinstance(e, _SPECIAL):
        return _product(derivative(e.args[0], symbol), [e.fdiff(1)])
    return sympy.diff(e, symbol)


_SPECIAL = (sympy.Abs, sympy.sign, sympy.Heaviside)  # SymPy knows what they are of real arguments


def _product(d: Any, others: list[Any]) -> Any:
    if d == 0:
        return sympy.S.Zero
    parts = [part for e in (*others, d) for part in (e.args if e.is_Mul else (e,))]
    number = sympy.Mul(*(part for part in parts if part.is_Number))
    rest = [part for part in parts if not part.is_Number]
    if not rest or number == 0:
        return number
    if number == 1:
        return rest[0] if len(rest) == 1 else sympy.Mul(*rest, evaluate=False)
    return sympy.Mul(number, *rest, evaluate=False)
