"""MathML, as SBML Level 3 has it: written from SymPy, and read back to numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from xml.etree import ElementTree

import sympy

from ssmsym.exporters.contract import ExporterError

NAMESPACE = "http://www.w3.org/1998/Math/MathML"

_FUNCTIONS = {
    **{name: name for name in ("exp", "sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{name: f"arc{name[1:]}" for name in ("asin", "acos", "atan", "asinh", "acosh", "atanh")},
    "log": "ln",
    "Abs": "abs",
}
_RELATIONS = {"==": "eq", "!=": "neq", "<": "lt", "<=": "leq", ">": "gt", ">=": "geq"}


def mathml(e: Any, symbols: Mapping[Any, str]) -> str:
    """The element ``math`` of an expression.

    Raises
    ------
    ExporterError
        If SBML has no counterpart of a function in it.
    """
    return f'<math xmlns="{NAMESPACE}">{_Writer(symbols).element(e)}</math>'


class _Writer:
    def __init__(self, symbols: Mapping[Any, str]) -> None:
        self.symbols = symbols

    def element(self, e: Any) -> str:
        if e in self.symbols:
            return f"<ci>{self.symbols[e]}</ci>"
        if e.is_Number or e.is_NumberSymbol:
            return _number(float(e))
        if e.is_Add:
            return self._apply("plus", e.args)
        if e.is_Mul:
            return self._apply("times", e.args)
        if e.is_Pow:
            return self._power(*e.args)
        if isinstance(e, sympy.Piecewise):
            return self._piecewise(e.args)
        if isinstance(e, (sympy.Max, sympy.Min)):
            return self._extreme(e)
        if isinstance(e, sympy.sign):
            (x,) = e.args
            return self._piecewise([(sympy.S.One, x > 0), (sympy.S.NegativeOne, x < 0), (sympy.S.Zero, True)])
        if isinstance(e, sympy.Heaviside):
            x, at_zero = e.args[0], e.args[1] if len(e.args) > 1 else sympy.S.Half
            return self._piecewise([(sympy.S.One, x > 0), (at_zero, sympy.Eq(x, 0)), (sympy.S.Zero, True)])
        name = type(e).__name__
        if name not in _FUNCTIONS:
            raise ExporterError(
                f"The function '{name}' of this model has no counterpart in SBML; reduce the model to a polynomial "
                "one first."
            )
        return self._apply(_FUNCTIONS[name], e.args)

    def _apply(self, operator: str, arguments: Iterable[Any]) -> str:
        return f"<apply><{operator}/>{''.join(map(self.element, arguments))}</apply>"

    def _power(self, base: Any, exponent: Any) -> str:
        if base == sympy.E:
            return self._apply("exp", [exponent])
        if exponent == sympy.S.Half:
            return self._apply("root", [base])
        if exponent.is_Number and exponent < 0:
            return self._apply("divide", [sympy.S.One, sympy.Pow(base, -exponent)])
        return self._apply("power", [base, exponent])

    def _extreme(self, e: Any) -> str:
        """Of several numbers by conditions: Level 3 Version 1 has no maximum."""
        first, *others = e.args
        largest = isinstance(e, sympy.Max)
        rest = type(e)(*others, evaluate=False) if len(others) > 1 else others[0]
        condition = sympy.Ge(first, rest) if largest else sympy.Le(first, rest)
        return self._piecewise([(first, condition), (rest, True)])

    def _piecewise(self, pieces: Iterable[Any]) -> str:
        text = ""
        for value, condition in pieces:
            if condition in (True, sympy.true):
                return f"<piecewise>{text}<otherwise>{self.element(value)}</otherwise></piecewise>"
            text += f"<piece>{self.element(value)}{self._condition(condition)}</piece>"
        raise ExporterError(
            "A function of this model is not defined everywhere; give its last case no condition."
        )

    def _condition(self, e: Any) -> str:
        for kind, word in ((sympy.And, "and"), (sympy.Or, "or"), (sympy.Not, "not")):
            if isinstance(e, kind):
                return f"<apply><{word}/>{''.join(map(self._condition, e.args))}</apply>"
        if not e.is_Relational:
            raise ExporterError(f"The condition '{e}' cannot be written in SBML.")
        return self._apply(_RELATIONS[e.rel_op], (e.lhs, e.rhs))


def _number(value: float) -> str:
    if not math.isfinite(value):
        raise ExporterError(f"The model holds the number {value}, which SBML has no literal for.")
    mantissa, _, exponent = repr(value).partition("e")
    if exponent:
        return f'<cn type="e-notation">{mantissa}<sep/>{int(exponent)}</cn>'
    return f"<cn>{mantissa}</cn>"


# -- reading ------------------------------------------------------------------------------------------------

_UNARY: dict[str, Callable[[float], float]] = {
    **{name: getattr(math, name) for name in ("exp", "sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{f"arc{name}": getattr(math, f"a{name}") for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    "ln": math.log,
    "abs": abs,
    "root": math.sqrt,
}
_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "divide": lambda a, b: a / b,
    "power": lambda a, b: a**b,
    "eq": lambda a, b: a == b,
    "neq": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "leq": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "geq": lambda a, b: a >= b,
}
_MANY: dict[str, Callable[[list[Any]], Any]] = {"plus": math.fsum, "times": math.prod, "and": all, "or": any}


def value(element: ElementTree.Element, values: Mapping[str, float]) -> Any:
    """The number or truth that an element of MathML stands for."""
    tag = _local(element)
    if tag == "math":
        return value(element[0], values)
    if tag == "ci":
        return values[(element.text or "").strip()]
    if tag == "cn":
        text = element.text or ""
        return float(f"{text}e{element[0].tail}") if len(element) else float(text)
    if tag == "piecewise":
        return _chosen(element, values)
    operator, *arguments = element
    numbers = [value(argument, values) for argument in arguments]
    name = _local(operator)
    if name in _MANY:
        return _MANY[name](numbers)
    if name == "not":
        return not numbers[0]
    return _UNARY[name](numbers[0]) if name in _UNARY else _BINARY[name](*numbers)


def _chosen(element: ElementTree.Element, values: Mapping[str, float]) -> Any:
    for piece in element:
        if _local(piece) == "otherwise" or value(piece[1], values):
            return value(piece[0], values)
    raise ExporterError("No case of a piecewise function holds.")


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
