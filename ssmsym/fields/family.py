"""A field with one of its parameters free: f(x, theta) with both derivatives in one pass."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from ssmsym.fields.field import VectorField
from ssmsym.fields.parameters import locate
from ssmsym.fields.tangents import TangentEvaluator

Array = NDArray[np.float64]


class ParameterFamily:
    """The fields that differ in one scalar parameter.

    Parameters
    ----------
    field : VectorField
    parameter : str
        Such as ``"u[0]"``.

    Raises
    ------
    InputError
        If the field has no such parameter.
    """

    def __init__(self, field: VectorField, parameter: str) -> None:
        self.field = field
        self.parameter = parameter
        self._name, self._entry = locate(parameter, field.values)
        self._base = np.atleast_1d(field.values[self._name])

    @functools.cached_property
    def _tangents(self) -> TangentEvaluator:
        return TangentEvaluator(self.field.bind(frozenset([self._name])), self.field.program.outputs)

    def at(self, value: float) -> VectorField:
        """The member at one parameter value."""
        return self.field.at({self.parameter: float(value)})

    def defect(self, x: Array, value: float) -> tuple[Array, Array, Array]:
        """f (for a map f - x), its Jacobian and its derivative along the parameter, at one state.

        Returns
        -------
        f : (N,), jacobian : (N, N), slope : (N,)
        """
        active = self._base.copy()
        active[self._entry] = value
        f, jacobian, slope = self._tangents.with_parameter(
            self.field.split(x), {self._name: active}, self._name, self._entry
        )
        if self.field.is_map:
            f = f - x
            jacobian[np.arange(len(x)), np.arange(len(x))] -= 1.0
        return f, jacobian, slope
