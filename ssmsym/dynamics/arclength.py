"""Pseudo-arclength continuation of a curve of fixed points in one parameter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmsym.dynamics.spectrum import sorted_eigenvalues
from ssmsym.fields.family import ParameterFamily

Array = NDArray[np.float64]

LOST = "no convergence at the smallest step"

_NEWTON_STEPS = 8
_TOLERANCE = 1e-11  # of a Newton step, in scaled length
_OFF_TANGENT = 0.15  # distance from the tangent, relative to the step: beyond it another curve may be met
_SMALLEST_TURN = 0.95  # cosine between successive tangents


@dataclass(frozen=True, eq=False)
class CurvePoint:
    """One point of a curve of fixed points.

    Attributes
    ----------
    state : (N,) array
    value : float
        Of the parameter.
    tangent : (N + 1,) array
        Unit tangent in scaled coordinates, the parameter last.
    eigenvalues : (N,) complex array
        Of Df; for a map of Df - 1, so that fixed points meet at 0.
    residual : float
    orientation : float
        Sign of the determinant of the derivative bordered by the tangent: it changes at branch points only.
    """

    state: Array
    value: float
    tangent: Array
    eigenvalues: NDArray[np.complex128]
    residual: float
    orientation: float


class Curve:
    """Points and tangents of f(x, theta) = 0 in scaled coordinates y = (x / state_scale, theta / value_scale)."""

    def __init__(self, family: ParameterFamily, state_scale: float, value_scale: float) -> None:
        self.family = family
        self._scale = np.append(np.full(family.field.n_states, state_scale), value_scale)

    def scaled(self, state: Array, value: float) -> Array:
        return np.append(state, value) / self._scale

    def _system(self, y: Array) -> tuple[Array, Array]:
        point = y * self._scale
        f, jacobian, slope = self.family.defect(point[:-1], float(point[-1]))
        return f, np.concatenate([jacobian, slope[:, None]], axis=1) * self._scale

    def correct(self, guess: Array, normal: Array) -> tuple[Array, int] | None:
        """The point of the curve on the plane through `guess` across `normal`; None without convergence."""
        y = guess.copy()
        smallest = np.inf
        for step in range(1, _NEWTON_STEPS + 1):
            f, derivative = self._system(y)
            bordered = np.concatenate([derivative, normal[None]])
            right = np.append(-f, -(normal @ (y - guess)))
            try:
                delta = np.linalg.solve(bordered, right)
            except np.linalg.LinAlgError:  # exactly at a branch point
                delta = np.linalg.lstsq(bordered, right, rcond=None)[0]
            y = y + delta
            size = float(np.linalg.norm(delta))
            if not np.isfinite(size) or (step > 3 and size > smallest):
                return (y, step) if smallest < 1e3 * _TOLERANCE else None
            smallest = min(size, smallest)
            if size < _TOLERANCE * (1.0 + float(np.linalg.norm(y))):
                return y, step
        return None

    def tangent(self, y: Array, orientation: Array) -> Array:
        """Unit tangent at a point, along `orientation`."""
        _, derivative = self._system(y)
        bordered = np.concatenate([derivative, orientation[None]])
        right = np.zeros(len(y))
        right[-1] = 1.0
        try:
            direction = np.linalg.solve(bordered, right)
        except np.linalg.LinAlgError:
            direction = np.linalg.svd(derivative)[2][-1]
            direction = direction * np.sign(direction @ orientation)
        return np.asarray(direction / np.linalg.norm(direction))

    def point(self, y: Array, tangent: Array) -> CurvePoint:
        """The point with its eigenvalues."""
        state, value = (y * self._scale)[:-1], float((y * self._scale)[-1])
        f, jacobian, slope = self.family.defect(state, value)
        derivative = np.concatenate([jacobian, slope[:, None]], axis=1) * self._scale
        orientation = float(np.linalg.slogdet(np.concatenate([derivative, tangent[None]]))[0])
        residual = float(np.linalg.norm(f))
        return CurvePoint(state, value, tangent, sorted_eigenvalues(jacobian), residual, orientation)

    def y_of(self, point: CurvePoint) -> Array:
        return self.scaled(point.state, point.value)

    def between(self, a: CurvePoint, b: CurvePoint, share: float) -> CurvePoint | None:
        """The point of the curve above a share (0 to 1) of the chord from `a` to `b`."""
        start, end = self.y_of(a), self.y_of(b)
        chord = end - start
        normal = chord / np.linalg.norm(chord)
        found = self.correct(start + share * chord, normal)
        if found is None:
            return None
        return self.point(found[0], self.tangent(found[0], normal))

    def at_value(self, a: CurvePoint, b: CurvePoint, value: float) -> CurvePoint | None:
        """The point at a parameter value that `a` and `b` enclose."""
        share = (value - a.value) / (b.value - a.value)
        normal = np.zeros(len(a.state) + 1)
        normal[-1] = 1.0
        start, end = self.y_of(a), self.y_of(b)
        guess = start + share * (end - start)
        guess[-1] = value / self._scale[-1]
        found = self.correct(guess, normal)
        if found is None:
            return None
        return self.point(found[0], self.tangent(found[0], a.tangent))


@dataclass(frozen=True, eq=False)
class Trace:
    """A one-sided run along a curve.

    Attributes
    ----------
    points : list of CurvePoint
        From the start on.
    end : str
        Why it stopped.
    """

    points: list[CurvePoint]
    end: str


def trace(
    curve: Curve,
    start: CurvePoint,
    interval: tuple[float, float],
    *,
    first_step: float,
    largest_step: float,
    smallest_step: float,
    max_points: int,
    simple_change: Callable[[CurvePoint, CurvePoint], bool],
    inside: Callable[[Array], bool] | None = None,
) -> Trace:
    """Follow a curve from a point along its tangent until it leaves the interval.

    Parameters
    ----------
    simple_change : callable
        Whether the change between two successive points is simple enough to be understood; else the step
        is halved.
    inside : callable, optional
        Whether a state may still be visited.
    """
    points, step = [start], first_step
    while len(points) < max_points:
        here = points[-1]
        found = _next(curve, here, step)
        if found is None or not simple_change(here, found[0]):
            if step > smallest_step:
                step = 0.5 * step
                continue
            if found is None:
                return Trace(points, LOST)
        assert found is not None
        following, steps, turn = found
        if not interval[0] <= following.value <= interval[1]:
            bound = interval[0] if following.value < interval[0] else interval[1]
            last = curve.at_value(here, following, bound)
            return Trace([*points, last] if last is not None else points, "end of the interval")
        if inside is not None and not inside(following.state):
            return Trace(points, "edge of the trusted region")
        points.append(following)
        if len(points) > 3 and _closed(curve, points):
            return Trace([*points[:-1], start], "closed curve")
        if turn > 0.99 and steps <= 4:
            step = min(1.5 * step, largest_step)
    return Trace(points, "largest number of points")


def _next(curve: Curve, here: CurvePoint, step: float) -> tuple[CurvePoint, int, float] | None:
    y = curve.y_of(here)
    corrected = curve.correct(y + step * here.tangent, here.tangent)
    if corrected is None or np.linalg.norm(corrected[0] - y - step * here.tangent) > _OFF_TANGENT * step:
        return None
    tangent = curve.tangent(corrected[0], here.tangent)
    turn = float(tangent @ here.tangent)
    if turn < _SMALLEST_TURN:
        return None
    return curve.point(corrected[0], tangent), corrected[1], turn


def _closed(curve: Curve, points: list[CurvePoint]) -> bool:
    first, last, before = (curve.y_of(p) for p in (points[0], points[-1], points[-2]))
    ahead = float((first - before) @ points[-2].tangent)
    step = float(np.linalg.norm(last - before))
    return 0.0 < ahead <= step and float(np.linalg.norm(first - last)) <= step
