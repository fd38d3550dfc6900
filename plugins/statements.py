"""Expressions as assignments: calls computed once, long sums in several statements."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ssmsym.exporters.code import CodePrinter, Dialect, called

_MANY_TERMS = 500  # from here on powers, too, are computed once
_WIDTH = 90  # characters of a sum's part


def assignments(
    dialect: Dialect,
    symbols: Mapping[Any, str],
    targets: Sequence[tuple[str, Any]],
    local: Callable[[int], str],
) -> Iterator[tuple[str, str]]:
    """Pairs of target and text, in the order in which they must stand.

    Parameters
    ----------
    dialect : Dialect
    symbols : mapping
        Texts of the states and parameters.
    targets : sequence of (str, expression)
    local : callable
        Number of a local variable, counted from 0, to its name.
    """
    sums = [e for _, e in targets]
    long = sum(len(e.args) if e.is_Add else 1 for e in sums) > _MANY_TERMS
    calls = called(sums, powers=long)
    printer = CodePrinter(dialect, {**symbols, **{call: local(i) for i, call in enumerate(calls)}})
    for i, call in enumerate(calls):
        yield local(i), printer.definition(call)
    for target, e in targets:
        for i, part in enumerate(_parts(printer, e)):
            yield target, part if not i else f"{target} {part}"


def _parts(printer: CodePrinter, e: Any) -> Iterator[str]:
    """A sum in parts of bounded length, each but the first with the sign of its first term in front."""
    part = ""
    for i, (sign, text) in enumerate(printer.terms(e)):
        if not i:
            part = f"-{text}" if sign == "-" else text
        elif len(part) + len(text) > _WIDTH:
            yield part
            part = f"{sign} {text}"
        else:
            part += f" {sign} {text}"
    yield part
