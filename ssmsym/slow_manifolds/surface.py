"""A slow surface: its states, the motion on it, how invariant it is and where it attracts."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmsym.errors import InputError
from ssmsym.fields.field import VectorField
from ssmsym.slow_manifolds.patch import Patch
from ssmsym.slow_manifolds.surface_start import Plane

Array = NDArray[np.float64]

_ERROR_PLACES = 41  # along each axis
_RATE_PLACES = 9


@dataclass(frozen=True, eq=False)
class SurfaceRates:
    """Rates at places of a surface.

    Attributes
    ----------
    s : (m, 2) array
    inner : (m, 2) complex array
        Eigenvalues of the Jacobian within the tangent plane, in 1/time.
    transverse : (m,) array
        Largest real part of the eigenvalues of the Jacobian across it, in 1/time.
    """

    s: Array
    inner: NDArray[np.complex128]
    transverse: Array

    @property
    def ratio(self) -> Array:
        """-transverse / fastest inner contraction (m,); infinite where nothing contracts inside and all does across.

        Above 1 the surface attracts faster than anything within it contracts. Exact at fixed points, an indicator
        elsewhere.
        """
        contraction = np.maximum(-self.inner.real.min(axis=1), 0.0)
        with np.errstate(divide="ignore"):
            return np.where(self.transverse < 0, -self.transverse / contraction, -np.inf)


@dataclass(frozen=True, eq=False)
class SlowSurface:
    """An invariant surface of a flow, as a graph over a patch of the plane of s = U^T (x - c).

    Attributes
    ----------
    field : VectorField
    plane : Plane
        The coordinates: ``origin`` c, ``left`` U, and ``right`` V with U^T V = I.
    patch : Patch
        With a margin round it, in which the flow was slowed down; nothing is said about the margin.
    coefficients : array
        Of the surface on the patch's elements.
    start : array
        Coefficients of the surface that the computation started from: quasi-static, or a series.
    rounds : int
        Of contraction.
    change : float
        Of the last round, relative to the surface's size.
    """

    field: VectorField
    plane: Plane
    patch: Patch
    coefficients: Array
    start: Array
    rounds: int
    change: float

    def project(self, states: ArrayLike) -> Array:
        """Coordinates s (m, 2) of states (m, N)."""
        return self.plane.of(np.atleast_2d(np.asarray(states, dtype=float)))

    def sample(self, s: ArrayLike) -> Array:
        """States (m, N) on the surface at coordinates s (m, 2); NaN outside the patch."""
        places, inside = self._checked(s)
        out = np.full((len(places), self.field.n_states), np.nan)
        out[inside] = self.patch.evaluate(self.coefficients, places[inside])
        return out

    def patch_states(self) -> Array:
        """States at the nodes of the patch proper."""
        nodes = self.patch.nodes
        return self.patch.evaluate(self.coefficients, nodes[self.patch.contains(nodes)])

    def tangents(self, s: ArrayLike) -> Array:
        """dx/ds (m, N, 2); NaN outside the patch."""
        places, inside = self._checked(s)
        out = np.full((len(places), self.field.n_states, 2), np.nan)
        out[inside] = self.patch.gradient(self.coefficients, places[inside])
        return out

    def rate(self, s: ArrayLike) -> Array:
        """The reduced field s' = U^T f(x(s)), (m, 2) in 1/time; NaN outside the patch."""
        states = self.sample(s)
        out = np.full((len(states), 2), np.nan)
        known = np.isfinite(states).all(axis=1)
        out[known] = self.field(states[known]) @ self.plane.left
        return out

    def jacobian(self, s: ArrayLike) -> Array:
        """Jacobian (m, 2, 2) of the reduced field; NaN outside the patch."""
        states, tangents = self.sample(s), self.tangents(s)
        out = np.full((len(states), 2, 2), np.nan)
        for i in np.flatnonzero(np.isfinite(states).all(axis=1)):
            out[i] = self.plane.left.T @ self.field.jacobian(states[i]) @ tangents[i]
        return out

    def invariance_error(self, s: ArrayLike) -> Array:
        """|f - x_s s'| (m,) at coordinates s (m, 2), in state per time; NaN outside the patch."""
        return self._errors_and_speeds(s)[0]

    def _errors_and_speeds(self, s: ArrayLike) -> tuple[Array, Array]:
        states, tangents = self.sample(s), self.tangents(s)
        error, speed = np.full(len(states), np.nan), np.full(len(states), np.nan)
        known = np.isfinite(states).all(axis=1)
        velocities = self.field(states[known])
        along = np.einsum("ikj,ij->ik", tangents[known], velocities @ self.plane.left)
        error[known] = np.linalg.norm(velocities - along, axis=1)
        speed[known] = np.linalg.norm(velocities, axis=1)
        return error, speed

    @functools.cached_property
    def errors(self) -> tuple[float, float]:
        """Invariance error relative to the speed over the patch: of the L2 norms, and the largest pointwise value.

        The pointwise value is taken where the speed is above a thousandth of the largest.
        """
        error, speed = self._errors_and_speeds(self.patch.sampled(_ERROR_PLACES))
        moving = speed > 1e-3 * speed.max()
        l2 = float(np.sqrt((error**2).sum() / (speed**2).sum()))
        return l2, float((error[moving] / speed[moving]).max())

    def rates_at(self, s: ArrayLike) -> SurfaceRates:
        """Inner and transverse rates at coordinates s (m, 2) of the patch."""
        places, inside = self._checked(s)
        if not inside.all():
            raise InputError(f"Rates are known on the patch only; {self.patch.describe()}.")
        states, tangents = self.sample(places), self.tangents(places)
        inner = np.empty((len(places), 2), dtype=complex)
        transverse = np.empty(len(places))
        for i, (state, tangent) in enumerate(zip(states, tangents, strict=True)):
            A = self.field.jacobian(state)
            frame = np.linalg.qr(tangent, mode="complete")[0]
            inner[i] = np.linalg.eigvals(frame[:, :2].T @ A @ frame[:, :2])
            transverse[i] = np.linalg.eigvals(frame[:, 2:].T @ A @ frame[:, 2:]).real.max(initial=-np.inf)
        return SurfaceRates(places, inner, transverse)

    @functools.cached_property
    def rates(self) -> SurfaceRates:
        """Rates on a grid of the patch."""
        return self.rates_at(self.patch.sampled(_RATE_PLACES))

    @property
    def is_normally_attracting(self) -> bool:
        """Whether, on that grid, the surface everywhere attracts faster than anything within it contracts."""
        return bool((self.rates.ratio > 1.0).all())

    def follow(self, s: ArrayLike, times: ArrayLike) -> tuple[Array, Array]:
        """The reduced motion: coordinates (m, 2) and states (m, N) at the times (m,), from s (2,) at the first.

        Raises
        ------
        InputError
            If the motion leaves the patch, or the times do not increase.
        """
        from scipy.integrate import solve_ivp

        at = np.asarray(times, dtype=float)
        start, inside = self._checked(s)
        if len(start) != 1 or not inside.all():
            raise InputError(f"The motion starts at one place s (2,) of the patch; {self.patch.describe()}.")
        if at.ndim != 1 or len(at) < 2 or not (np.diff(at) > 0).all():
            raise InputError("'times' must be two or more increasing numbers.")
        run = solve_ivp(
            self.velocity,
            (at[0], at[-1]),
            start[0],
            t_eval=at,
            rtol=1e-10,
            atol=1e-12 * (1.0 + np.abs(start).max()),
            method="DOP853",
        )
        if not run.success or not self.patch.contains(run.y.T).all():
            raise InputError(
                f"The motion leaves the patch ({self.patch.describe()}); take a wider one or a shorter time."
            )
        return run.y.T, self.sample(run.y.T)

    def velocity(self, t: float, s: Array) -> Array:
        """s' (2,) at one place, for integrators; beyond the margin as at its edge."""
        place = self.patch.clipped(s[None])
        state = self.patch.evaluate(self.coefficients, place)[0]
        return np.asarray(self.field(state) @ self.plane.left)

    def _checked(self, s: ArrayLike) -> tuple[Array, NDArray[np.bool_]]:
        try:
            places = np.atleast_2d(np.asarray(s, dtype=float))
        except (TypeError, ValueError):
            raise InputError("Coordinates on a surface are numbers of shape (2,) or (m, 2).") from None
        if places.ndim != 2 or places.shape[1] != 2:
            raise InputError(
                f"Coordinates on a surface have shape (2,) or (m, 2); found {np.asarray(s).shape}."
            )
        return places, self.patch.contains(places)

    def report(self) -> str:
        """The patch, the errors, the rates and where the surface attracts, as plain text."""
        l2, worst = self.errors
        weakest = int(self.rates.ratio.argmin())
        place = self.rates.s[weakest]
        held = self.rates.ratio > 1.0
        lines = [
            f"Invariant surface over {self.patch.describe()}: {len(self.coefficients)} elements, {self.rounds} rounds "
            f"of contraction, last change {self.change:.1e}",
            f"  invariance error {l2:.1e} in the L2 norm, pointwise at most {worst:.1e}",
            f"  transverse rates {self.rates.transverse.min():.3g} to {self.rates.transverse.max():.3g}, inner rates "
            f"{self.rates.inner.real.min():.3g} to {self.rates.inner.real.max():.3g}",
        ]
        numbers = (
            f"at s = ({place[0]:.3g}, {place[1]:.3g}), where the fastest inner rate is "
            f"{self.rates.inner[weakest].real.min():.3g} and the transverse one {self.rates.transverse[weakest]:.3g}"
        )
        if np.isinf(self.rates.ratio[weakest]) and held.all():
            lines.append("Normally attracting everywhere: nothing contracts within it.")
        elif held.all():
            lines.append(
                f"Normally attracting everywhere: ratio at least {self.rates.ratio.min():.2g}, {numbers}."
            )
        else:
            lines.append(
                f"Normally attracting (ratio above 1) at {100 * held.mean():.0f} % of the places looked at; weakest "
                f"{numbers}. There is no smooth surface to be believed where the ratio is below 1."
            )
        return "\n".join(lines)

    def __repr__(self) -> str:
        return (
            f"SlowSurface({self.field.n_states} states, {self.patch.describe()}, invariance error "
            f"{self.errors[0]:.1e}, ratio at least {self.rates.ratio.min():.2g})"
        )
