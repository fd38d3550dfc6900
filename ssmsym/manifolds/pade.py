"""Padé resummation of an SSM along a ray: often good beyond the radius of convergence, never rigorous."""

from __future__ import annotations

import functools
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmsym.errors import InputError, SsmsymWarning
from ssmsym.series.polynomial import Polynomial

if TYPE_CHECKING:
    from ssmsym.manifolds.ssm import SSM

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

_DOUBLET = 1e-3  # distance of a pole from a zero, relative to the pole, at which they nearly cancel
_TOLERANCE = 1e-13  # of the coefficients: their rounding errors
_FAR = 9.0  # logarithm: how far below the trend a coefficient has no say in it
_NOTE = "Padé resummation, not rigorous: no evidence"


@dataclass(frozen=True, eq=False)
class Pade:
    """One rational function a(t) / b(t), b(0) = 1, that agrees with a power series.

    Attributes
    ----------
    numerator, denominator : (L + 1,), (M + 1,)
        Coefficients, constant first.
    """

    numerator: Array
    denominator: Array

    def __call__(self, t: ArrayLike) -> Array:
        """Values at t, of its shape."""
        polyval, at = np.polynomial.polynomial.polyval, np.asarray(t, dtype=float)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(polyval(at, self.numerator) / polyval(at, self.denominator))

    def derivative(self, t: ArrayLike) -> Array:
        """d/dt at t, of its shape."""
        polyval, polyder = np.polynomial.polynomial.polyval, np.polynomial.polynomial.polyder
        at = np.asarray(t, dtype=float)
        a, b = polyval(at, self.numerator), polyval(at, self.denominator)
        da, db = polyval(at, polyder(self.numerator)), polyval(at, polyder(self.denominator))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray((da * b - a * db) / b**2)

    @functools.cached_property
    def _split_poles(self) -> tuple[Complex, Complex]:
        poles = _roots(self.denominator)
        zeros = _roots(self.numerator)
        if not len(poles) or not len(zeros):
            return poles, poles[:0]
        near = np.abs(poles[:, None] - zeros[None, :]).min(axis=1) < _DOUBLET * np.abs(poles)
        return poles[~near], poles[near]

    @property
    def poles(self) -> Complex:
        """Poles that no zero cancels, nearest first."""
        return self._split_poles[0]

    @property
    def doublets(self) -> Complex:
        """Poles that a zero nearly cancels (Froissart doublets): rounding errors, not singularities."""
        return self._split_poles[1]


def pade_approximant(coefficients: ArrayLike, *, tolerance: float = _TOLERANCE) -> Pade:
    """The diagonal Padé approximant of a power series.

    Of coefficients c_m..c_K, c_m the first that is not 0: t^m times degrees [K - m - M / M], M = (K - m) // 2, for even
    or odd series the same in t^2. Degrees are lowered where the series is that of a rational function of lower degrees
    up to `tolerance`, which keeps most spurious poles away.

    Parameters
    ----------
    coefficients : (K + 1,)
        Constant first.
    tolerance : float
        Relative size of the coefficients' errors; 0 keeps full degrees.

    Raises
    ------
    InputError
        If the coefficients are not finite or of another shape.

    References
    ----------
    Gonnet, Güttel and Trefethen, SIAM Rev. 55, 2013, algorithm 2.

    Examples
    --------
    >>> round(float(pade_approximant([1.0, 1.0, 1.0, 1.0])(-9.0)), 12)
    0.1
    """
    c = np.asarray(coefficients, dtype=float)
    if c.ndim != 1 or not len(c) or not np.isfinite(c).all():
        raise InputError(f"'coefficients' are finite numbers (K + 1,); found an array of shape {c.shape}.")
    first, stride = _pattern(
        c
    )  # c = t^first times a series in t^stride, else blocks of the table are singular
    tail = c[first::stride]
    scale = _natural_scale(tail)
    a, b = _robust(tail * scale ** np.arange(len(tail)), tolerance)
    numerator = np.zeros(first + stride * (len(a) - 1) + 1)
    denominator = np.zeros(stride * (len(b) - 1) + 1)
    numerator[first::stride] = a / scale ** np.arange(len(a))
    denominator[::stride] = b / scale ** np.arange(len(b))
    return Pade(numerator, denominator)


def _pattern(c: Array) -> tuple[int, int]:
    """Degree of the first coefficient that is not 0, and greatest common divisor of the others' distances from it."""
    degrees = np.flatnonzero(c)
    if not len(degrees):
        return 0, 1
    return int(degrees[0]), max(int(np.gcd.reduce(degrees - degrees[0])), 1)


