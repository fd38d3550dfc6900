"""The branches that cross at a branch point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ssmsym.bifurcation_curves.request import check_interval
from ssmsym.dynamics.arclength import Curve
from ssmsym.dynamics.continuation import trace_branches
from ssmsym.dynamics.diagram import BifurcationDiagram, Branch, SpecialPoint
from ssmsym.errors import InputError
from ssmsym.fields.family import ParameterFamily
from ssmsym.fields.field import VectorField
from ssmsym.normal_forms.multilinear import MultilinearForms
from ssmsym.reduced.branches import confirm, trusted_field
from ssmsym.reduced.model import ReducedModel
from ssmsym.threads import single_blas_thread

Array = NDArray[np.float64]

_SINGULAR = 1e-5  # smallest singular value of (A, f_theta) at a branch point, against the second derivatives
_SAME = 1e-6
_ASIDE = (1e-3, 3e-3, 1e-2)  # steps off the branch point that are tried, in units of states and interval


@single_blas_thread()
def switch_branches(
    of: VectorField | ReducedModel,
    point: SpecialPoint,
    parameter: str,
    interval: tuple[float, float],
    *,
    largest_step: float = 0.05,
    max_points: int = 2000,
) -> BifurcationDiagram:
    """All branches of fixed points that cross at a branch point (transcritical, pitchfork).

    The tangents solve the algebraic branching equation a s^2 + 2 b s t + c t^2 = 0, whose coefficients are second
    derivatives along the two null vectors of (A, f_theta) (Keller, Applications of Bifurcation Theory, 1977;
    Kuznetsov, Elements of Applied Bifurcation Theory, 3rd ed., section 10.2.3).

    Parameters
    ----------
    of : VectorField or ReducedModel
    point : SpecialPoint
        Of kind ``"branch_point"``, from ``branches`` over this parameter.
    parameter : str
    interval : (low, high)
        Absolute values.
    largest_step, max_points
        As in ``branches``.

    Returns
    -------
    BifurcationDiagram
        One branch a tangent.

    Raises
    ------
    InputError
        If the point is no branch point of this field, or the branching equation has no two real solutions.

    Examples
    --------
    >>> import numpy as np, sympy, ssmsym
    >>> x, mu = sympy.symbols("x mu")
    >>> field = ssmsym.from_sympy({x: mu * x - x**3}, parameters={mu: 0.5})
    >>> found = ssmsym.branches(field, "mu", (-1.0, 1.0), points=[[0.0]]).special_points[0]
    >>> pitchfork = switch_branches(field, found, "mu", (-1.0, 1.0))
    >>> parabola = max(pitchfork.branches, key=lambda branch: np.abs(branch.states).max())
    >>> len(pitchfork.branches), bool(np.allclose(parabola.states[:, 0] ** 2, parabola.parameter))
    (2, True)
    """
    check_interval("interval", interval)
    if not interval[0] <= point.parameter <= interval[1]:
        raise InputError(
            f"The branch point lies at {parameter} = {point.parameter:g}, outside {tuple(interval)}."
        )
    if point.kind != "branch_point":
        raise InputError(
            f"Branches are switched at a branch point; this is a {point.kind.replace('_', ' ')}."
        )
    field, inside = (of, None) if isinstance(of, VectorField) else trusted_field(of, parameter)
    curve = _curve(field, point, parameter, interval)
    diagrams = [
        _along(curve, point, tangent, interval, largest_step, max_points, inside)
        for tangent in _tangents(curve, point, parameter)
    ]
    whole = _merged(diagrams)
    return confirm(whole, of) if isinstance(of, ReducedModel) and of.network is not None else whole


def _curve(field: VectorField, point: SpecialPoint, parameter: str, interval: tuple[float, float]) -> Curve:
    family = ParameterFamily(field, parameter)
    size = float(np.linalg.norm(field.check_state(point.state, batch=False)))
    return Curve(family, size if size > _SAME else 1.0, interval[1] - interval[0])


def _tangents(curve: Curve, point: SpecialPoint, parameter: str) -> list[Array]:
    """Unit tangents of the two branches, in scaled coordinates."""
    _, derivative = curve._system(curve.scaled(point.state, point.parameter))
    left, sizes, right = np.linalg.svd(derivative)
    forms = MultilinearForms(curve.family.at(point.parameter), point.state, [parameter])
    along = right[-1] * curve._scale
    typical = max(float(np.linalg.norm(forms(along, along))), float(sizes[0]))
    if sizes[-1] > _SINGULAR * typical:
        raise InputError(
            f"The point at {parameter} = {point.parameter:.6g} is no branch point of this field: its Jacobian with the "
            f"parameter's column has full rank (smallest singular value {sizes[-1]:.1e})."
        )
    v, w = (vector * curve._scale for vector in right[-2:])
    normal = left[:, -1]
    a, b, c = (float((normal @ forms(*pair)).real) for pair in ((v, v), (v, w), (w, w)))
    discriminant = b * b - a * c
    if not discriminant > 0:
        raise InputError(
            f"The branching equation at {parameter} = {point.parameter:.6g} has no two real solutions (discriminant "
            f"{discriminant:.2g}): an isolated point, or more than two branches."
        )
    root = np.sqrt(discriminant)
    farther = -b - np.copysign(root, b if b else 1.0)
    pairs = [(farther, a), (c, farther)] if farther else [(1.0, 0.0), (0.0, 1.0)]
    return [_unit(s * right[-2] + t * right[-1]) for s, t in pairs]


def _unit(vector: Array) -> Array:
    return vector / np.linalg.norm(vector)


def _along(
    curve: Curve,
    point: SpecialPoint,
    tangent: Array,
    interval: tuple[float, float],
    largest_step: float,
    max_points: int,
    inside: Callable[[Array], bool] | None,
) -> BifurcationDiagram:
    y = curve.scaled(point.state, point.parameter)
    for step in (sign * size for size in _ASIDE for sign in (1.0, -1.0)):
        corrected = curve.correct(y + step * tangent, tangent)
        if corrected is None or np.linalg.norm(corrected[0] - y - step * tangent) > 0.5 * abs(step):
            continue
        state, value = (corrected[0] * curve._scale)[:-1], float(corrected[0][-1] * curve._scale[-1])
        if interval[0] <= value <= interval[1]:
            return trace_branches(
                curve.family.at(value),
                curve.family.parameter,
                interval,
                points=[state],
                largest_step=largest_step,
                max_points=max_points,
                inside=inside,
            )
    raise InputError(
        f"No branch was found beside {curve.family.parameter} = {point.parameter:.6g} along a tangent; the point is "
        "more degenerate than a crossing of two smooth branches."
    )


def _merged(diagrams: list[BifurcationDiagram]) -> BifurcationDiagram:
    branches: list[Branch] = []
    special: list[SpecialPoint] = []
    for diagram in diagrams:
        special += [replace(p, branch=p.branch + len(branches)) for p in diagram.special_points]
        branches += diagram.branches
    width = diagrams[0].interval[1] - diagrams[0].interval[0]
    distinct: list[SpecialPoint] = []
    for point in special:
        known = any(
            p.kind == point.kind
            and abs(p.parameter - point.parameter) < _SAME * width
            and np.linalg.norm(p.state - point.state) < _SAME * (1.0 + np.linalg.norm(point.state))
            for p in distinct
        )
        if not known:
            distinct.append(point)
    return replace(
        diagrams[0],
        branches=tuple(branches),
        special_points=tuple(sorted(distinct, key=lambda p: p.parameter)),
        rejected=tuple(r for d in diagrams for r in d.rejected),
        euler_map_points=tuple(p for d in diagrams for p in d.euler_map_points),
    )
