"""Where the equations are known: a field that holds piecewise data ends with their range."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import InputError
from ssmsym.fields.field import VectorField
from ssmsym.series.piecewise import PiecewiseChebyshev

Array = NDArray[Any]

_SAME = 1e-6  # of a period: distance of two places that are one


def has_range(field: VectorField) -> bool:
    """Whether the field ends somewhere."""
    return any(isinstance(data, PiecewiseChebyshev) for data in field.data.values())


def inside(field: VectorField, states: Array) -> NDArray[np.bool_]:
    """Whether states (N,) or (n, N) lie where the equations are known, at the field's own parameter values."""
    out = np.ones(states.shape[:-1], dtype=bool)
    for data, places in _places(field, states):
        out &= data.inside(places)
    return out


def once(field: VectorField, states: Array) -> NDArray[np.bool_]:
    """Which states (n, N) are inside and, where a variable is an angle, do not repeat another by whole turns.

    Raises
    ------
    InputError
        If the equations are not known at the field's own parameter values.
    """
    if not _is_known(field):
        raise InputError(
            "At these parameter values the equations are not known: the model was computed over another interval. "
            "Choose values inside it with 'at'."
        )
    out = inside(field, states)
    for data, places in _places(field, states):
        if not data.periodic:
            continue
        low, high = data.extent
        period, middle = high - low, 0.5 * (low + high)
        kept: list[int] = []
        for i in np.argsort(np.abs(places[:, 0] - middle), kind="stable"):
            offsets = places[kept] - places[i]
            offsets[:, 0] -= period * np.round(offsets[:, 0] / period)
            if out[i] and (np.abs(offsets) > _SAME * period).any(axis=1).all():
                kept.append(int(i))
        out = np.isin(np.arange(len(states)), kept)
    return out


def check_interval(field: VectorField, parameter: str, interval: tuple[float, float]) -> None:
    """Refuse an interval of a parameter that leads out of what is known of the equations.

    Raises
    ------
    InputError
        Naming the interval.
    """
    if not has_range(field):
        return
    for value in interval:
        if not _is_known(field.at({parameter: value})):
            raise InputError(
                f"At {parameter} = {value:g} the equations are not known: the model was computed over a shorter "
                "interval. Choose one inside it, or compute the model over this one."
            )


def _is_known(field: VectorField) -> bool:
    """Whether the field's own parameter values lie in the range of its data."""
    at_zero = _places(field, np.zeros(field.n_states))
    return all(bool(data.inside(np.append(np.mean(data.extent), at[1:]))) for data, at in at_zero)


def range_text(field: VectorField) -> str:
    """The ranges of the data's first variables, for messages."""
    ranges = [data.extent for data in field.data.values() if isinstance(data, PiecewiseChebyshev)]
    return ", ".join(f"{low:.6g} to {high:.6g}" for low, high in dict.fromkeys(ranges))


def _places(field: VectorField, states: Array) -> list[tuple[PiecewiseChebyshev, Array]]:
    """The piecewise data of a field's equations and the points at which they are needed."""
    if not has_range(field):
        return []
    program = field.program
    nodes = [program.nodes[i] for i in program.reachable(program.outputs) if program.nodes[i].op == "data"]
    wanted = program.reachable(tuple(node.operands[0] for node in nodes))
    values = field.bind().run(field.split(states), {}, wanted)
    out = []
    for node in nodes:
        data, operand = field.data[node.payload], values[node.operands[0]]
        if isinstance(data, PiecewiseChebyshev):
            out.append((data, np.broadcast_to(operand, (*states.shape[:-1], operand.shape[-1]))))
    return out
