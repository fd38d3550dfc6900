"""The tensors of derivatives that MatCont asks for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sympy

from ssmsym.exporters.derivatives import derivative
from ssmsym.exporters.model import ExportModel

_MOST_TERMS = 4000  # of all tensors of one order that is written unasked
HIGHEST = 5  # MatCont uses derivatives up to this order


def usual_order(model: ExportModel) -> int:
    """The highest order of derivatives by the state whose text stays short; at least 1."""
    size = sum(_size(e) for e in model.right_sides)
    order = 1
    while order < HIGHEST and size * len(model.states) ** (order + 1) <= _MOST_TERMS:
        order += 1
    return order


def _size(e: Any) -> int:
    return sum(1 for part in sympy.preorder_traversal(e) if part.is_Symbol) if not e.is_Number else 1


def tensors(model: ExportModel, order: int) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Derivatives of one order from 2 on by the state that are not zero.

    Yields
    ------
    (i, j, k ...), expression
        Equation i by the states j <= k <= ...: the others follow by symmetry.
    """
    for (i, *places), e in tensors(model, order - 1) if order > 2 else _first(model):
        for k in range(places[-1], len(model.states)):
            d = derivative(e, model.states[k])
            if d != 0:
                yield (i, *places, k), d


def _first(model: ExportModel) -> Iterator[tuple[tuple[int, ...], Any]]:
    for i, row in enumerate(model.jacobian):
        for j, e in enumerate(row):
            if e != 0:
                yield (i, j), e


def mixed(model: ExportModel) -> Iterator[tuple[tuple[int, int, int], Any]]:
    """Derivatives of equation i by state j and parameter k that are not zero."""
    for (i, j), e in _first(model):
        for k, parameter in enumerate(model.parameters):
            d = derivative(e, parameter)
            if d != 0:
                yield (i, j, k), d
