"""Slow manifolds over an interval of one parameter: rates as a surface, and all its folds."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmsym.dynamics.locate import locate_fold
from ssmsym.errors import InputError, NotConvergedError
from ssmsym.fields.family import ParameterFamily
from ssmsym.fields.field import VectorField
from ssmsym.slow_manifolds.assembly import march_curve
from ssmsym.slow_manifolds.coordinate import Coordinate
from ssmsym.slow_manifolds.curve import SlowManifold
from ssmsym.slow_manifolds.elements import lobatto
from ssmsym.slow_manifolds.map_curve import MapSlowManifold, contracted_by_map
from ssmsym.slow_manifolds.quasi_static import held_point, held_rates, quasi_static_curve
from ssmsym.slow_manifolds.rate_surface import RateSurface, rate_surface

Array = NDArray[np.float64]

_PIECES = 60  # of s
_MOST_WORKERS = 4
MAP_MARGIN = 0.06  # of the extent
_DEGREE = 10  # of the surface in s on each piece
_SAME = 1e-3  # of the interval: distance from a fold of r to its polished counterpart


@dataclass(frozen=True, eq=False)
class FoldOnCurve:
    """A fold of the zero set of r(s; u), and the field's own.

    Attributes
    ----------
    s, predicted : float
        Where the surface has it.
    parameter : float
        Where the field has it: f = 0, A v = 0, |v| = 1 by Newton iteration; NaN if that did not settle.
    state : (N,) array
    residual : float
        Norm of f there.
    confirmed : bool
        Whether it lies where it was predicted.
    """

    s: float
    predicted: float
    parameter: float
    state: Array
    residual: float
    confirmed: bool


@dataclass(frozen=True, eq=False)
class SlowManifoldFamily:
    """Slow manifolds at Chebyshev points of a parameter interval, and the rate over both.

    Attributes
    ----------
    field : VectorField
    parameter : str
    interval : (low, high)
    values : (n,) array
        Parameter values of the curves.
    curves : tuple of SlowManifold, or of MapSlowManifold
    rate : RateSurface
        r(s; u) on the invariant curves; of a map the advance R(s; u) - s in one step.
    quasi_static_rate : RateSurface
        That of the quasi-static curves, which has the same zeros.
    uncovered : int
        Points of the surface where no invariant curve was found and the quasi-static rate stands in.
    """

    field: VectorField
    parameter: str
    interval: tuple[float, float]
    values: Array
    curves: tuple[SlowManifold | MapSlowManifold, ...]
    rate: RateSurface
    quasi_static_rate: RateSurface
    uncovered: int

    @property
    def coordinate(self) -> Coordinate:
        return self.curves[0].coordinate

    @functools.cached_property
    def folds(self) -> tuple[FoldOnCurve, ...]:
        """All folds inside the interval and the extent, each polished on the full field."""
        return tuple(self._polished(u, s) for u, s in self.rate.folds())

    def fixed_points(self, value: float) -> Array:
        """Coordinates of the fixed points on the curve at one parameter value, ascending."""
        return self.quasi_static_rate.zeros(value)

    @property
    def statement(self) -> str:
        """What the list of folds claims, and how the two surfaces agree about it."""
        other = self.quasi_static_rate.folds()
        own = self.rate.folds()
        agree = len(own) == len(other)
        distance = (
            max((abs(a[0] - b[0]) for a, b in zip(own, other, strict=True)), default=0.0) if agree else np.nan
        )
        consistency = (
            f"both surfaces agree (largest difference {distance:.1e})"
            if agree
            else f"the quasi-static surface shows {len(other)}: the list is not to be trusted"
        )
        low, high = self.rate.breaks[[0, -1]]
        return (
            f"{len(own)} folds for {self.parameter} from {self.interval[0]:g} to {self.interval[1]:g} and s from "
            f"{low:.4g} to {high:.4g}; {consistency}. Fixed points off the curve are not looked for."
        )

    def _polished(self, u: float, s: float) -> FoldOnCurve:
        nearest = self.curves[int(np.argmin(np.abs(self.values - u)))].quasi_static
        guess = nearest.states[int(np.argmin(np.abs(nearest.s - s)))]
        flow = ParameterFamily(_as_flow(self.field), self.parameter).at(u)
        try:
            state, _ = held_point(flow, self.coordinate, s, guess)
            vector = np.linalg.svd(flow.jacobian(state))[2][-1]
            found = locate_fold(ParameterFamily(self.field, self.parameter), state, u, vector)
        except NotConvergedError:
            return FoldOnCurve(s, u, float("nan"), guess, float("nan"), False)
        near = abs(found.value - u) <= _SAME * (self.interval[1] - self.interval[0])
        return FoldOnCurve(s, u, found.value, found.state, found.residual, bool(near))

    @property
    def errors(self) -> Array:
        """Relative invariance errors of all pieces of all curves; of maps, of all curves."""
        return np.array(
            [
                error
                for curve in self.curves
                for error in (
                    [curve.invariance_error()]
                    if isinstance(curve, MapSlowManifold)
                    else [piece.errors[0] for piece in curve.pieces]
                )
            ]
        )

    def __repr__(self) -> str:
        low, high = self.interval
        return (
            f"SlowManifoldFamily({self.field.n_states} states, {self.parameter} from {low:g} to {high:g}, "
            f"{len(self.values)} curves, {len(self.folds)} folds)"
        )


def curves_over_interval(
    field: VectorField,
    coordinate: Coordinate,
    s: Array,
    start: Array,
    parameter: str,
    interval: tuple[float, float],
    *,
    values: int,
    degree: int,
    progress: Callable[[int, int], None] | None,
) -> SlowManifoldFamily:
    """Curves at Lobatto points of the interval, from the field's own value outwards.

    Of a map the quasi-static curves are those of the ODE of which it is the Euler map, over a wider range.
    """
    low, high = _checked(field, parameter, interval, values)
    family = ParameterFamily(_as_flow(field), parameter)
    maps = ParameterFamily(field, parameter)
    at = 0.5 * (low + high) + 0.5 * (high - low) * lobatto(values - 1)[0]
    breaks = np.linspace(s[0], s[-1], _PIECES + 1)
    sampled = (breaks[:-1, None] + np.diff(breaks)[:, None] * 0.5 * (1 + lobatto(_DEGREE)[0])).ravel()
    first = int(np.argmin(np.abs(at - float(field.parameters[parameter]))))
    starts = _starts(family, coordinate, float(s[len(s) // 2]), at, first, start)
    ordered, rates = [], []

    def at_value(place: int) -> tuple[SlowManifold | MapSlowManifold, Array, Array]:
        member, start = family.at(at[place]), starts[place]
        if not field.is_map:
            curve = march_curve(member, coordinate, s, start, degree=degree)
            return curve, _still_rates(curve, sampled), curve.rate(sampled)
        wide = march_curve(member, coordinate, widened(s), start, degree=degree)
        contracted = contracted_by_map(maps.at(at[place]), wide, degree, (float(s[0]), float(s[-1])))
        return contracted, _still_rates(wide, sampled), contracted.rate(sampled)

    # threads, as most of the time goes into factorisations, which let others run
    with ThreadPoolExecutor(max_workers=min(_MOST_WORKERS, os.cpu_count() or 1)) as pool:
        for curve, *both in pool.map(at_value, range(values)):
            ordered.append(curve)
            rates.append(both)
            if progress is not None:
                progress(len(ordered), values)
    still, slow = (np.array(part) for part in zip(*rates, strict=True))
    uncovered = np.isnan(slow)
    slow[uncovered] = still[uncovered]
    shape = (values, _PIECES, _DEGREE + 1)
    return SlowManifoldFamily(
        field,
        parameter,
        (low, high),
        at,
        tuple(ordered),
        rate_surface(breaks, (low, high), slow.reshape(shape)),
        rate_surface(breaks, (low, high), still.reshape(shape)),
        int(uncovered.sum()),
    )


def _as_flow(field: VectorField) -> VectorField:
    return field.as_flow() if field.is_map else field


def widened(s: Array) -> Array:
    """The coordinates with a margin on both sides, in which a map's curve is started."""
    margin = MAP_MARGIN * float(s[-1] - s[0])
    return np.linspace(s[0] - margin, s[-1] + margin, len(s))


