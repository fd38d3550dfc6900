"""Small complex polynomials as dictionaries from exponents to coefficients.

Normal forms have a handful of terms in a handful of variables, with complex coefficients.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.series.polynomial import Polynomial

Exponents = tuple[int, ...]
Series = dict[Exponents, complex]
Complex = NDArray[np.complex128]


def unit(position: int, width: int) -> Exponents:
    """Exponents of one variable."""
    return tuple(int(i == position) for i in range(width))


def added(left: Exponents, right: Exponents) -> Exponents:
    """Exponents of a product."""
    return tuple(a + b for a, b in zip(left, right, strict=True))


def product(
    left: Series, right: Series, width: int, keep: Callable[[Exponents], bool] = lambda exponents: True
) -> Series:
    """The product, of the terms that are to be kept; the key () stands for the constant."""
    out: Series = {}
    for a, x in left.items():
        for b, y in right.items():
            key = added(a or (0,) * width, b or (0,) * width)
            if keep(key):
                out[key] = out.get(key, 0.0) + x * y
    return out


def substituted(polynomial: Polynomial, matrix: NDArray[Any], n_parameters: int) -> list[Series]:
    """Outputs of R(T w, alpha) as series in (w, alpha), T the given matrix (d, d)."""
    d = len(matrix)
    width = d + n_parameters
    lines: list[Series] = [
        {unit(column, width): complex(matrix[row, column]) for column in range(d) if matrix[row, column] != 0}
        for row in range(d)
    ]
    lines += [{unit(d + j, width): 1.0 + 0.0j} for j in range(n_parameters)]
    known: dict[Exponents, Series] = {(0,) * width: {(0,) * width: 1.0 + 0.0j}}

    def power(exponents: Exponents) -> Series:
        if exponents not in known:
            variable = next(i for i, k in enumerate(exponents) if k)
            lower = tuple(k - (i == variable) for i, k in enumerate(exponents))
            known[exponents] = product(power(lower), lines[variable], width)
        return known[exponents]

    outputs: list[Series] = [{} for _ in range(polynomial.n_outputs)]
    for row, values in zip(polynomial.exponents.tolist(), polynomial.coefficients, strict=True):
        if not values.any():
            continue
        for key, factor in power(tuple(row)).items():
            for output, value in zip(outputs, values.tolist(), strict=True):
                output[key] = output.get(key, 0.0) + factor * value
    return outputs


def mixed(outputs: Sequence[Series], matrix: NDArray[Any]) -> list[Series]:
    """Outputs multiplied by a matrix."""
    out: list[Series] = []
    for row in matrix:
        total: Series = {}
        for factor, series in zip(row.tolist(), outputs, strict=True):
            for key, value in series.items():
                total[key] = total.get(key, 0.0) + factor * value
        out.append(total)
    return out


def at_offsets(series: Series, n_coordinates: int, offsets: Sequence[float]) -> Series:
    """The series in the coordinates alone, at fixed parameter offsets."""
    out: Series = {}
    for key, value in series.items():
        factor = 1.0
        for k, offset in zip(key[n_coordinates:], offsets, strict=True):
            factor *= offset**k
        short = key[:n_coordinates]
        out[short] = out.get(short, 0.0) + value * factor
    return out
