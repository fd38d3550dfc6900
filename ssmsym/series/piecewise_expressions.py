"""Piecewise Chebyshev maps as SymPy expressions that any target language can print.

In the first variable each piece is a polynomial in the distance from its middle, in Horner's form; pieces are chosen by
nested conditions, halved each time. In the other variables Chebyshev polynomials are products of lower ones, so that
no long sums of powers cancel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from ssmsym.series.piecewise import PiecewiseChebyshev

Array = NDArray[np.float64]


def expressions(
    data: PiecewiseChebyshev, variables: Sequence[Any], *, by: int | None = None
) -> tuple[Any, ...]:
    """The outputs, or their partial derivatives by one variable, in the given expressions of the variables."""
    shown = data if by is None else data.derivative(by)
    first = _angle(data, variables[0]) if data.periodic else sympy.sympify(variables[0])
    local = [
        _number(2.0 / (high - low)) * (v - _number(0.5 * (low + high)))
        for v, (low, high) in zip(variables[1:], data.box, strict=True)
    ]
    chebyshevs = [_Chebyshevs(v) for v in local]
    groups: dict[tuple[int, ...], list[int]] = {}
    for row, degrees in enumerate(shown.degrees.tolist()):
        groups.setdefault(tuple(degrees[1:]), []).append(row)
    out = []
    for output in range(shown.n_outputs):
        terms = []
        for degrees, rows in groups.items():
            along = np.zeros((len(shown.breaks) - 1, int(shown.degrees[rows, 0].max()) + 1))
            along[:, shown.degrees[rows, 0]] = shown.coefficients[:, rows, output]
            pieces = _pieces(shown.breaks, along, first, flat=by == 0, closed=data.periodic)
            factors = [T(k) for T, k in zip(chebyshevs, degrees, strict=True) if k]
            if pieces != 0:
                terms.append(sympy.Mul(*factors, pieces, evaluate=False) if factors else pieces)
        total = sympy.Add(*terms, evaluate=False) if len(terms) > 1 else (terms or [sympy.S.Zero])[0]
        out.append(total)
    return tuple(out)


def _number(value: float) -> Any:
    return sympy.Float(value, 17)


def _angle(data: PiecewiseChebyshev, variable: Any) -> Any:
    """The angle in the range, without a function that rounds down, which some languages lack."""
    low, high = data.extent
    middle, rate = _number(0.5 * (low + high)), 2.0 * np.pi / (high - low)
    turned = _number(rate) * (variable - middle)
    return middle + _number(1.0 / rate) * sympy.atan2(sympy.sin(turned), sympy.cos(turned))


class _Chebyshevs:
    """T_k of an expression v: T_2k = 2 T_k^2 - 1 and T_(2k+1) = 2 T_k T_(k+1) - v."""

    def __init__(self, v: Any) -> None:
        self._known: dict[int, Any] = {0: sympy.S.One, 1: v}

    def __call__(self, k: int) -> Any:
        if k not in self._known:
            half = k // 2
            product = 2 * self(half) ** 2 if k % 2 == 0 else 2 * self(half) * self(half + 1)
            self._known[k] = product - (1 if k % 2 == 0 else self._known[1])
        return self._known[k]


def _pieces(breaks: Array, along: Array, s: Any, *, flat: bool, closed: bool) -> Any:
    """Series (m, k) on the pieces as nested conditions, continued linearly (or, where flat, constant) at both ends."""
    leaves = [_polynomial(c, a, b, s) for c, a, b in zip(along, breaks[:-1], breaks[1:], strict=True)]
    bounds = list(breaks[1:-1])
    if not closed:
        leaves = [
            _continued(along[0], breaks[0], breaks[1], s, -1, flat),
            *leaves,
            _continued(along[-1], breaks[-2], breaks[-1], s, 1, flat),
        ]
        bounds = list(breaks)
    return _tree(leaves, bounds, s)


def _tree(leaves: list[Any], bounds: list[float], s: Any) -> Any:
    if len(leaves) == 1 or all(leaf == leaves[0] for leaf in leaves):
        return leaves[0]
    half = len(leaves) // 2
    below = _tree(leaves[:half], bounds[: half - 1], s)
    above = _tree(leaves[half:], bounds[half:], s)
    condition = sympy.StrictLessThan(s, _number(bounds[half - 1]))
    return sympy.Piecewise((below, condition), (above, True), evaluate=False)


def _polynomial(series: Array, a: float, b: float, s: Any) -> Any:
    """A Chebyshev series on the piece from a to b, in Horner's form in s - (a + b) / 2."""
    powers = chebyshev.cheb2poly(series)
    powers = powers / (0.5 * (b - a)) ** np.arange(len(powers))
    places = np.flatnonzero(powers)
    if not len(places):
        return sympy.S.Zero
    w = s - _number(0.5 * (a + b))
    value = _number(powers[places[-1]])
    for power in powers[: places[-1]][::-1]:
        value = sympy.Mul(w, value, evaluate=False)
        value = sympy.Add(_number(power), value, evaluate=False) if power else value
    return value


def _continued(series: Array, a: float, b: float, s: Any, side: int, flat: bool) -> Any:
    value = _number(float(chebyshev.chebval(side, series)))
    slope = 2.0 / (b - a) * float(chebyshev.chebval(side, chebyshev.chebder(series)))
    if flat or not slope:
        return value if value else sympy.S.Zero
    step = sympy.Mul(_number(slope), s - _number(b if side > 0 else a), evaluate=False)
    return sympy.Add(value, step, evaluate=False)
