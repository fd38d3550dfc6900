"""Folds, Hopf points and branch points between two points of a curve: found by sign, located, and verified."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ssmsym.dynamics.arclength import Curve, CurvePoint
from ssmsym.dynamics.diagram import RejectedEvent, SpecialPoint

_CRITICAL = 1e-7  # distance of the critical eigenvalue from the axis, relative to the largest eigenvalue
_SAME = 1e-14
_TWIN = 1e-8  # distance in parameter, relative to the interval, at which events count as one
_ASIDE = 1e-9  # share of a chord by which a singular point is avoided


def unstable(point: CurvePoint) -> int:
    """Number of eigenvalues with positive real part."""
    return int((point.eigenvalues.real > 0).sum())


def _positive_real(point: CurvePoint) -> int:
    values = point.eigenvalues
    return int(((values.imag == 0) & (values.real > 0)).sum())


def event_kind(a: CurvePoint, b: CurvePoint) -> str | None:
    """What lies between two points: ``fold``, ``hopf``, ``branch_point``, ``several`` or nothing."""
    turned = _turned(a, b)
    change = unstable(b) - unstable(a)
    odd = (_positive_real(b) - _positive_real(a)) % 2 == 1
    if a.orientation != b.orientation:
        return "branch_point" if abs(change) <= 1 else "several"
    if turned:
        return "fold" if abs(change) == 1 else "several"
    if change == 0:
        return None
    return "hopf" if abs(change) == 2 and not odd else "several"


def _turned(a: CurvePoint, b: CurvePoint) -> bool:
    return bool((a.tangent[-1] > 0) != (b.tangent[-1] > 0))


def is_simple(a: CurvePoint, b: CurvePoint) -> bool:
    """Whether at most one event lies between two points, and its test function changes sign there."""
    kind = event_kind(a, b)
    if kind is None:
        return True
    if kind == "several":
        return False
    test = _test_function(kind, a, b)
    return test(a) * test(b) < 0


def locate(
    curve: Curve, a: CurvePoint, b: CurvePoint, interval: tuple[float, float], branch: int
) -> SpecialPoint | RejectedEvent | None:
    """The event between two points, by Brent's method along the chord, with its evidence."""
    kind = event_kind(a, b)
    if kind is None:
        return None
    middle = 0.5 * (a.value + b.value)
    if kind == "several":
        return RejectedEvent(
            kind, middle, b.state, "several eigenvalues change between two points at the smallest step"
        )
    found = _root(curve, a, b, _test_function(kind, a, b))
    if found is None:
        return RejectedEvent(kind, middle, b.state, "it could not be located: the curve was lost on the way")
    scale = max(float(np.abs(point.eigenvalues).max()) for point in (a, b))
    return _verified(kind, found, scale, interval, branch)


def _test_function(kind: str, a: CurvePoint, b: CurvePoint) -> Callable[[CurvePoint], float]:
    if kind == "fold" or (kind == "branch_point" and _turned(a, b)):
        return lambda point: float(point.tangent[-1])
    if kind == "hopf":
        return lambda point: float(_critical(point, "hopf").real)
    return lambda point: float(_critical(point, kind).real)


def _critical(point: CurvePoint, kind: str) -> complex:
    """The eigenvalue (pair) nearest to the axis, complex for a Hopf point and real else."""
    values = point.eigenvalues
    candidates = values[values.imag > 0] if kind == "hopf" else values[values.imag == 0]
    if not len(candidates):
        return complex("nan")
    return complex(candidates[np.argmin(np.abs(candidates.real))])


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
    kind: str, point: CurvePoint, scale: float, interval: tuple[float, float], branch: int
) -> SpecialPoint | RejectedEvent:
    critical = _critical(point, kind)
    distance = abs(critical.real)
    if not distance <= _CRITICAL * scale:
        reason = f"the critical eigenvalue is {distance:.1e} from the imaginary axis"
        return RejectedEvent(kind, point.value, point.state, reason)
    if not interval[0] <= point.value <= interval[1]:
        return RejectedEvent(kind, point.value, point.state, "it lies outside the interval")
    return SpecialPoint(
        kind=kind,
        parameter=point.value,
        state=point.state,
        eigenvalues=_nearest_first(point.eigenvalues),
        residual=point.residual,
        critical_distance=distance,
        branch=branch,
        period=2 * np.pi / abs(critical.imag) if kind == "hopf" else None,
    )


def _nearest_first(values: NDArray[np.complex128]) -> NDArray[np.complex128]:
    return values[np.lexsort((-values.imag, np.abs(values.real)))]


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
