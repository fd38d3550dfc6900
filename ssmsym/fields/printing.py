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
    def _print_Float(self, e: Any) -> str:  # noqa: N802
        return super()._print_Float(_shortest(e))

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


def _shortest(e: Any) -> Any:
    """A float with as many digits as tell it from its neighbours."""
    digits = len(repr(float(e)).partition("e")[0].replace("-", "").replace(".", "").strip("0"))
    return sympy.Float(e, max(digits, 1))


class _Text(StrPrinter):
    def _print_Float(self, e: Any) -> str:  # noqa: N802
        return repr(float(e))

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


_GATE_WEIGHTS = re.compile(r"W_h([a-z](?:_\d+)?)$")


def named_gates(equations: Mapping[Any, Any]) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """A cell's equations with its gates as symbols of their own, and what the symbols stand for.

    A gate is a function entry by entry whose argument holds recurrent weights ``W_h?``, after the last letters of
    which it is called; the new state of a lower layer, where another layer takes it as input, is ``h0_new``.
    Equations without such weights stay as they are.
    """
    gates: dict[Any, Any] = {}
    found = {e for expression in equations.values() for e in expression.atoms(ElementwiseApplyFunction)}
    states: dict[Any, Any] = {}

    def shortened(expression: Any) -> Any:
        inverse = {value: symbol for symbol, value in gates.items()} | states
        for _ in range(len(inverse) + 1):
            shorter = expression.xreplace(inverse)
            if shorter == expression:
                break
            expression = shorter
        return expression

    for state, equation in equations.items():
        inside = {g for g in found if g in equation.atoms(ElementwiseApplyFunction)}
        for gate in sorted(inside, key=lambda e: (len(e.atoms(ElementwiseApplyFunction)), str(e))):
            named = shortened(gate)
            letters = {m[1] for s in named.atoms(MatrixSymbol) if (m := _GATE_WEIGHTS.match(s.name))}
            if isinstance(named, ElementwiseApplyFunction) and len(letters) == 1:
                gates[MatrixSymbol(letters.pop(), *gate.shape)] = named
        if gates and isinstance(state, MatrixSymbol):
            states[shortened(equation)] = MatrixSymbol(f"{state.name}_new", *state.shape)
    short = {}
    kept, states = states, {}
    for state, equation in equations.items():
        short[state] = shortened(equation)
        states.update({e: s for e, s in kept.items() if s.name == f"{state}_new"})
    return short, gates


def equation_lines(equations: Mapping[Any, Any], *, is_map: bool) -> list[str]:
    """Plain text, one line an equation; of a cell its gates first."""
    shortened, gates = named_gates(equations)
    sign = " ->" if is_map else "' ="
    return [
        *(f"{symbol} = {text(gate)}" for symbol, gate in gates.items()),
        *(f"{state}{sign} {text(e)}" for state, e in shortened.items()),
    ]