def _natural_scale(c: Array) -> float:
    """The step at which the coefficients neither grow nor fall; far smaller ones, rounding errors, have no say."""
    degrees = np.flatnonzero(c[1:]) + 1
    for _ in range(2):
        if len(degrees) < 2:
            return 1.0
        logs = np.log(np.abs(c[degrees]))
        slope, level = np.polyfit(degrees, logs, 1)
        degrees = degrees[logs > slope * degrees + level - _FAR]
    return float(np.exp(-slope))


def _robust(c: Array, tolerance: float) -> tuple[Array, Array]:
    L, M = len(c) - 1 - (len(c) - 1) // 2, (len(c) - 1) // 2
    limit = tolerance * float(np.linalg.norm(c))
    while M > 0:
        toeplitz = _toeplitz(c, L, M)
        singular = np.linalg.svd(toeplitz[L + 1 :], compute_uv=False)
        rank = int((singular > limit).sum())
        if rank == M:
            break
        L, M = max(L - (M - rank), 0), rank
    if M == 0:
        return _trimmed(c[: L + 1], limit), np.ones(1)
    b = np.linalg.svd(toeplitz[L + 1 :])[2][-1]
    a = toeplitz[: L + 1] @ b
    leading = int(np.argmax(np.abs(b) > tolerance))
    a, b = a[leading:], b[leading:]
    b = _trimmed(b, tolerance)
    return _trimmed(a, limit) / b[0], b / b[0]


def _toeplitz(c: Array, L: int, M: int) -> Array:
    rows, columns = np.arange(L + M + 1)[:, None], np.arange(M + 1)[None, :]
    return np.where(rows >= columns, c[np.maximum(rows - columns, 0)], 0.0)


def _trimmed(values: Array, limit: float) -> Array:
    kept = np.flatnonzero(np.abs(values) > limit)
    return values[: kept[-1] + 1] if len(kept) else values[:1]


def _roots(coefficients: Array) -> Complex:
    trimmed = np.trim_zeros(coefficients, "b")
    found = np.roots(trimmed[::-1]).astype(complex) if len(trimmed) > 1 else np.zeros(0, complex)
    return found[np.argsort(np.abs(found), kind="stable")]


@dataclass(frozen=True, eq=False)
class PadeRay:
    """W and R along the ray p = t e, each component resummed; not rigorous, never counted as evidence.

    Attributes
    ----------
    ssm : SSM
    direction : (d,)
        The unit vector e.
    parametrization : tuple of Pade
        W_i(t e), N of them, at zero parameter offsets.
    reduced_dynamics : tuple of Pade
        R_i(t e), d of them.
    """

    ssm: SSM
    direction: Array
    parametrization: tuple[Pade, ...]
    reduced_dynamics: tuple[Pade, ...]

    def lift(self, t: ArrayLike) -> Array:
        """States at t, (N,) or (n, N)."""
        return np.stack([component(t) for component in self.parametrization], axis=-1)

    def dynamics(self, t: ArrayLike) -> Array:
        """R at t, (d,) or (n, d), in 1/time."""
        return np.stack([component(t) for component in self.reduced_dynamics], axis=-1)

    def invariance_error(self, t: ArrayLike) -> Array:
        """|f(W) - W' R| of the resummed functions at t, for one coordinate; a map has |f(W) - W(R)|.

        Raises
        ------
        InputError
            For more coordinates: derivatives across the ray are not resummed.
        """
        if self.ssm.dimension > 1:
            raise InputError(
                f"Resummed along a ray, an SSM of {self.ssm.dimension} coordinates has no derivatives across it; "
                "the error is defined for one coordinate."
            )
        images = self.ssm.field(self.lift(t))
        R = self.dynamics(t)
        if self.ssm.field.is_map:
            return np.asarray(np.linalg.norm(images - self.lift(R[..., 0] * self.direction[0]), axis=-1))
        slopes = np.stack([w.derivative(t) for w in self.parametrization], axis=-1)
        return np.asarray(np.linalg.norm(images - slopes * R * self.direction[0], axis=-1))

    @property
    def poles(self) -> Complex:
        """Poles of all components that no zero cancels, nearest first."""
        return self._gathered("poles")

    @property
    def doublets(self) -> Complex:
        """Poles that zeros nearly cancel, of all components, nearest first."""
        return self._gathered("doublets")

    @property
    def nearest_pole_ahead(self) -> float:
        """Smallest positive t at which a component is infinite; inf if there is none. Nothing holds beyond it."""
        every = np.concatenate([self.poles, self.doublets])
        ahead = every.real[(np.abs(every.imag) <= 1e-6 * np.abs(every)) & (every.real > 0)]
        return float(ahead.min(initial=np.inf))

    def _gathered(self, kind: str) -> Complex:
        parts = [getattr(c, kind) for c in (*self.parametrization, *self.reduced_dynamics)]
        found = np.concatenate(parts)
        return found[np.argsort(np.abs(found), kind="stable")]

    def __str__(self) -> str:
        nearest = f"{self.poles[0]:.4g}, |t| = {abs(self.poles[0]):.4g}" if len(self.poles) else "none"
        ahead = self.nearest_pole_ahead
        return (
            f"{_NOTE}\n  nearest pole {nearest}; on the ray "
            + ("none" if np.isinf(ahead) else f"at t = {ahead:.4g}")
            + f"; {len(self.doublets)} spurious (Froissart doublets)"
        )

    __repr__ = __str__


