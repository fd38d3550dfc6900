"""The whole invariant curve over a coordinate at one parameter value: its pieces, rates, errors and ends."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmsym.fields.field import VectorField
from ssmsym.slow_manifolds.coordinate import Coordinate
from ssmsym.slow_manifolds.elements import Element, complement
from ssmsym.slow_manifolds.marching import LOST, March, Run
from ssmsym.slow_manifolds.quasi_static import (
    PointOnCurve,
    QuasiStaticCurve,
    fixed_points_on,
    quasi_static_curve,
)

Array = NDArray[np.float64]

_ELEMENTS = 24  # from end to end, at least
_TURNS = 3  # round a cycle, of which the last is kept
CLOSED = "closed"


@dataclass(frozen=True, eq=False)
class Rates:
    """Rates along a piece, at the middle of each element.

    Attributes
    ----------
    s : (m,) array
    inner : (m,) array
        d ln|f| / dt along the curve, in 1/time.
    transverse : (m,) array
        Largest real part of the eigenvalues of the Jacobian across the curve, in 1/time.
    """

    s: Array
    inner: Array
    transverse: Array

    @property
    def ratio(self) -> Array:
        """-transverse / |inner|: normal attraction, where it is well above 1."""
        return -self.transverse / np.maximum(np.abs(self.inner), np.finfo(float).tiny)


@dataclass(frozen=True, eq=False)
class CurvePiece:
    """A piece of the curve from where the flow comes to where it ends.

    Attributes
    ----------
    elements : tuple of Element
        In the order of the flow.
    begin, end : str
        ``"saddle"``, ``"inflow"``; ``"sink"``, ``"left the extent"``, ``"lost: ..."``.
    begins_at, ends_at : int or None
        Positions of the fixed points in the curve's list.
    field : VectorField
    coordinate : Coordinate
    """

    elements: tuple[Element, ...]
    begin: str
    end: str
    begins_at: int | None
    ends_at: int | None
    field: VectorField
    coordinate: Coordinate

    @property
    def extent(self) -> tuple[float, float]:
        """Coordinates of its first and last point, in the order of the flow."""
        first, last = self.elements[0].at(-1.0), self.elements[-1].at(1.0)
        return float(self.coordinate.of(first)), float(self.coordinate.of(last))

    @functools.cached_property
    def rates(self) -> Rates:
        """Inner and transverse rates, from the eigenvalues of one Jacobian an element."""
        s, inner, transverse = [], [], []
        for element in self.elements:
            x = element.at(0.0)
            velocity = self.field(x)
            t = velocity / np.linalg.norm(velocity)
            A = self.field.jacobian(x)
            Q = complement(t)
            s.append(float(self.coordinate.of(x)))
            inner.append(float(t @ A @ t))
            transverse.append(float(np.linalg.eigvals(Q.T @ A @ Q).real.max()))
        return Rates(np.array(s), np.array(inner), np.array(transverse))

    @functools.cached_property
    def _closing(self) -> tuple[int, float, float]:
        """Where a cycle meets its own end: element, place in it, and the distance by which it fails to close."""
        end = self.elements[-1].at(1.0)
        places = [_place(element, end) for element in self.elements[:3]]
        distances = [
            float(np.linalg.norm(element.at(t) - end))
            for element, t in zip(self.elements[:3], places, strict=True)
        ]
        first = int(np.argmin(distances))
        return first, places[first], distances[first]

    @property
    def closing_error(self) -> float:
        """Distance by which a cycle fails to close."""
        return self._closing[2]

    @functools.cached_property
    def period(self) -> float:
        """Time of one turn round a cycle, in the field's unit of time."""
        first, place, _ = self._closing
        times = [_time(element, self.field, -1.0) for element in self.elements[first + 1 :]]
        return _time(self.elements[first], self.field, place) + sum(times)

    @functools.cached_property
    def errors(self) -> tuple[float, float]:
        """Invariance error relative to the speed: its L2 norm over the piece, and the largest pointwise value."""
        above = below = worst = 0.0
        t = np.cos(np.pi * (np.arange(24) + 0.5) / 24)
        for element in self.elements:
            states, tangents = element.at(t), element.tangent(t)
            velocities = self.field(states)
            lengths = np.linalg.norm(tangents, axis=1)
            unit = tangents / lengths[:, None]
            across = velocities - unit * (velocities * unit).sum(axis=1)[:, None]
            error, speed = np.linalg.norm(across, axis=1), np.linalg.norm(velocities, axis=1)
            above += float((error**2 * lengths).sum())
            below += float((speed**2 * lengths).sum())
            worst = max(worst, float((error / speed).max()))
        return float(np.sqrt(above / below)), worst


