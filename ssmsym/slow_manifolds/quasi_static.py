"""The quasi-static curve f(x) = r e over a coordinate: it passes exactly through every fixed point that it meets.

It is no invariant curve, and r is not the rate along one; but r changes sign at fixed points and nowhere else, so that
its zeros and folds are those of the field.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmsym.dynamics.fixed_points import FixedPoint, fixed_point_at
from ssmsym.dynamics.newton import polish
from ssmsym.errors import NotConvergedError
from ssmsym.fields.field import VectorField
from ssmsym.slow_manifolds.coordinate import Coordinate

Array = NDArray[np.float64]

_STEPS = 40
_SETTLED = 1e-11  # of a Newton step, relative to the size of the state
_MOST_HALVINGS = 6
_JUMP = 2.0  # of a predicted step: distance from the prediction at which a point lies on another curve
_BATCH = 64
_BATCH_STEPS = 6
_ALMOST = 1e-7


@dataclass(frozen=True, eq=False)
class QuasiStaticCurve:
    """Points of the curve.

    Attributes
    ----------
    s : (M,) array
        Coordinates, ascending.
    states : (M, N) array
    rates : (M,) array
        r of f(x) = r e(s), in 1/time; 0 at fixed points.
    """

    s: Array
    states: Array
    rates: Array


def held_point(
    field: VectorField, coordinate: Coordinate, s: float, guess: Array, rate: float | None = None
) -> tuple[Array, float]:
    """x and r with f(x) = r e on the level set of s, by Newton iteration.

    Raises
    ------
    NotConvergedError
        If the iteration does not settle.
    """
    n = field.n_states
    e, level = coordinate.level_set(s)
    x = np.array(guess)
    r = float(e @ field(x)) if rate is None else rate
    longest = 3.0 * (1.0 + float(np.linalg.norm(x)) / np.sqrt(n))
    bordered = np.zeros((n + 1, n + 1))
    bordered[:n, n], bordered[n, :n] = -e, e
    for _ in range(_STEPS):
        bordered[:n, :n] = field.jacobian(x)
        residual = np.append(field(x) - r * e, e @ x - level)
        try:
            step = -np.linalg.solve(bordered, residual)
        except np.linalg.LinAlgError:
            break
        length = float(np.linalg.norm(step[:n]))
        share = min(1.0, longest / max(length, 1e-300))
        x, r = x + share * step[:n], r + share * float(step[n])
        if length <= _SETTLED * (1.0 + float(np.linalg.norm(x))):
            return x, r
        if not np.isfinite(length):
            break
    raise NotConvergedError(
        f"The quasi-static curve was lost at coordinate {s:.4g}: Newton iteration does not settle there. Take a "
        "shorter extent, or other states to lead it through."
    )


def held_rates(field: VectorField, coordinate: Coordinate, s: Array, guesses: Array, rates: Array) -> Array:
    """r at coordinates s (m,) from good guesses of the states (m, N) and rates (m,), in batched Newton steps.

    Raises
    ------
    NotConvergedError
        If a point does not settle, not even alone.
    """
    out = np.empty(len(s))
    for first in range(0, len(s), _BATCH):
        here = slice(first, min(first + _BATCH, len(s)))
        out[here] = _batch_of_rates(field, coordinate, s[here], guesses[here], rates[here])
    return out


def _batch_of_rates(
    field: VectorField, coordinate: Coordinate, s: Array, guesses: Array, rates: Array
) -> Array:
    m, n = guesses.shape
    sets = [coordinate.level_set(float(v)) for v in s]
    normals, levels = np.array([e for e, _ in sets]), np.array([level for _, level in sets])
    x, r = np.array(guesses), np.array(rates)
    bordered = np.zeros((m, n + 1, n + 1))
    bordered[:, :n, n], bordered[:, n, :n] = -normals, normals
    lengths = np.full(m, np.inf)
    for _ in range(_BATCH_STEPS):
        bordered[:, :n, :n] = field.jacobian(x)
        residual = np.column_stack([field(x) - r[:, None] * normals, (normals * x).sum(axis=1) - levels])
        step = np.linalg.solve(bordered, residual[..., None])[..., 0]
        x, r = x - step[:, :n], r - step[:, n]
        lengths = np.linalg.norm(step[:, :n], axis=1) / (1.0 + np.linalg.norm(x, axis=1))
        if (lengths <= _ALMOST).all():  # the next step, the square of this one, would be a rounding error
            break
    for i in np.flatnonzero(~(lengths <= _ALMOST)):
        r[i] = held_point(field, coordinate, float(s[i]), guesses[i], float(rates[i]))[1]
    return r


def quasi_static_curve(
    field: VectorField, coordinate: Coordinate, s: Array, start: Array
) -> QuasiStaticCurve:
    """The curve at the coordinates s (M,), ascending, continued from the one nearest to a state on or near it.

    Raises
    ------
    NotConvergedError
        If it is lost.
    """
    first = int(np.argmin(np.abs(s - coordinate.of(start))))
    states, rates = np.empty((len(s), field.n_states)), np.empty(len(s))
    states[first], rates[first] = held_point(field, coordinate, s[first], start)
    for step in (1, -1):
        previous = None
        place = first
        while 0 <= place + step < len(s):
            here = (float(s[place]), states[place], float(rates[place]))
            there = float(s[place + step])
            states[place + step], rates[place + step] = _continued(field, coordinate, here, previous, there)
            previous, place = here, place + step
    return QuasiStaticCurve(s, states, rates)


Point = tuple[float, Array, float]


def _continued(
    field: VectorField, coordinate: Coordinate, here: Point, previous: Point | None, s: float, depth: int = 0
) -> tuple[Array, float]:
    """The point at s by secant prediction; the step is halved where that does not lead to it."""
    guess, rate = here[1], here[2]
    if previous is not None and previous[0] != here[0]:
        share = (s - here[0]) / (here[0] - previous[0])
        guess, rate = guess + share * (here[1] - previous[1]), rate + share * (here[2] - previous[2])
    try:
        found = held_point(field, coordinate, s, guess, rate)
        predicted = float(np.linalg.norm(guess - here[1]))
        if previous is not None and np.linalg.norm(found[0] - guess) > _JUMP * predicted:
            raise NotConvergedError(
                f"The quasi-static curve turns back near coordinate {s:.4g}, or another lies near. Take the arclength "
                "as coordinate, a shorter extent, or another direction."
            )
        return found
    except NotConvergedError:
        if depth >= _MOST_HALVINGS:
            raise
        middle = 0.5 * (here[0] + s)
        between = (middle, *_continued(field, coordinate, here, previous, middle, depth + 1))
        return _continued(field, coordinate, between, here, s, depth + 1)


@dataclass(frozen=True, eq=False)
class PointOnCurve:
    """A fixed point on the curve.

    Attributes
    ----------
    s : float
    point : FixedPoint
    source : bool
        Whether the flow along the curve leaves it; a sink otherwise.
    """

    s: float
    point: FixedPoint
    source: bool


def fixed_points_on(
    field: VectorField, coordinate: Coordinate, curve: QuasiStaticCurve
) -> list[PointOnCurve]:
    """The fixed points at the sign changes of r, polished, by coordinate."""
    found = []
    signs = np.where(curve.rates >= 0, 1, -1)
    if coordinate.periodic:
        signs[-1] = signs[0]  # one point; where it is fixed, rounding errors have two opinions
    for i in np.flatnonzero(signs[1:] != signs[:-1]):
        share = curve.rates[i] / (curve.rates[i] - curve.rates[i + 1])
        guess = (1 - share) * curve.states[i] + share * curve.states[i + 1]
        state, residual = polish(field, guess, max_steps=30)
        point = fixed_point_at(field, state, residual=residual)
        found.append(PointOnCurve(float(coordinate.of(state)), point, bool(signs[i] < 0)))
    return found
