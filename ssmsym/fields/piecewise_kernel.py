"""Compiled evaluation of a piecewise Chebyshev map given as data: bare arrays in, bare arrays out, no checks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[Any]


@njit(cache=True, error_model="numpy")
def evaluate_piecewise(
    breaks: Array, frame: Array, degrees: Array, coefficients: Array, z: Array, out: Array
) -> None:
    """Fill `out` (n,) with the map at `z` (D,).

    `frame` holds the period of the first variable (0: none) and low and high end of each other; degrees (M, D) int64;
    coefficients (m M, n), pieces above one another.
    """
    n_products, n_variables = degrees.shape
    first = z[0]
    if frame[0] > 0.0:
        first -= frame[0] * np.floor((first - breaks[0]) / frame[0])
    piece = np.searchsorted(breaks, first, side="right") - 1
    piece = min(max(piece, 0), breaks.size - 2)
    highest = 0
    for product in range(n_products):
        for variable in range(n_variables):
            highest = max(highest, degrees[product, variable])
    values = np.empty((n_variables, max(highest, 1) + 1))
    for variable in range(n_variables):
        if variable == 0:
            low, high, at = breaks[piece], breaks[piece + 1], first
        else:
            low, high, at = frame[2 * variable - 1], frame[2 * variable], z[variable]
        t = (2.0 * at - low - high) / (high - low)
        nearest = min(max(t, -1.0), 1.0) if variable == 0 else t
        values[variable, 0], values[variable, 1] = 1.0, nearest
        for k in range(2, highest + 1):
            values[variable, k] = 2.0 * nearest * values[variable, k - 1] - values[variable, k - 2]
        if t != nearest:  # outside: T_k'(1) = k^2, T_k'(-1) = (-1)^(k + 1) k^2
            for k in range(1, values.shape[1]):
                slope = k * k * (1.0 if nearest > 0 or k % 2 == 1 else -1.0)
                values[variable, k] += slope * (t - nearest)
    out[:] = 0.0
    for product in range(n_products):
        value = 1.0
        for variable in range(n_variables):
            value *= values[variable, degrees[product, variable]]
        row = piece * n_products + product
        for output in range(out.size):
            out[output] += coefficients[row, output] * value