def _place(element: Element, state: Array) -> float:
    """t of the point of an element that lies nearest to a state."""
    grid = np.linspace(-1, 1, 201)
    t = float(grid[np.argmin(np.linalg.norm(element.at(grid) - state, axis=1))])
    for _ in range(8):
        offset, tangent = element.at(t) - state, element.tangent(t)
        t = float(np.clip(t - (offset @ tangent) / (tangent @ tangent), -1.0, 1.0))
    return t


def _time(element: Element, field: VectorField, start: float) -> float:
    """Time from t = start to the end of an element: the integral of |dx/dt| / |f|, by Gauss's rule."""
    nodes, weights = np.polynomial.legendre.leggauss(24)
    t = 0.5 * (1.0 + start) + 0.5 * (1.0 - start) * nodes
    speeds = np.linalg.norm(field(element.at(t)), axis=1)
    return float(0.5 * (1.0 - start) * (weights * np.linalg.norm(element.tangent(t), axis=1) / speeds).sum())


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
        wanted = np.atleast_1d(np.asarray(s, dtype=float))
        out = np.full((len(wanted), self.field.n_states), np.nan)
        for piece in self.pieces:
            for element in piece.elements:
                _sample_element(element, self.coordinate, wanted, out)
        return out

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

    def attracting(self, ratio: float = 3.0) -> list[tuple[float, float]]:
        """Ranges of s over which the transverse rate is more than `ratio` times the inner one, piece by piece.

        Rates at the middle of the elements: exact at fixed points, an indicator between them.
        """
        ranges: list[tuple[float, float]] = []
        for piece in self.pieces:
            good = piece.rates.ratio > ratio
            ends = np.array([sorted(_ends(element, self.coordinate)) for element in piece.elements])
            ranges += [(float(ends[run, 0].min()), float(ends[run, 1].max())) for run in _runs(good)]
        return _joined(sorted(ranges))

    @property
    def is_normally_attracting(self) -> bool:
        """Whether every piece between fixed points attracts at more than its own rate, and none is lost."""
        inner = [piece for piece in self.pieces if piece.begin == "saddle"]
        chosen = inner or self.pieces
        return bool(chosen) and not self.lost and all((piece.rates.ratio > 1.0).all() for piece in chosen)

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
        if not self.is_normally_attracting:
            weakest = min(self.pieces, key=lambda p: p.rates.ratio.min(), default=None)
            number = "" if weakest is None else f" (smallest ratio {weakest.rates.ratio.min():.2g})"
            return (
                f"There is no normally attracting curve here{number}: along some pieces the flow moves as fast as it "
                "approaches them. They are unstable manifolds of saddles; a manifold of two dimensions may hold them."
            )
        ranges = ", ".join(f"{a:.4g} to {b:.4g}" for a, b in self.attracting())
        return f"Normally attracting (transverse rate above 3 times the inner one) for s from {ranges or 'nowhere'}."

    def __repr__(self) -> str:
        low, high = self.extent
        worst = max((piece.errors[0] for piece in self.pieces), default=float("nan"))
        return (
            f"SlowManifold({self.field.n_states} states, s from {low:.4g} to {high:.4g}, {len(self.points)} fixed "
            f"points, {len(self.pieces)} pieces, invariance error at most {worst:.1e})"
        )


def _ends(element: Element, coordinate: Coordinate) -> tuple[float, float]:
    return float(coordinate.of(element.at(-1.0))), float(coordinate.of(element.at(1.0)))


