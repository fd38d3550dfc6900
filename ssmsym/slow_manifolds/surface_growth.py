"""Trajectories from a small circle round a saddle, level by level, until they arrive or their neighbours are near."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmsym.dynamics.ensemble import integrate_ensemble
from ssmsym.dynamics.fixed_points import FixedPoint, fixed_point_at
from ssmsym.dynamics.newton import polish
from ssmsym.fields.field import VectorField
from ssmsym.manifolds.ssm import SSM

Array = NDArray[np.float64]

_LENGTHS = 40.0  # times the distance to the farthest known point: longest way that is followed
_FAR = 30.0  # times that distance: unbounded
_LEVELS = 12  # from the saddle to the nearest other fixed point
_SLOW = 0.02  # share of the typical speed at which fixed points count as near
_ARRIVED = 1e-2  # of the reach: distance of a stable point that counts as arrival after polishing
_SAME = 1e-6
_MOST_POINTS = 600
_NARROWEST = 1e-9  # angle between two parts
_CHUNK = 8  # levels integrated at once
_RTOL, _ATOL = 1e-9, 1e-11
_RETURNED = 0.02  # of the size of a loop: distance at which it closes

POINT, CYCLE, LEFT, UNKNOWN = "fixed point", "cycle", "unbounded", "not decided in the length followed"


def first_circle(series: SSM, radius: float, angles: Array) -> Array:
    """States (n, N) at angles on a circle of the series."""
    return series.lift(radius * np.column_stack([np.cos(angles), np.sin(angles)]))


@dataclass(frozen=True, eq=False)
class Ray:
    """One trajectory through all circles, and where it leads."""

    states: Array
    kind: str
    point: FixedPoint | None

    def distances(self, other: Ray) -> Array:
        """From the other's states, as far as both go."""
        m = min(len(self.states), len(other.states))
        return np.asarray(np.linalg.norm(self.states[:m] - other.states[:m], axis=1))

    def same_end(self, other: Ray) -> bool:
        return self.kind == other.kind and self.point is other.point