def _checked(
    field: VectorField, parameter: str, interval: tuple[float, float], values: int
) -> tuple[float, float]:
    if parameter not in field.parameters:
        known = ", ".join(f"'{name}'" for name in field.parameters) or "none"
        raise InputError(f"There is no parameter '{parameter}' in this field; it has {known}.")
    low, high = (float(v) for v in interval)
    if not (np.isfinite([low, high]).all() and low < high):
        raise InputError(f"'interval' must be two finite numbers, the lower first; found {interval!r}.")
    if not isinstance(values, (int, np.integer)) or values < 3:
        raise InputError(f"'values' must be an integer of at least 3; found {values!r}.")
    return low, high


def _starts(
    family: ParameterFamily, coordinate: Coordinate, s: float, values: Array, first: int, state: Array
) -> dict[int, Array]:
    """A state of the quasi-static curve at one coordinate for each value, followed from the first outwards."""
    nearest = quasi_static_curve(family.at(values[first]), coordinate, _steps(coordinate, state, s), state)
    starts = {first: nearest.states[int(np.argmin(np.abs(nearest.s - s)))]}
    for step in (1, -1):
        place = first + step
        while 0 <= place < len(values):
            starts[place] = held_point(family.at(values[place]), coordinate, s, starts[place - step])[0]
            place += step
    return starts


def _steps(coordinate: Coordinate, state: Array, s: float) -> Array:
    """Coordinates from that of a state to s, ascending, in steps that Newton iteration can take."""
    own = float(coordinate.of(state))
    return np.linspace(min(own, s), max(own, s), 41) if own != s else np.array([s])


def _still_rates(curve: SlowManifold, s: ArrayLike) -> Array:
    """Rates of the quasi-static curve at coordinates s, solved from its spline."""
    from scipy.interpolate import CubicSpline

    still = curve.quasi_static
    guess = CubicSpline(still.s, np.column_stack([still.states, still.rates]))(s)
    return held_rates(curve.field, curve.coordinate, np.asarray(s), guess[:, :-1], guess[:, -1])