def _runs(flags: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Positions of each run of True."""
    places = np.flatnonzero(flags)
    return [run for run in np.split(places, np.flatnonzero(np.diff(places) > 1) + 1) if len(run)]


def _joined(ranges: list[tuple[float, float]]) -> list[tuple[float, float]]:
    out: list[tuple[float, float]] = []
    for a, b in ranges:
        if out and a <= out[-1][1] + 1e-6 * (1.0 + abs(a)):
            out[-1] = (out[-1][0], max(b, out[-1][1]))
        else:
            out.append((a, b))
    return out


def _sample_element(element: Element, coordinate: Coordinate, wanted: Array, out: Array) -> None:
    """States of one element at those of the wanted coordinates that it covers, by scalar Newton iteration."""
    first, last = _ends(element, coordinate)
    slack = 1e-9 * (1.0 + abs(first))
    inside = np.flatnonzero((wanted >= min(first, last) - slack) & (wanted <= max(first, last) + slack))
    if not len(inside) or first == last:
        return
    t = 2.0 * (wanted[inside] - first) / (last - first) - 1.0
    for _ in range(12):
        states = element.at(t)
        slope = coordinate.speed(states, element.tangent(t))
        t = np.clip(t - (coordinate.of(states) - wanted[inside]) / slope, -1.0, 1.0)
    out[inside] = element.at(t)


def march_curve(
    field: VectorField,
    coordinate: Coordinate,
    s: Array,
    start: Array,
    *,
    degree: int = 10,
) -> SlowManifold:
    """Pieces of the attracting curve over the coordinates s, from every saddle and every inflow end."""
    still = quasi_static_curve(field, coordinate, s, start)
    points = fixed_points_on(field, coordinate, still)
    length = float(np.linalg.norm(np.diff(still.states, axis=0), axis=1).sum())
    sinks = [k for k, p in enumerate(points) if not p.source]

    def leaves(x: Array) -> bool:
        return not coordinate.periodic and not s[0] <= float(coordinate.of(x)) <= s[-1]

    march = March(field, [points[k].point.state for k in sinks], length / _ELEMENTS, leaves, degree)
    pieces = []

    def add(run: Run, begin: str, number: int | None) -> None:
        if run.elements:
            end = None if run.sink is None else sinks[run.sink]
            pieces.append(CurvePiece(run.elements, begin, run.end, number, end, field, coordinate))

    for k, on_curve in enumerate(points):
        if on_curve.source:
            v = _leading_direction(field, on_curve, coordinate)
            for sign in (1.0, -1.0):
                add(march.from_source(on_curve.point.state, sign * v), "saddle", k)
    if coordinate.periodic:
        if not points:
            pieces.append(_cycle(field, coordinate, still.states[0], length, degree))
    else:
        for place, inward in ((0, 1.0), (-1, -1.0)):
            if still.rates[place] * inward > 0:
                add(march.from_inflow(still.states[place]), "inflow", None)
    return SlowManifold(field, coordinate, (float(s[0]), float(s[-1])), tuple(points), tuple(pieces), still)


def _cycle(
    field: VectorField, coordinate: Coordinate, start: Array, length: float, degree: int
) -> CurvePiece:
    """The last of several turns round a closed curve without fixed points."""
    turned, last = 0.0, float(coordinate.of(start))
    turns: list[float] = []

    def done(x: Array) -> bool:
        nonlocal turned, last
        angle = float(coordinate.of(x))
        turned += float(np.angle(np.exp(1j * (angle - last))))
        last = angle
        turns.append(abs(turned))
        return turns[-1] > 2 * np.pi * _TURNS

    run = March(field, [], length / _ELEMENTS, done, degree).from_inflow(start)
    first = next((i for i, turn in enumerate(turns) if turn > 2 * np.pi * (_TURNS - 1)), 0)
    end = run.end if run.end == LOST else CLOSED
    return CurvePiece(run.elements[max(first - 1, 0) :], "cycle", end, None, None, field, coordinate)


def _leading_direction(field: VectorField, on_curve: PointOnCurve, coordinate: Coordinate) -> Array:
    """Unit eigenvector of the leading eigenvalue, towards growing s."""
    state = on_curve.point.state
    values, vectors = np.linalg.eig(field.jacobian(state))
    v = vectors[:, np.argmax(values.real)].real
    v = v / np.linalg.norm(v)
    return np.asarray(v * np.sign(float(coordinate.speed(state, v))))
