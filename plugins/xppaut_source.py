"""The .ode file of XPPAUT."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ssmsym.exporters.code import CodePrinter, Dialect, called
from ssmsym.exporters.identifiers import identifiers, quoted
from ssmsym.exporters.model import ExportModel
from ssmsym.exporters.splitting import Splitter

_LENGTH = 10  # characters of a name
_LIMIT = 600  # characters of an expression: XPPAUT reads about 1000
_MANY_TERMS = 500  # from here on powers, too, are computed once
# what XPPAUT 6.11 refuses as a name of a variable or parameter, and the first words of its other lines
_RESERVED = tuple(
    word
    for line in (
        "abs acos asin atan atan2 besseli besselj bessely ceil cos cosh delay del_shft else end erf erfc",
        "exp flr heav hom_bcs i if int ishift lgamma ln log log10 max min mod mouse_vx mouse_vy mouse_x",
        "mouse_y normal not nxxqq of pi poisson ran rndint set shift sign sin sinh sqrt start sum t tan",
        "tanh then aux bndry done export global init markov number only options par param special table",
        "volt wiener",
    )
    for word in line.split()
) + tuple(f"arg{i}" for i in range(1, 21))

DIALECT = Dialect(
    name="XPPAUT",
    number=lambda value: f"{value:.17g}",
    integer_power=lambda base, n: base if n == 1 else f"{base}^{n}",
    real_power=lambda base, exponent: f"{base}^{exponent}",
    functions={
        **{
            name: name
            for name in ("exp", "log", "sqrt", "sin", "cos", "tan", "asin", "acos", "atan", "atan2")
        },
        **{name: name for name in ("sinh", "cosh", "tanh", "erf", "erfc")},
        "Abs": "abs",
        "Max": "max",
        "Min": "min",
        "loggamma": "lgamma",
    },
    select=lambda condition, a, b: f"(if({condition})then({a})else({b}))",
    relations={o: o for o in ("==", "!=", "<", "<=", ">", ">=")} | {"and": "&", "or": "|", "not": "not"},
)


def names(model: ExportModel) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """XPPAUT's names of the states, the parameters and the readouts."""
    n, q = len(model.state_names), len(model.parameter_names)
    readouts = [f"z{i}" for i in range(len(model.readouts))]
    found = identifiers(
        (*model.state_names, *model.parameter_names, *readouts),
        reserved=_RESERVED,
        length=_LENGTH,
        case_sensitive=False,
    )
    return found[:n], found[n : n + q], found[n + q :]


def equations(model: ExportModel) -> Iterator[str]:
    """Lines from the title to the equations and readouts."""
    states, parameters, readouts = names(model)
    yield f"# {quoted(model.title)[1:-1]}"
    declared = (*model.state_names, *model.parameter_names)
    for kind, short, name in zip(
        [*["variable"] * len(states), *["parameter"] * len(parameters)],
        (*states, *parameters),
        declared,
        strict=True,
    ):
        yield f"# {kind} {short} = {quoted(name)}"
    for name, value in zip(parameters, model.values, strict=True):
        yield f"par {name}={value!r}"
    for name, value in zip(states, model.initial_state.tolist(), strict=True):
        yield f"init {name}={value!r}"
    sides = [*model.right_sides, *model.readouts]
    long = sum(len(e.args) if e.is_Add else 1 for e in sides) > _MANY_TERMS
    symbols = dict(zip((*model.states, *model.parameters), (*states, *parameters), strict=True))
    stem = _stem((*states, *parameters, *readouts))
    splitter = Splitter(CodePrinter(DIALECT, symbols), _LIMIT, lambda number: f"{stem}{number}")
    if long:
        for power in called(sides, powers=True):
            splitter.define(power)
    written = [splitter.short(side) for side in sides]
    for name, text in splitter.helpers:
        yield f"{name}={text}"
    head = "{}'={}" if model.time == "continuous" else "{}(t+1)={}"
    for name, text in zip(states, written, strict=False):
        yield head.format(name, text)
    for name, text in zip(readouts, written[len(states) :], strict=True):
        yield f"aux {name}={text}"


def _stem(taken: Iterable[str]) -> str:
    """A beginning of helpers' names that no name of the model has."""
    stem = "h"
    while any(name.lower().startswith(stem) for name in taken):
        stem += "h"
    return stem
