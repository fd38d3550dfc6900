"""Two-dimensional unstable manifolds of saddles, by circles that grow along the flow, and where their parts lead.

The circles start on the series of the manifold, where that is accurate, and move by x' = f / sqrt(|f|^2 + e^2): the
trajectories of f, at unit speed away from fixed points, so that the levels are circles of nearly equal length along
trajectories. Where neighbours move apart, points are inserted on the first circle and taken all the way, so that no
interpolation error grows with the circles (in place of inserting on the last circle, as in Krauskopf et al., Int. J.
Bifurcation Chaos 15, 2005, section 3). Between two parts that lead to different places the angle is bisected: the
trajectory there ends at a saddle on the boundary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmsym.dynamics.ensemble import integrate_ensemble
from ssmsym.dynamics.fixed_points import FixedPoint, fixed_point_at
from ssmsym.dynamics.newton import polish
from ssmsym.errors import InputError, NotConvergedError
from ssmsym.fields.field import VectorField
from ssmsym.manifolds.ssm import SSM, compute_ssm
from ssmsym.threads import single_blas_thread

Array = NDArray[np.float64]

_ORDER = 9
_ACCURATE = 1e-9  # relative invariance error of the series on the first circle
_LEVELS = 12  # from the saddle to the nearest other fixed point
_LENGTHS = 40.0  # times the distance to the farthest known point: longest way that is followed
_FAR = 30.0  # times that distance: unbounded
_SLOW = 0.02  # share of the typical speed at which fixed points count as near
_ARRIVED = 1e-2  # of the reach: distance of a stable point that counts as arrival after polishing
_SAME = 1e-6
_FIRST = 48  # points on the first circle
_OFFSET = 0.382  # of their spacing, lest symmetric fields have points of it on the boundary of two parts
_MOST_POINTS = 600
_NARROWEST = 1e-9  # angle between two parts
_CHUNK = 8  # levels integrated at once
_RTOL, _ATOL = 1e-9, 1e-11
_RETURNED = 0.02  # of the size of a loop: distance at which it closes

POINT, CYCLE, LEFT, UNKNOWN = "fixed point", "cycle", "unbounded", "not decided in the length followed"


@dataclass(frozen=True, eq=False)
class UnstablePart:
    """A range of angles whose trajectories lead to one place.

    Attributes
    ----------
    low, high : float
        Angles on the first circle; the range may pass pi.
    kind : str
        ``"fixed point"``, ``"cycle"``, ``"unbounded"`` or ``"not decided in the length followed"``.
    leads_to : FixedPoint or None
    index : int or None
        The position of that point among those that were given.
    """

    low: float
    high: float
    kind: str
    leads_to: FixedPoint | None
    index: int | None

    def __repr__(self) -> str:
        number = "" if self.index is None else f" {self.index}"
        return f"UnstablePart({self.low:+.3f} to {self.high:+.3f}: {self.kind}{number})"


@dataclass(frozen=True, eq=False)
class UnstableSurface:
    """The unstable manifold of a saddle with two unstable directions.

    Attributes
    ----------
    field : VectorField
    saddle : FixedPoint
    series : SSM
        The manifold near the saddle.
    radius : float
        Of the first circle, in the coordinates of the series.
    angles : (n,) array
        On the first circle, ascending from -pi to pi.
    circles : (n, M, N) array
        States at M levels, circle by circle outwards; NaN beyond the end of a trajectory.
    levels : (M,) array
        Length along trajectories, but shorter where they are slow.
    parts : tuple of UnstablePart
        By angle.
    boundary : tuple of FixedPoint
        Saddles at which the trajectories between two parts end, in the order of the parts: the first one lies between
        the first part and the second.
    start_error : float
        Distance from the series of trajectories that started on a circle half as wide, where they pass the first one,
        relative to the radius.
    """

    field: VectorField
    saddle: FixedPoint
    series: SSM
    radius: float
    angles: Array
    circles: Array
    levels: Array
    parts: tuple[UnstablePart, ...]
    boundary: tuple[FixedPoint | None, ...]
    start_error: float

    def trajectory(self, angle: float, times: ArrayLike) -> Array:
        """States (m, N) of the network's trajectory from an angle on the first circle, at times from 0 on."""
        from ssmsym.dynamics.simulation import simulate

        run = simulate(self.field, self._start(np.array([angle]))[0], times, rtol=1e-10, atol=1e-12)
        return run.states

    def _start(self, angles: Array) -> Array:
        return first_circle(self.series, self.radius, angles)

    def report(self) -> str:
        """Where the parts lead, and by which saddles they are bounded, as plain text."""
        lines = [
            f"Unstable surface of {self.saddle!r}: {len(self.angles)} trajectories, {len(self.levels)} circles, first "
            f"radius {self.radius:.3g}, start error {self.start_error:.1e}"
        ]
        for k, part in enumerate(self.parts):
            where = "" if part.leads_to is None else f": {part.leads_to!r}"
            lines.append(f"  angles {part.low:+.4f} to {part.high:+.4f} lead to {part.kind}{where}")
            if k < len(self.boundary):
                saddle = self.boundary[k]
                lines.append(f"    bounded by {'nothing found' if saddle is None else repr(saddle)}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return (
            f"UnstableSurface({len(self.angles)} trajectories, {len(self.levels)} circles, {len(self.parts)} parts, "
            f"{sum(b is not None for b in self.boundary)} saddles on the boundary)"
        )


