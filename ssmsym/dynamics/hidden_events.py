"""Points added to a traced curve where two events may lie between neighbours and leave no change of count."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ssmsym.dynamics.arclength import Curve, CurvePoint
from ssmsym.dynamics.critical import StabilityLimit
from ssmsym.dynamics.events import is_simple

Array = NDArray[np.float64]

_SHORTEST = 1e-4  # chord, in scaled length, that is not divided
_MOST = 400  # points added to one curve
_MARGIN = 0.25  # of the levels at the ends: extrapolated levels this near to 0 are looked at
_BESIDE = 0.5  # of the chord: an added point farther from it may lie on another curve


def with_middles(
    curve: Curve, line: Sequence[CurvePoint], limits: Sequence[StabilityLimit]
) -> list[CurvePoint]:
    """The line with middles added, until no parabola through growth rates passes the limit between neighbours.

    Two Hopf points between two points of a curve leave the number of unstable directions as it was. They show
    in the growth rate nearest to the limit: the parabola through three successive points passes 0 there.

    Parameters
    ----------
    line : sequence of CurvePoint
    limits : sequence of StabilityLimit
        Each is watched.

    Returns
    -------
    list of CurvePoint
    """
    points, position, added = list(line), 0, 0
    while position < len(points) - 1:
        middle = None
        if added < _MOST and any(_suspicious(curve, points, position, limit) for limit in limits):
            middle = _middle(curve, points[position], points[position + 1])
        if middle is None:
            position += 1
        else:
            points.insert(position + 1, middle)
            added += 1
    return points


def _middle(curve: Curve, a: CurvePoint, b: CurvePoint) -> CurvePoint | None:
    start, end = curve.y_of(a), curve.y_of(b)
    chord = float(np.linalg.norm(end - start))
    if chord <= _SHORTEST:
        return None
    found = curve.between(a, b, 0.5)
    if found is None or np.linalg.norm(curve.y_of(found) - 0.5 * (start + end)) > _BESIDE * chord:
        return None
    return found


def _suspicious(curve: Curve, points: list[CurvePoint], position: int, limit: StabilityLimit) -> bool:
    a, b = points[position : position + 2]
    if not is_simple(a, b, limit):
        return True
    count = limit.unstable(a.eigenvalues)
    if count != limit.unstable(b.eigenvalues):
        return False
    first = max(position - 1, 0)
    stretch = points[first : position + 3]
    chords = [np.linalg.norm(curve.y_of(q) - curve.y_of(p)) for p, q in itertools.pairwise(stretch)]
    places = np.concatenate([[0.0], np.cumsum(chords)])
    growth = np.array([np.sort(limit.growth(p.eigenvalues))[::-1] for p in stretch])
    watched = [k for k in (count - 1, count) if 0 <= k < growth.shape[1]]
    triples = [slice(i, i + 3) for i in range(len(stretch) - 2)]
    inside = places[position - first], places[position - first + 1]
    return any(_passes_zero(places[t], growth[t, k], inside) for t in triples for k in watched)


def _passes_zero(places: Array, values: Array, inside: tuple[float, float]) -> bool:
    """Whether the parabola through three values comes near 0 or beyond at an extremum inside an interval."""
    before, after = np.diff(places)
    if not before > 0 or not after > 0:
        return False
    rises = np.diff(values) / (before, after)
    bend = (rises[1] - rises[0]) / (before + after)
    if bend == 0.0:
        return False
    middle = float(places[1])
    slope = float(rises[0] + bend * before)  # of the parabola at the middle place
    extremum = middle - 0.5 * slope / bend
    if not inside[0] < extremum < inside[1]:
        return False
    ends = np.polyval([bend, slope, values[1]], np.array(inside) - middle)
    sign = np.sign(ends[0])
    return bool(sign * (values[1] - 0.25 * slope**2 / bend) < _MARGIN * np.abs(ends).min())
