"""Where the equations are known: a field that holds piecewise data ends with their range."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.fields.field import VectorField
from ssmsym.series.piecewise import PiecewiseChebyshev

Array = NDArray[Any]


def has_range(field: VectorField) -> bool:
    """Whether the field ends somewhere."""
    return any(isinstance(data, PiecewiseChebyshev) for data in field.data.values())


def inside(field: VectorField, states: Array) -> NDArray[np.bool_]:
    """Whether states (N,) or (n, N) lie where the equations are known, at the field's own parameter values."""
    out = np.ones(states.shape[:-1], dtype=bool)
    if not has_range(field):
        return out
    program = field.program
    nodes = [program.nodes[i] for i in program.reachable(program.outputs) if program.nodes[i].op == "data"]
    values = field.bind().run(field.split(states), {}, program.reachable(tuple(n.operands[0] for n in nodes)))
    for node in nodes:
        data = field.data[node.payload]
        if isinstance(data, PiecewiseChebyshev):
            operand = values[node.operands[0]]
            out &= data.inside(np.broadcast_to(operand, (*out.shape, operand.shape[-1])))
    return out


def range_text(field: VectorField) -> str:
    """The ranges of the data's first variables, for messages."""
    ranges = [data.extent for data in field.data.values() if isinstance(data, PiecewiseChebyshev)]
    return ", ".join(f"{low:.6g} to {high:.6g}" for low, high in dict.fromkeys(ranges))