def first_circle(series: SSM, radius: float, angles: Array) -> Array:
    """States (n, N) at angles on a circle of the series."""
    return series.lift(radius * np.column_stack([np.cos(angles), np.sin(angles)]))


@single_blas_thread()
def unstable_surface(
    field: VectorField,
    saddle: FixedPoint,
    *,
    points: Sequence[FixedPoint] = (),
    reach: float | None = None,
    spacing: float | None = None,
) -> UnstableSurface:
    """The unstable manifold of a saddle with two unstable directions, and where its parts lead.

    Circles grow along the flow from a first one on the series of the manifold (see this module).

    Parameters
    ----------
    field : VectorField
        A flow.
    saddle : FixedPoint
        Of index 2: two unstable directions, real or a pair.
    points : sequence of FixedPoint, optional
        Other fixed points, to be recognised at the ends and on the boundary.
    reach : float, optional
        Distance over which the manifold extends; by default that of the nearest other point, or 1. Levels are a twelfth
        of it apart.
    spacing : float, optional
        Largest distance of neighbours on a circle within one part; by default a quarter of the reach.

    Returns
    -------
    UnstableSurface

    Raises
    ------
    InputError
        If the field is a map, or the point has not exactly two unstable directions.
    NotConvergedError
        If the series is accurate on no circle.
    """
    if field.is_map:
        raise InputError("Unstable manifolds are computed for flows; load the network as a flow.")
    if saddle.index != 2:
        raise InputError(
            f"The point has {saddle.index} unstable directions; an unstable surface belongs to a point with two."
        )
    distances = [float(np.linalg.norm(p.state - saddle.state)) for p in points]
    others = [d for d in distances if d > _SAME]
    reach = min(others, default=1.0) if reach is None else float(reach)
    spacing = 0.25 * reach if spacing is None else float(spacing)
    for name, value in (("reach", reach), ("spacing", spacing)):
        if not 0 < value < np.inf:
            raise InputError(f"'{name}' must be a positive number; found {value!r}.")
    series = compute_ssm(field, saddle, modes=2, order=_ORDER)
    radius = min(series.evidence.trust_radius(_ACCURATE), 0.25 * reach)
    if not radius > 1e-6 * reach:
        raise NotConvergedError(
            "The series of the unstable manifold is accurate on no circle: the two directions are nearly resonant with "
            "others, or the field is not smooth at the saddle."
        )
    growth = _Growth(field, saddle, series, radius, points, reach, max(others, default=reach))
    growth.add(-np.pi + (np.arange(_FIRST) + _OFFSET) * 2 * np.pi / _FIRST)
    growth.refine(spacing)
    return growth.result()


