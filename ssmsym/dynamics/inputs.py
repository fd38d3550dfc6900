"""Parameters that change in time during a simulation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import InputError
from ssmsym.fields.field import VectorField
from ssmsym.fields.parameters import locate
from ssmsym.fields.symbolic import as_numbers
from ssmsym.fields.values import Binding

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class InputSchedule:
    """Values of changing parameters.

    Attributes
    ----------
    field : VectorField
    binding : Binding
        With the changing parameters active.
    constants : list of (symbol name, entries, values (M - 1, entries))
        Piecewise constant ones.
    functions : list of (symbol name, entries, callable)
    """

    field: VectorField
    binding: Binding
    constants: list[tuple[str, list[int], Array]]
    functions: list[tuple[str, list[int], Callable[[float], Any]]]

    @property
    def piecewise(self) -> bool:
        """Whether values jump at the output times."""
        return bool(self.constants)

    def right_side(self, interval: int) -> Callable[[Array, Array], Array]:
        """f(t, X) on one interval, t (n,) and X (n, N)."""
        roots = self.field.program.outputs
        indices = self.field.program.reachable(roots)

        def evaluate(t: Array, x: Array) -> Array:
            found = self.binding.run(self.field.split(x), self._values(interval, t), indices)
            parts = [np.broadcast_to(found[i], (len(x), found[i].shape[-1])) for i in roots]
            return np.array(parts[0]) if len(parts) == 1 else np.concatenate(parts, axis=-1)

        return evaluate

    def member(self, interval: int, t: float) -> VectorField:
        """The field with the inputs of one moment."""
        values = self._values(interval, np.array([t]))
        return self.field.at({name: rows[0] for name, rows in values.items()})

    def _values(self, interval: int, t: Array) -> dict[str, Array]:
        settings: dict[str, Array] = {}
        for name in self.binding.active:
            settings[name] = np.tile(np.atleast_1d(self.field.values[name]), (len(t), 1))
        for name, entries, values in self.constants:
            settings[name][:, entries] = values[interval]
        for name, entries, function in self.functions:
            unique, inverse = np.unique(t, return_inverse=True)
            rows = np.array([np.atleast_1d(np.asarray(function(float(s)), dtype=float)) for s in unique])
            settings[name][:, entries] = rows[inverse]
        return settings


def input_schedule(
    field: VectorField, inputs: Mapping[str, Any] | None, times: Array
) -> InputSchedule | None:
    """The schedule of ``simulate``'s `inputs`; None without any.

    Raises
    ------
    InputError
        If a parameter is unknown or values do not fit.
    """
    if not inputs:
        return None
    if not isinstance(inputs, Mapping):
        raise InputError(f"'inputs' maps parameter names to values; found {type(inputs).__name__}.")
    constants, functions, active = [], [], set()
    for name, value in inputs.items():
        if not isinstance(name, str):
            raise InputError(f"'inputs' maps parameter names to values; found the key {name!r}.")
        symbol, entries = _entries(field, name)
        active.add(symbol)
        if callable(value):
            _check_function(name, value, len(entries), float(times[0]))
            functions.append((symbol, entries, value))
        else:
            constants.append((symbol, entries, _piecewise(name, value, len(times) - 1, len(entries))))
    return InputSchedule(field, field.bind(frozenset(active)), constants, functions)


def _entries(field: VectorField, name: str) -> tuple[str, list[int]]:
    if name in field.values:
        return name, list(range(field.values[name].size))
    symbol, entry = locate(name, field.values)
    return symbol, [entry]


def _piecewise(name: str, value: Any, intervals: int, width: int) -> Array:
    values = as_numbers(f"inputs['{name}']", value)
    if values.shape == (intervals,) and width == 1:
        values = values[:, None]
    if values.shape != (intervals, width):
        raise InputError(
            f"The input '{name}' has shape {values.shape}; expected ({intervals}, {width}): one row for each interval "
            "between output times."
        )
    if not np.isfinite(values).all():
        raise InputError(f"The input '{name}' holds numbers that are not finite.")
    return values


def _check_function(name: str, function: Callable[[float], Any], width: int, start: float) -> None:
    found = np.atleast_1d(as_numbers(f"inputs['{name}'](t)", function(start)))
    if found.shape != (width,):
        raise InputError(
            f"The input '{name}' gives shape {found.shape} at t = {start:g}; expected ({width},)."
        )
