"""How far a Taylor-expanded SSM can be believed: invariance error, radii, drift, reduced fixed points."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmsym.dynamics.fixed_points import FixedPoint, fixed_point_at
from ssmsym.dynamics.newton import newton, polish
from ssmsym.errors import InputError
from ssmsym.fields.polynomial_field import polynomial_field
from ssmsym.manifolds.error_table import ErrorTable, error_table, rounding_errors
from ssmsym.manifolds.pade import PadeRay, pade_along
from ssmsym.manifolds.radius import RadiusEstimate, estimate_radius
from ssmsym.series.polynomial import Polynomial
from ssmsym.threads import single_blas_thread

if TYPE_CHECKING:
    from ssmsym.manifolds.ssm import SSM

Array = NDArray[np.float64]

_CONFIRMED = 0.1  # distance from lift to full fixed point, relative to the distance from the expansion point
_MOVED = 0.5
_SINGULAR = 1e-6  # ratio of singular values at which a zero counts as one of a continuum
_DEFAULT_TOLERANCE = 1e-2


@dataclass(frozen=True, eq=False)
class ReducedFixedPoint:
    """A zero of the reduced dynamics, held against the full field.

    Attributes
    ----------
    p : (d,) array
    status : {"confirmed", "moved", "spurious"}
        Whether Newton iteration from the lifted state ends at a full fixed point nearby, farther off, or at
        none that belongs to it.
    distance : float
        Norm of full state minus lifted state; inf if the iteration did not converge.
    point : FixedPoint or None
        The full fixed point, unless spurious.
    inside : bool
        Whether p lies inside the trust radius (tolerance 1e-2).
    """

    p: Array
    status: str
    distance: float
    point: FixedPoint | None
    inside: bool


class Evidence:
    """Evidence of one SSM at its parameter values; each item is computed when first asked for.

    Attributes
    ----------
    radii : (n,) array
        Radii of the spheres |p| = r on which errors were sampled.
    errors : (n,) array
        Largest invariance error |f(W) - DW R| on each sphere, in 1/time.
    speeds : (n,) array
        Largest |f(W)| inside each sphere, in 1/time.
    """

    def __init__(self, ssm: SSM) -> None:
        self._ssm = ssm
        self._directions = _unit_vectors(ssm.dimension)
        scale = min(self.parametrization_radius.value, self.dynamics_radius.value)
        if not np.isfinite(scale) or scale <= 0:
            scale = max(1.0, float(np.linalg.norm(ssm.fixed_point.state)))
        count = 28 if ssm.dimension <= 2 else 14
        self.radii = scale * np.geomspace(1e-3, 1.5, count)
        self.errors, reached = self._on_spheres(ssm)
        self.speeds = np.maximum.accumulate(reached)

    @single_blas_thread()
    def _on_spheres(self, ssm: SSM) -> tuple[Array, Array]:
        errors, speeds = [], []
        for radius in self.radii:
            p = radius * self._directions
            with np.errstate(over="ignore", invalid="ignore"):
                errors.append(_largest(ssm.invariance_error(p)))
                speeds.append(_largest(np.linalg.norm(ssm.motion(p), axis=1)))
        return np.array(errors), np.array(speeds)

    # -- errors -------------------------------------------------------------------------------------------

    @functools.cached_property
    def rounding(self) -> Array:
        """Size of rounding errors on each sphere, in 1/time."""
        return rounding_errors(self._ssm, self.radii, self.speeds)

    @property
    def relative_errors(self) -> Array:
        """`errors`, as far as they exceed rounding, over `speeds`."""
        floor = np.maximum(self.rounding, np.finfo(float).tiny)
        return np.asarray(np.maximum(self.errors - floor, 0.0) / np.maximum(self.speeds, floor))

    @functools.cached_property
    def errors_by_order(self) -> Array:
        """Invariance errors on the spheres of the expansions to order 1, 2, ..., K; shape (K, n)."""
        ssm = self._ssm
        rows = [self._on_spheres(ssm.truncated(order))[0] for order in range(1, ssm.order)]
        return np.array([*rows, self.errors])

    def error_table(self, radii: ArrayLike | None = None, directions: ArrayLike | None = None) -> ErrorTable:
        """Invariance errors by order, radius and direction; printed, a table that names the worst direction.

        Parameters
        ----------
        radii : (n,), optional
            Radii |p|; those of `radii` when not given.
        directions : (m, d), optional
            Directions of p; when not given, samples of the unit sphere with both signs of each axis.

        Raises
        ------
        InputError
            If radii are not positive or directions have another shape or no length.
        """
        return error_table(
            self._ssm,
            self.radii if radii is None else radii,
            self._directions if directions is None else directions,
        )

    def worst_direction(self, tolerance: float = _DEFAULT_TOLERANCE) -> str:
        """Direction of the largest invariance error at the trust radius, in modal coordinates."""
        radius = max(self.trust_radius(tolerance), float(self.radii[0]))
        table = error_table(self._ssm, [radius], self._directions, [self._ssm.order])
        return table.worst_direction()

    def pade(self, direction: ArrayLike | None = None, *, tolerance: float = 1e-13) -> PadeRay:
        """W and R resummed along a ray by Padé approximants: not rigorous, and no part of this evidence.

        See :func:`~ssmsym.manifolds.pade.pade_along`.
        """
        return pade_along(self._ssm, direction, tolerance=tolerance)

    @functools.cached_property
    def slope(self) -> float | None:
        """Log-log slope of the error against the radius, order + 1 or more; None if it drowns in rounding.

        Fitted to the smallest radii at which the error stands clear of rounding errors.
        """
        clear = np.flatnonzero((self.errors > 100 * self.rounding) & (self.relative_errors < 0.1))[:5]
        if len(clear) < 2:
            return None
        return float(np.polyfit(np.log(self.radii[clear]), np.log(self.errors[clear]), 1)[0])

    def trust_radius(self, tolerance: float = 1e-3) -> float:
        """Radius |p| up to which the invariance error stays below `tolerance` times the largest speed inside."""
        above = np.flatnonzero(~(self.relative_errors <= tolerance))
        if not len(above):
            return float(self.radii[-1])
        if above[0] == 0:
            return 0.0
        low, high = above[0] - 1, above[0]
        e0, e1 = (max(float(self.relative_errors[i]), 1e-300) for i in (low, high))
        if not np.isfinite(e1):
            return float(self.radii[low])
        share = np.clip(np.log(tolerance / e0) / np.log(e1 / e0), 0.0, 1.0)
        return float(self.radii[low] * (self.radii[high] / self.radii[low]) ** share)

    @single_blas_thread()
    def parameter_range(self, name: str, tolerance: float = 1e-2) -> tuple[float, float]:
        """Values of one parameter between which the error stays below `tolerance` times the unshifted speed.

        Sampled on the ball of half the trust radius, against the largest speed there at the parameter's own
        value; the other parameters stay at their values.

        Raises
        ------
        InputError
            If the expansion has no such parameter.
        """
        ssm = self._ssm
        if name not in ssm.parameters:
            known = ", ".join(f"'{p}'" for p in ssm.parameters) or "none"
            raise InputError(f"There is no parameter '{name}' in this expansion; it has {known}.")
        j = ssm.parameters.index(name)
        p = 0.5 * self.trust_radius(tolerance) * np.concatenate([self._directions, 0.5 * self._directions])
        p = np.concatenate([p, np.zeros((1, ssm.dimension))])
        speed = _largest(np.linalg.norm(ssm.motion(p), axis=1))

        def trusted(offset: float) -> bool:
            mu = np.zeros(len(ssm.parameters))
            mu[j] = offset
            with np.errstate(over="ignore", invalid="ignore"):
                error = _largest(ssm.invariance_error(p, mu))
            return error <= tolerance * speed

        value = float(ssm.parameter_values[j])
        return value - _reach(lambda s: trusted(-s)), value + _reach(trusted)

    # -- series -------------------------------------------------------------------------------------------

    @functools.cached_property
    def parametrization_radius(self) -> RadiusEstimate:
        """Root-test radius of convergence of W."""
        return self._radius(self._ssm.parametrization)

    @functools.cached_property
    def dynamics_radius(self) -> RadiusEstimate:
        """Root-test radius of convergence of R."""
        return self._radius(self._ssm.reduced_dynamics)

    @property
    def radius(self) -> float:
        """Smaller of the two radius estimates; 0 if either shrinks to 0 with the order."""
        estimates = (self.parametrization_radius, self.dynamics_radius)
        return 0.0 if any(e.shrinks for e in estimates) else min(e.value for e in estimates)

    def _radius(self, polynomial: Polynomial) -> RadiusEstimate:
        heights = self._heights(polynomial)
        growth = self._growth
        heights = np.where(heights > 1e-13 * growth ** np.arange(1, len(heights) + 1), heights, 0.0)
        return estimate_radius(heights)

    @functools.cached_property
    def _growth(self) -> float:
        """Natural growth of coefficients per degree, from W and from R over the largest rate."""
        ssm = self._ssm
        rate = max(ssm.spectral_scale, np.finfo(float).tiny)
        candidates = [0.0]
        for polynomial, scale in ((ssm.parametrization, 1.0), (ssm.reduced_dynamics, rate)):
            heights = self._heights(polynomial) / scale
            candidates += [h ** (1.0 / k) for k, h in enumerate(heights, 1) if k > 1]
        return max(candidates)

    def _heights(self, polynomial: Polynomial) -> Array:
        """Largest norm of each homogeneous part, degree 1 to K, on the unit sphere at zero offsets."""
        ssm = self._ssm
        z = ssm.coordinates(self._directions)
        degrees = polynomial.exponents.sum(axis=1)
        monomials = polynomial.monomials(z)
        heights = []
        for degree in range(1, ssm.order + 1):
            part = monomials[:, degrees == degree] @ polynomial.coefficients[degrees == degree]
            heights.append(_largest(np.linalg.norm(part, axis=1)))
        return np.array(heights)

    def drift(self, radius: float) -> float:
        """Largest change of R between the last two orders on |p| = radius, relative to the largest |R| there."""
        z = self._ssm.coordinates(radius * self._directions)
        R = self._ssm.reduced_dynamics
        last = np.linalg.norm(R(z) - R.truncate(self._ssm.order - 1)(z), axis=1)
        return float(last.max() / max(float(np.linalg.norm(R(z), axis=1).max()), np.finfo(float).tiny))

    # -- reduced fixed points -----------------------------------------------------------------------------

    @functools.cached_property
    @single_blas_thread()
    def fixed_points(self) -> tuple[ReducedFixedPoint, ...]:
        """Zeros of the reduced dynamics out to two radii, the expansion point excepted, nearest first.

        Of a continuum of zeros, such as a circle, one is given.
        """
        roots = self._roots(float(self.radii[-1]) * 4.0 / 3.0)
        return tuple(self._judged(root) for root in sorted(roots, key=lambda p: float(np.linalg.norm(p))))

    @property
    def findings(self) -> tuple[ReducedFixedPoint, ...]:
        """The confirmed ones inside the trust radius."""
        return tuple(f for f in self.fixed_points if f.status == "confirmed" and f.inside)

    def _roots(self, limit: float) -> list[Array]:
        ssm = self._ssm
        q = len(ssm.parameters)
        R = ssm.reduced_dynamics
        here = R.exponents[:, ssm.dimension :].sum(axis=1) == 0 if q else np.ones(len(R.exponents), bool)
        own = Polynomial(R.exponents[here, : ssm.dimension], R.coefficients[here])
        smallest = 1e-7 * limit
        if ssm.field.is_map:
            own = own - Polynomial.identity(ssm.dimension)
        if ssm.dimension == 1:
            without_origin = own.coefficients[:0:-1, 0]  # R(0) = 0
            found = np.roots(np.trim_zeros(without_origin, "f"))
            real = found.real[np.abs(found.imag) <= 1e-9 * np.abs(found)]
            return [np.array([p]) for p in real if smallest < abs(p) <= limit]
        field = polynomial_field(own)
        rng = np.random.default_rng(0)
        lengths = limit * 10.0 ** rng.uniform(-4.0, 0.0, (256, 1))
        starts = lengths * _random_unit_vectors(rng, 256, ssm.dimension)
        typical = float(np.linalg.norm(field(starts), axis=1).max())
        ends = newton(field, starts, tolerance=1e-13 * typical, known=np.zeros((1, ssm.dimension)))
        distinct: list[Array] = []
        for p in ends.states[ends.converged]:
            size = float(np.linalg.norm(p))
            if smallest < size <= limit and all(np.linalg.norm(p - o) > 1e-6 * size for o in distinct):
                distinct.append(p)
        return _without_continua(own, distinct)

    @functools.cached_property
    def _residual_floor(self) -> float:
        """Norm of f below which rounding errors hide it."""
        ssm = self._ssm
        size = float(np.linalg.norm(ssm.fixed_point.state))
        return 1e-14 * ssm.spectral_scale * size + 10 * ssm.fixed_point.residual

    def _judged(self, p: Array) -> ReducedFixedPoint:
        ssm = self._ssm
        inside = bool(np.linalg.norm(p) <= self.trust_radius(_DEFAULT_TOLERANCE))
        lifted = ssm.lift(p)
        origin = ssm.fixed_point.state
        start = lifted[None]
        step = float(np.linalg.norm(lifted - origin))
        rate = ssm.spectral_scale
        run = newton(ssm.field, start, tolerance=1e-9 * rate * step + self._residual_floor)
        if not run.converged[0]:
            return ReducedFixedPoint(p, "spurious", float("inf"), None, inside)
        state, residual = polish(ssm.field, run.states[0])
        distance = float(np.linalg.norm(state - lifted))
        if np.linalg.norm(state - origin) < 1e-6 * step or distance > _MOVED * step:
            return ReducedFixedPoint(p, "spurious", distance, None, inside)
        status = "confirmed" if distance <= _CONFIRMED * step else "moved"
        point = fixed_point_at(ssm.field, state, residual=residual)
        return ReducedFixedPoint(p, status, distance, point, inside)

    def __repr__(self) -> str:
        slope = "lost in rounding errors" if self.slope is None else f"{self.slope:.2f}"
        few = ""
        if self._ssm.kind == "centre" and not self.parametrization_radius.conclusive:
            few = " (too few terms to tell whether it shrinks to 0, as on centre manifolds it may)"
        lines = [
            f"Evidence: invariance error slope {slope} (order {self._ssm.order})",
            f"  radius of W {self.parametrization_radius}, of R {self.dynamics_radius}{few}",
            f"  trust radius {self.trust_radius(1e-3):.4g} at 1e-3, {self.trust_radius(1e-2):.4g} at 1e-2",
        ]
        for found in self.fixed_points:
            where = "inside" if found.inside else "outside"
            lines.append(
                f"  reduced fixed point p = {np.round(found.p, 5).tolist()}: {found.status}, distance "
                f"{found.distance:.2g}, {where} the trust radius"
            )
        return "\n".join(lines)


def _largest(values: Array) -> float:
    return float(np.max(np.where(np.isnan(values), np.inf, values)))


def _without_continua(polynomial: Polynomial, roots: list[Array]) -> list[Array]:
    """The roots with one left of each family on which the Jacobian is singular, such as a circle."""
    kept: list[Array] = []
    families: list[Array] = []
    for p in sorted(roots, key=lambda root: root.tolist()):
        singular = np.linalg.svd(polynomial.jacobian(p), compute_uv=False)
        if singular[-1] > _SINGULAR * singular[0]:
            kept.append(p)
        elif not any(np.allclose(singular, other, rtol=1e-4) for other in families):
            families.append(singular)
            kept.append(p)
    return kept


def _reach(trusted: object) -> float:
    """Largest step of a doubling search, refined by bisection, for which `trusted(step)` holds."""
    assert callable(trusted)
    step = 1e-8
    if not trusted(step):
        return 0.0
    while trusted(2 * step) and step < 1e8:
        step *= 2
    low, high = step, 2 * step
    for _ in range(12):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if trusted(middle) else (low, middle)
    return low


def _unit_vectors(d: int) -> Array:
    """Directions that sample the unit sphere of R^d, both signs of each axis among them."""
    if d == 1:
        return np.array([[1.0], [-1.0]])
    if d == 2:
        angle = np.linspace(0.0, 2 * np.pi, 48, endpoint=False)
        return np.stack([np.cos(angle), np.sin(angle)], axis=1)
    random = _random_unit_vectors(np.random.default_rng(0), 60, d)
    return np.concatenate([np.eye(d), -np.eye(d), random])


def _random_unit_vectors(rng: np.random.Generator, count: int, d: int) -> Array:
    vectors = rng.standard_normal((count, d))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