def pade_along(ssm: SSM, direction: ArrayLike | None = None, *, tolerance: float = _TOLERANCE) -> PadeRay:
    """Diagonal Padé approximants of W and R along a ray of reduced coordinates.

    Parameters
    ----------
    ssm : SSM
    direction : (d,), optional
        Direction of p; the positive axis when there is one coordinate only.
    tolerance : float
        Relative error of the coefficients, as in :func:`pade_approximant`.

    Where the manifold has several singularities, as in trained networks, resummation often gives less than the series
    does: compare :meth:`PadeRay.invariance_error` with that of the SSM before any use.

    Raises
    ------
    InputError
        If the direction has the wrong shape, is 0, or is missing for several coordinates.

    Warns
    -----
    SsmsymWarning
        If spurious poles occur (Froissart doublets), which spoil the values near them.

    References
    ----------
    Baker and Graves-Morris, Padé Approximants, 2nd ed., 1996. Kaszás and Haller, Nature
    Communications 16, 2025 (of invariant manifolds).
    """
    unit = _unit(direction, ssm.dimension)
    rows = _without_rounding(ssm, unit, tolerance)
    W, R = (tuple(pade_approximant(c, tolerance=tolerance) for c in part.T) for part in rows)
    ray = PadeRay(ssm, unit, W, R)
    if len(ray.doublets):
        where = ", ".join(f"{pole:.3g}" for pole in ray.doublets[:3])
        warnings.warn(
            f"{len(ray.doublets)} spurious poles (Froissart doublets) in the Padé approximants, the nearest at t = "
            f"{where}: values near them mean nothing. Lower 'order' or raise 'tolerance'.",
            SsmsymWarning,
            stacklevel=2,
        )
    return ray


def along_ray(ssm: SSM, polynomial: Polynomial, unit: Array) -> Array:
    """Coefficients of t^0..t^K of a polynomial of the SSM at p = t e and zero offsets, (K + 1, outputs)."""
    values = polynomial.monomials(ssm.coordinates(unit))[:, None] * polynomial.coefficients
    out = np.zeros((ssm.order + 1, polynomial.n_outputs))
    np.add.at(out, polynomial.exponents.sum(axis=1), values)
    return out


def _without_rounding(ssm: SSM, unit: Array, tolerance: float) -> tuple[Array, Array]:
    """Coefficients of W and R along a ray, 0 where they are rounding errors beside the growth of all."""
    W, R = along_ray(ssm, ssm.parametrization, unit), along_ray(ssm, ssm.reduced_dynamics, unit)
    rate = max(ssm.spectral_scale, np.finfo(float).tiny)
    degrees = np.arange(len(W))
    heights = np.maximum(np.abs(W).max(axis=1), np.abs(R).max(axis=1) / rate)
    growth = max([0.0, *(heights[2:] ** (1.0 / degrees[2:]))])
    floor = tolerance * np.maximum(heights, growth**degrees)[:, None]
    return np.where(np.abs(W) > floor, W, 0.0), np.where(np.abs(R) > rate * floor, R, 0.0)


def _unit(direction: ArrayLike | None, d: int) -> Array:
    if direction is None:
        if d > 1:
            raise InputError(f"'direction' is needed with {d} coordinates: (d,) numbers.")
        return np.ones(1)
    vector = np.atleast_1d(np.asarray(direction, dtype=float))
    if vector.shape != (d,) or not np.isfinite(vector).all() or not vector.any():
        raise InputError(f"'direction' is a finite vector ({d},), not 0; found {np.asarray(direction)!r}.")
    return np.asarray(vector / np.linalg.norm(vector))
