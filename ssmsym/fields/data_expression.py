"""A map given as data, a polynomial or a piecewise one, as one symbol of a matrix expression."""

from __future__ import annotations

from typing import Any

import sympy
from sympy.matrices.expressions.matexpr import MatrixExpr


class DataExpression(MatrixExpr):
    """The column vector ``name(inputs...)`` whose map is named data: a polynomial or a piecewise Chebyshev map.

    The expression holds the name only; the coefficients belong to the field, as arrays do.
    """

    def __new__(cls, name: Any, rows: int, *inputs: Any) -> DataExpression:
        """Make the node; `inputs` are scalars and column vectors, stacked in this order."""
        symbol = name if isinstance(name, sympy.Symbol) else sympy.Symbol(str(name))
        return super().__new__(cls, symbol, sympy.Integer(rows), *(sympy.sympify(i) for i in inputs))

    @property
    def name(self) -> str:
        return str(self.args[0].name)

    @property
    def inputs(self) -> tuple[Any, ...]:
        return tuple(self.args[2:])

    @property
    def shape(self) -> tuple[Any, Any]:
        return (self.args[1], sympy.S.One)

    def _latex(self, printer: Any) -> str:
        arguments = ", ".join(printer._print(i) for i in self.inputs)
        return f"{printer._print(self.args[0])}\\left({arguments}\\right)"

    def _sympystr(self, printer: Any) -> str:
        return f"{self.name}({', '.join(printer._print(i) for i in self.inputs)})"

    def _entry(self, i: Any, j: Any, **kwargs: Any) -> Any:
        return sympy.MatrixSymbol(self.name, *self.shape)[i, j]
