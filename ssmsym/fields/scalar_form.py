"""A small field as one scalar SymPy expression per state: what text formats are written from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from ssmsym.errors import InputError
from ssmsym.fields.field import VectorField
from ssmsym.fields.values import Binding, SymbolicArithmetic

LARGEST = 50


@dataclass(frozen=True)
class ScalarForm:
    """Right-hand sides written out, in declared order.

    Attributes
    ----------
    state_names, parameter_names : tuple of str
        Such as ``p`` or ``p[0]``, and ``u[0]``.
    states, parameters : tuple of SymPy symbols
        Symbols with these names, in the same order.
    values : tuple of float
        Parameter values.
    right_sides : tuple of SymPy expressions
        One a state.
    readouts : tuple of SymPy expressions
    """

    state_names: tuple[str, ...]
    parameter_names: tuple[str, ...]
    states: tuple[Any, ...]
    parameters: tuple[Any, ...]
    values: tuple[float, ...]
    right_sides: tuple[Any, ...]
    readouts: tuple[Any, ...]


def scalar_form(field: VectorField) -> ScalarForm:
    """The field's equations in scalars.

    Raises
    ------
    InputError
        If the field has more than 50 states.
    """
    if field.n_states > LARGEST:
        raise InputError(
            f"This field has {field.n_states} states; only fields of up to {LARGEST} are written out. Reduce it first."
        )
    state_names = [
        name if size == 1 else f"{name}[{i}]"
        for name, size in zip(field.block_names, field.program.sizes, strict=True)
        for i in range(size)
    ]
    states = _symbols(state_names)
    parameters = {name: sympy.Symbol(name) for name in field.parameters}
    values = {
        name: _entries([parameters[n] for n in field.parameters if n == name or n.startswith(f"{name}[")])
        for name in field.values
    }
    arrays = {name: np.asarray(value).astype(object) for name, value in field.arrays.items()}
    binding = Binding(field.program, arrays, values, field.data, SymbolicArithmetic(field.program.functions))
    roots = (*field.program.outputs, *field.program.readout)
    found = binding.run(field.split(_entries(states)), {}, field.program.reachable(roots))
    right_sides = [sympy.sympify(e) for i in field.program.outputs for e in found[i]]
    readouts = [sympy.sympify(e) for i in field.program.readout for e in found[i]]
    return ScalarForm(
        tuple(state_names),
        tuple(parameters),
        tuple(states),
        tuple(parameters.values()),
        tuple(field.parameters.values()),
        tuple(right_sides),
        tuple(readouts),
    )


def _symbols(names: list[str]) -> list[Any]:
    return [sympy.Symbol(name) for name in names]


def _entries(items: list[Any]) -> Any:
    out = np.empty(len(items), dtype=object)
    out[:] = items
    return out
