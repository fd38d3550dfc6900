"""``slow_manifold``: the whole slow curve through given states, at one parameter value or over an interval."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmsym.dynamics.fixed_points import FixedPoint
from ssmsym.errors import InputError, NotConvergedError, SsmsymWarning
from ssmsym.fields.field import VectorField
from ssmsym.slow_manifolds.arc import chain_arc
from ssmsym.slow_manifolds.assembly import march_curve
from ssmsym.slow_manifolds.coordinate import Angle, Line
from ssmsym.slow_manifolds.curve import SlowManifold
from ssmsym.slow_manifolds.interval import SlowManifoldFamily, curves_over_interval, widened
from ssmsym.slow_manifolds.map_curve import MapSlowManifold, contracted_by_map
from ssmsym.threads import single_blas_thread

Array = NDArray[np.float64]

_POINTS = 241  # of the quasi-static curve
_ROUND = 721  # angles of a closed one
_MARGIN = 0.02  # of the extent, beyond the outermost states
_FIXED = 1e-6  # of the Jacobian's norm: speed of a fixed point
_SAME = 1e-6  # of the states' size: distance of two points that are one
_FAR = 1.5  # times the distance of the farthest state from their mean
_WIDER_MARGIN = 0.06  # over a parameter interval, along which the outermost fixed points may vanish


@single_blas_thread()
def slow_manifold(
    field: VectorField,
    through: Sequence[FixedPoint] | ArrayLike,
    *,
    parameter: str | None = None,
    interval: tuple[float, float] | None = None,
    values: int = 33,
    extent: tuple[float, float] | None = None,
    direction: ArrayLike | None = None,
    closed: bool = False,
    arclength: bool = False,
    degree: int = 10,
    progress: Callable[[int, int], None] | None = None,
) -> SlowManifold | SlowManifoldFamily | MapSlowManifold:
    """The whole slow invariant curve along the line through some states.

    A Taylor series around one fixed point ends at its radius of convergence. Here the curve is found as a whole, in
    three steps: the quasi-static curve f(x) = r e over s = e . x, which meets every fixed point on the line exactly;
    from every saddle on it, and from every end where the flow comes in, elements along the flow that solve the
    invariance equation; and the evidence. No fixed point is needed.

    Parameters
    ----------
    field : VectorField
        At its own parameter values. Of a map without an `extent`, the curve between its outermost fixed points, which
        must be stable along it.
    through : sequence of FixedPoint, (n, N) states or (n, M, N) trajectories
        States on or near the curve. The coordinate is s = e . x with e from the one to the other of the two that lie
        farthest apart (of trajectories, and where a direction is given, see there).
    parameter : str, optional
        A parameter to vary over the `interval`: the curves at Chebyshev points of it, the rate r(s; u) as a series in
        both, and all folds of its zero set. A path between two settings of several parameters is made one by
        :meth:`~ssmsym.VectorField.along`.
    interval : (low, high), optional
        Absolute values.
    values : int
        Number of parameter values.
    extent : (low, high), optional
        Of s; by default that of the states with a margin.
    direction : (N,) array, optional
        e; by default the first principal direction of trajectories, or that between the outermost states. With one
        state alone, its leading eigenvector.
    closed : bool
        Whether the curve is closed about the mean of the states: the coordinate is then the angle in the plane of
        their first two principal directions.
    arclength : bool
        Whether the coordinate is the arclength of the quasi-static curve, which may then turn back in e . x; it is
        followed both ways until it leaves what the states span in their own direction. Without a parameter and an
        extent this is also done where the curve is lost over e . x, or over a given direction misses fixed points
        among the states.
    degree : int
        Of the elements.
    progress : callable, optional
        Called with the numbers of parameter values done and planned.

    Returns
    -------
    SlowManifold; SlowManifoldFamily with a parameter; MapSlowManifold of a map

    Warns
    -----
    SsmsymWarning
        If the curve turns back in e . x, so that its coordinate is the arclength unasked.

    Raises
    ------
    InputError
        If an argument does not fit.
    NotConvergedError
        If the quasi-static curve is lost, or a map's curve does not stand still.
    """
    if not isinstance(field, VectorField):
        raise InputError(f"Slow manifolds are those of a field; found {type(field).__name__}.")
    if field.n_states < 2:
        raise InputError("A curve needs room around it: the field must have two states or more.")
    if field.is_map and (closed or arclength):
        raise InputError(
            "Closed curves, and curves by arclength, are computed for flows; load the network as a flow."
        )
    states, trajectories = _states(field, through)
    if closed:
        if parameter is not None or extent is not None or direction is not None:
            raise InputError(
                "A closed curve is computed at one parameter value, over all angles; leave out the rest."
            )
        angle = _angle(states)
        return march_curve(field, angle, np.linspace(-np.pi, np.pi, _ROUND), states[0], degree=degree)
    line = _line(field, states, direction, trajectories=trajectories)
    if arclength:
        if parameter is not None or extent is not None:
            raise InputError(
                "By arclength a curve is computed at one parameter value, as far as the states reach; leave out "
                "'parameter' and 'extent'."
            )
        return _by_arclength(field, states, line, degree)
    low, high = _extent(line, states, extent, _MARGIN if parameter is None else _WIDER_MARGIN)
    s = np.linspace(low, high, _POINTS)
    start = states[np.argsort(line.of(states))[len(states) // 2]]
    if parameter is None:
        if interval is not None:
            raise InputError("An 'interval' belongs to a 'parameter'; name the parameter too.")
        if field.is_map:
            return _map_curve(field, line, s, start, extent, degree)
        may_turn = extent is None and len(states) > 1
        try:
            curve = march_curve(field, line, s, start, degree=degree)
        except NotConvergedError:
            if not may_turn:
                raise
            return _turned(None, field, states, line, degree)
        return _turned(curve, field, states, line, degree) if may_turn and direction is not None else curve
    if interval is None:
        raise InputError(f"The parameter '{parameter}' needs an 'interval' of absolute values.")
    return curves_over_interval(
        field, line, s, start, parameter, interval, values=values, degree=degree, progress=progress
    )


def _map_curve(
    field: VectorField,
    line: Line,
    s: Array,
    start: Array,
    extent: tuple[float, float] | None,
    degree: int,
) -> MapSlowManifold:
    """Between stable outermost fixed points, or over a given extent."""
    if extent is None:
        return contracted_by_map(field, march_curve(field.as_flow(), line, s, start, degree=degree), degree)
    curve = march_curve(field.as_flow(), line, widened(s), start, degree=degree)
    return contracted_by_map(field, curve, degree, (float(s[0]), float(s[-1])))


def _turned(
    curve: SlowManifold | None, field: VectorField, states: Array, line: Line, degree: int
) -> SlowManifold:
    """The curve, or where it misses given fixed points that another meets by arclength, that one."""
    fixed = [x for x in states if np.linalg.norm(field(x)) < _FIXED * np.linalg.norm(field.jacobian(x))]
    met = 0 if curve is None else _met(curve, fixed)
    if curve is not None and met == len(fixed):
        return curve
    try:
        other = _by_arclength(field, states, line, degree)
    except NotConvergedError:
        if curve is None:
            raise
        return curve
    if curve is not None and _met(other, fixed) <= met:
        return curve
    warnings.warn(
        "The curve turns back in the direction of its coordinate; the arclength is taken in its place.",
        SsmsymWarning,
        stacklevel=4,
    )
    return other


def _met(curve: SlowManifold, fixed: list[Array]) -> int:
    scale = 1.0 + max((float(np.linalg.norm(x)) for x in fixed), default=0.0)
    return sum(any(np.linalg.norm(x - p.point.state) < _SAME * scale for p in curve.points) for x in fixed)


def _by_arclength(field: VectorField, states: Array, line: Line, degree: int) -> SlowManifold:
    """The curve over its own arclength, as far as the states reach along the line through the outermost two."""
    if len(states) < 2:
        raise InputError("By arclength a curve is followed as far as the states reach; give two or more.")
    own = _line(field, states, None, trajectories=False)
    low, high = _extent(own, states, None, _MARGIN)
    start = states[np.argsort(own.of(states))[len(states) // 2]]
    centre = states.mean(axis=0)
    far = _FAR * float(np.linalg.norm(states - centre, axis=1).max())

    def inside(x: Array) -> bool:
        return low <= float(own.of(x)) <= high and float(np.linalg.norm(x - centre)) <= far

    arc = chain_arc(field, line.direction, start, inside, high - low, degree)
    margin = _MARGIN * arc.knots[-1]
    s = np.linspace(-margin, arc.knots[-1] + margin, _POINTS)
    return march_curve(field, arc, s, arc.states[len(arc.states) // 2], degree=degree)


def _states(field: VectorField, through: Any) -> tuple[Array, bool]:
    """The states as rows, and whether they came as trajectories."""
    if isinstance(through, FixedPoint):
        through = [through]
    if isinstance(through, Sequence) and all(isinstance(p, FixedPoint) for p in through):
        through = np.array([p.state for p in through])
    try:
        array = np.asarray(through, dtype=float)
    except (TypeError, ValueError):
        raise InputError(
            f"'through' must be fixed points or an array of numbers; found {type(through).__name__}."
        ) from None
    if not array.ndim:
        raise InputError(f"'through' must be fixed points or an array of states; found the number {array}.")
    states = np.atleast_2d(array.reshape(-1, array.shape[-1]) if array.ndim == 3 else array)
    if states.ndim != 2 or not len(states) or states.shape[1] != field.n_states:
        raise InputError(
            f"'through' has shape {array.shape}; expected fixed points, states (n, {field.n_states}) or trajectories "
            f"(n, M, {field.n_states})."
        )
    if not np.isfinite(states).all():
        raise InputError("'through' holds numbers that are not finite.")
    return states, array.ndim == 3


def _angle(states: Array) -> Angle:
    centre = states.mean(axis=0)
    values, rows = np.linalg.svd(states - centre, full_matrices=False)[1:]
    if len(values) < 2 or values[1] < 1e-3 * values[0]:
        raise InputError("A closed curve needs states all round it; these lie on a line.")
    return Angle(centre, rows[:2])


def _line(field: VectorField, states: Array, direction: ArrayLike | None, *, trajectories: bool) -> Line:
    origin = np.zeros(field.n_states)
    if direction is not None:
        e = np.asarray(direction, dtype=float)
        if e.shape != (field.n_states,) or not 0 < np.linalg.norm(e) < np.inf:
            raise InputError(f"'direction' must be a vector of shape ({field.n_states},) that is not 0.")
    elif trajectories:
        e = np.linalg.svd(states - states.mean(axis=0), full_matrices=False)[2][0]
    elif len(states) == 1:
        values, vectors = np.linalg.eig(field.jacobian(states[0]))
        leading = int(np.argmax(np.abs(values) if field.is_map else values.real))
        if abs(values[leading].imag) > 0:
            raise InputError(
                f"The leading eigenvalue {values[leading]:.4g} at this state is one of a complex pair, which has no "
                "direction; give a 'direction', more states, or take ssmsym.slow_surface."
            )
        e = vectors[:, leading].real
    else:
        distances = np.linalg.norm(states[:, None] - states, axis=2)
        first, last = np.unravel_index(int(distances.argmax()), distances.shape)
        e = states[last] - states[first]
    return Line(e / np.linalg.norm(e), origin)


def _extent(
    line: Line, states: Array, extent: tuple[float, float] | None, margin: float
) -> tuple[float, float]:
    if extent is not None:
        low, high = (float(v) for v in extent)
        if not (np.isfinite([low, high]).all() and low < high):
            raise InputError(f"'extent' must be two finite numbers, the lower first; found {extent!r}.")
        return low, high
    s = line.of(states)
    low, high = float(s.min()), float(s.max())
    if not high > low:
        raise InputError(
            f"One state alone does not tell how far the curve reaches; give an 'extent' around s = {low:.4g}."
        )
    return low - margin * (high - low), high + margin * (high - low)
