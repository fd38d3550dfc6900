"""Folds, branch points, Hopf points and, of maps, flips and Neimark-Sacker points between two points of a curve.

Found by the number of eigenvalues beyond the stability limit, located, and verified (Kuznetsov, Elements of
Applied Bifurcation Theory, sections 10.2 for flows and 4.1, 10.2.2 for maps).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ssmsym.dynamics.arclength import Curve, CurvePoint
from ssmsym.dynamics.critical import StabilityLimit
from ssmsym.dynamics.diagram import RejectedEvent, SpecialPoint

STEADY = ("fold", "branch_point")  # at an eigenvalue 0, a multiplier 1: the same in a flow and its Euler map

_CRITICAL = 1e-7  # distance of the critical eigenvalue from the limit, relative to the largest eigenvalue
_SAME = 1e-14
_TWIN = 1e-8  # distance in parameter, relative to the interval, at which events count as one
_ASIDE = 1e-9  # share of a chord by which a singular point is avoided


def event_kind(a: CurvePoint, b: CurvePoint, limit: StabilityLimit) -> str | None:
    """What lies between two points: ``fold``, ``hopf``, ``branch_point``, ..., ``several`` or nothing."""
    change = limit.unstable(b.eigenvalues) - limit.unstable(a.eigenvalues)
    through_zero, through_flip = (_change(a, b, kind, limit) % 2 == 1 for kind in ("fold", "flip"))
    if a.orientation != b.orientation:
        return "branch_point" if abs(change) <= 1 and not through_flip else "several"
    if _turned(a, b):
        return "fold" if abs(change) == 1 and not through_flip else "several"
    if through_flip:
        return "flip" if abs(change) == 1 else "several"
    if change == 0:
        return None
    return limit.pair_kind if abs(change) == 2 and not through_zero else "several"


def _change(a: CurvePoint, b: CurvePoint, kind: str, limit: StabilityLimit) -> int:
    """By how many eigenvalues (pairs) more are beyond the limit on the side of an event's kind."""
    return limit.crossed(b.eigenvalues, kind) - limit.crossed(a.eigenvalues, kind)


def _turned(a: CurvePoint, b: CurvePoint) -> bool:
    return bool((a.tangent[-1] > 0) != (b.tangent[-1] > 0))


def is_simple(a: CurvePoint, b: CurvePoint, limit: StabilityLimit) -> bool:
    """Whether at most one event lies between two points, and its test function changes sign there.

    A fold and a Hopf point together may change the number of unstable directions by one; that nothing but the
    event's own eigenvalue (pair) crosses is therefore asked for too.
    """
    kind = event_kind(a, b, limit)
    if kind is None:
        return True
    if kind == "several":
        return False
    own = "fold" if kind in STEADY else kind
    if any(_change(a, b, other, limit) for other in {"fold", "flip", limit.pair_kind} - {own}):
        return False
    test = _test_function(kind, a, b, limit)
    return test(a) * test(b) < 0


def locate(
    curve: Curve,
    a: CurvePoint,
    b: CurvePoint,
    limit: StabilityLimit,
    interval: tuple[float, float],
    branch: int,
) -> SpecialPoint | RejectedEvent | None:
    """The event between two points, by Brent's method along the chord, with its evidence."""
    kind = event_kind(a, b, limit)
    if kind is None:
        return None
    middle = 0.5 * (a.value + b.value)
    if kind == "several":
        return RejectedEvent(
            kind, middle, b.state, "several eigenvalues change between two points at the smallest step"
        )
    found = _root(curve, a, b, _test_function(kind, a, b, limit))
    if found is None:
        return RejectedEvent(kind, middle, b.state, "it could not be located: the curve was lost on the way")
    scale = max(float(np.abs(point.eigenvalues).max()) for point in (a, b))
    return _verified(kind, found, limit, scale, interval, branch)


def _test_function(
    kind: str, a: CurvePoint, b: CurvePoint, limit: StabilityLimit
) -> Callable[[CurvePoint], float]:
    """What passes through 0 at the event: the tangent's slope, or the level that is crossed at one end only."""
    if kind == "fold" or (kind == "branch_point" and _turned(a, b)):
        return lambda point: float(point.tangent[-1])
    position = min(limit.crossed(point.eigenvalues, kind) for point in (a, b))

    def level(point: CurvePoint) -> float:
        levels = limit.levels(point.eigenvalues, kind)
        return float(levels[position]) if position < len(levels) else -1.0

    return level


def _root(
    curve: Curve, a: CurvePoint, b: CurvePoint, test: Callable[[CurvePoint], float]
) -> CurvePoint | None:
    from scipy.optimize import brentq

    visited: dict[float, CurvePoint] = {0.0: a, 1.0: b}

    def value(share: float) -> float:
        if share not in visited:
            point = curve.between(a, b, share) or curve.between(a, b, share + _ASIDE)
            if point is None:
                raise ArithmeticError
            visited[share] = point
        return test(visited[share])

    try:
        low, high = value(0.0), value(1.0)
        if not np.isfinite([low, high]).all() or low * high > 0:
            return None
        share = brentq(value, 0.0, 1.0, xtol=_SAME, rtol=4 * np.finfo(float).eps)
        value(share)
    except (ArithmeticError, ValueError):
        return None
    return visited[share]


def _verified(
    kind: str,
    point: CurvePoint,
    limit: StabilityLimit,
    scale: float,
    interval: tuple[float, float],
    branch: int,
) -> SpecialPoint | RejectedEvent:
    critical = limit.critical(point.eigenvalues, kind)
    distance = limit.distance(critical)
    if not distance <= _CRITICAL * scale * (limit.step or 1.0):
        line = "unit circle" if limit.discrete else "imaginary axis"
        reason = f"the critical eigenvalue is {distance:.1e} from the {line}"
        return RejectedEvent(kind, point.value, point.state, reason)
    if not interval[0] <= point.value <= interval[1]:
        return RejectedEvent(kind, point.value, point.state, "it lies outside the interval")
    nearest = np.lexsort((-point.eigenvalues.imag, np.abs(limit.growth(point.eigenvalues))))
    return SpecialPoint(
        kind=kind,
        parameter=point.value,
        state=point.state,
        eigenvalues=limit.reported(point.eigenvalues[nearest]),
        residual=point.residual * (limit.step or 1.0),
        critical_distance=distance,
        branch=branch,
        period=None if kind in STEADY else limit.period(critical),
    )


def without_repetitions(points: list[SpecialPoint], width: float, size: float) -> list[SpecialPoint]:
    """The points by parameter, one for each place; a branch point stands for the fold that it also looks like.

    `width` and `size` are the scales of the parameter and of the states.
    """
    kept: list[SpecialPoint] = []
    for point in sorted(points, key=lambda p: (p.parameter, p.kind)):
        twin = next((i for i, other in enumerate(kept) if _same_place(point, other, width, size)), None)
        if twin is None:
            kept.append(point)
        elif point.kind == "branch_point":
            kept[twin] = point
    return kept


def _same_place(a: SpecialPoint, b: SpecialPoint, width: float, size: float) -> bool:
    if abs(a.parameter - b.parameter) > _TWIN * width:
        return False
    comparable = a.kind == b.kind or {a.kind, b.kind} == {"fold", "branch_point"}
    return comparable and float(np.linalg.norm(a.state - b.state)) <= 1e-2 * _TWIN**0.5 * size
