"""Compiled evaluation of a polynomial given as data: bare arrays in, bare arrays out, no checks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[Any]


@njit(cache=True, error_model="numpy")
def evaluate_polynomial(exponents: Array, coefficients: Array, z: Array, out: Array) -> None:
    """Fill `out` (n,) with the polynomial at `z` (D,); exponents (M, D) int64, coefficients (M, n)."""
    n_monomials, n_variables = exponents.shape
    highest = 0
    for monomial in range(n_monomials):
        for variable in range(n_variables):
            highest = max(highest, exponents[monomial, variable])
    powers = np.empty((n_variables, highest + 1))
    for variable in range(n_variables):
        powers[variable, 0] = 1.0
        for power in range(highest):
            powers[variable, power + 1] = powers[variable, power] * z[variable]
    out[:] = 0.0
    for monomial in range(n_monomials):
        value = 1.0
        for variable in range(n_variables):
            value *= powers[variable, exponents[monomial, variable]]
        for output in range(out.size):
            out[output] += coefficients[monomial, output] * value
