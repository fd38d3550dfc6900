"""Jets of a field along a given series, and the same Taylor coefficients from mpmath."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np

from ssmsym.fields.jets import Jets
from ssmsym.series.ring import FLOATS

mp.mp.dps = 30
ORDER = 8


def jets_of(field, table, state, active=None):
    active = active or {}
    return Jets(
        field.bind(frozenset(active)),
        field.program.outputs,
        table,
        FLOATS,
        field.split(np.asarray(state, float)),
        active,
    )


def one_pass(field, table, series, active=None):
    """Series of f(W) for the series W given as (M, N) coefficients, state's parts given at once."""
    jets = jets_of(field, table, series[0], active)
    out = np.zeros((len(table), field.n_states))
    out[0] = field(series[0])
    for degree in range(1, table.order + 1):
        here = table.degree_slice(degree)
        out[here] = jets.advance(degree, field.split(series[here]))
    return out


def path(s, x0):
    """A curved path through x0: a jet along it needs all of Faa di Bruno's terms."""
    return x0 + s - s**2 / 3 + s**3 / 5


def path_series(x0: float, order: int = ORDER) -> np.ndarray:
    series = np.zeros((order + 1, 1))
    series[:4, 0] = x0, 1.0, -1 / 3, 1 / 5
    return series


def mp_taylor(formula, x0: float, order: int = ORDER) -> np.ndarray:
    return np.array([float(mp.re(c)) for c in mp.taylor(lambda s: formula(path(s, mp.mpf(x0))), 0, order)])


def mp_coefficients(formula, table, point) -> np.ndarray:
    """Taylor coefficients at `point` of a vector formula of several mpmath numbers, (M, n)."""
    n = len(formula(*point))
    out = np.zeros((len(table), n))
    for i, m in enumerate(table.exponents.tolist()):
        factor = math.prod(math.factorial(k) for k in m)
        for j in range(n):
            out[i, j] = float(mp.diff(lambda *z, j=j: formula(*z)[j], tuple(point), tuple(m)) / factor)
    return out


def polynomial_state(series: np.ndarray, table, z) -> list:
    """W(z) in mpmath numbers."""
    monomials = [mp.fprod(v**k for v, k in zip(z, m, strict=True)) for m in table.exponents.tolist()]
    return [mp.fsum(mp.mpf(c) * m for c, m in zip(column, monomials, strict=True)) for column in series.T]


def mp_matrix_times(matrix, vector):
    return [mp.fsum(mp.mpf(a) * v for a, v in zip(row, vector, strict=True)) for row in matrix]


def assert_close(found, wanted, rtol: float) -> None:
    np.testing.assert_allclose(found, wanted, rtol=0, atol=rtol * np.abs(wanted).max())
