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

from ssmsym.dynamics.fixed_points import FixedPoint
from ssmsym.errors import InputError, NotConvergedError
from ssmsym.fields.field import VectorField
from ssmsym.manifolds.ssm import SSM, compute_ssm
from ssmsym.slow_manifolds.surface_growth import Growth, Ray, first_circle, wrapped
from ssmsym.threads import single_blas_thread

Array = NDArray[np.float64]

_ORDER = 9
_ACCURATE = 1e-9  # relative invariance error of the series on the first circle
_FIRST = 48  # points on the first circle
_OFFSET = 0.382  # of their spacing, lest symmetric fields have points of it on the boundary of two parts
_SAME = 1e-6


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
    growth = Growth(field, saddle, series, radius, points, reach, max(others, default=reach))
    growth.add(-np.pi + (np.arange(_FIRST) + _OFFSET) * 2 * np.pi / _FIRST)
    growth.refine(spacing)
    return _surface(growth, field, saddle, series, radius, points)


def _surface(
    growth: Growth,
    field: VectorField,
    saddle: FixedPoint,
    series: SSM,
    radius: float,
    points: Sequence[FixedPoint],
) -> UnstableSurface:
    """What has grown, with its parts and its boundary."""
    angles = np.array(sorted(growth.rays))
    rays = [growth.rays[a] for a in angles]
    longest = max(len(r.states) for r in rays)
    circles = np.full((len(rays), longest, field.n_states), np.nan)
    for circle, ray in zip(circles, rays, strict=True):
        circle[: len(ray.states)] = ray.states
    pairs = [(low, high, growth.rays[low], growth.rays[wrapped(high)]) for low, high in growth.neighbours()]
    edges = [pair for pair in pairs if not pair[2].same_end(pair[3])]
    middles = [0.5 * (low + high) for low, high, _, _ in edges]
    begins = [middles[-1] - 2 * np.pi, *middles[:-1]] if edges else []
    parts = [
        _part(begin, end, edge[2], points) for begin, end, edge in zip(begins, middles, edges, strict=True)
    ]
    return UnstableSurface(
        field,
        saddle,
        series,
        radius,
        angles,
        circles,
        growth.levels[:longest],
        tuple(parts or [_part(-np.pi, np.pi, rays[0], points)]),
        tuple(growth.between(one, other) for _, _, one, other in edges),
        growth.start_error(),
    )


def _part(low: float, high: float, ray: Ray, points: Sequence[FixedPoint]) -> UnstablePart:
    index = next((i for i, p in enumerate(points) if p is ray.point), None)
    return UnstablePart(low, high, ray.kind, ray.point, index)
