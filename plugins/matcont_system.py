"""The system file of MatCont and MatContM: right-hand side and derivatives as handles."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ssmsym_plugins import matcont_derivatives
from ssmsym_plugins.matlab_code import MatlabWriter, column, file_text, wrapped

_TENSORS = {2: "hessians", 3: "der3", 4: "der4", 5: "der5"}
_HANDLES = ("init", "fun_eval", "jacobian", "jacobianp", "hessians", "hessiansp", "der3", "der4", "der5")
RESERVED = (*_HANDLES, "time", "state", "value", "out", "tspan", "y0", "options", "handles", "kmrgd", "cds")


def system_file(writer: MatlabWriter, name: str, derivatives: int) -> str:
    """A file with the functions that MatCont asks a system for.

    Parameters
    ----------
    writer : MatlabWriter
    name : str
        Of the function that returns the handles.
    derivatives : int
        Highest order of written derivatives; the handles of higher ones are empty.
    """
    return file_text(writer.ending(_lines(writer, name, derivatives)))


def user_function(i: int) -> str:
    """Name of the handle of a readout, counted from 0."""
    return f"readout{i + 1}"


def _lines(writer: MatlabWriter, name: str, derivatives: int) -> Iterator[str]:
    model = writer.model
    yield f"function out = {name}()"
    yield from writer.head()
    written = _written(derivatives)
    for i, handle in enumerate(_HANDLES):
        yield f"out{{{i + 1}}} = {f'@{handle}' if handle in written else '[]'};"
    for i in range(len(model.readouts)):
        yield f"out{{{len(_HANDLES) + i + 1}}} = @{user_function(i)};"
    yield "end"
    yield from _start(writer, name, written)
    yield from _right_sides(writer)
    n, q = len(model.states), len(model.parameters)
    if "jacobian" in written:
        yield from _function(writer, "jacobian", (n, n), _entries(model.jacobian))
        yield from _function(writer, "jacobianp", (n, q), _entries(model.parameter_jacobian))
    if "hessiansp" in written:
        yield from _function(writer, "hessiansp", (n, n, q), list(matcont_derivatives.mixed(model)))
    for order in range(2, derivatives + 1):
        found = list(matcont_derivatives.tensors(model, order))
        yield from _function(writer, _TENSORS[order], (n,) * (order + 1), found, symmetric=True)
    for i, readout in enumerate(model.readouts):
        yield from _function(writer, user_function(i), (1, 1), [((0, 0), readout)])


def _written(derivatives: int) -> tuple[str, ...]:
    out = ["init", "fun_eval"]
    out += ["jacobian", "jacobianp"] if derivatives >= 1 else []
    out += ["hessiansp"] if derivatives >= 2 else []
    return (*out, *(_TENSORS[order] for order in range(2, derivatives + 1)))


def _start(writer: MatlabWriter, name: str, written: Sequence[str]) -> Iterator[str]:
    yield ""
    yield "function [tspan, y0, options] = init()"
    yield f"handles = feval(@{name});"
    yield from wrapped(f"y0 = {column(writer.model.initial_state.tolist())};")
    options = [
        f"'{option}', {f'handles({i + 1})' if _HANDLES[i] in written else '[]'}"
        for option, i in (("Jacobian", 2), ("JacobianP", 3), ("Hessians", 4), ("HessiansP", 5))
    ]
    yield from wrapped(f"options = odeset({', '.join(options)});")
    yield "tspan = [0 10];"
    yield "end"


def _right_sides(writer: MatlabWriter) -> Iterator[str]:
    # joined at the end and not stored entry by entry: MatContM also calls this with Taylor series for numbers
    sides = [f"{writer.side}{i + 1}" for i in range(len(writer.model.states))]
    yield from _head(writer, "fun_eval")
    yield from writer.body(
        list(zip(sides, writer.model.right_sides, strict=True)), states="state", parameters=None
    )
    yield from wrapped(f"value = [{'; '.join(sides)}];")
    yield "end"


def _head(writer: MatlabWriter, function: str) -> Iterator[str]:
    yield ""
    arguments = ", ".join(("time", "state", *writer.parameter_names))
    yield from wrapped(f"function value = {function}({arguments})")


def _function(
    writer: MatlabWriter,
    function: str,
    shape: Sequence[int],
    entries: Iterable[tuple[tuple[int, ...], Any]],
    *,
    symmetric: bool = False,
) -> Iterator[str]:
    entries = list(entries)
    yield from _head(writer, function)
    yield f"value = zeros({', '.join(map(str, shape))});"
    targets = [(_place(place), e) for place, e in entries]
    yield from writer.body(targets, states="state", parameters=None)
    for place, _ in entries if symmetric else ():
        first, *rest = place
        for other in sorted(set(itertools.permutations(rest)) - {tuple(rest)}):
            yield f"{_place((first, *other))} = {_place(place)};"
    yield "end"


def _place(place: Iterable[int]) -> str:
    return f"value({','.join(str(i + 1) for i in place)})"


def _entries(rows: Iterable[Iterable[Any]]) -> list[tuple[tuple[int, ...], Any]]:
    return [((i, j), e) for i, row in enumerate(rows) for j, e in enumerate(row) if e != 0]