@dataclass(frozen=True, eq=False)
class _Ray:
    """One trajectory through all circles, and where it leads."""

    states: Array
    kind: str
    point: FixedPoint | None

    def distances(self, other: _Ray) -> Array:
        """From the other's states, as far as both go."""
        m = min(len(self.states), len(other.states))
        return np.asarray(np.linalg.norm(self.states[:m] - other.states[:m], axis=1))

    def same_end(self, other: _Ray) -> bool:
        return self.kind == other.kind and self.point is other.point


class _Growth:
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
        self._given = points
        self._reach = reach
        self._far = _FAR * farthest
        self._levels = np.arange(0.0, _LENGTHS * farthest, reach / _LEVELS)
        self._slow = _SLOW * reach * float(saddle.eigenvalues[0].real)
        self._rays: dict[float, _Ray] = {}

    def add(self, angles: Array) -> None:
        """Follow the trajectories from these angles."""
        n = len(angles)
        levels = self._levels
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
            self._rays[float(angle)] = _Ray(np.concatenate(states), kind, point)

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
        while len(self._rays) < _MOST_POINTS:
            middles = []
            for low, high in self._neighbours():
                width = high - low
                one, other = self._rays[low], self._rays[_wrapped(high)]
                if one.same_end(other):
                    insert = width > 1e-6 and one.distances(other).max() > spacing
                else:
                    insert = width > _NARROWEST
                if insert:
                    middles.append(_wrapped(0.5 * (low + high)))
            if not middles:
                return
            self.add(np.array(middles[: _MOST_POINTS - len(self._rays)]))

    def _neighbours(self) -> list[tuple[float, float]]:
        """Pairs of neighbouring angles, the second of the last pair beyond pi."""
        angles = sorted(self._rays)
        return list(zip(angles, [*angles[1:], angles[0] + 2 * np.pi], strict=True))

    def result(self) -> UnstableSurface:
        """The surface, its parts and its boundary."""
        angles = np.array(sorted(self._rays))
        rays = [self._rays[a] for a in angles]
        edges = [
            (low, high)
            for low, high in self._neighbours()
            if not self._rays[low].same_end(self._rays[_wrapped(high)])
        ]
        longest = max(len(r.states) for r in rays)
        circles = np.full((len(rays), longest, self._field.n_states), np.nan)
        for circle, ray in zip(circles, rays, strict=True):
            circle[: len(ray.states)] = ray.states
        parts, boundary = [], []
        for k, (low, high) in enumerate(edges):
            begin = 0.5 * sum(edges[k - 1]) - (2 * np.pi if k == 0 else 0.0)
            parts.append(self._part(begin, 0.5 * (low + high), self._rays[low]))
            boundary.append(self._between(self._rays[low], self._rays[_wrapped(high)]))
        if not edges:
            parts = [self._part(-np.pi, np.pi, rays[0])]
        return UnstableSurface(
            self._field,
            self._saddle,
            self._series,
            self._radius,
            angles,
            circles,
            self._levels[:longest],
            tuple(parts),
            tuple(boundary),
            self._start_error(),
        )

    def _part(self, low: float, high: float, ray: _Ray) -> UnstablePart:
        index = next((i for i, p in enumerate(self._given) if p is ray.point), None)
        return UnstablePart(low, high, ray.kind, ray.point, index)

    def _between(self, one: _Ray, other: _Ray) -> FixedPoint | None:
        """The unstable fixed point that two neighbouring trajectories pass before they part."""
        together = np.flatnonzero(one.distances(other) < 0.1 * self._reach)
        path = one.states[together]
        path = path[np.linalg.norm(path - self._saddle.state, axis=1) > 0.3 * self._reach]
        if not len(path):
            return None
        point = self._point_near(path[np.linalg.norm(self._field(path), axis=1).argmin()])
        return None if point is None or point.stable else point

    def _start_error(self) -> float:
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


def _wrapped(angle: float) -> float:
    return angle - 2 * np.pi if angle >= np.pi else angle
