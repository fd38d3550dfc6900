"""A model as a Julia module: right-hand side in place and out of place, Jacobian, readout."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import sympy
from ssmsym_plugins.continuation_request import check_file_name
from ssmsym_plugins.matlab_code import free_prefix, literal

from ssmsym.exporters.code import CodePrinter, Dialect, is_called
from ssmsym.exporters.identifiers import identifiers, quoted
from ssmsym.exporters.model import ExportModel

_WIDTH = 110
_CHUNK = 20  # terms of a sum in one statement: Julia is slow with long ones
_MANY_TERMS = 200  # from here on powers, too, are computed once

_BREAK = re.compile(r" (?:[-+*?:]|&&|\|\|) |, ")

_KEYWORDS = """
    baremodule begin break catch const continue do else elseif end export false finally for function global if import
    in isa let local macro module mutable primitive quote return struct true try type using where while abstract outer
"""
_FUNCTIONS = """
    exp log sqrt sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh erf erfc abs max min gamma loggamma pi
    im e i Inf NaN zeros eltype promote_type map typeof values Base Core Main
    BifurcationKit LinearAlgebra SpecialFunctions
"""
_OWN = """
    state parameters time change matrix total right_side jacobian readout equations initial_state state_names
    parameter_names parameter_values
"""
RESERVED = tuple(" ".join((_KEYWORDS, _FUNCTIONS, _OWN)).split())

_SPECIAL = {"erf": "erf", "erfc": "erfc", "gamma": "gamma", "loggamma": "loggamma"}
_MATHEMATICS = {name: name for name in ("exp", "log", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan")}
_MATHEMATICS |= {name: name for name in ("sinh", "cosh", "tanh", "asinh", "acosh", "atanh")}
_MATHEMATICS |= {"Abs": "abs", "Max": "max", "Min": "min", "atan2": "atan"}

DIALECT = Dialect(
    name="Julia",
    number=literal,
    integer_power=lambda base, n: base if n == 1 else f"{base}^{n}",
    real_power=lambda base, exponent: f"{base}^{exponent}",
    functions=_MATHEMATICS | _SPECIAL,
    select=lambda condition, a, b: f"({condition} ? {a} : {b})",
    relations={o: o for o in ("==", "!=", "<", "<=", ">", ">=")} | {"and": "&&", "or": "||", "not": "!"},
    times=" * ",
    over=" / ",
)


class JuliaWriter:
    """Writes the module of a model.

    Parameters
    ----------
    model : ExportModel
    name : str
        Of the file; the module has it with a capital letter.
    """

    def __init__(self, model: ExportModel, name: str) -> None:
        check_file_name(name, RESERVED)
        self.model = model
        self.module = name[0].upper() + name[1:]
        n = len(model.states)
        both = identifiers((*model.state_names, *model.parameter_names), reserved=(*RESERVED, self.module))
        self.state_names, self.parameter_names = both[:n], both[n:]
        self.symbols = dict(zip((*model.states, *model.parameters), both, strict=True))
        self.helper = free_prefix("v", both)
        self.side = free_prefix("f", both)

    def head(self) -> Iterator[str]:
        """Comments: the title, and which name here is which name there."""
        yield f"# {quoted(self.model.title)[1:-1]}"[:_WIDTH]
        for kind, declared, own in (
            ("state", self.model.state_names, self.state_names),
            ("parameter", self.model.parameter_names, self.parameter_names),
        ):
            for i, (name, short) in enumerate(zip(declared, own, strict=True)):
                yield f"# {kind} {i + 1}: {short} = {quoted(name)}"

    def text(self, *, jacobian: bool = True) -> str:
        """The file with the module."""
        return file_text(self._lines(jacobian))

    def _lines(self, jacobian: bool) -> Iterator[str]:
        model = self.model
        body = [*self._equations("equations", model.right_sides), *_SIDES]
        if jacobian:
            body += self._jacobian()
        if model.readouts:
            body += ["", *self._equations("outputs", model.readouts), *_READOUT]
        yield from self.head()
        yield f"module {self.module}"
        yield ""
        if any(f"{function}(" in line for line in body for function in _SPECIAL.values()):
            yield "using SpecialFunctions: erf, erfc, gamma, loggamma"
            yield ""
        yield from wrapped(f"const state_names = {_tuple(map(string, model.state_names))}")
        yield from wrapped(f"const parameter_names = {_tuple(map(string, model.parameter_names))}")
        yield from wrapped(f"const initial_state = [{', '.join(map(signed, model.initial_state.tolist()))}]")
        pairs = [f"{n} = {signed(v)}" for n, v in zip(self.parameter_names, model.values, strict=True)]
        yield from wrapped(f"const parameter_values = {_tuple(pairs) if pairs else 'NamedTuple()'}")
        yield ""
        kind = "derivative of the state" if model.time == "continuous" else "next state"
        yield f"# the {kind}, as a tuple"
        yield from body
        yield ""
        yield "end"

    def _equations(self, function: str, expressions: Sequence[Any]) -> Iterator[str]:
        results = [f"{self.side}{i + 1}" for i in range(len(expressions))]
        yield f"function {function}(state, parameters)"
        yield from self._body(list(zip(results, expressions, strict=True)))
        yield from wrapped(f"    return {_tuple(results)}")
        yield "end"

    def _jacobian(self) -> Iterator[str]:
        n = len(self.model.states)
        entries = [
            (f"matrix[{i + 1}, {j + 1}]", e)
            for i, row in enumerate(self.model.jacobian)
            for j, e in enumerate(row)
            if e != 0
        ]
        yield ""
        yield "function jacobian!(matrix, state, parameters, time = 0.0)"
        yield "    fill!(matrix, 0)"
        yield from self._body(entries)
        yield "    return matrix"
        yield "end"
        yield ""
        yield "function jacobian(state, parameters, time = 0.0)"
        yield "    number = promote_type(eltype(state), map(typeof, values(parameters))...)"
        yield f"    return jacobian!(zeros(number, {n}, {n}), state, parameters, time)"
        yield "end"

    def _body(self, entries: Sequence[tuple[str, Any]]) -> Iterator[str]:
        expressions = [e for _, e in entries]
        used = set().union(*(e.free_symbols for e in expressions)) if expressions else set()
        for i, symbol in enumerate(self.model.states):
            if symbol in used:
                yield f"    {self.symbols[symbol]} = state[{i + 1}]"
        for symbol in self.model.parameters:
            if symbol in used:
                yield f"    {self.symbols[symbol]} = parameters.{self.symbols[symbol]}"
        long = sum(len(e.args) if e.is_Add else 1 for e in expressions) > _MANY_TERMS
        calls = _called(expressions, powers=long)
        places = {call: f"{self.helper}{i + 1}" for i, call in enumerate(calls)}
        printer = CodePrinter(DIALECT, self.symbols | places)
        for call, place in places.items():
            yield from wrapped(f"    {place} = {printer.definition(call)}")
        for target, e in entries:
            for statement in _sum(target, printer.terms(e)):
                yield from wrapped(f"    {statement}")


def _called(expressions: Iterable[Any], *, powers: bool) -> list[Any]:
    """Calls that are computed once, inner ones first; none that only one piece of a case distinction needs.

    A logarithm of a negative number is an error in Julia, even where its value would not be used.
    """
    found: dict[Any, None] = {}
    seen: set[Any] = set()

    def visit(e: Any) -> None:
        if e in seen:
            return
        seen.add(e)
        if not isinstance(e, sympy.Piecewise):
            for argument in e.args:
                visit(argument)
        if is_called(e) or (powers and e.is_Pow and e.exp.is_Integer and e.exp > 1):
            found[e] = None

    for expression in expressions:
        visit(expression)
    return list(found)


def _sum(target: str, terms: Sequence[tuple[str, str]]) -> Iterator[str]:
    for start in range(0, len(terms), _CHUNK):
        part = "".join(f" {sign} {term}" for sign, term in terms[start : start + _CHUNK])
        if start:
            yield f"{target} = {target}{part}"
        else:
            yield f"{target} = {part[3:] if part[1] == '+' else '-' + part[3:]}"


def wrapped(statement: str) -> Iterator[str]:
    """A statement in lines that are not too long; a line that ends with an operator or a comma goes on."""
    rest = statement
    while len(rest) > _WIDTH:
        ends = [match.end() for match in _BREAK.finditer(rest) if match.end() > _WIDTH // 3]
        if not ends:
            break
        end = max((e for e in ends if e <= _WIDTH), default=ends[0])
        yield rest[:end].rstrip()
        rest = f"        {rest[end:]}"
    yield rest


def signed(value: float) -> str:
    """A number that may be negative."""
    return ("-" if value < 0 else "") + literal(abs(value))


def string(value: str) -> str:
    """A string literal."""
    return json.dumps(value).replace("$", "\\$")


def _tuple(items: Iterable[str]) -> str:
    listed = list(items)
    return f"({', '.join(listed)}{',' if len(listed) == 1 else ''})"


def file_text(lines: Iterable[str]) -> str:
    """A file of these lines."""
    return "".join(f"{line}\n" for line in lines)


_SIDES = """
function right_side!(change, state, parameters, time = 0.0)
    change .= equations(state, parameters)
    return change
end

right_side(state, parameters, time = 0.0) = [equations(state, parameters)...]
""".splitlines()

_READOUT = """
readout(state, parameters) = [outputs(state, parameters)...]
""".splitlines()
