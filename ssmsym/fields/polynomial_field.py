"""A right-hand side given as coefficients, of a polynomial or on pieces, as a vector field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy

from ssmsym.errors import InputError
from ssmsym.fields.data_expression import DataExpression
from ssmsym.fields.field import VectorField
from ssmsym.fields.symbolic import from_sympy
from ssmsym.series.piecewise import DataMap


def polynomial_field(
    right_side: DataMap,
    *,
    parameters: Mapping[str, float] | None = None,
    readout: DataMap | None = None,
    state: str = "p",
    time: str = "continuous",
    metadata: Mapping[str, Any] | None = None,
) -> VectorField:
    """The field p' = R(p, mu - mu0) of a map R given as data.

    Parameters
    ----------
    right_side : Polynomial or PiecewiseChebyshev
        d outputs, in d state variables followed by q parameter offsets.
    parameters : mapping of str to float, optional
        Names of the parameters in the order of the offsets, and their values mu0 at zero offset. The field
        takes absolute values.
    readout : Polynomial or PiecewiseChebyshev, optional
        In the same variables.
    state : str
        Name of the state.
    time : {"continuous", "discrete"}
    metadata : mapping, optional
        Whatever else is to be kept with the field.

    Returns
    -------
    VectorField

    Raises
    ------
    InputError
        If the numbers of variables and outputs do not fit.
    """
    given = dict(parameters or {})
    d = right_side.n_outputs
    for polynomial in (right_side, readout):
        if polynomial is not None and polynomial.n_variables != d + len(given):
            raise InputError(
                f"{polynomial!r} does not fit a field of {d} states and {len(given)} parameters: it needs "
                f"{d + len(given)} variables."
            )
    p = sympy.MatrixSymbol(state, d, 1)
    symbols = [sympy.Symbol(name) for name in given]
    offsets = [
        s - sympy.Float(value, 17) if value else s for s, value in zip(symbols, given.values(), strict=True)
    ]
    data: dict[str, DataMap] = {"R": right_side}
    if readout is not None:
        data["Z"] = readout
    return from_sympy(
        {p: DataExpression("R", d, p, *offsets)},
        parameters=dict(zip(symbols, given.values(), strict=True)),
        data=data,
        readout=None if readout is None else DataExpression("Z", readout.n_outputs, p, *offsets),
        time=time,
        metadata=metadata,
    )
