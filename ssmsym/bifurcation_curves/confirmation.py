"""Cusps and other points of a reduced model in two parameters, looked up on the full network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ssmsym.bifurcation_curves.tracing import trace_bifurcation_curves
from ssmsym.dynamics.diagram import BifurcationDiagram, SpecialPoint
from ssmsym.errors import InputError
from ssmsym.reduced.branches import confirm
from ssmsym.reduced.model import ReducedModel

Array = NDArray[np.float64]

_CONFIRMED = 0.1  # distance from lift to full point, relative to the distance from the expansion point


def confirm_in_plane(diagram: BifurcationDiagram, model: ReducedModel) -> BifurcationDiagram:
    """The diagram of a reduced model in two parameters with its special points looked up on the full network.

    Points in one parameter are confirmed by :func:`ssmsym.confirm`. From those that the network has, its own curves
    are traced, and every cusp, Bogdanov-Takens, generalized Hopf or fold-Hopf point of the model is held against the
    nearest of its kind on them.

    Parameters
    ----------
    diagram : BifurcationDiagram
        Of the model's field over two parameters, such as from :func:`ssmsym.continue_in`.
    model : ReducedModel

    Returns
    -------
    BifurcationDiagram
        The same with `confirmed` and `distance` filled in, and with `full_parameter` as the network's value of the
        first parameter.

    Raises
    ------
    InputError
        If the diagram has no second parameter, or the model was read without its network.
    """
    second, between = diagram.second_parameter, diagram.second_interval
    if second is None or between is None:
        raise InputError("This diagram has one parameter; use 'confirm'.")
    single = confirm(diagram, model)
    network = model.network
    if network is None:  # confirm has refused it already
        return single
    in_one = [p for p in single.special_points if p.second_parameter is None]
    starts = [_on_network(p, model, diagram) for p in in_one if p.confirmed]
    found: list[SpecialPoint] = []
    if starts:
        names = (diagram.parameter, second)
        traced = trace_bifurcation_curves(network, starts, names, diagram.interval, between)
        found = list(traced.special_points)
    points = tuple(
        _compared(p, found, single, model) if p.second_parameter is not None else p
        for p in single.special_points
    )
    return replace(single, special_points=points)


def _on_network(point: SpecialPoint, model: ReducedModel, diagram: BifurcationDiagram) -> SpecialPoint:
    value = point.parameter if point.full_parameter is None else point.full_parameter
    return replace(point, parameter=value, state=model.lift(point.state, {diagram.parameter: value}))


def _compared(
    point: SpecialPoint, found: list[SpecialPoint], diagram: BifurcationDiagram, model: ReducedModel
) -> SpecialPoint:
    values = {
        diagram.parameter: point.parameter,
        str(diagram.second_parameter): point.second_parameter or 0.0,
    }
    lifted = model.lift(point.state, values)
    same = [p for p in found if p.kind == point.kind]
    if not same:
        return replace(point, confirmed=False, distance=float("inf"))
    nearest = min(same, key=lambda p: float(np.linalg.norm(p.state - lifted)))
    distance = float(np.linalg.norm(nearest.state - lifted))
    reach = float(np.linalg.norm(lifted - model.state)) + 1e-9 * (1.0 + float(np.linalg.norm(model.state)))
    near = distance <= _CONFIRMED * reach
    for name, own, other, interval in (
        (diagram.parameter, point.parameter, nearest.parameter, diagram.interval),
        (diagram.second_parameter, point.second_parameter, nearest.second_parameter, diagram.second_interval),
    ):
        if own is None or other is None or interval is None:
            continue
        centre = model.parameter_values[str(name)]
        width = interval[1] - interval[0]
        near = near and abs(other - own) <= _CONFIRMED * max(abs(own - centre), 1e-2 * width)
    return replace(point, confirmed=bool(near), distance=distance, full_parameter=nearest.parameter)
