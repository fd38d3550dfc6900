"""A slow manifold as maps of its coordinate: the rate r(s; mu), the states W(s; mu) and the readout, on pieces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import InputError
from ssmsym.fields.family import ParameterFamily
from ssmsym.fields.field import VectorField
from ssmsym.series.piecewise import PiecewiseChebyshev
from ssmsym.slow_manifolds.coordinate import Coordinate
from ssmsym.slow_manifolds.curve import SlowManifold
from ssmsym.slow_manifolds.elements import lobatto
from ssmsym.slow_manifolds.interval import SlowManifoldFamily
from ssmsym.slow_manifolds.map_curve import MapSlowManifold

Array = NDArray[np.float64]

_DEGREE = 12  # of the pieces of one curve, whose elements are polynomials in another variable
_SAME = 1e-7  # of the extent: ends of elements that are one
_NEGLIGIBLE = 1e-11  # of the largest value: coefficients that are left out over a parameter interval
_CHECKED = 200  # places at which the maps are held against the field


@dataclass(frozen=True, eq=False)
class CurveChart:
    """Maps of the coordinate s, followed by the parameters' offsets from the field's own values.

    Attributes
    ----------
    field : VectorField
    coordinate : Coordinate
    rate : PiecewiseChebyshev
        ds/dt, in 1/time; of a map the coordinate after one step.
    states : PiecewiseChebyshev
    readout : PiecewiseChebyshev or None
    parameters : mapping of str to float
        Values at zero offset.
    evidence : mapping
        Numbers, ready for JSON: ``range`` of s and ``parameter_range``, within which the maps hold;
        ``invariance_error``, the largest of |f(W) - W_s r| (of a map |F(W) - W(R)|) at 200 places between the points
        through which the maps go, relative to the largest speed; ``curve_errors`` of the pieces.
    """

    field: VectorField
    coordinate: Coordinate
    rate: PiecewiseChebyshev
    states: PiecewiseChebyshev
    readout: PiecewiseChebyshev | None
    parameters: Mapping[str, float]
    evidence: Mapping[str, Any]


def chart_of(curve: SlowManifold | SlowManifoldFamily | MapSlowManifold) -> CurveChart:
    """The maps of a curve, or of curves over a parameter interval.

    Raises
    ------
    InputError
        If a curve does not cover its extent.
    """
    if isinstance(curve, SlowManifoldFamily):
        return _family_chart(curve)
    if isinstance(curve, SlowManifold) and curve.missed:
        places = ", ".join(f"{p.s:.4g}" for p in curve.missed)
        raise InputError(
            f"The curve passes by its fixed point(s) at s = {places}, so that no model of one coordinate holds there; "
            "see its report."
        )
    breaks, periodic = _breaks(curve)
    t, _, to_coefficients = lobatto(_DEGREE)
    s = (0.5 * (breaks[:-1] + breaks[1:])[:, None] + 0.5 * np.diff(breaks)[:, None] * t).ravel()
    states = _covered(curve, s)
    field = curve.field
    moved = field(states)
    rates = curve.coordinate.of(moved) if field.is_map else curve.coordinate.speed(states, moved)

    def piecewise(values: Array) -> PiecewiseChebyshev:
        tensor = np.einsum("kj,mjo->mko", to_coefficients, values.reshape(len(breaks) - 1, len(t), -1))
        return _piecewise(breaks, np.empty((0, 2)), tensor, periodic)

    readout = piecewise(field.readout(states)) if field.readout_equations else None
    errors = (
        [curve.invariance_error()]
        if isinstance(curve, MapSlowManifold)
        else [p.errors[0] for p in curve.pieces]
    )
    maps = piecewise(rates[:, None]), piecewise(states), readout
    return _chart(field, curve.coordinate, maps, {}, {"curve_errors": [float(e) for e in errors]})


def _covered(curve: SlowManifold | MapSlowManifold, s: Array) -> Array:
    states = curve.sample(s)
    known = np.isfinite(states).all(axis=1)
    if not known.all():
        gap = s[~known]
        raise InputError(
            f"There is no smooth curve between s = {gap.min():.4g} and {gap.max():.4g}, so that a model of the whole "
            "is not defined there; compute it over another 'extent'."
        )
    return states


def _breaks(curve: SlowManifold | MapSlowManifold) -> tuple[Array, bool]:
    """Ends of the elements, the fixed points among them."""
    if isinstance(curve, MapSlowManifold):
        return curve.breaks, False
    elements = [e for piece in curve.pieces for e in piece.elements]
    if not elements:
        raise InputError("This curve has no pieces, so that there is nothing to make a model of.")
    ends = np.sort([float(curve.coordinate.of(e.at(v))) for e in elements for v in (-1.0, 1.0)])
    periodic = curve.coordinate.periodic
    if not periodic:
        low, high = curve.extent
        ends = np.clip(ends, low, high)
    apart = np.append(True, np.diff(ends) > _SAME * (ends[-1] - ends[0]))
    ends = ends[apart]
    if periodic:
        first = ends[0]
        ends = np.append(ends[ends < first + 2 * np.pi * (1.0 - _SAME)], first + 2 * np.pi)
    return ends, periodic


def _family_chart(family: SlowManifoldFamily) -> CurveChart:
    own = float(family.field.parameters[family.parameter])
    box = np.array([family.interval]) - own
    breaks = family.rate.breaks
    n_s = family.rate.coefficients.shape[2]
    t, _, in_s = lobatto(n_s - 1)
    in_u = lobatto(len(family.values) - 1)[2]
    s = (0.5 * (breaks[:-1] + breaks[1:])[:, None] + 0.5 * np.diff(breaks)[:, None] * t).ravel()
    states = np.array([_with_quasi_static(curve, s) for curve in family.curves])

    def through(values: Sequence[Array]) -> PiecewiseChebyshev:
        shaped = np.asarray(values).reshape(len(family.values), len(breaks) - 1, n_s, -1)
        tensor = np.einsum("ui,imjo,kj->mkuo", in_u, shaped, in_s, optimize=True)
        return _piecewise(breaks, box, tensor, periodic=False)

    readout = None
    if family.field.readout_equations:
        members = [curve.field for curve in family.curves]
        readout = through([m.readout(x) for m, x in zip(members, states, strict=True)])
    advance = np.array(np.swapaxes(family.rate.coefficients, 1, 2)[..., None])
    if family.field.is_map:  # the coordinate itself is T_0 times the middle plus T_1 times half the width
        advance[:, 0, 0, 0] += 0.5 * (breaks[:-1] + breaks[1:])
        advance[:, 1, 0, 0] += 0.5 * np.diff(breaks)
    rate = _piecewise(breaks, box, advance, periodic=False)
    numbers = {
        "curve_errors": [float(e) for e in family.errors],
        "uncovered": family.uncovered,
        "folds": [{"parameter": f.parameter, "predicted": f.predicted, "p": f.s} for f in family.folds],
    }
    return _chart(
        family.field,
        family.coordinate,
        (rate, through(list(states)), readout),
        {family.parameter: own},
        numbers,
    )


def _piecewise(breaks: Array, box: Array, tensor: Array, periodic: bool) -> PiecewiseChebyshev:
    """The map with coefficients (m, k0, k1, ..., n), made continuous, so that no zero is lost in a jump at a break."""
    if len(box):
        tensor = np.where(np.abs(tensor) > _NEGLIGIBLE * float(np.abs(tensor).max()), tensor, 0.0)
    signs = (-1.0) ** np.arange(tensor.shape[1])
    first, last = np.einsum("k,mk...->m...", signs, tensor), tensor.sum(axis=1)
    wanted_first, wanted_last = first.copy(), last.copy()
    wanted_first[1:] = wanted_last[:-1] = 0.5 * (first[1:] + last[:-1])
    if periodic:
        wanted_first[0] = wanted_last[-1] = 0.5 * (first[0] + last[-1])
    at_first, at_last = wanted_first - first, wanted_last - last
    tensor[:, 0] += 0.5 * (at_first + at_last)
    tensor[:, 1] += 0.5 * (at_last - at_first)
    return PiecewiseChebyshev.from_tensor(breaks, box, tensor, periodic=periodic)


def _with_quasi_static(curve: SlowManifold | MapSlowManifold, s: Array) -> Array:
    """States on a curve; where it is not covered, those of the quasi-static curve."""
    from scipy.interpolate import CubicSpline

    states = curve.sample(s)
    missing = ~np.isfinite(states).all(axis=1)
    if missing.any():
        states[missing] = CubicSpline(curve.quasi_static.s, curve.quasi_static.states)(s[missing])
    return states


def _chart(
    field: VectorField,
    coordinate: Coordinate,
    maps: tuple[PiecewiseChebyshev, PiecewiseChebyshev, PiecewiseChebyshev | None],
    parameters: dict[str, float],
    numbers: dict[str, Any],
) -> CurveChart:
    rate, states, readout = maps
    ranges = {
        name: [float(low + own), float(high + own)]
        for (name, own), (low, high) in zip(parameters.items(), rate.box, strict=True)
    }
    evidence = {
        "range": list(rate.extent),
        "periodic": rate.periodic,
        "parameter_range": ranges,
        "invariance_error": _invariance_error(field, rate, states, parameters),
        **numbers,
    }
    return CurveChart(field, coordinate, rate, states, readout, parameters, evidence)


def _invariance_error(
    field: VectorField, rate: PiecewiseChebyshev, states: PiecewiseChebyshev, parameters: Mapping[str, float]
) -> float:
    rng = np.random.default_rng(0)
    low, high = np.array([rate.extent, *rate.box]).T
    worst = fastest = 0.0
    for z in low + (high - low) * rng.uniform(size=(_CHECKED, len(low))):
        member = field
        for (name, own), offset in zip(parameters.items(), z[1:], strict=True):
            member = ParameterFamily(field, name).at(own + offset)
        x, r = states(z), float(rate(z)[0])
        if field.is_map:
            if not rate.inside(np.append(r, z[1:])):
                continue
            error, speed = member(x) - states(np.append(r, z[1:])), member(x) - x
        else:
            speed = member(x)
            error = speed - states.jacobian(z)[:, 0] * r
        worst = max(worst, float(np.linalg.norm(error)))
        fastest = max(fastest, float(np.linalg.norm(speed)))
    return worst / fastest if fastest else 0.0
