"""Branches of fields and of reduced models; what a reduced model shows is looked up on the full network."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmsym.dynamics.continuation import trace_branches
from ssmsym.dynamics.critical import limit_of, trained_limit
from ssmsym.dynamics.diagram import BifurcationDiagram, SpecialPoint
from ssmsym.dynamics.euler_map import diagram_note
from ssmsym.dynamics.fixed_points import FixedPoint
from ssmsym.dynamics.locate import LocatedPoint, locate_flip, locate_fold, locate_hopf
from ssmsym.errors import InputError, NotConvergedError, SsmsymWarning
from ssmsym.fields.family import ParameterFamily
from ssmsym.fields.field import VectorField
from ssmsym.reduced.curve_model import CurveModel
from ssmsym.reduced.model import ReducedModel
from ssmsym.threads import single_blas_thread

Array = NDArray[np.float64]

_CONFIRMED = 0.1  # distance from lift to full bifurcation, relative to the distance from the expansion point


def branches(
    of: VectorField | ReducedModel,
    parameter: str,
    interval: tuple[float, float],
    *,
    points: Sequence[FixedPoint | ArrayLike] | None = None,
    starts: int = 256,
    seed: int | None = 0,
    largest_step: float = 0.05,
    max_points: int = 2000,
    progress: Callable[[int, int], None] | None = None,
) -> BifurcationDiagram:
    """Branches of fixed points in one parameter, with their bifurcations.

    Of flows: folds, Hopf points and branch points; of maps: folds, flips, Neimark-Sacker points and branch
    points. On a field: see :func:`ssmsym.dynamics.continuation.trace_branches`. On a reduced model: the same on
    its field, inside the trust radius (tolerance 1e-2; of a whole curve: its range), and every bifurcation but
    branch points is lifted and located on the full network: `confirmed`, `distance`, `full_parameter`.

    Parameters
    ----------
    of : VectorField or ReducedModel
    parameter : str
    interval : (low, high)
        Absolute values.
    points : sequence, optional
        Fixed points to start from, at the field's own parameter value; by default all that are found at both
        ends and in the middle of the interval.
    starts, seed
        Of that search.
    largest_step : float
        In units of the interval and of the states' spread.
    max_points : int
        Of one branch in one direction.
    progress : callable, optional
        Called with starting points done and known.

    Returns
    -------
    BifurcationDiagram

    Warns
    -----
    SsmsymWarning
        If the network was trained as an Euler map that changes stability elsewhere than its ODE.

    Raises
    ------
    InputError
        If the parameter is unknown or the interval is empty.

    References
    ----------
    Kuznetsov, Elements of Applied Bifurcation Theory, chapter 10.
    """
    field, inside = (of, None) if isinstance(of, VectorField) else trusted_field(of, parameter)
    diagram = trace_branches(
        field,
        parameter,
        interval,
        points=points,
        starts=starts,
        seed=seed,
        largest_step=largest_step,
        max_points=max_points,
        inside=inside,
        progress=progress,
    )
    if isinstance(of, ReducedModel) and of.network is not None:
        diagram = confirm(diagram, of)
    note = diagram_note(diagram)
    if note is not None:
        warnings.warn(note, SsmsymWarning, stacklevel=2)
    return diagram


def trusted_field(
    model: ReducedModel, *parameters: str
) -> tuple[VectorField, Callable[[Array], bool] | None]:
    """A model's field, with the step as which its network was trained, and where it is trusted."""
    for parameter in parameters:
        if parameter not in model.parameter_values:
            known = ", ".join(f"'{name}'" for name in model.parameter_values) or "none"
            raise InputError(
                f"The model has no parameter '{parameter}' (it has {known}); compute the SSM with "
                f"parameters={list(parameters)}."
            )
    field = model.field
    trained = None if model.network is None else trained_limit(model.network)
    if trained is not None:
        field = replace(field, metadata={**field.metadata, "trained_step": trained.step})
    if isinstance(model, CurveModel):
        return field, None if model.range is None else functools.partial(_within, model.range)
    radius = trust_radius(model)
    return field, None if radius is None else lambda p: bool(np.linalg.norm(p) <= radius)


def _within(extent: tuple[float, float], p: Array) -> bool:
    return bool(extent[0] <= p[0] <= extent[1])