class Growth:
    """Trajectories by angle, added and compared until neighbours are near or lead to different places."""

    def __init__(
        self,
        field: VectorField,
        saddle: FixedPoint,
        series: SSM,
        radius: float,
        points: Sequence[FixedPoint],
        reach: float,
        farthest: float,
    ) -> None:
        self._field = field
        self._saddle = saddle
        self._series = series
        self._radius = radius
        self._known = list(points)
        self._reach = reach
        self._far = _FAR * farthest
        self.levels = np.arange(0.0, _LENGTHS * farthest, reach / _LEVELS)
        self._slow = _SLOW * reach * float(saddle.eigenvalues[0].real)
        self.rays: dict[float, Ray] = {}

    def add(self, angles: Array) -> None:
        """Follow the trajectories from these angles."""
        n = len(angles)
        levels = self.levels
        passed = [[x[None]] for x in first_circle(self._series, self._radius, angles)]
        ends: list[tuple[str, FixedPoint | None]] = [(UNKNOWN, None)] * n
        active = np.arange(n)
        step = np.full(n, 0.1 * levels[1])
        for first in range(0, len(levels) - 1, _CHUNK):
            here = levels[first : first + _CHUNK + 1]
            chunk, step[active] = integrate_ensemble(
                self._velocity,
                np.array([passed[i][-1][-1] for i in active]),
                here,
                rtol=_RTOL,
                atol=_ATOL * self._reach,
                first_step=step[active],
                longest_step=float(np.ptp(here)),
                max_steps=100_000,
            )
            step[active] = np.maximum(step[active], 1e-3 * levels[1])
            remaining = []
            for i, states in zip(active, chunk, strict=True):
                passed[i].append(states[1:])
                ends[i] = self._end(np.concatenate(passed[i]))
                if ends[i][0] == UNKNOWN:
                    remaining.append(i)
            active = np.array(remaining, dtype=np.int64)
            if not len(active):
                break
        for angle, states, (kind, point) in zip(angles, passed, ends, strict=True):
            self.rays[float(angle)] = Ray(np.concatenate(states), kind, point)

    def _velocity(self, t: Array, x: Array) -> Array:
        f = self._field(x)
        return np.asarray(f / np.sqrt((f**2).sum(axis=1) + self._slow**2)[:, None])

    def _end(self, states: Array) -> tuple[str, FixedPoint | None]:
        state = states[-1]
        if not np.linalg.norm(state - self._saddle.state) < self._far:
            return LEFT, None
        if np.linalg.norm(self._field(state)) < self._slow:
            point = self._point_near(state)
            if point is not None and point.stable:
                return POINT, point
        elif _closes(states, self._reach):
            return CYCLE, None
        return UNKNOWN, None

    def _point_near(self, state: Array) -> FixedPoint | None:
        near, residual = polish(self._field, state, max_steps=30)
        if not np.linalg.norm(near - state) < _ARRIVED * self._reach:
            return None
        for point in self._known:
            if np.linalg.norm(point.state - near) < _SAME * (1.0 + self._reach):
                return point
        point = fixed_point_at(self._field, near, residual=residual)
        self._known.append(point)
        return point

    def refine(self, spacing: float) -> None:
        """Insert angles until neighbours of one part are near and those of two parts are close in angle."""
        while len(self.rays) < _MOST_POINTS:
            middles = []
            for low, high in self.neighbours():
                width = high - low
                one, other = self.rays[low], self.rays[wrapped(high)]
                if one.same_end(other):
                    insert = width > 1e-6 and one.distances(other).max() > spacing
                else:
                    insert = width > _NARROWEST
                if insert:
                    middles.append(wrapped(0.5 * (low + high)))
            if not middles:
                return
            self.add(np.array(middles[: _MOST_POINTS - len(self.rays)]))

    def neighbours(self) -> list[tuple[float, float]]:
        """Pairs of neighbouring angles, the second of the last pair beyond pi."""
        angles = sorted(self.rays)
        return list(zip(angles, [*angles[1:], angles[0] + 2 * np.pi], strict=True))

    def between(self, one: Ray, other: Ray) -> FixedPoint | None:
        """The unstable fixed point that two neighbouring trajectories pass before they part."""
        together = np.flatnonzero(one.distances(other) < 0.1 * self._reach)
        path = one.states[together]
        path = path[np.linalg.norm(path - self._saddle.state, axis=1) > 0.3 * self._reach]
        if not len(path):
            return None
        point = self._point_near(path[np.linalg.norm(self._field(path), axis=1).argmin()])
        return None if point is None or point.stable else point

    def start_error(self) -> float:
        """How far trajectories from a circle half as wide pass from the series, relative to the radius."""
        from scipy.integrate import solve_ivp

        series, worst = self._series, 0.0
        time = np.log(2.0) / float(self._saddle.eigenvalues[0].real)
        for start in first_circle(series, 0.5 * self._radius, np.linspace(-np.pi, np.pi, 5)[:-1]):
            run = solve_ivp(
                lambda t, x: self._field(x),
                (0.0, time),
                start,
                rtol=1e-11,
                atol=1e-14 * self._reach,
                method="DOP853",
            )
            state = run.y[:, -1]
            worst = max(worst, float(np.linalg.norm(series.lift(series.project(state)) - state)))
        return worst / self._radius


def _closes(states: Array, reach: float) -> bool:
    """Whether the last state has been passed before, on a loop larger than a tenth of the reach."""
    distances = np.linalg.norm(states - states[-1], axis=1)
    away = np.flatnonzero(distances > 0.1 * reach)
    if not len(away):
        return False
    before = distances[: away[-1] + 1]
    loop = float(distances.max())
    k = int(before.argmin())
    if k == 0 or k + 1 >= len(before):
        return False
    tangent = states[k + 1] - states[k - 1]
    offset = states[-1] - states[k]
    across = offset - tangent * (offset @ tangent) / (tangent @ tangent)
    return float(np.linalg.norm(across)) < _RETURNED * 0.1 * loop


def wrapped(angle: float) -> float:
    """An angle from -pi to pi."""
    return angle - 2 * np.pi if angle >= np.pi else angle
