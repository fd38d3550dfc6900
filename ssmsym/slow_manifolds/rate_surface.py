"""Rates r(s; u) over a coordinate and a parameter as piecewise Chebyshev series, and the folds of their zero set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import ArrayLike, NDArray

from ssmsym.errors import InputError
from ssmsym.slow_manifolds.elements import lobatto

Array = NDArray[np.float64]

_GRID = (481, 25)  # cells over the parameter, and over the coordinate in each piece
_OVERLAP = 0.01  # beyond both ends of a piece, lest a fold at a break is seen on neither side
_NEAR = (0.03, 0.3)  # how far Newton iteration may lead from its cell, in Chebyshev variables
_SAME = (1e-6, 3e-2)  # of the interval and of a piece: distance at which two folds are one


@dataclass(frozen=True, eq=False)
class RateSurface:
    """r(s; u) on pieces of s times one interval of u.

    Attributes
    ----------
    breaks : (m + 1,) array
        Ends of the pieces of s.
    interval : (low, high)
        Of the parameter u.
    coefficients : (m, n_u, n_s) array
        Chebyshev coefficients of r in u and s of each piece, in units of s over time.
    """

    breaks: Array
    interval: tuple[float, float]
    coefficients: Array

    def __call__(self, s: ArrayLike, u: float) -> Array:
        """r at coordinates s (n,) and one parameter value, (n,)."""
        wanted = np.atleast_1d(np.asarray(s, dtype=float))
        low, high = self.interval
        outside = (wanted < self.breaks[0]) | (wanted > self.breaks[-1])
        if outside.any() or not low <= u <= high:
            raise InputError(
                f"The rate is known for coordinates {self.breaks[0]:.4g} to {self.breaks[-1]:.4g} and parameter values "
                f"{low:g} to {high:g}."
            )
        piece = np.clip(np.searchsorted(self.breaks, wanted, side="right") - 1, 0, len(self.breaks) - 2)
        a, b = self.breaks[piece], self.breaks[piece + 1]
        t, v = (2 * wanted - a - b) / (b - a), (2 * u - low - high) / (high - low)
        return np.array(
            [chebyshev.chebval2d(v, ti, self.coefficients[k]) for k, ti in zip(piece, t, strict=True)]
        )

    def zeros(self, u: float) -> Array:
        """Coordinates of the fixed points at one parameter value, ascending."""
        low, high = self.interval
        v = (2 * u - low - high) / (high - low)
        found = []
        for a, b, C in zip(self.breaks[:-1], self.breaks[1:], self.coefficients, strict=True):
            series = chebyshev.chebval(v, C)
            roots = chebyshev.chebroots(chebyshev.chebtrim(series, 1e-14 * np.abs(series).max()))
            real = roots[(np.abs(roots.imag) < 1e-9) & (np.abs(roots.real) <= 1 + 1e-12)].real
            found += [0.5 * (a + b) + 0.5 * (b - a) * t for t in real]
        found.sort()
        return np.array([s for i, s in enumerate(found) if i == 0 or s - found[i - 1] > 1e-9])

    def folds(self) -> list[tuple[float, float]]:
        """All (u, s) with r = r_s = 0, by parameter.

        Cells of a grid in which both r and r_s change sign start a Newton iteration on the series. Closed branches are
        found like others, as nothing is traced.
        """
        out: list[tuple[float, float]] = []
        low, high = self.interval
        for a, b, C in zip(self.breaks[:-1], self.breaks[1:], self.coefficients, strict=True):
            for v, t in _folds_of_piece(C):
                u, s = 0.5 * (low + high) + 0.5 * (high - low) * v, 0.5 * (a + b) + 0.5 * (b - a) * t
                known = any(
                    abs(u - other) < _SAME[0] * (high - low) and abs(s - place) < _SAME[1] * (b - a)
                    for other, place in out
                )
                if not known:
                    out.append((float(u), float(s)))
        return sorted(out)


def rate_surface(breaks: Array, interval: tuple[float, float], values: Array) -> RateSurface:
    """The surface through values (n_u, m, n_s) of r at Lobatto points of the parameter and of each piece."""
    n_u, _, n_s = values.shape
    in_u, in_s = lobatto(n_u - 1)[2], lobatto(n_s - 1)[2]
    coefficients = np.einsum("ij,jmk,lk->mil", in_u, values, in_s)
    return RateSurface(breaks, interval, coefficients)


def _mixed(values: Array) -> NDArray[np.bool_]:
    """Cells of a grid at whose corners the sign is not one."""
    corners = [values[1:, 1:], values[:-1, 1:], values[1:, :-1], values[:-1, :-1]]
    return np.asarray(np.minimum.reduce(corners) * np.maximum.reduce(corners) <= 0)


def _folds_of_piece(C: Array) -> list[tuple[float, float]]:
    Cs, Cu = chebyshev.chebder(C, axis=1), chebyshev.chebder(C, axis=0)
    Css, Csu = chebyshev.chebder(Cs, axis=1), chebyshev.chebder(Cs, axis=0)
    grid_u, grid_s = np.linspace(-1, 1, _GRID[0]), np.linspace(-1 - _OVERLAP, 1 + _OVERLAP, _GRID[1])
    cells = _mixed(np.asarray(chebyshev.chebgrid2d(grid_u, grid_s, C), dtype=float))
    cells &= _mixed(np.asarray(chebyshev.chebgrid2d(grid_u, grid_s, Cs), dtype=float))
    found = []
    for i, j in zip(*np.nonzero(cells), strict=True):
        begin = np.array([grid_u[i : i + 2].mean(), grid_s[j : j + 2].mean()])
        q = begin.copy()
        step = np.full(2, np.inf)
        for _ in range(15):
            r, rs, ru, rsu, rss = (chebyshev.chebval2d(q[0], q[1], A) for A in (C, Cs, Cu, Csu, Css))
            try:
                step = np.linalg.solve([[ru, rs], [rsu, rss]], [-r, -rs])
            except np.linalg.LinAlgError:
                break
            q = q + step
            if np.abs(step).max() < 1e-12 or np.abs(q - begin).max() > 1:
                break
        settled = np.abs(step).max() < 1e-12 and abs(q[0]) < 1 + 1e-6 and abs(q[1]) < 1 + _OVERLAP
        if settled and abs(q[0] - begin[0]) < _NEAR[0] and abs(q[1] - begin[1]) < _NEAR[1]:
            found.append((float(q[0]), float(q[1])))
    return found
