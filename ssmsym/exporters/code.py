"""SymPy expressions as text for a target language: what exporters build statements from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sympy
from sympy.logic.boolalg import Boolean, BooleanAtom

from ssmsym.exporters.contract import ExporterError

_SUM, _PRODUCT, _POWER, _ATOM = range(4)


@dataclass(frozen=True)
class Dialect:
    """How a language writes what expressions are made of.

    Attributes
    ----------
    name : str
        For messages.
    number : callable
        A float that is finite and not negative, to its literal.
    integer_power, real_power : callable
        Texts of base and exponent to a text that binds like a power.
    functions : mapping
        Name of a SymPy function to the language's.
    select : callable
        Texts of condition, value and other value to a text that needs no parentheses.
    relations : mapping
        SymPy's ``==``, ``!=``, ``<`` ... and ``and``, ``or``, ``not`` to the language's.
    times, over : str
        Between the factors of a product, and before a divisor.
    """

    name: str
    number: Callable[[float], str]
    integer_power: Callable[[str, int], str]
    real_power: Callable[[str, str], str]
    functions: Mapping[str, str]
    select: Callable[[str, str, str], str]
    relations: Mapping[str, str]
    times: str = "*"
    over: str = "/"


class CodePrinter:
    """Texts of scalar expressions in one dialect.

    Parameters
    ----------
    dialect : Dialect
    symbols : mapping
        Text of every symbol that occurs, and of larger expressions that have been computed before.
    """

    def __init__(self, dialect: Dialect, symbols: Mapping[Any, str]) -> None:
        self.dialect = dialect
        self.symbols = symbols

    def text(self, e: Any) -> str:
        """One expression.

        Raises
        ------
        ExporterError
            If the language has no counterpart of a function in it.
        """
        return self._print(e)[0]

    def definition(self, e: Any) -> str:
        """One expression that may itself have a text among the symbols, written out."""
        return self._structure(e)[0]

    def condition(self, e: Any) -> str:
        """A relation, or several joined by and, or, not."""
        return self._condition(e)

    def terms(self, e: Any) -> list[tuple[str, str]]:
        """A sum's terms in its own order, each as its sign and a text that binds like a product."""
        return [self._signed(term) for term in (e.args if e.is_Add else (e,))]

    def _signed(self, e: Any) -> tuple[str, str]:
        if e.is_Number:
            return ("-" if e < 0 else "+"), self._number(abs(e))
        if e.is_Mul:
            return self._product(e)
        return "+", self._within(e, _PRODUCT)

    def _within(self, e: Any, level: int) -> str:
        text, own = self._print(e)
        return text if own >= level else f"({text})"

    def _print(self, e: Any) -> tuple[str, int]:
        if e in self.symbols:
            return self.symbols[e], _ATOM
        return self._structure(e)

    def _structure(self, e: Any) -> tuple[str, int]:
        if e.is_Add or e.is_Mul or e.is_Number:
            return self._sum(e)
        if e.is_Pow:
            return self._power(e)
        if isinstance(e, sympy.exp):
            return f"{self._name('exp')}({self.text(e.args[0])})", _ATOM
        if e.is_NumberSymbol:
            return self._number(e), _ATOM
        if isinstance(e, sympy.Piecewise):
            return self._piecewise(list(e.args)), _ATOM
        return self._function(e), _ATOM

    def _sum(self, e: Any) -> tuple[str, int]:
        terms = self.terms(e)
        out = "".join(f" {sign} {text}" for sign, text in terms)[1:]
        first, rest = out[0], out[2:]
        text = rest if first == "+" else f"-{rest}"
        if len(terms) > 1 or first == "-":
            return text, _SUM
        return text, _ATOM if e.is_Number else _PRODUCT

    def _product(self, e: Any) -> tuple[str, str]:
        sign, above, below = 1, [], []
        for factor in e.args:
            if factor.is_Number:
                sign *= -1 if factor < 0 else 1
                if abs(factor) != 1:
                    above.append(self._number(abs(factor)))
            elif factor not in self.symbols and factor.is_Pow and factor.exp.is_Integer and factor.exp < 0:
                below.append(self._within(factor.base**-factor.exp, _POWER))
            else:
                above.append(self._within(factor, _POWER))
        text = self.dialect.times.join(above) or self.dialect.number(1.0)
        return ("+" if sign > 0 else "-"), text + "".join(self.dialect.over + divisor for divisor in below)

    def _power(self, e: Any) -> tuple[str, int]:
        base, exponent = e.args
        if base == sympy.E:
            return f"{self._name('exp')}({self.text(exponent)})", _ATOM
        if exponent.is_Integer and exponent > 0:
            return self.dialect.integer_power(self._within(base, _ATOM), int(exponent)), _POWER
        if exponent.is_Number and exponent < 0:
            below = self._within(sympy.Pow(base, -exponent), _POWER)
            return f"{self.dialect.number(1.0)}{self.dialect.over}{below}", _PRODUCT
        if exponent == sympy.S.Half:
            return f"{self._name('sqrt')}({self.text(base)})", _ATOM
        return self.dialect.real_power(self._within(base, _ATOM), self._within(exponent, _ATOM)), _POWER

    def _number(self, e: Any) -> str:
        value = float(e)
        if not abs(value) < float("inf"):
            raise ExporterError(
                f"The model holds the number {value}, which {self.dialect.name} has no literal for."
            )
        return self.dialect.number(value)

    def _name(self, function: str) -> str:
        if function not in self.dialect.functions:
            raise ExporterError(
                f"The function '{function}' of this model has no counterpart in {self.dialect.name}; reduce the "
                "model to a polynomial one first."
            )
        return self.dialect.functions[function]

    def _function(self, e: Any) -> str:
        zero, one = self.dialect.number(0.0), self.dialect.number(1.0)
        name = type(e).__name__
        if isinstance(e, sympy.Heaviside):
            (x,) = e.args[:1]
            at_zero = e.args[1] if len(e.args) > 1 else sympy.S.Half
            return self._piecewise([(one, x > 0), (self.text(at_zero), sympy.Eq(x, 0)), (zero, sympy.true)])
        if isinstance(e, sympy.sign):
            (x,) = e.args
            return self._piecewise([(one, x > 0), (f"-{one}", x < 0), (zero, sympy.true)])
        if isinstance(e, sympy.DiracDelta):
            return zero  # the derivative of a jump, away from it
        if isinstance(e, (sympy.Max, sympy.Min)):
            first, *others = e.args
            text = self.text(first)
            for other in others:
                text = f"{self._name(name)}({text}, {self.text(other)})"
            return text
        if not e.is_Function:
            raise ExporterError(f"'{e}' cannot be written in {self.dialect.name}.")
        return f"{self._name(name)}({', '.join(self.text(a) for a in e.args)})"

    def _piecewise(self, pieces: list[Any]) -> str:
        value, condition = pieces[0]
        text = value if isinstance(value, str) else self.text(value)
        if condition == sympy.true:
            return f"({text})"
        if len(pieces) == 1:
            raise ExporterError(
                f"A function of this model is not defined everywhere: {condition} is a condition."
            )
        return self.dialect.select(self._condition(condition), text, self._piecewise(pieces[1:]))

    def _condition(self, e: Any) -> str:
        relations = self.dialect.relations
        if isinstance(e, (sympy.And, sympy.Or)):
            word = relations["and" if isinstance(e, sympy.And) else "or"]
            return f" {word} ".join(f"({self._condition(a)})" for a in e.args)
        if isinstance(e, sympy.Not):
            return f"{relations['not']} ({self._condition(e.args[0])})"
        if isinstance(e, BooleanAtom) or not e.is_Relational:
            raise ExporterError(f"The condition '{e}' cannot be written in {self.dialect.name}.")
        right = self.text(e.rhs)
        right = f"({right})" if right.startswith("-") else right  # some read '< -' as one sign
        return f"{self.text(e.lhs)} {relations[e.rel_op]} {right}"


def is_called(e: Any) -> bool:
    """Whether an expression is a function call, or a power that is computed like one."""
    if isinstance(e, Boolean):  # SymPy counts And, Or and Not as functions
        return False
    return bool(e.is_Function or isinstance(e, sympy.Piecewise) or (e.is_Pow and not e.exp.is_Integer))


def called(expressions: Iterable[Any], *, powers: bool = False) -> list[Any]:
    """Every different function call in some expressions, inner ones first.

    Long models repeat few calls often: in a network's Jacobian each row holds the same derivatives. Exporters
    compute each once.

    Parameters
    ----------
    powers : bool
        Whether integer powers from the square on count as calls.
    """
    found: dict[Any, None] = {}
    seen: set[Any] = set()

    def visit(e: Any) -> None:
        if e in seen:
            return
        seen.add(e)
        for argument in e.args:
            visit(argument)
        if is_called(e) or (powers and e.is_Pow and e.exp.is_Integer and e.exp > 1):
            found[e] = None

    for expression in expressions:
        visit(expression)
    return list(found)