def trust_radius(model: ReducedModel) -> float | None:
    """The radius |p| up to which the model is trusted (tolerance 1e-2); None if it has none."""
    radius = (model.evidence.get("trust_radius") or {}).get("0.01")
    return None if radius is None else float(radius)


@single_blas_thread()
def confirm(diagram: BifurcationDiagram, model: ReducedModel) -> BifurcationDiagram:
    """The diagram of a reduced model with its folds, Hopf points, flips and Neimark-Sacker points looked up.

    Each is lifted and located on the full network.

    Parameters
    ----------
    diagram : BifurcationDiagram
        Of the model's field, from :func:`branches` or from a continuation tool.
    model : ReducedModel

    Returns
    -------
    BifurcationDiagram
        The same with `confirmed`, `distance` and `full_parameter` filled in; points of the trained Euler map
        are looked up on that map.

    Raises
    ------
    InputError
        If the model was read without its network.
    """
    if model.network is None:
        raise InputError("This model has no network to look at; load its model file in place of its JSON.")
    width = diagram.interval[1] - diagram.interval[0]

    def looked_up(points: Sequence[SpecialPoint], field: VectorField) -> tuple[SpecialPoint, ...]:
        family = ParameterFamily(field, diagram.parameter)
        return tuple(_confirmed(point, diagram.parameter, width, model, family) for point in points)

    network = model.network
    confirmed = replace(diagram, special_points=looked_up(diagram.special_points, network))
    if not diagram.euler_map_points or diagram.trained_step is None:
        return confirmed
    euler_map = network.discretized(diagram.trained_step)
    return replace(confirmed, euler_map_points=looked_up(diagram.euler_map_points, euler_map))


def _confirmed(
    point: SpecialPoint, parameter: str, width: float, model: ReducedModel, family: ParameterFamily
) -> SpecialPoint:
    if point.kind not in ("fold", "flip", "hopf", "neimark_sacker"):
        return point
    value = {parameter: point.parameter}
    lifted = model.lift(point.state, value)
    try:
        found = _located(point, value, lifted, model, family)
    except NotConvergedError:
        return replace(point, confirmed=False, distance=float("inf"))
    distance = float(np.linalg.norm(found.state - lifted))
    reach = float(np.linalg.norm(lifted - model.state)) + 1e-9 * (1.0 + float(np.linalg.norm(model.state)))
    centre = model.parameter_values[parameter]
    shift = abs(found.value - point.parameter)
    near = distance <= _CONFIRMED * reach and shift <= _CONFIRMED * max(
        abs(point.parameter - centre), 1e-4 * width
    )
    if distance > reach or shift > width:  # another event of the network: it says nothing of this one
        return replace(point, confirmed=False, distance=float("inf"))
    return replace(point, confirmed=bool(near), distance=distance, full_parameter=found.value)


def _located(
    point: SpecialPoint, value: dict[str, float], lifted: Array, model: ReducedModel, family: ParameterFamily
) -> LocatedPoint:
    d = model.dimension
    offsets = [value.get(name, base) - base for name, base in model.parameter_values.items()]
    z = np.concatenate([point.state, offsets])
    tangent = model.parametrization.jacobian(z)[:, :d]
    limit = limit_of(family.field)
    matrix = model.reduced_dynamics.jacobian(z)[:, :d]
    if model.time == "discrete":
        matrix = matrix - np.eye(d)
    elif family.field.is_map:  # the Euler map of the model's flow
        matrix = family.field.metadata["step"] * matrix
    eigenvalues, vectors = np.linalg.eig(matrix)
    critical = limit.critical(eigenvalues.astype(complex), point.kind)
    if np.isnan(critical):
        raise NotConvergedError("The reduced model has no eigenvalue of this kind there.")
    vector = tangent @ vectors[:, np.argmin(np.abs(eigenvalues - critical))]
    if point.kind in ("fold", "flip"):
        locate_real = locate_fold if point.kind == "fold" else locate_flip
        return locate_real(family, lifted, point.parameter, vector.real)
    frequency = float(np.angle(1.0 + critical)) if limit.discrete else critical.imag
    return locate_hopf(family, lifted, point.parameter, vector, frequency)
