"""The whole invariant curve at one parameter value: its points, where it attracts, and the motion along it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import solve_ivp
from scipy.interpolate import CubicSpline

from ssmsym.errors import InputError
from ssmsym.fields.field import VectorField
from ssmsym.slow_manifolds.coordinate import Coordinate
from ssmsym.slow_manifolds.elements import Element
from ssmsym.slow_manifolds.marching import LOST
from ssmsym.slow_manifolds.pieces import CurvePiece
from ssmsym.slow_manifolds.quasi_static import PointOnCurve, QuasiStaticCurve
from ssmsym.slow_manifolds.surface_offer import offered_surface

Array = NDArray[np.float64]

_EDGE = 1e-6  # of s: fixed points at the end of a range lie in it
_PASSED_BY = 1e-3  # of the extent: distance from the curve at which a fixed point does not lie on it
_RATE_SAMPLES = 2001
_INVERSIONS = 12


@dataclass(frozen=True, eq=False)
class SlowManifold:
    """An invariant curve of a flow over a coordinate s, from fixed point to fixed point and on to the ends.

    Attributes
    ----------
    field : VectorField
    coordinate : Coordinate
    extent : (low, high)
        Of s.
    points : tuple of PointOnCurve
        The fixed points on it, by s.
    pieces : tuple of CurvePiece
    quasi_static : QuasiStaticCurve
    """

    field: VectorField
    coordinate: Coordinate
    extent: tuple[float, float]
    points: tuple[PointOnCurve, ...]
    pieces: tuple[CurvePiece, ...]
    quasi_static: QuasiStaticCurve

    def sample(self, s: ArrayLike) -> Array:
        """States on the curve at coordinates s (m,), (m, N); NaN where no piece covers it."""
        elements = [element for piece in self.pieces for element in piece.elements]
        return sample_elements(elements, self.coordinate, np.atleast_1d(np.asarray(s, dtype=float)))

    def rate(self, s: ArrayLike) -> Array:
        """ds/dt along the curve at coordinates s (m,), in 1/time; NaN where no piece covers it."""
        states = self.sample(s)
        known = np.isfinite(states).all(axis=1)
        out = np.full(len(states), np.nan)
        out[known] = self.coordinate.speed(states[known], self.field(states[known]))
        return out

    @property
    def lost(self) -> tuple[CurvePiece, ...]:
        """Pieces that end where there is no smooth curve."""
        return tuple(piece for piece in self.pieces if piece.end == LOST)

    @property
    def missed(self) -> tuple[PointOnCurve, ...]:
        """Fixed points that the curve passes by, such as foci, into which every curve spirals."""
        allowed = _PASSED_BY * (self.extent[1] - self.extent[0])
        if not self.points or not self.pieces:
            return ()
        states = self.sample([p.s for p in self.points])
        distances = [
            float(np.linalg.norm(x - p.point.state)) for x, p in zip(states, self.points, strict=True)
        ]
        return tuple(p for p, distance in zip(self.points, distances, strict=True) if distance > allowed)

    def attracting(self, ratio: float = 3.0) -> list[tuple[float, float]]:
        """Ranges of s over which the transverse rate is more than `ratio` times the inner one, piece by piece.

        Rates at the middle of the elements: exact at fixed points, an indicator between them.
        """
        ranges: list[tuple[float, float]] = []
        for piece in self.pieces:
            for element, own in zip(piece.elements, piece.rates.ratio, strict=True):
                if own > ratio:
                    low, high = sorted(_ends(element, self.coordinate))
                    crosses = self.coordinate.periodic and high - low > np.pi
                    ranges += [(-np.pi, low), (high, np.pi)] if crosses else [(low, high)]
        return _joined(sorted(ranges))

    @property
    def is_normally_attracting(self) -> bool:
        """Whether the curve attracts faster than it moves at its fixed points and all the way between them.

        Beyond the outermost fixed points it need not: there the curve ends where it no longer does.
        """
        between = [piece for piece in self.pieces if piece.begin != "inflow"]
        ranges = self.attracting(1.0)
        held = all(any(a - _EDGE <= p.s <= b + _EDGE for a, b in ranges) for p in self.points)
        smooth = not self.lost and not self.missed
        return bool(ranges) and held and smooth and all((p.rates.ratio > 1.0).all() for p in between)

    def follow(self, s: float, times: ArrayLike) -> tuple[Array, Array]:
        """The reduced motion s' = r(s): coordinates (m,) and states (m, N) at the times, from s at the first.

        Raises
        ------
        InputError
            If the curve does not cover the motion.
        """
        grid = np.linspace(*self.extent, _RATE_SAMPLES)
        rates = self.rate(grid)
        known = np.isfinite(rates)
        if self.coordinate.periodic and known.all():
            rates[-1] = rates[0]
            spline = CubicSpline(grid, rates, bc_type="periodic")
        else:
            spline = CubicSpline(grid[known], rates[known])
        at = np.asarray(times, dtype=float)
        if not grid[known][0] <= s <= grid[known][-1] or at.ndim != 1 or len(at) < 2:
            raise InputError(
                f"The motion starts at s = {s:g} and needs two times or more; the curve covers {grid[known][0]:.4g} to "
                f"{grid[known][-1]:.4g}."
            )
        run = solve_ivp(
            lambda t, v: spline(v), (at[0], at[-1]), [s], t_eval=at, rtol=1e-9, atol=1e-12, method="LSODA"
        )
        states = self.sample(run.y[0])
        if not run.success or not np.isfinite(states).all():
            raise InputError(
                "The motion leaves what the curve covers; take a wider extent or a shorter time."
            )
        return run.y[0], states

    def report(self) -> str:
        """The fixed points, the pieces with errors and rates, and where the curve attracts, as plain text."""
        low, high = self.extent
        lines = [
            f"Invariant curve over s from {low:.4g} to {high:.4g}: {len(self.points)} fixed points, {len(self.pieces)} "
            f"pieces, {sum(len(p.elements) for p in self.pieces)} elements"
        ]
        for k, on_curve in enumerate(self.points):
            kind = "source" if on_curve.source else "sink"
            lines.append(
                f"  fixed point {k} at s = {on_curve.s:+.5g}: {kind} along the curve, {on_curve.point!r}"
            )
        for piece in self.pieces:
            first, last = piece.extent
            error, worst = piece.errors
            lines.append(
                f"  {first:+.4g} -> {last:+.4g} ({piece.begin} to {piece.end}): invariance error {error:.1e} "
                f"(pointwise {worst:.1e}), inner rate up to {np.abs(piece.rates.inner).max():.3g}, transverse at most "
                f"{piece.rates.transverse.max():.3g}, ratio at least {piece.rates.ratio.min():.2g}"
            )
        cycles = [piece for piece in self.pieces if piece.begin == "cycle"]
        lines += [
            f"  limit cycle of period {p.period:.10g}, closing to {p.closing_error:.1e}" for p in cycles
        ]
        lines.append(self._verdict())
        return "\n".join(lines)

    def _verdict(self) -> str:
        points = [on_curve.point for on_curve in self.points]
        if not self.pieces:
            return "There is no piece of an invariant curve here: no flow leads along these coordinates."
        if self.missed:
            places = ", ".join(f"{p.s:.4g}" for p in self.missed)
            return (
                f"There is no smooth curve through the fixed point(s) at s = {places}: this one passes them by, as "
                "where the motion spirals into a focus. " + offered_surface(points)
            )
        if not self.is_normally_attracting:
            weakest = min(self.pieces, key=lambda p: p.rates.ratio.min(), default=None)
            number = "" if weakest is None else f" (smallest ratio {weakest.rates.ratio.min():.2g})"
            return (
                f"There is no normally attracting curve here{number}: along some pieces the flow moves as fast as it "
                "approaches them. "
                + "They are unstable manifolds of saddles. " * any(p.begin == "saddle" for p in self.pieces)
                + offered_surface(points)
            )
        ranges = self.attracting()
        if not ranges:
            return "The curve attracts, but nowhere at more than 3 times its own rate: it is hardly slow."
        listed = ", ".join(f"{a:.4g} to {b:.4g}" for a, b in ranges)
        if self.coordinate.periodic and ranges[0][1] - ranges[0][0] > 2.0 * np.pi * (1.0 - _EDGE):
            return "Normally attracting (transverse rate above 3 times the inner one) at every angle."
        ends = [reason for s in (ranges[0][0], ranges[-1][1]) if (reason := self._reason(s))]
        because = f" It ends there because {' and '.join(ends)}." if ends else ""
        return (
            f"Normally attracting (transverse rate above 3 times the inner one) for s from {listed}.{because}"
        )

    def _reason(self, s: float) -> str:
        """Why normal attraction ends near s; nothing if that is the end of what was computed."""
        low, high = self.extent
        if min(abs(s - low), abs(s - high)) < 0.02 * (high - low):
            return ""
        rates = [
            (abs(place - s), place, inner, transverse)
            for piece in self.pieces
            for place, inner, transverse in zip(
                piece.rates.s, piece.rates.inner, piece.rates.transverse, strict=True
            )
            if -transverse <= 3.0 * abs(inner)
        ]
        if not rates:
            return ""
        _, place, inner, transverse = min(rates)
        return f"at s = {place:.3g} the inner rate is {inner:.3g} and the transverse one {transverse:.3g}"

    def __repr__(self) -> str:
        low, high = self.extent
        worst = max((piece.errors[0] for piece in self.pieces), default=float("nan"))
        return (
            f"SlowManifold({self.field.n_states} states, s from {low:.4g} to {high:.4g}, {len(self.points)} fixed "
            f"points, {len(self.pieces)} pieces, invariance error at most {worst:.1e})"
        )


def _ends(element: Element, coordinate: Coordinate) -> tuple[float, float]:
    return float(coordinate.of(element.at(-1.0))), float(coordinate.of(element.at(1.0)))


def _joined(ranges: list[tuple[float, float]]) -> list[tuple[float, float]]:
    out: list[tuple[float, float]] = []
    for a, b in ranges:
        if out and a <= out[-1][1] + 1e-6 * (1.0 + abs(a)):
            out[-1] = (out[-1][0], max(b, out[-1][1]))
        else:
            out.append((a, b))
    return out


def sample_elements(elements: Sequence[Element], coordinate: Coordinate, s: Array) -> Array:
    """States of elements at coordinates s (m,), (m, N); NaN where none covers them."""
    out = np.full((len(s), elements[0].coefficients.shape[1] if elements else 0), np.nan)
    for element in elements:
        _sample_element(element, coordinate, s, out)
    return out


def _sample_element(element: Element, coordinate: Coordinate, wanted: Array, out: Array) -> None:
    """States of one element at those of the wanted coordinates that it covers, by scalar Newton iteration."""
    series, along = coordinate.projected(element.coefficients)
    small = Element(series)
    first, last = _ends(small, along)
    slack = 1e-9 * (1.0 + abs(first))
    length = last - first
    ahead = wanted - first
    if coordinate.periodic:  # elements are shorter than half a turn, and may cross the cut at pi
        length = float(_turned(np.array(length)))
        middle = first + 0.5 * length
        ahead = _turned(wanted - middle) + 0.5 * length
    inside = np.flatnonzero(
        (ahead >= min(0.0, length) - slack) & (ahead <= max(0.0, length) + slack) & (length != 0.0)
    )
    if not len(inside):
        return
    goal = ahead[inside]
    t = 2.0 * goal / length - 1.0
    for _ in range(_INVERSIONS):
        states = small.at(t)
        reached = along.of(states) - first
        if coordinate.periodic:
            reached = goal + _turned(reached - goal)
        step = (reached - goal) / along.speed(states, small.tangent(t))
        t = np.clip(t - step, -1.0, 1.0)
        if np.abs(step).max() < 1e-14:
            break
    out[inside] = element.at(t)


def _turned(angle: Array) -> Array:
    """The angle from -pi to pi."""
    return np.asarray(np.mod(angle + np.pi, 2.0 * np.pi) - np.pi)
