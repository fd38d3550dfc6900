"""A whole curve from its pieces: marched from every saddle and every end where the flow comes in, or round a cycle."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmsym.fields.field import VectorField
from ssmsym.slow_manifolds.coordinate import Coordinate
from ssmsym.slow_manifolds.curve import SlowManifold, sample_elements
from ssmsym.slow_manifolds.elements import Element
from ssmsym.slow_manifolds.marching import LOST, March, Run
from ssmsym.slow_manifolds.pieces import CurvePiece
from ssmsym.slow_manifolds.quasi_static import PointOnCurve, fixed_points_on, quasi_static_curve

Array = NDArray[np.float64]

_ELEMENTS = 24  # from end to end, at least
_TURNS = 3  # round a cycle, of which the last is kept
_CLOSED = "closed"


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
    end = run.end if run.end == LOST else _CLOSED
    return CurvePiece(run.elements[max(first - 1, 0) :], "cycle", end, None, None, field, coordinate)


def _leading_direction(field: VectorField, on_curve: PointOnCurve, coordinate: Coordinate) -> Array:
    """Unit eigenvector of the leading eigenvalue, towards growing s."""
    state = on_curve.point.state
    values, vectors = np.linalg.eig(field.jacobian(state))
    v = vectors[:, np.argmax(values.real)].real
    v = v / np.linalg.norm(v)
    return np.asarray(v * np.sign(float(coordinate.speed(state, v))))


def curve_band(curve: SlowManifold, s: ArrayLike) -> Array:
    """How far a curve is determined at coordinates s (m,): distance from one that starts a quarter further in.

    Where the flow comes in from outside, invariant curves are not unique; they approach each other at the transverse
    rate.

    Parameters
    ----------
    curve : SlowManifold
    s : (m,) array

    Returns
    -------
    (m,) array
        NaN where no piece from an inflow end covers both.
    """
    wanted = np.atleast_1d(np.asarray(s, dtype=float))
    own = curve.sample(wanted)
    out = np.full(len(wanted), np.nan)
    for piece in curve.pieces:
        if piece.begin == "inflow":
            again = sample_elements(_started_further_in(curve, piece), curve.coordinate, wanted)
            inside = np.isfinite(again).all(axis=1)
            out[inside] = np.linalg.norm(own[inside] - again[inside], axis=1)
    return out


def _started_further_in(curve: SlowManifold, piece: CurvePiece) -> tuple[Element, ...]:
    """The elements of an inflow piece marched from a quarter of the way in."""
    first, last = piece.extent
    place = int(np.argmin(np.abs(curve.quasi_static.s - (first + 0.25 * (last - first)))))
    length = float(np.linalg.norm(np.diff(curve.quasi_static.states, axis=0), axis=1).sum())
    sinks = [p.point.state for p in curve.points if not p.source]
    low, high = curve.extent
    degree = len(piece.elements[0].coefficients) - 1

    def leaves(x: Array) -> bool:
        return not low <= float(curve.coordinate.of(x)) <= high

    march = March(curve.field, sinks, length / _ELEMENTS, leaves, degree)
    return march.from_inflow(curve.quasi_static.states[place]).elements
