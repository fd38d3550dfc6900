"""Branches of fixed points over a parameter interval, from all fixed points that are found there."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmsym.dynamics.arclength import Curve, CurvePoint, Trace, trace
from ssmsym.dynamics.diagram import BifurcationDiagram, Branch, RejectedEvent, SpecialPoint
from ssmsym.dynamics.events import is_simple, locate, unstable
from ssmsym.dynamics.fixed_points import FixedPoint, find_fixed_points
from ssmsym.dynamics.newton import newton
from ssmsym.errors import InputError
from ssmsym.fields.family import ParameterFamily
from ssmsym.fields.field import VectorField
from ssmsym.threads import single_blas_thread

Array = NDArray[np.float64]
Start = tuple[Array, float]

_SAME_POINT = 1e-5  # distance, relative to the size of the states, at which points count as one
_SMALLEST_STEP = 1e-6


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
    """Branches of fixed points in one parameter, with folds, Hopf points and branch points.

    Pseudo-arclength continuation both ways from every start that no earlier branch holds. Every event is
    located along the curve by Brent's method and listed only with its evidence: it lies in the interval and
    its critical eigenvalue on the imaginary axis; what fails is listed as rejected.

    Parameters
    ----------
    field : VectorField
        A flow.
    parameter : str
    interval : (low, high)
        Absolute values.
    points : sequence, optional
        Fixed points at the field's own parameter value; by default all that are found at both ends and in
        the middle of the interval.
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
        If the parameter is unknown, the interval is empty, or the field is a map.
    """
    low, high = _checked(field, interval)
    family = ParameterFamily(field, parameter)
    beginnings = _beginnings(family, (low, high), points, starts, seed, inside)
    curve = Curve(family, _state_scale(family, beginnings, high - low), high - low)
    branches: list[Branch] = []
    special: list[SpecialPoint] = []
    rejected: list[RejectedEvent] = []
    for done, (state, value) in enumerate(beginnings):
        if progress is not None:
            progress(done, len(beginnings))
        if any(_holds(curve, branch, state, value) for branch in branches):
            continue
        run = _both_ways(curve, state, value, (low, high), largest_step, max_points, inside)
        if run is None:
            continue
        line, ends = run
        for a, b in itertools.pairwise(line):
            event = locate(curve, a, b, (low, high), len(branches))
            if isinstance(event, SpecialPoint):
                special.append(event)
            elif event is not None:
                rejected.append(event)
        branches.append(_branch(line, ends))
    if progress is not None:
        progress(len(beginnings), len(beginnings))
    special.sort(key=lambda point: point.parameter)
    return BifurcationDiagram(parameter, (low, high), tuple(branches), tuple(special), tuple(rejected))


def _checked(field: VectorField, interval: tuple[float, float]) -> tuple[float, float]:
    if field.is_map:
        raise InputError("The field is a map; branches are traced for flows.")
    low, high = (float(v) for v in interval)
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
    for value in (0.5 * (interval[0] + interval[1]), *interval):
        member = family.at(value)
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
    return max(spread, min(response, 10.0 * (1.0 + size)), 0.1 * size, 1e-6)


def _both_ways(
    curve: Curve,
    state: Array,
    value: float,
    interval: tuple[float, float],
    largest_step: float,
    max_points: int,
    inside: Callable[[Array], bool] | None,
) -> tuple[list[CurvePoint], tuple[str, str]] | None:
    y = curve.scaled(state, value)
    upward = np.zeros(len(y))
    upward[-1] = 1.0
    if curve.correct(y, upward) is None:
        return None
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
            simple_change=is_simple,
            inside=inside,
        )
        runs.append(run)
        if run.end == "closed curve":
            return run.points, (run.end, run.end)
    back, forth = runs
    reversed_back = [
        CurvePoint(p.state, p.value, -p.tangent, p.eigenvalues, p.residual) for p in back.points[:0:-1]
    ]
    return [*reversed_back, *forth.points], (back.end, forth.end)


def _leaves_at_once(start: CurvePoint, interval: tuple[float, float]) -> bool:
    return (start.value <= interval[0] and start.tangent[-1] < 0) or (
        start.value >= interval[1] and start.tangent[-1] > 0
    )


def _branch(line: list[CurvePoint], ends: tuple[str, str]) -> Branch:
    counts = np.array([unstable(p) for p in line])
    return Branch(
        parameter=np.array([p.value for p in line]),
        states=np.array([p.state for p in line]),
        stable=counts == 0,
        unstable=counts,
        ends=ends,
    )


def _holds(curve: Curve, branch: Branch, state: Array, value: float) -> bool:
    """Whether a branch passes through a point: its crossings of the parameter value are polished and compared."""
    offsets = branch.parameter - value
    crossing = np.flatnonzero(offsets[:-1] * offsets[1:] <= 0)
    size = 1.0 + float(np.linalg.norm(state))
    if any(
        np.linalg.norm(branch.states[i] - state) < _SAME_POINT * size for i in np.flatnonzero(offsets == 0)
    ):
        return True
    guesses = []
    for i in crossing:
        gap = branch.parameter[i + 1] - branch.parameter[i]
        share = 0.5 if gap == 0 else (value - branch.parameter[i]) / gap
        guess = branch.states[i] + share * (branch.states[i + 1] - branch.states[i])
        reach = float(np.linalg.norm(branch.states[i + 1] - branch.states[i]))
        if np.linalg.norm(guess - state) <= 2.0 * reach + _SAME_POINT * size:
            guesses.append(guess)
    if not guesses:
        return False
    member = curve.family.at(value)
    ends = newton(member, np.array(guesses), tolerance=1e-9 * size)
    distances = np.linalg.norm(ends.states[ends.converged] - state, axis=1)
    return bool((distances < _SAME_POINT * size).any())
