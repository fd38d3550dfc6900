"""Curves of folds, Hopf points, flips and Neimark-Sacker points in two parameters."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ssmsym.bifurcation_curves.defining_system import DefiningSystem
from ssmsym.bifurcation_curves.points_on_curve import BifurcationCurve, BifurcationPoint
from ssmsym.bifurcation_curves.request import Interval, Request, check_points, checked_request
from ssmsym.bifurcation_curves.runs import run_along, run_points, scaled_curve, unit_tangent
from ssmsym.bifurcation_curves.special_points import distinct_points, special_points
from ssmsym.dynamics.critical import limit_of
from ssmsym.dynamics.diagram import BifurcationDiagram, Branch, SpecialPoint
from ssmsym.errors import InputError
from ssmsym.fields.field import VectorField
from ssmsym.reduced.model import ReducedModel
from ssmsym.threads import single_blas_thread

Array = NDArray[np.float64]

_EIGENVALUES_UP_TO = 300  # states: beyond, all eigenvalues of every point cost more than the curve itself
_SAME = 1e-6  # distance in scaled parameters at which two points count as one


@single_blas_thread()
def trace_bifurcation_curves(
    of: VectorField | ReducedModel,
    points: SpecialPoint | Sequence[SpecialPoint],
    parameters: tuple[str, str],
    interval: Interval,
    second_interval: Interval,
    *,
    largest_step: float = 0.05,
    max_points: int = 500,
    eigenvalues: bool | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> BifurcationDiagram:
    """Curves of bifurcations in two parameters, with cusps, Bogdanov-Takens, Bautin and fold-Hopf points.

    Pseudo-arclength continuation of the defining system with a bordered critical matrix, two factorisations of order N
    a Newton step. Special points are located along the curve by Brent's method on their test numbers: cusps and
    Bogdanov-Takens points along folds, Bautin (``"generalized_hopf"``) and fold-Hopf points along Hopf points, whose
    curves end at Bogdanov-Takens points. Double Hopf points are not looked for, nor are the Hopf curves that begin at
    Bogdanov-Takens points of folds. On a reduced model, inside its trust radius.

    Parameters
    ----------
    of : VectorField or ReducedModel
    points : SpecialPoint or sequence of SpecialPoint
        Folds and Hopf points (of maps: folds, flips, Neimark-Sacker points) of ``branches`` over the first parameter.
        A point on a curve that is known already is passed over.
    parameters : (str, str)
    interval, second_interval : (low, high)
        Absolute values of the first and the second parameter.
    largest_step : float
        In units of the intervals and of the states.
    max_points : int
        Of one curve in one direction.
    eigenvalues : bool, optional
        Whether the stability of every point is computed; by default up to 300 states.
    progress : callable, optional
        Called with points done and known.

    Returns
    -------
    BifurcationDiagram
        Branches of kind ``"fold_curve"``, ``"hopf_curve"``, ``"flip_curve"`` or ``"neimark_sacker_curve"``.

    Raises
    ------
    InputError
        If a parameter is unknown, an interval is empty, or a point is of another kind or no bifurcation here.

    Examples
    --------
    >>> import numpy as np, sympy, ssmsym
    >>> p, mu, lam = sympy.symbols("p mu lambda")
    >>> field = ssmsym.from_sympy({p: mu + lam * p - p**3}, parameters={mu: 0.0, lam: 1.0})
    >>> folds = ssmsym.branches(field, "mu", (-1.0, 1.0)).special_points
    >>> found = trace_bifurcation_curves(field, folds, ("mu", "lambda"), (-1.0, 1.0), (-0.5, 1.5))
    >>> cusp = found.special_points[0]
    >>> cusp.kind, bool(abs(cusp.second_parameter) < 1e-8)
    ('cusp', True)

    References
    ----------
    Govaerts, Numerical Methods for Bifurcations of Dynamical Equilibria, 2000, chapters 4 and 8. Kuznetsov, Elements of
    Applied Bifurcation Theory, 3rd ed., section 10.3.
    """
    request = checked_request(of, parameters, interval, second_interval, largest_step, max_points)
    starts = [points] if isinstance(points, SpecialPoint) else list(points)
    check_points(starts, request)
    few = request.field.n_states <= _EIGENVALUES_UP_TO
    request = replace(request, with_eigenvalues=few if eigenvalues is None else eigenvalues)
    branches: list[Branch] = []
    special: list[SpecialPoint] = []
    for done, start in enumerate(starts):
        if progress is not None:
            progress(done, len(starts))
        if any(_holds(branch, start, request) for branch in branches):
            continue
        line, ends, curve = _traced(start, request)
        special += special_points(line, ends, curve, len(branches), request)
        branches.append(_branch(line, ends, curve, request))
    if progress is not None:
        progress(len(starts), len(starts))
    return BifurcationDiagram(
        parameter=parameters[0],
        interval=request.interval,
        branches=tuple(branches),
        special_points=tuple(sorted(distinct_points(special, request), key=lambda p: p.parameter)),
        second_parameter=parameters[1],
        second_interval=request.second_interval,
    )


def _traced(
    start: SpecialPoint, request: Request
) -> tuple[list[BifurcationPoint], tuple[str, str], BifurcationCurve]:
    """The curve through a point, both ways."""
    system = DefiningSystem(request.field, start.kind, request.parameters)
    z, value = _first_guess(start, system, request)
    curve = scaled_curve(system, z, value, request)
    y = curve.scaled(z, value)
    upward = np.eye(len(y))[-1]
    corrected = curve.correct(y, upward)
    if corrected is None or np.linalg.norm(corrected[0] - y) > request.largest_step:
        raise InputError(
            f"The {start.kind} at {request.parameters[0]} = {start.parameter:.6g} is none of this field at "
            f"{request.parameters[1]} = {value:.6g}. Take it from branches of this field."
        )
    tangent = unit_tangent(curve, corrected[0])
    runs = [run_along(curve, corrected[0], sign * tangent, request) for sign in (-1.0, 1.0)]
    if runs[0].end == "closed curve":
        return run_points(runs[0]), (runs[0].end, runs[0].end), curve
    turned = [replace(p, tangent=-p.tangent) for p in run_points(runs[0])[:0:-1]]
    return [*turned, *run_points(runs[1])], (runs[0].end, runs[1].end), curve


def _first_guess(start: SpecialPoint, system: DefiningSystem, request: Request) -> tuple[Array, float]:
    value = request.second_value(start)
    z = np.append(request.field.check_state(start.state, batch=False), start.parameter)
    if not system.has_frequency:
        return z, float(value)
    leading = complex(start.eigenvalues[0])
    frequency = abs(np.angle(leading)) if request.field.is_map else abs(leading.imag)
    return np.append(z, frequency), float(value)


def _branch(
    line: list[BifurcationPoint], ends: tuple[str, str], curve: BifurcationCurve, request: Request
) -> Branch:
    n = request.field.n_states
    counts = [_unstable(p, curve.system) for p in line]
    return Branch(
        parameter=np.array([p.state[n] for p in line]),
        states=np.array([p.state[:n] for p in line]),
        stable=np.array(counts) == 0,
        unstable=np.array(counts),
        kind=f"{curve.system.kind}_curve",
        ends=ends,
        second_parameter=np.array([p.value for p in line]),
    )


def _unstable(point: BifurcationPoint, system: DefiningSystem) -> int:
    """Number of growing directions besides the critical ones; -1 if it is not known."""
    if not len(point.eigenvalues):
        return -1
    others = point.eigenvalues
    for value in system.critical_values(point.state):
        others = np.delete(others, int(np.argmin(np.abs(others - value))))
    return limit_of(system.field).unstable(others)


def _holds(branch: Branch, start: SpecialPoint, request: Request) -> bool:
    """Whether a curve passes through a point, to the accuracy of its chords."""
    if branch.kind != f"{start.kind}_curve" or branch.second_parameter is None:
        return False
    value = request.second_value(start)
    where = np.array([start.parameter, value]) / np.array(request.widths)
    line = np.stack([branch.parameter, branch.second_parameter], axis=1) / np.array(request.widths)
    size = float(np.abs(branch.states).max(initial=0.0)) or 1.0
    for (a, x), (b, y) in itertools.pairwise(zip(line, branch.states, strict=True)):
        chord = b - a
        share = float(np.clip((where - a) @ chord / max(chord @ chord, 1e-300), 0.0, 1.0))
        if np.linalg.norm(a + share * chord - where) <= 0.05 * np.linalg.norm(chord) + _SAME:
            between = x + share * (y - x)
            if np.linalg.norm(between - start.state) <= 0.2 * np.linalg.norm(y - x) + _SAME * size:
                return True
    return False
