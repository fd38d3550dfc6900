"""Maps given as data on pieces of one coordinate: a Chebyshev series on each, and in further variables on one box."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import ArrayLike, NDArray

from ssmsym.errors import InputError
from ssmsym.series.polynomial import Polynomial

Array = NDArray[Any]

_GATHERED = 2**18  # coefficients that are gathered point by point rather than piece by piece
_SLACK = 1e-9  # of a range: rounding errors do not put a point outside


@dataclass(frozen=True, eq=False)
class PiecewiseChebyshev:
    """A map from R^D to R^n: on each piece of the first variable a sum of products of Chebyshev polynomials.

    On the piece from a to b it is the sum over m of c_m T_k0(t) T_k1(v_1) T_k2(v_2) ..., where t runs from -1 to 1 as
    the first variable runs from a to b, and v_j from -1 to 1 over the range of variable j. At a break the piece to its
    right counts. Outside its range the map is not known. There it is continued, so that iterations that step out find
    their way back: linearly in the first variable, by its polynomials in the others; :meth:`inside` tells.

    Parameters
    ----------
    breaks : (m + 1,) array
        Ends of the pieces of the first variable, ascending.
    box : (D - 1, 2) array
        Ranges of the other variables.
    degrees : (M, D) int array
        Degrees k0, k1, ... of each product, no row twice.
    coefficients : (m, M, n) array
    periodic : bool
        Whether the first variable is an angle, whose period is the whole range.

    Examples
    --------
    >>> absolute = PiecewiseChebyshev([-1, 0, 1], [], [[0], [1]], [[[0.5], [-0.5]], [[0.5], [0.5]]])
    >>> absolute([-0.25])
    array([0.25])
    """

    breaks: NDArray[np.float64]
    box: NDArray[np.float64]
    degrees: NDArray[np.int64]
    coefficients: NDArray[np.float64]
    periodic: bool = False

    def __init__(
        self,
        breaks: ArrayLike,
        box: ArrayLike,
        degrees: ArrayLike,
        coefficients: ArrayLike,
        periodic: bool = False,
    ) -> None:
        powers = np.array(degrees, dtype=np.int64)
        parts = {
            "breaks": np.array(breaks, dtype=float),
            "box": np.array(box, dtype=float).reshape(-1, 2),
            "degrees": powers,
            "coefficients": np.array(coefficients, dtype=float),
        }
        ends, ranges, values = parts["breaks"], parts["box"], parts["coefficients"]
        if powers.ndim != 2 or powers.shape[1] != 1 + len(ranges) or powers.min(initial=0) < 0:
            raise InputError(
                f"The degrees of {1 + len(ranges)} variables need shape (M, {1 + len(ranges)}); found {powers.shape}."
            )
        if ends.ndim != 1 or values.ndim != 3 or values.shape[:2] != (len(ends) - 1, len(powers)):
            raise InputError(
                f"A piecewise map of {len(ends) - 1} pieces and {len(powers)} products needs coefficients "
                f"({len(ends) - 1}, {len(powers)}, n); found {values.shape}."
            )
        for name, low, high in (("breaks", ends[:-1], ends[1:]), ("box", ranges[:, 0], ranges[:, 1])):
            if not (np.isfinite(parts[name]).all() and (low < high).all()):
                raise InputError(f"The '{name}' of a piecewise map must be finite and ascend.")
        for name, array in parts.items():
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        object.__setattr__(self, "periodic", bool(periodic))

    @classmethod
    def from_tensor(
        cls,
        breaks: ArrayLike,
        box: ArrayLike,
        tensor: Array,
        *,
        tolerance: float = 0.0,
        periodic: bool = False,
    ) -> PiecewiseChebyshev:
        """The map with Chebyshev coefficients (m, k0, k1, ..., n), those of at most `tolerance` left out."""
        tensor = np.where(np.abs(tensor) > tolerance, tensor, 0.0)
        kept = np.abs(tensor).max(axis=(0, -1)) > 0.0
        kept[(0,) * kept.ndim] = True
        return cls(breaks, box, np.argwhere(kept), tensor[:, kept], periodic)

    @property
    def n_variables(self) -> int:
        return int(self.degrees.shape[1])

    @property
    def n_outputs(self) -> int:
        return int(self.coefficients.shape[2])

    @property
    def order(self) -> int:
        """Highest degree in one variable."""
        return int(self.degrees.max(initial=0))

    @property
    def extent(self) -> tuple[float, float]:
        """Range of the first variable."""
        return float(self.breaks[0]), float(self.breaks[-1])

    def __repr__(self) -> str:
        low, high = self.extent
        return (
            f"PiecewiseChebyshev({self.n_variables} variables, {self.n_outputs} outputs, {len(self.breaks) - 1} pieces "
            f"from {low:.4g} to {high:.4g}, {len(self.degrees)} products, highest degree {self.order})"
        )

    # -- evaluation ---------------------------------------------------------------------------------------

    def inside(self, z: ArrayLike) -> NDArray[np.bool_]:
        """Whether the map is known at one point ``(D,)`` or at many ``(n, D)``; shape () or (n,)."""
        points = self._points(z)
        ranges = np.concatenate([[self.extent], self.box])
        if self.periodic:
            ranges[0] = -np.inf, np.inf
        slack = _SLACK * np.nan_to_num(ranges[:, 1] - ranges[:, 0], posinf=0.0)
        return np.asarray(((points >= ranges[:, 0] - slack) & (points <= ranges[:, 1] + slack)).all(axis=-1))

    def __call__(self, z: ArrayLike) -> Array:
        """Values at one point ``(D,)`` or at many ``(n, D)``; shape ``(n_outputs,)`` or ``(n, n_outputs)``."""
        points = self._points(z)
        if points.dtype == object:
            return self._symbolic(points)
        pieces, factors, _ = self._located(np.atleast_2d(points))
        out = self._summed(pieces, _product(factors, None))
        return out.reshape(*points.shape[:-1], self.n_outputs)

    def jacobian(self, z: ArrayLike) -> Array:
        """First derivatives, shape (n_outputs, D) at one point or (n, n_outputs, D) at many."""
        points = self._points(z)
        pieces, factors, scales = self._located(np.atleast_2d(points))
        columns = [
            self._summed(pieces, _product(factors, i)) * scales[:, i, None] for i in range(self.n_variables)
        ]
        return np.stack(columns, axis=-1).reshape(*points.shape[:-1], self.n_outputs, self.n_variables)

    def _points(self, z: ArrayLike) -> Array:
        points = np.asarray(z)
        if points.ndim not in (1, 2) or points.shape[-1] != self.n_variables:
            raise InputError(
                f"This map is evaluated at points ({self.n_variables},) or (n, {self.n_variables}); found an array of "
                f"shape {points.shape}."
            )
        return points if points.dtype == object else points.astype(float)

    def _symbolic(self, point: Array) -> Array:
        from ssmsym.series.piecewise_expressions import expressions

        if point.ndim != 1:
            raise InputError("A piecewise map is written out in symbols at one point at a time.")
        out = np.empty(self.n_outputs, dtype=object)
        out[:] = expressions(self, list(point))
        return out

    def wrapped(self, first: Array) -> Array:
        """The first variable, brought into the range if it is an angle."""
        low, high = self.extent
        return np.asarray(low + np.mod(first - low, high - low)) if self.periodic else first

    def _located(self, points: Array) -> tuple[NDArray[np.int64], list[tuple[Array, Array]], Array]:
        """For points (n, D): pieces (n,), for each variable its factors and their slopes (n, M), and scales (n, D).

        A scale is d(local variable) / d(variable).
        """
        first = self.wrapped(points[:, 0])
        pieces = np.clip(np.searchsorted(self.breaks, first, side="right") - 1, 0, len(self.breaks) - 2)
        a, b = self.breaks[pieces], self.breaks[pieces + 1]
        t = (2.0 * first - a - b) / (b - a)
        nearest = np.clip(t, -1.0, 1.0)
        value, slope = _chebyshev(nearest, self.degrees[:, 0])
        factors = [(value + slope * (t - nearest)[:, None], slope)]
        scales = [2.0 / (b - a)]
        for j, (low, high) in enumerate(self.box, start=1):
            factors.append(_chebyshev((2.0 * points[:, j] - low - high) / (high - low), self.degrees[:, j]))
            scales.append(np.full(len(points), 2.0 / (high - low)))
        return pieces, factors, np.stack(scales, axis=1)

    def _summed(self, pieces: NDArray[np.int64], products: Array) -> Array:
        """Sums of products (n, M) with the coefficients of their pieces (n,): (n, n_outputs)."""
        if products.size * self.n_outputs <= _GATHERED:
            return np.asarray(np.einsum("pm,pmo->po", products, self.coefficients[pieces]))
        out = np.empty((len(pieces), self.n_outputs))
        for k in np.unique(pieces):
            here = pieces == k
            out[here] = products[here] @ self.coefficients[k]
        return out

    def _scales(self, piece: int) -> Array:
        widths = [self.breaks[piece + 1] - self.breaks[piece], *(self.box[:, 1] - self.box[:, 0])]
        return 2.0 / np.array(widths)

    # -- derived maps -------------------------------------------------------------------------------------

    def tensor(self) -> Array:
        """Chebyshev coefficients (m, k0, k1, ..., n)."""
        return self._filled(self.coefficients)

    def _filled(self, coefficients: Array) -> Array:
        sizes = self.degrees.max(axis=0, initial=0) + 1
        out = np.zeros((len(coefficients), *sizes, self.n_outputs))
        out[(slice(None), *self.degrees.T)] = coefficients
        return out

    def derivative(self, variable: int) -> PiecewiseChebyshev:
        """Partial derivative with respect to one variable (0-based), inside the range."""
        derived = np.asarray(chebyshev.chebder(self.tensor(), axis=1 + variable))
        scales = np.array([self._scales(k)[variable] for k in range(len(self.breaks) - 1)])
        derived = derived * scales.reshape(-1, *(1,) * (derived.ndim - 1))
        return PiecewiseChebyshev.from_tensor(self.breaks, self.box, derived, periodic=self.periodic)

    def taylor(self, z: ArrayLike, order: int) -> Polynomial:
        """The Taylor polynomial at a point (D,) in the offsets from it, to a total degree: that of its piece.

        Raises
        ------
        InputError
            If the map is not known there.
        """
        point = self._points(z)
        if not self.inside(point):
            raise InputError(
                f"There is no Taylor series at {point.tolist()}: the map is known for the first variable from "
                f"{self.breaks[0]:.6g} to {self.breaks[-1]:.6g}"
                + "".join(f", the next from {low:.6g} to {high:.6g}" for low, high in self.box)
                + "."
            )
        first = float(self.wrapped(point[0]))
        k = int(np.clip(np.searchsorted(self.breaks, first, side="right") - 1, 0, len(self.breaks) - 2))
        ranges = np.concatenate([[self.breaks[k : k + 2]], self.box])
        scales = self._scales(k)
        local = scales * (np.array([first, *point[1:]]) - ranges.mean(axis=1))
        tensor = self._filled(self.coefficients[k : k + 1])[0]
        for axis in range(self.n_variables):
            series = _taylor_of_chebyshev(local[axis], tensor.shape[axis] - 1, order)
            series = series * scales[axis] ** np.arange(series.shape[1])
            tensor = np.moveaxis(np.tensordot(series, tensor, axes=(0, axis)), 0, axis)
        exponents = np.argwhere(np.ones(tensor.shape[:-1], dtype=bool))
        kept = exponents.sum(axis=1) <= order
        return Polynomial(exponents[kept], tensor.reshape(-1, self.n_outputs)[kept])


DataMap = Polynomial | PiecewiseChebyshev


def _product(factors: list[tuple[Array, Array]], derived: int | None) -> Array:
    """The product of all variables' factors, one of them derived."""
    out: Array = factors[0][derived == 0]
    for j, factor in enumerate(factors[1:], start=1):
        out = out * factor[derived == j]
    return out


def _chebyshev(t: Array, degrees: NDArray[np.int64]) -> tuple[Array, Array]:
    """T_k(t) and T_k'(t) for points (n,) and degrees (M,), each (n, M)."""
    highest = int(degrees.max(initial=0))
    values = chebyshev.chebvander(t, highest)
    slopes = np.zeros_like(values)
    second = np.ones_like(t)  # U_0, and U_k = T_k + t U_(k-1); T_k' = k U_(k-1)
    for k in range(1, highest + 1):
        slopes[:, k] = k * second
        second = values[:, k] + t * second
    return values[:, degrees], slopes[:, degrees]


def _taylor_of_chebyshev(t: float, highest: int, order: int) -> Array:
    """n-th derivative over n! of T_k at t, (highest + 1, min(order, highest) + 1)."""
    derived, factorial, columns = np.eye(highest + 1), 1.0, []
    for n in range(min(order, highest) + 1):
        columns.append(np.asarray(chebyshev.chebval(t, derived)) / factorial)
        derived = np.asarray(chebyshev.chebder(derived))
        factorial *= n + 1
    return np.stack(columns, axis=1)
