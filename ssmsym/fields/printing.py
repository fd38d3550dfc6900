"""Text and LaTeX of field equations: entry-by-entry functions are printed as ``tanh.(x)``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import sympy
from sympy import MatrixSymbol
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.printing.latex import LatexPrinter
from sympy.printing.str import StrPrinter

_CALL = re.compile(r"^(\\?[A-Za-z]+(?:\{[A-Za-z]+\})?)\{?\\left\(")


def _plain(e: Any) -> Any:
    """The function behind an entry-by-entry application, with SymPy's own wrapping Lambda removed."""
    head = e.function
    if isinstance(head, sympy.Lambda):
        (variable,) = head.variables
        body = head.expr
        if isinstance(body, sympy.Function) and body.args == (variable,):
            return body.func
    return head


class _Latex(LatexPrinter):
    def _print_ElementwiseApplyFunction(self, e: Any) -> str:  # noqa: N802
        head = _plain(e)
        argument = self._print(e.expr)
        if isinstance(head, sympy.Lambda):
            (variable,) = head.variables
            body = self._print(head.expr)
            return rf"\left[{self._print(variable)} \mapsto {body}\right]_{{\circ}}\!\left({argument}\right)"
        match = _CALL.match(self._print(head(sympy.Symbol("x"))))
        name = match[1] if match else rf"\operatorname{{{head.__name__}}}"
        return rf"{name}_{{\circ}}\!\left({argument}\right)"

    def _print_HadamardPower(self, e: Any) -> str:  # noqa: N802
        return rf"{self.parenthesize(e.base, 100)}^{{\circ {self._print(e.exp)}}}"


class _Text(StrPrinter):
    def _print_ElementwiseApplyFunction(self, e: Any) -> str:  # noqa: N802
        head = _plain(e)
        name = (
            f"({head.variables[0]} -> {self._print(head.expr)})" if isinstance(head, sympy.Lambda) else head
        )
        return f"{name}.({self._print(e.expr)})"

    def _print_HadamardProduct(self, e: Any) -> str:  # noqa: N802
        return "∘".join(self.parenthesize(a, 50) for a in e.args)

    def _print_HadamardPower(self, e: Any) -> str:  # noqa: N802
        return f"{self.parenthesize(e.base, 100)}.^{self._print(e.exp)}"


def latex(e: Any) -> str:
    """LaTeX of an expression."""
    return str(_Latex().doprint(e))


def text(e: Any) -> str:
    """One line of plain text."""
    return str(_Text().doprint(e))


def named_gates(equations: Mapping[Any, Any]) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """A cell's equations with its gates as symbols of their own, and what the symbols stand for.

    A gate is a function entry by entry whose argument holds recurrent weights ``W_h?``, after the last letters of
    which it is called; equations without such weights stay as they are.
    """
    gates: dict[Any, Any] = {}
    found = {e for expression in equations.values() for e in expression.atoms(ElementwiseApplyFunction)}
    for gate in sorted(found, key=lambda e: (len(e.atoms(ElementwiseApplyFunction)), str(e))):
        named = gate.xreplace({value: symbol for symbol, value in gates.items()})
        letters = {
            s.name[3:] for s in named.atoms(MatrixSymbol) if s.name.startswith("W_h") and len(s.name) > 3
        }
        if len(letters) == 1 and not letters & {str(s) for s in gates}:
            symbol = MatrixSymbol(letters.pop(), *gate.shape)
            gates[symbol] = named
    inverse = {value: symbol for symbol, value in gates.items()}

    def shortened(expression: Any) -> Any:
        for _ in gates:
            expression = expression.xreplace(inverse)
        return expression

    return {state: shortened(e) for state, e in equations.items()}, gates


def equation_lines(equations: Mapping[Any, Any], *, is_map: bool) -> list[str]:
    """Plain text, one line an equation; of a cell its gates first."""
    shortened, gates = named_gates(equations)
    sign = " ->" if is_map else "' ="
    return [
        *(f"{symbol} = {text(gate)}" for symbol, gate in gates.items()),
        *(f"{state}{sign} {text(e)}" for state, e in shortened.items()),
    ]
