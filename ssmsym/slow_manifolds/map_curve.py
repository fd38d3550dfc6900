"""The whole slow curve of a map, by contraction under the map itself.

Points on Chebyshev elements are pushed forward and the curve through them is taken again at the old coordinates, by the
pushed elements' own polynomials. That converges at the transverse multipliers; no Jacobian is needed. The start is the
curve of the ODE of which the map is the Euler map: both have the same fixed points, but they are different curves.

Where the motion comes in from outside, the curve is not unique. There the map is changed in a margin beyond the extent:
the step along the start curve is taken back, the whole of it at the margin's outer edge, which is then a fixed point.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import ArrayLike, NDArray

from ssmsym.errors import InputError, NotConvergedError
from ssmsym.fields.field import VectorField
from ssmsym.slow_manifolds.coordinate import Line
from ssmsym.slow_manifolds.curve import SlowManifold
from ssmsym.slow_manifolds.elements import lobatto
from ssmsym.slow_manifolds.quasi_static import PointOnCurve, QuasiStaticCurve

Array = NDArray[np.float64]

_MOST_PUSHES = 20  # steps of the map from one resampling to the next
_LARGEST_STRETCH = 1.3  # of an element in these steps, lest its polynomial no longer resolve the curve
_MOST_ROUNDS = 400
_SETTLED = 1e-11  # of the curve's length
_NO_CURVE = 1e-2  # relative invariance error above which a curve is none
_DIFFERENT = 1e-7  # of the curve's length: ends of elements that are not one


@dataclass(frozen=True, eq=False)
class MapSlowManifold:
    """An invariant curve of a map, F(W(s)) = W(R(s)), over s = e . x.

    Attributes
    ----------
    field : VectorField
        The map F.
    coordinate : Line
    breaks : (m + 1,) array
        Ends of the elements, ascending.
    coefficients : (m, n + 1, N) array
        Chebyshev coefficients of W on each.
    points : tuple of PointOnCurve
        The fixed points on it, by s.
    rounds : int
        Resamplings until the curve stood still.
    quasi_static : QuasiStaticCurve
        Of the ODE of which the map is the Euler map.
    """

    field: VectorField
    coordinate: Line
    breaks: Array
    coefficients: Array
    points: tuple[PointOnCurve, ...]
    rounds: int
    quasi_static: QuasiStaticCurve

    @property
    def extent(self) -> tuple[float, float]:
        """Coordinates of its ends."""
        return float(self.breaks[0]), float(self.breaks[-1])

    def sample(self, s: ArrayLike) -> Array:
        """States at coordinates s (m,) inside the extent, (m, N)."""
        wanted = np.atleast_1d(np.asarray(s, dtype=float))
        low, high = self.extent
        slack = 1e-9 * (high - low)
        if (wanted < low - slack).any() or (wanted > high + slack).any():
            raise InputError(f"The curve covers s from {low:.4g} to {high:.4g}; found values outside.")
        k = np.clip(np.searchsorted(self.breaks, wanted, side="right") - 1, 0, len(self.breaks) - 2)
        a, b = self.breaks[k], self.breaks[k + 1]
        return _evaluated(self.coefficients[k], (2 * wanted - a - b) / (b - a))

    def following(self, s: ArrayLike) -> Array:
        """R(s), the coordinate after one step, (m,)."""
        return self.coordinate.of(self.field(self.sample(s)))

    def rate(self, s: ArrayLike) -> Array:
        """R(s) - s, the advance in one step, (m,)."""
        return np.asarray(self.following(s) - np.atleast_1d(np.asarray(s, dtype=float)))

    def invariance_error(self) -> float:
        """Largest |F(W(s)) - W(R(s))| over |F(W(s)) - W(s)|, between the collocation points."""
        between = np.array([-0.85, -0.3, 0.2, 0.7])
        a, b = self.breaks[:-1, None], self.breaks[1:, None]
        s = (0.5 * (a + b) + 0.5 * (b - a) * between).ravel()
        states = self.sample(s)
        after = self.field(states)
        ahead = self.coordinate.of(after)
        covered = (ahead >= self.breaks[0]) & (ahead <= self.breaks[-1])
        states, after = states[covered], after[covered]
        error = np.linalg.norm(after - self.sample(self.coordinate.of(after)), axis=1)
        speed = np.linalg.norm(after - states, axis=1)
        return float(np.sqrt((error**2).sum() / (speed**2).sum()))

    def report(self) -> str:
        """The fixed points and the invariance error as plain text."""
        lines = [repr(self)]
        for k, on_curve in enumerate(self.points):
            kind = "source" if on_curve.source else "sink"
            multipliers = np.linalg.eigvals(self.field.jacobian(on_curve.point.state))
            leading = multipliers[np.argmax(np.abs(multipliers))]
            lines.append(
                f"  fixed point {k} at s = {on_curve.s:+.5g}: {kind}, leading multiplier {leading.real:+.6g}"
            )
        return "\n".join(lines)

    def __repr__(self) -> str:
        low, high = self.extent
        return (
            f"MapSlowManifold({self.field.n_states} states, s from {low:.4g} to {high:.4g}, {len(self.points)} fixed "
            f"points, invariance error {self.invariance_error():.1e})"
        )


def contracted_by_map(
    field: VectorField, flow_curve: SlowManifold, degree: int, extent: tuple[float, float] | None = None
) -> MapSlowManifold:
    """The map's curve over an extent, or between the outermost fixed points of its ODE's, if stable along it.

    Parameters
    ----------
    flow_curve : SlowManifold
        With a margin on both sides of the extent.

    Raises
    ------
    InputError
        If without an extent there are no two such fixed points.
    NotConvergedError
        If the curve does not stand still, as where the map does not attract to it or turns it over.
    """
    coordinate = flow_curve.coordinate
    points = flow_curve.points
    assert isinstance(coordinate, Line)
    if extent is None and (len(points) < 2 or points[0].source or points[-1].source):
        raise InputError(
            "The slow curve of a map is computed between two stable fixed points at its ends; these states show none. "
            "Give an 'extent'."
        )
    low, high = (points[0].s, points[-1].s) if extent is None else extent
    breaks = _breaks(flow_curve, (low, high), whole=extent is not None)
    t, _, to_coefficients = lobatto(degree)
    target = (0.5 * (breaks[:-1] + breaks[1:])[:, None] + 0.5 * np.diff(breaks)[:, None] * t).ravel()
    states = flow_curve.sample(target)
    if not np.isfinite(states).all():
        raise NotConvergedError(
            "The ODE's curve, from which the map's is started, is not covered from end to end."
        )
    scale = float(breaks[-1] - breaks[0])
    pushes = _pushes(field, flow_curve)
    step = field if extent is None else _held_in_margins(field, flow_curve, (low, high), breaks, states)
    for rounds in range(1, _MOST_ROUNDS + 1):
        pushed = states
        for _ in range(pushes):
            pushed = step(pushed)
        C = np.einsum("ij,ejk->eik", to_coefficients, pushed.reshape(len(breaks) - 1, degree + 1, -1))
        again = _resampled(C, coordinate, target)
        change = float(np.abs(again - states).max()) if np.isfinite(again).all() else np.inf
        states = again
        if not change < np.inf:
            break
        if change <= _SETTLED * scale:
            C = np.einsum("ij,ejk->eik", to_coefficients, states.reshape(len(breaks) - 1, degree + 1, -1))
            kept = (breaks[:-1] >= low) & (breaks[1:] <= high)
            inner = breaks[np.append(kept, False) | np.append(False, kept)]
            inside = tuple(p for p in points if low <= p.s <= high)
            curve = MapSlowManifold(
                field, coordinate, inner, C[kept], inside, rounds, flow_curve.quasi_static
            )
            _refuse_error(curve)
            return curve
    raise NotConvergedError(
        f"The map's curve does not stand still (last change {change:.1e}): the map does not attract to a smooth curve "
        "here, or turns it over."
    )


def _refuse_error(curve: MapSlowManifold) -> None:
    error = curve.invariance_error()
    if not error <= _NO_CURVE:
        raise NotConvergedError(
            f"The curve found is not invariant (relative invariance error {error:.1e}): the map moves along it about "
            "as fast as it attracts to it, or turns it over, so that no slow curve is found over this extent."
        )


def _held_in_margins(
    field: VectorField, curve: SlowManifold, extent: tuple[float, float], breaks: Array, states: Array
) -> Callable[[Array], Array]:
    """The map, with its step along the start curve taken back in the margins where it leads inwards."""
    coordinate = curve.coordinate
    assert isinstance(coordinate, Line)
    degree = len(states) // (len(breaks) - 1) - 1
    to_coefficients = lobatto(degree)[2]
    C = np.einsum("ij,ejk->eik", to_coefficients, states.reshape(len(breaks) - 1, degree + 1, -1))
    slopes = np.asarray(chebyshev.chebder(C, axis=1)) * (2.0 / np.diff(breaks))[:, None, None]
    rates = curve.quasi_static.rates
    edges = [(extent[0], breaks[0])] * bool(rates[0] > 0) + [(extent[1], breaks[-1])] * bool(rates[-1] < 0)

    def step(x: Array) -> Array:
        after = field(x)
        s = coordinate.of(x)
        share = np.zeros(len(x))
        for inner, outer in edges:
            u = np.clip((s - inner) / (outer - inner), 0.0, 1.0)
            share = np.maximum(share, u**3 * (10.0 - 15.0 * u + 6.0 * u**2))
        ahead = coordinate.of(after) - s
        place = np.clip(s + (1.0 - share) * ahead, breaks[0], breaks[-1])
        k = np.clip(np.searchsorted(breaks, place, side="right") - 1, 0, len(breaks) - 2)
        a, b = breaks[k], breaks[k + 1]
        tangents = _evaluated(slopes[k], (2.0 * place - a - b) / (b - a))
        return np.asarray(after - (share * ahead)[:, None] * tangents)

    return step


def _pushes(field: VectorField, curve: SlowManifold) -> int:
    """As many steps as stretch no element much; the fastest stretching is at the saddles, or where the rate grows."""
    multipliers = [
        np.abs(np.linalg.eigvals(field.jacobian(p.point.state))).max() for p in curve.points if p.source
    ]
    still = curve.quasi_static
    multipliers.append(1.0 + float(np.gradient(still.rates, still.s).max()))
    growth = float(np.log(max([1.0 + 1e-6, *multipliers])))
    return int(np.clip(np.log(_LARGEST_STRETCH) / growth, 1, _MOST_PUSHES))


def _breaks(curve: SlowManifold, extent: tuple[float, float], *, whole: bool) -> Array:
    """Ends of the ODE's elements inside the extent, or in all of the curve, the extent's ends among them."""
    low, high = curve.extent if whole else extent
    ends = [low, high, *extent, *(p.s for p in curve.points)]
    ends += [
        float(curve.coordinate.of(e.at(v))) for p in curve.pieces for e in p.elements for v in (-1.0, 1.0)
    ]
    inside = np.sort([s for s in ends if low <= s <= high])
    kept = [low]
    for s in inside[1:]:
        if s - kept[-1] > _DIFFERENT * (high - low):
            kept.append(s)
        elif s in (*extent, high):
            kept[-1] = s
    return np.array(kept)


def _evaluated(coefficients: Array, t: Array) -> Array:
    """Chebyshev series (m, n + 1, N), each at its own t (m,)."""
    angles = np.arccos(np.clip(t, -1.0, 1.0))
    basis = np.cos(np.outer(angles, np.arange(coefficients.shape[1])))
    return np.asarray(np.einsum("pi,pik->pk", basis, coefficients))


def _resampled(C: Array, coordinate: Line, target: Array) -> Array:
    """States at the target coordinates on the pushed elements C (m, n + 1, N), by scalar Newton iteration."""
    starts = _at_start(C, coordinate.of)
    k = np.clip(np.searchsorted(starts, target, side="right") - 1, 0, len(C) - 1)
    own = C[k] @ coordinate.direction
    offset = float(coordinate.of(np.zeros(C.shape[2])))
    slopes = np.asarray(chebyshev.chebder(own, axis=1), dtype=float)
    t = np.zeros(len(target))
    for _ in range(30):
        value = offset + _evaluated(own[..., None], t)[:, 0] - target
        slope = _evaluated(slopes[..., None], t)[:, 0]
        with np.errstate(all="ignore"):
            t = np.clip(t - value / slope, -1.0, 1.0)
    states = _evaluated(C[k], t)
    return np.asarray(states + np.outer(target - coordinate.of(states), coordinate.direction))


def _at_start(C: Array, of: Callable[[Array], Array]) -> Array:
    signs = (-1.0) ** np.arange(C.shape[1])
    return of(np.einsum("i,eik->ek", signs, C))
