"""Branches of fixed points over a parameter interval, from all fixed points that are found there."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmsym.dynamics.arclength import LOST, Curve, CurvePoint, Trace, trace
from ssmsym.dynamics.critical import StabilityLimit, limit_of, trained_limit
from ssmsym.dynamics.diagram import BifurcationDiagram, Branch, RejectedEvent, SpecialPoint
from ssmsym.dynamics.events import STEADY, is_simple, locate, without_repetitions
from ssmsym.dynamics.fixed_points import FixedPoint, find_fixed_points
from ssmsym.dynamics.hidden_events import with_middles
from ssmsym.dynamics.newton import polish
from ssmsym.errors import InputError, SsmsymWarning
from ssmsym.fields.family import ParameterFamily
from ssmsym.fields.field import VectorField
from ssmsym.fields.known_range import check_interval
from ssmsym.threads import single_blas_thread

Array = NDArray[np.float64]
Start = tuple[Array, float]

_SAME_POINT = 1e-5  # distance, relative to the size of the states, at which points count as one
_SMALLEST_STEP = 1e-6
_AT_ORIGIN = 1e-8  # size of a state, relative to its response to the parameter
_SEARCHED = (0.5, 0.0, 1.0, 0.25, 0.75)  # places in the interval at which fixed points are searched


@single_blas_thread()
def trace_branches(
    field: VectorField,
    parameter: str,
    interval: tuple[float, float],
    *,
    points: Sequence[FixedPoint | ArrayLike] | None = None,
    starts: int = 256,
    seed: int | None = 0,
    largest_step: float = 0.05,
    max_points: int = 2000,
    inside: Callable[[Array], bool] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> BifurcationDiagram:
    """Branches of fixed points in one parameter, with folds, branch points and where stability changes else.

    Of a flow these are Hopf points; of a map, whose fixed points are the zeros of f(x) - x, flips and
    Neimark-Sacker points. Pseudo-arclength continuation both ways from every start that no earlier branch
    holds. Every event is located along the curve by Brent's method and listed only with its evidence: it lies
    in the interval and its critical eigenvalue on the imaginary axis (of a map: its multiplier on the unit
    circle); what fails is listed as rejected. Of a flow that was trained as an Euler map, the flips and
    Neimark-Sacker points of that map are located in the same way: `euler_map_points`.

    Parameters
    ----------
    field : VectorField
        A flow or a map.
    parameter : str
    interval : (low, high)
        Absolute values.
    points : sequence, optional
        Fixed points at the field's own parameter value; by default all that are found at both ends, in the
        middle and at the quarters of the interval. A closed branch between these places is not found.
    starts, seed
        Of that search.
    largest_step : float
        In units of the interval and of the states' spread.
    max_points : int
        Of one branch in one direction.
    inside : callable, optional
        Whether a state may still be visited; branches end where it says no.
    progress : callable, optional
        Called with starting points done and known.

    Returns
    -------
    BifurcationDiagram

    Raises
    ------
    InputError
        If the parameter is unknown, or the interval is empty or leads out of what is known of piecewise equations.

    References
    ----------
    Kuznetsov, Elements of Applied Bifurcation Theory, sections 10.1 and 10.2.
    """
    low, high = _checked(interval)
    if not (isinstance(largest_step, (int, float)) and 0 < largest_step < 1):
        raise InputError(f"'largest_step' must lie between 0 and 1; found {largest_step!r}.")
    if not isinstance(max_points, (int, np.integer)) or max_points < 2:
        raise InputError(f"'max_points' must be an integer of at least 2; found {max_points!r}.")
    family = ParameterFamily(field, parameter)
    check_interval(field, parameter, (low, high))
    beginnings = _beginnings(family, (low, high), points, starts, seed, inside)
    scale = _state_scale(family, beginnings, high - low)
    curve = Curve(family, scale, high - low)
    own, trained = limit_of(field), trained_limit(field)
    limits = [own] if trained is None else [own, trained]
    branches: list[Branch] = []
    special: list[SpecialPoint] = []
    of_euler_map: list[SpecialPoint] = []
    rejected: list[RejectedEvent] = []
    for done, (state, value) in enumerate(beginnings):
        if progress is not None:
            progress(done, len(beginnings))
        if any(_holds(family, branch, state, value, scale) for branch in branches):
            continue
        run = _both_ways(curve, state, value, (low, high), largest_step, max_points, limits, inside)
        if run is None:
            if points is not None:
                raise InputError(
                    f"A point of 'points' is not near a fixed point at {parameter} = {value:g}: Newton "
                    "iteration does not reach one. Take points from find_fixed_points."
                )
            continue
        line, ends = run
        for end, at in zip(ends, (line[0], line[-1]), strict=True):
            if end == LOST:
                rejected.append(
                    RejectedEvent("end", at.value, at.state, "the branch could not be followed further")
                )
        line = with_middles(curve, line, limits)
        found, failed = _events(curve, line, own, (low, high), len(branches))
        special += found
        rejected += failed
        if trained is not None:
            found, failed = _events(curve, line, trained, (low, high), len(branches))
            of_euler_map += [event for event in found if event.kind not in STEADY]
            rejected += [
                replace(event, reason=f"in the Euler map, {event.reason}")
                for event in failed
                if event.kind not in STEADY
            ]
        branches.append(_branch(line, ends, own))
    if progress is not None:
        progress(len(beginnings), len(beginnings))
    special = without_repetitions(special, high - low, scale)
    of_euler_map = without_repetitions(of_euler_map, high - low, scale)
    known = [*special, *of_euler_map]
    rejected = [event for event in rejected if not _explained(event, known, high - low, scale)]
    return BifurcationDiagram(
        parameter,
        (low, high),
        tuple(branches),
        tuple(special),
        tuple(rejected),
        trained_step=None if trained is None else trained.step,
        euler_map_points=tuple(of_euler_map),
    )


def _events(
    curve: Curve, line: list[CurvePoint], limit: StabilityLimit, interval: tuple[float, float], branch: int
) -> tuple[list[SpecialPoint], list[RejectedEvent]]:
    """The events of one stability limit along a line, and what was turned down."""
    events = [locate(curve, a, b, limit, interval, branch) for a, b in itertools.pairwise(line)]
    found = [event for event in events if isinstance(event, SpecialPoint)]
    return found, [event for event in events if isinstance(event, RejectedEvent)]


def _explained(event: RejectedEvent, special: list[SpecialPoint], width: float, scale: float) -> bool:
    """Whether a rejected event is the view, from another branch, of one that is listed."""
    return any(
        event.kind == point.kind
        and abs(event.parameter - point.parameter) < 0.01 * width
        and float(np.linalg.norm(event.state - point.state)) < 0.1 * scale
        for point in special
    )


def _checked(interval: tuple[float, float]) -> tuple[float, float]:
    try:
        low, high = (float(v) for v in interval)
    except (TypeError, ValueError):
        raise InputError(f"The interval must be two numbers; found {interval!r}.") from None
    if not (np.isfinite([low, high]).all() and low < high):
        raise InputError(
            f"The interval must have a lower and a higher finite end; found ({low:g}, {high:g})."
        )
    return low, high


def _beginnings(
    family: ParameterFamily,
    interval: tuple[float, float],
    points: Sequence[FixedPoint | ArrayLike] | None,
    starts: int,
    seed: int | None,
    inside: Callable[[Array], bool] | None,
) -> list[Start]:
    if points is not None:
        value = float(family.field.parameters[family.parameter])
        if not interval[0] <= value <= interval[1]:
            raise InputError(
                f"'points' belong to {family.parameter} = {value:g}, which is outside the interval; choose a member of "
                "the family inside it with 'field.at'."
            )
        states = [p.state if isinstance(p, FixedPoint) else p for p in points]
        return [(np.array(family.field.check_state(s, batch=False)), value) for s in states]
    found: list[Start] = []
    for share in _SEARCHED:
        value = interval[0] + share * (interval[1] - interval[0])
        member = family.at(value)
        with warnings.catch_warnings():  # which of the two was trained is no matter of each search
            warnings.simplefilter("ignore", SsmsymWarning)
            points_there = find_fixed_points(member, starts=starts, seed=seed)
        found += [(np.array(p.state), value) for p in points_there if inside is None or inside(p.state)]
    return found


def _state_scale(family: ParameterFamily, beginnings: list[Start], width: float) -> float:
    """How far states may be expected to move: the spread of the starts, or their response to the parameter."""
    if not beginnings:
        return 1.0
    states = np.array([x for x, _ in beginnings])
    spread = float(np.linalg.norm(states - states[0], axis=1).max())
    _, jacobian, slope = family.defect(*beginnings[0])
    response = width * float(np.linalg.norm(np.linalg.lstsq(jacobian, slope, rcond=1e-6)[0]))
    size = float(np.linalg.norm(states[0]))
    at_origin = size <= _AT_ORIGIN * response  # then its size is a rounding error and no scale
    return max(spread, response if at_origin else min(response, 10.0 * size), 0.1 * size) or 1.0


def _both_ways(
    curve: Curve,
    state: Array,
    value: float,
    interval: tuple[float, float],
    largest_step: float,
    max_points: int,
    limits: list[StabilityLimit],
    inside: Callable[[Array], bool] | None,
) -> tuple[list[CurvePoint], tuple[str, str]] | None:
    y = curve.scaled(state, value)
    upward = np.zeros(len(y))
    upward[-1] = 1.0
    corrected = curve.correct(y, upward)
    if corrected is None:
        return None
    y = corrected[0]
    tangent = curve.tangent(y, upward)
    runs: list[Trace] = []
    for sign in (-1.0, 1.0):
        start = curve.point(y, sign * tangent)
        if _leaves_at_once(start, interval):
            runs.append(Trace([start], "end of the interval"))
            continue
        run = trace(
            curve,
            start,
            interval,
            first_step=0.2 * largest_step,
            largest_step=largest_step,
            smallest_step=_SMALLEST_STEP,
            max_points=max_points,
            simple_change=lambda a, b: all(is_simple(a, b, limit) for limit in limits),
            inside=inside,
        )
        runs.append(run)
        if run.end == "closed curve":
            return run.points, (run.end, run.end)
    back, forth = runs
    reversed_back = [
        CurvePoint(p.state, p.value, -p.tangent, p.eigenvalues, p.residual, -p.orientation)
        for p in back.points[:0:-1]
    ]
    return [*reversed_back, *forth.points], (back.end, forth.end)


def _leaves_at_once(start: CurvePoint, interval: tuple[float, float]) -> bool:
    return (start.value <= interval[0] and start.tangent[-1] < 0) or (
        start.value >= interval[1] and start.tangent[-1] > 0
    )


def _branch(line: list[CurvePoint], ends: tuple[str, str], limit: StabilityLimit) -> Branch:
    counts = np.array([limit.unstable(p.eigenvalues) for p in line])
    return Branch(
        parameter=np.array([p.value for p in line]),
        states=np.array([p.state for p in line]),
        stable=counts == 0,
        unstable=counts,
        ends=ends,
    )


def _holds(family: ParameterFamily, branch: Branch, state: Array, value: float, scale: float) -> bool:
    """Whether a branch passes through a point: its crossings of the parameter value are polished and compared."""
    offsets = branch.parameter - value
    guesses = [branch.states[i] for i in np.flatnonzero(offsets == 0)]
    for i in np.flatnonzero(offsets[:-1] * offsets[1:] < 0):
        share = offsets[i] / (offsets[i] - offsets[i + 1])
        guesses.append(branch.states[i] + share * (branch.states[i + 1] - branch.states[i]))
    member = family.at(value)
    return any(np.linalg.norm(polish(member, g)[0] - state) < _SAME_POINT * scale for g in guesses)
