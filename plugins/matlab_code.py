"""Equations as statements of MATLAB and Octave, for one state or, elementwise, for many."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ssmsym.exporters.code import CodePrinter, Dialect, called
from ssmsym.exporters.identifiers import identifiers, quoted
from ssmsym.exporters.model import ExportModel

_WIDTH = 110
_CHUNK = 20  # terms of a sum in one statement
_MANY_TERMS = 200  # from here on powers, too, are computed once
_NAME_LENGTH = 63  # namelengthmax of MATLAB

_KEYWORDS = """
    break case catch classdef continue else elseif end for function global if otherwise parfor persistent return
    spmd switch try while arguments enumeration events methods properties import
    do until endif endfor endwhile endswitch endfunction end_try_catch unwind_protect unwind_protect_cleanup
    end_unwind_protect endparfor endclassdef endmethods endproperties endevents endenumeration
"""
_FUNCTIONS = """
    exp log sqrt sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh erf erfc abs max min gamma
    gammaln sign mod zeros ones size numel nargin nargout feval odeset isempty ans pi i j e I J Inf inf NaN nan NA
    eps true false select total varargin varargout
"""
RESERVED = tuple(" ".join((_KEYWORDS, _FUNCTIONS)).split())

_MATHEMATICS = {name: name for name in ("exp", "log", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan")}
_MATHEMATICS |= {name: name for name in ("sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "erf", "erfc")}
_MATHEMATICS |= {"Abs": "abs", "Max": "max", "Min": "min", "atan2": "atan2"}
_MATHEMATICS |= {"gamma": "gamma", "loggamma": "gammaln"}
_COMPARISONS = {o: o for o in ("==", "<", "<=", ">", ">=")} | {"!=": "~=", "not": "~"}


def literal(value: float) -> str:
    """The shortest text that is this number again."""
    mantissa, _, exponent = repr(float(value)).partition("e")
    return mantissa + (f"e{int(exponent)}" if exponent else "")


SCALAR = Dialect(
    name="MATLAB",
    number=literal,
    integer_power=lambda base, n: base if n == 1 else f"{base}^{n}",
    real_power=lambda base, exponent: f"{base}^{exponent}",
    functions=_MATHEMATICS,
    select=lambda condition, a, b: f"select({condition}, {a}, {b})",
    relations=_COMPARISONS | {"and": "&&", "or": "||"},
)

ELEMENTWISE = Dialect(
    name="MATLAB",
    number=literal,
    integer_power=lambda base, n: base if n == 1 else f"{base}.^{n}",
    real_power=lambda base, exponent: f"{base}.^{exponent}",
    functions=_MATHEMATICS,
    select=SCALAR.select,
    relations=_COMPARISONS | {"and": "&", "or": "|"},
    times=".*",
    over="./",
)

# MATLAB has no conditional expression; both values are computed, so the choice must not multiply by 0
_SELECT_SCALAR = (
    "function value = select(condition, yes, no)",
    "value = no;",
    "if condition",
    "  value = yes;",
    "end",
    "end",
)
_SELECT_ELEMENTWISE = (
    "function value = select(condition, yes, no)",
    "value = no + zeros(size(condition));",
    "yes = yes + zeros(size(condition));",
    "value(condition) = yes(condition);",
    "if ~any(imag(value(:)))",
    "  value = real(value);  % a logarithm or root in the other piece may have been complex",
    "end",
    "end",
)


class MatlabWriter:
    """Writes the bodies of functions in which states and parameters have names of their own.

    Parameters
    ----------
    model : ExportModel
    elementwise : bool
        Whether the functions take many states at once, one a column.
    reserved : iterable of str
        Names that the functions use for themselves.
    """

    def __init__(
        self, model: ExportModel, *, elementwise: bool = False, reserved: Iterable[str] = ()
    ) -> None:
        self.model = model
        self.elementwise = elementwise
        self.dialect = ELEMENTWISE if elementwise else SCALAR
        n = len(model.states)
        both = identifiers(
            (*model.state_names, *model.parameter_names), reserved=(*RESERVED, *reserved), length=_NAME_LENGTH
        )
        self.state_names, self.parameter_names = both[:n], both[n:]
        self.symbols = dict(zip((*model.states, *model.parameters), both, strict=True))
        self.helper = free_prefix("v", both)
        self.side = free_prefix("f", both)

    def head(self) -> Iterator[str]:
        """Comments: the title, and which name here is which name there."""
        yield f"% {quoted(self.model.title)[1:-1]}"[:_WIDTH]
        for kind, declared, own in (
            ("state", self.model.state_names, self.state_names),
            ("parameter", self.model.parameter_names, self.parameter_names),
        ):
            for i, (name, short) in enumerate(zip(declared, own, strict=True)):
                yield f"% {kind} {i + 1}: {short} = {quoted(name)}"

    def body(
        self, entries: Sequence[tuple[str, Any]], *, states: str, parameters: str | None, indent: str = ""
    ) -> Iterator[str]:
        """Statements that give each target its expression.

        Parameters
        ----------
        entries : sequence of (str, expression)
            Target and value.
        states, parameters : str
            Variables from which names are taken; no `parameters` if the names are arguments.
        """
        expressions = [e for _, e in entries]
        used = set().union(*(e.free_symbols for e in expressions)) if expressions else set()
        place = "{}({},:)" if self.elementwise else "{}({})"
        for variable, symbols in ((states, self.model.states), (parameters, self.model.parameters)):
            for i, symbol in enumerate(symbols if variable else ()):
                if symbol in used:
                    yield f"{indent}{self.symbols[symbol]} = {place.format(variable, i + 1)};"
        long = sum(len(e.args) if e.is_Add else 1 for e in expressions) > _MANY_TERMS
        calls = called(expressions, powers=long)
        printer = CodePrinter(
            self.dialect, self.symbols | {call: f"{self.helper}{i + 1}" for i, call in enumerate(calls)}
        )
        for i, call in enumerate(calls):
            yield from wrapped(f"{indent}{self.helper}{i + 1} = {printer.definition(call)};")
        for target, e in entries:
            for statement in _sum(target, printer.terms(e)):
                yield from wrapped(f"{indent}{statement};")

    def ending(self, lines: Iterable[str]) -> list[str]:
        """The lines of a file, with the function that selects where they need it."""
        out = list(lines)
        if any("select(" in line for line in out):
            out += ["", *(_SELECT_ELEMENTWISE if self.elementwise else _SELECT_SCALAR)]
        return out


def free_prefix(prefix: str, names: Iterable[str]) -> str:
    """A prefix that with a number is none of some names."""
    taken = set(names)
    while any(re.fullmatch(rf"{re.escape(prefix)}\d+", name) for name in taken):
        prefix += "_"
    return prefix


def _sum(target: str, terms: Sequence[tuple[str, str]]) -> Iterator[str]:
    # a page of an array cannot be added to itself plus a row, so parts of a sum are added up in a variable
    whole = target if len(terms) <= _CHUNK else "total"
    for start in range(0, len(terms), _CHUNK):
        part = "".join(f" {sign} {term}" for sign, term in terms[start : start + _CHUNK])
        if start:
            yield f"{whole} = {whole}{part}"
        else:
            yield f"{whole} = {part[3:] if part[1] == '+' else '-' + part[3:]}"
    if whole != target:
        yield f"{target} = {whole}"


def wrapped(statement: str) -> Iterator[str]:
    """A statement in lines that are not too long, each but the last with the mark of continuation."""
    rest = statement
    while len(rest) > _WIDTH:
        end = rest.rfind(" ", _WIDTH // 3, _WIDTH - 4)
        if end < 0:
            break
        yield f"{rest[:end]} ..."
        rest = f"    {rest[end + 1 :]}"
    yield rest


def row(values: Iterable[float]) -> str:
    """Numbers as a row."""
    return "[" + ", ".join(signed(value) for value in values) + "]"


def column(values: Iterable[float]) -> str:
    """Numbers as a column."""
    return "[" + "; ".join(signed(value) for value in values) + "]"


def cells(names: Iterable[str]) -> str:
    """Texts as a cell array."""
    return "{" + ", ".join(text(name) for name in names) + "}"


def text(value: str) -> str:
    """A character vector."""
    plain = ascii(value)[1:-1] if not value.isascii() or not value.isprintable() else value
    return "'" + plain.replace("'", "''") + "'"


def signed(value: float) -> str:
    """A number that may be negative or infinite."""
    if abs(value) == float("inf"):
        return "Inf" if value > 0 else "-Inf"
    return ("-" if value < 0 else "") + literal(abs(value))


def file_text(lines: Iterable[str]) -> str:
    """A file of these lines."""
    return "".join(f"{line}\n" for line in lines)
