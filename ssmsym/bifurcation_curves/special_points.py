"""Cusps, Bogdanov-Takens, Bautin and fold-Hopf points on a curve of bifurcations."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from ssmsym.bifurcation_curves.defining_system import DefiningSystem
from ssmsym.bifurcation_curves.points_on_curve import BifurcationCurve, BifurcationPoint
from ssmsym.bifurcation_curves.request import Request
from ssmsym.bifurcation_curves.runs import BOGDANOV_TAKENS, run_along, run_points, scaled_curve, unit_tangent
from ssmsym.dynamics.critical import limit_of
from ssmsym.dynamics.diagram import SpecialPoint
from ssmsym.errors import NotConvergedError

Array = NDArray[np.float64]

_VANISHES = 1e-4  # of a test number at the ends of a chord: what is left of it at a root
_SAME = 1e-6  # distance in scaled parameters at which two points count as one


def special_points(
    line: list[BifurcationPoint],
    ends: tuple[str, str],
    curve: BifurcationCurve,
    branch: int,
    request: Request,
) -> list[SpecialPoint]:
    """Where test numbers vanish along a curve, and the Bogdanov-Takens points at which a Hopf curve ends."""
    found = []
    for a, b in itertools.pairwise(line):
        for kind in a.tests:
            if a.tests[kind] * b.tests[kind] < 0:
                point = _root(curve, a, b, kind)
                if point is not None:
                    found.append(_described(kind, point, curve.system, branch))
    for end, last in zip(ends, (line[0], line[-1]), strict=True):
        if end == BOGDANOV_TAKENS:
            found += _bogdanov_takens_near(last, branch, request)
    return found


def _root(
    curve: BifurcationCurve, a: BifurcationPoint, b: BifurcationPoint, kind: str
) -> BifurcationPoint | None:
    """Where a test number vanishes between two points; None if the curve is lost on the way."""
    curve._reference = a.critical

    def at(share: float) -> BifurcationPoint:
        point = curve.between(a, b, share)
        if not isinstance(point, BifurcationPoint):
            raise NotConvergedError("The curve was lost between two of its points.")
        return point

    try:
        share = brentq(lambda s: at(s).tests[kind], 0.0, 1.0, xtol=1e-14, rtol=1e-14)
        found = at(float(share))
    except (NotConvergedError, ValueError):
        return None
    is_sign = kind == "fold_hopf"
    small = _VANISHES * max(abs(a.tests[kind]), abs(b.tests[kind]))
    return (
        found if is_sign or abs(found.tests[kind]) <= small else None
    )  # not small at a pole: c1 where det A = 0


def _described(kind: str, point: BifurcationPoint, system: DefiningSystem, branch: int) -> SpecialPoint:
    n = system.field.n_states
    eigenvalues = point.eigenvalues
    if not len(eigenvalues) and point.critical is not None:
        eigenvalues = np.linalg.eigvals(point.critical.jacobian).astype(complex)
    limit = limit_of(system.field)
    distances = np.array([limit.distance(value) for value in eigenvalues])
    order = np.argsort(distances, kind="stable")
    frequency = float(point.state[-1]) if system.has_frequency else 0.0
    return SpecialPoint(
        kind=kind,
        parameter=float(point.state[n]),
        second_parameter=point.value,
        state=point.state[:n],
        eigenvalues=limit.reported(eigenvalues[order]),
        residual=point.residual,
        critical_distance=float(distances[order[0]]),
        branch=branch,
        period=2 * np.pi / frequency if kind in ("generalized_hopf", "fold_hopf") and frequency else None,
    )


def _bogdanov_takens_near(last: BifurcationPoint, branch: int, request: Request) -> list[SpecialPoint]:
    """The Bogdanov-Takens point at which a Hopf curve ends, found on the curve of folds through it."""
    system = DefiningSystem(request.field, "fold", request.parameters)
    z, value = last.state[:-1], last.value
    curve = scaled_curve(system, z, value, request)
    y = curve.scaled(z, value)
    corrected = curve.correct(y, unit_tangent(curve, y))
    if corrected is None:
        return []
    tangent = unit_tangent(curve, corrected[0])
    for sign in (1.0, -1.0):
        near = replace(request, largest_step=0.2 * request.largest_step, max_points=12)
        run = run_points(run_along(curve, corrected[0], sign * tangent, near))
        for a, b in itertools.pairwise(run):
            if a.tests["bogdanov_takens"] * b.tests["bogdanov_takens"] < 0:
                point = _root(curve, a, b, "bogdanov_takens")
                return [] if point is None else [_described("bogdanov_takens", point, system, branch)]
    return []


def distinct_points(points: list[SpecialPoint], request: Request) -> list[SpecialPoint]:
    """The points without repetitions of a kind at one place."""
    out: list[SpecialPoint] = []
    for point in points:
        place = np.array([point.parameter, point.second_parameter]) / np.array(request.widths)
        if not any(
            p.kind == point.kind
            and np.linalg.norm(np.array([p.parameter, p.second_parameter]) / np.array(request.widths) - place)
            < _SAME
            for p in out
        ):
            out.append(point)
    return out
