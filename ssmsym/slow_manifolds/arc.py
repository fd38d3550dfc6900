"""Arclength as a coordinate, where a curve is no graph over a straight one.

The quasi-static curve f(x) = r e is followed round its turns by pseudo-arclength; it meets the fixed points. The curves
that lead from its saddles to its nodes, end to end, are what the arclength is taken along.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.dynamics.fixed_points import FixedPoint, fixed_point_at
from ssmsym.dynamics.newton import polish
from ssmsym.errors import NotConvergedError
from ssmsym.fields.field import VectorField
from ssmsym.slow_manifolds.marching import March

Array = NDArray[np.float64]

_ELEMENTS = 24  # along that distance, at least
_KNOTS = 400  # along that distance, at most
_SAME = 1e-6  # of it: distance of two points that are one
_POINTS = 200  # along the largest distance between the given states
_MOST_POINTS = 6000
_STEPS = 12  # of Newton iteration
_SETTLED = 1e-11
_STRAIGHT = 0.97  # least cosine between successive tangents
_SHORTEST = 1e-4  # of the longest step


@dataclass(frozen=True, eq=False)
class Arc:
    """s(x): the place along a curve whose normal plane holds x, by arclength; straight on beyond both ends.

    Attributes
    ----------
    knots : (M,) array
        Arclengths, ascending from 0.
    states : (M, N) array
        Points of the curve there, joined by a cubic spline.
    """

    knots: Array
    states: Array
    periodic: bool = False

    @functools.cached_property
    def _curve(self) -> tuple[Any, Any, Any]:
        from scipy.interpolate import CubicSpline

        spline = CubicSpline(self.knots, self.states)
        return spline, spline.derivative(), spline.derivative(2)

    def _frame(self, s: Array) -> tuple[Array, Array, Array]:
        """Point, first and second derivative at s, with straight ends."""
        curve, first, second = self._curve
        inside = np.clip(s, self.knots[0], self.knots[-1])
        beyond = (s - inside)[..., None]
        slopes = first(inside)
        return curve(inside) + beyond * slopes, slopes, np.where(beyond == 0.0, second(inside), 0.0)

    def of(self, states: Array) -> Array:
        flat = np.atleast_2d(states)
        squares = (flat**2).sum(axis=1)[:, None] - 2 * flat @ self.states.T + (self.states**2).sum(axis=1)
        s = self.knots[squares.argmin(axis=1)]
        for _ in range(_STEPS):
            point, slope, bend = self._frame(s)
            offset = flat - point
            step = (offset * slope).sum(axis=1) / ((slope**2).sum(axis=1) - (offset * bend).sum(axis=1))
            s = s + step
            if np.abs(step).max() <= 1e-13 * self.knots[-1]:
                break
        return np.asarray(s.reshape(states.shape[:-1]))

    def speed(self, states: Array, velocities: Array) -> Array:
        point, slope, bend = self._frame(self.of(states))
        along = (velocities * slope).sum(axis=-1)
        return np.asarray(along / ((slope**2).sum(axis=-1) - ((states - point) * bend).sum(axis=-1)))

    def level_set(self, s: float) -> tuple[Array, float]:
        point, slope, _ = self._frame(np.asarray(s))
        normal = slope / np.linalg.norm(slope)
        return normal, float(normal @ point)

    def projected(self, coefficients: Array) -> tuple[Array, Arc]:
        return coefficients, self


def chain_arc(
    field: VectorField, e: Array, start: Array, inside: Callable[[Array], bool], size: float, degree: int
) -> Arc:
    """The arclength along the chain of fixed points that f(x) = r e meets from a state near it until it leads outside.

    Parameters
    ----------
    e : (N,) unit vector
    start : (N,) array
    inside : callable
        Whether a state is still wanted.
    size : float
        Largest distance of the wanted states.
    degree : int
        Of the elements that join the fixed points.

    Raises
    ------
    NotConvergedError
        If there is no such curve near the start, or it is lost or does not end.
    """
    states, rates = _traced(field, e, start, inside, size / _POINTS)
    points: list[FixedPoint] = []
    for i in np.flatnonzero(np.diff(np.sign(rates))):
        share = rates[i] / (rates[i] - rates[i + 1])
        guess = (1 - share) * states[i] + share * states[i + 1]
        state, residual = polish(field, guess, max_steps=30)
        point = fixed_point_at(field, state, residual=residual)
        if all(np.linalg.norm(state - p.state) > _SAME * size for p in points):
            points.append(point)
    return _thinned(_chain(field, points, inside, size, degree), size)


def _chain(
    field: VectorField, points: list[FixedPoint], inside: Callable[[Array], bool], size: float, degree: int
) -> Array:
    """States along the connections between fixed points, from one end of the longest chain to the other."""
    sinks = [k for k, p in enumerate(points) if p.stable]
    march = March(field, [points[k].state for k in sinks], size / _ELEMENTS, lambda x: not inside(x), degree)
    links: dict[int, list[tuple[int, Array]]] = {k: [] for k in range(len(points))}
    t = np.linspace(-1.0, 1.0, 9)
    for k, point in enumerate(points):
        if point.index == 1:
            values, vectors = np.linalg.eig(field.jacobian(point.state))
            v = vectors[:, np.argmax(values.real)].real
            for sign in (1.0, -1.0):
                run = march.from_source(point.state, sign * v / np.linalg.norm(v))
                if run.sink is not None:
                    way = np.concatenate([element.at(t)[:-1] for element in run.elements])
                    end = sinks[run.sink]
                    way = np.concatenate([way, points[end].state[None]])
                    links[k].append((end, way))
                    links[end].append((k, way[::-1]))
    chains = [_walk(links, k) for k in links if len(links[k]) == 1]
    if not chains:
        raise NotConvergedError(
            f"The quasi-static curve meets {len(points)} fixed points, but no saddle among them whose unstable "
            "manifold joins others; there is no chain to measure along. Give another 'direction'."
        )
    return max(chains, key=len)


def _walk(links: dict[int, list[tuple[int, Array]]], first: int) -> Array:
    here, visited = first, {first}
    parts: list[Array] = []
    while True:
        onward = [(k, way) for k, way in links[here] if k not in visited]
        if not onward:
            return np.concatenate([*(part[:-1] for part in parts[:-1]), parts[-1]])
        here, way = onward[0]
        visited.add(here)
        parts.append(way)


def _thinned(states: Array, size: float) -> Arc:
    """The curve through states that lie not too near to one another, its ends kept."""
    s = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(states, axis=0), axis=1))])
    kept = [0]
    for i in range(1, len(s) - 1):
        if min(s[i] - s[kept[-1]], s[-1] - s[i]) > size / _KNOTS:
            kept.append(i)
    kept.append(len(s) - 1)
    return Arc(s[kept], states[kept])


def _traced(
    field: VectorField, e: Array, start: Array, inside: Callable[[Array], bool], longest: float
) -> tuple[Array, Array]:
    """States (M, N) and r (M,) of f(x) = r e, both ways from a state near it."""
    first = _corrected(field, e, start, float(e @ field(start)), e)
    if first is None:
        raise NotConvergedError(
            "The quasi-static curve f(x) = r e does not pass near the states; give another 'direction'."
        )
    halves = [_one_way(field, e, *first, sign, inside, longest) for sign in (-1.0, 1.0)]
    both = [*halves[0][::-1], first, *halves[1]]
    return np.array([x for x, _ in both]), np.array([r for _, r in both])


def _one_way(
    field: VectorField,
    e: Array,
    x: Array,
    r: float,
    sign: float,
    inside: Callable[[Array], bool],
    longest: float,
) -> list[tuple[Array, float]]:
    tangent = sign * _tangent(field, e, x, e)
    states: list[tuple[Array, float]] = []
    step = longest
    while len(states) < _MOST_POINTS:
        found = _corrected(field, e, x + step * tangent[:-1], r + step * tangent[-1], tangent[:-1])
        following = None if found is None else _tangent(field, e, found[0], tangent[:-1])
        if found is None or following is None or _cosine(following, tangent) < _STRAIGHT:
            step *= 0.5
            if step < _SHORTEST * longest:
                raise NotConvergedError(
                    f"The quasi-static curve was lost after {len(states)} points; give another 'direction'."
                )
            continue
        (x, r), tangent = found, following
        states.append((x, r))
        if not inside(x):
            return states
        step = min(longest, 1.5 * step)
    raise NotConvergedError(
        f"The quasi-static curve does not leave the neighbourhood of the states within {_MOST_POINTS} points; give "
        "another 'direction'."
    )


def _cosine(a: Array, b: Array) -> float:
    return float(a[:-1] @ b[:-1])


def _bordered(field: VectorField, e: Array, x: Array, border: Array) -> Array:
    n = len(x)
    matrix = np.zeros((n + 1, n + 1))
    matrix[:n, :n] = field.jacobian(x)
    matrix[:n, n], matrix[n, :n] = -e, border
    return matrix


def _tangent(field: VectorField, e: Array, x: Array, border: Array) -> Array:
    """d(x, r) along the curve with |dx| = 1, ahead along the border."""
    right = np.zeros(len(x) + 1)
    right[-1] = 1.0
    solution = np.linalg.solve(_bordered(field, e, x, border), right)
    return np.asarray(solution / np.linalg.norm(solution[:-1]))


def _corrected(field: VectorField, e: Array, x: Array, r: float, border: Array) -> tuple[Array, float] | None:
    """The point of the curve in the plane through x across the border; None if Newton iteration does not settle."""
    start = x
    for _ in range(_STEPS):
        residual = np.append(field(x) - r * e, border @ (x - start))
        try:
            step = np.linalg.solve(_bordered(field, e, x, border), -residual)
        except np.linalg.LinAlgError:
            return None
        x, r = x + step[:-1], r + float(step[-1])
        length = float(np.linalg.norm(step[:-1]))
        if not np.isfinite(length):
            return None
        if length <= _SETTLED * (1.0 + float(np.linalg.norm(x))):
            return x, r
    return None
