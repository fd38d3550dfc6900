"""What is asked for: a field, two parameters and their intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssmsym.dynamics.diagram import SpecialPoint
from ssmsym.errors import InputError
from ssmsym.fields.field import VectorField
from ssmsym.fields.parameters import locate
from ssmsym.reduced.branches import trusted_field
from ssmsym.reduced.model import ReducedModel

Array = NDArray[np.float64]
Interval = tuple[float, float]

_FLOWS = ("fold", "hopf")
_MAPS = ("fold", "flip", "neimark_sacker")


@dataclass(frozen=True, eq=False)
class Request:
    """Checked arguments of a run."""

    field: VectorField
    inside: Callable[[Array], bool] | None
    parameters: tuple[str, str]
    interval: Interval
    second_interval: Interval
    largest_step: float
    max_points: int
    with_eigenvalues: bool = False

    @property
    def widths(self) -> tuple[float, float]:
        return self.interval[1] - self.interval[0], self.second_interval[1] - self.second_interval[0]

    def second_value(self, point: SpecialPoint) -> float:
        """The second parameter's value at a starting point."""
        given = point.second_parameter
        return float(self.field.parameters[self.parameters[1]] if given is None else given)

    def contains(self, z: Array) -> bool:
        n = self.field.n_states
        inside = self.interval[0] <= z[n] <= self.interval[1]
        return bool(inside and (self.inside is None or self.inside(z[:n])))


def checked_request(
    of: VectorField | ReducedModel,
    parameters: tuple[str, str],
    interval: Interval,
    second_interval: Interval,
    largest_step: float,
    max_points: int,
) -> Request:
    """The request, or an InputError that says what does not fit."""
    if isinstance(parameters, str) or len(parameters) != 2 or parameters[0] == parameters[1]:
        raise InputError(f"'parameters' names two different parameters; found {parameters!r}.")
    for name, given in (("interval", interval), ("second_interval", second_interval)):
        check_interval(name, given)
    if not (isinstance(largest_step, (int, float)) and 0 < largest_step < 1):
        raise InputError(f"'largest_step' must lie between 0 and 1; found {largest_step!r}.")
    if not isinstance(max_points, (int, np.integer)) or max_points < 2:
        raise InputError(f"'max_points' must be an integer of at least 2; found {max_points!r}.")
    if not isinstance(of, (VectorField, ReducedModel)):
        raise InputError(f"Curves are traced of a field or a reduced model; found {type(of).__name__}.")
    field, inside = (of, None) if isinstance(of, VectorField) else trusted_field(of, *parameters)
    for name in parameters:
        locate(name, field.values)
    first, second = ((float(a), float(b)) for a, b in (interval, second_interval))
    return Request(field, inside, (parameters[0], parameters[1]), first, second, largest_step, max_points)


def check_interval(name: str, given: Any) -> None:
    """Refuse what is no pair of finite numbers, the lower first."""
    try:
        numbers = np.asarray(given, dtype=float)
    except (TypeError, ValueError):
        numbers = np.zeros(0)
    if numbers.shape != (2,) or not np.isfinite(numbers).all() or not numbers[0] < numbers[1]:
        raise InputError(f"'{name}' must be two finite numbers (low, high), low < high; found {given!r}.")


def check_points(points: Sequence[Any], request: Request) -> None:
    """Refuse starting points that are no bifurcations of the field's kind, or lie outside the intervals."""
    kinds = _MAPS if request.field.is_map else _FLOWS
    for point in points:
        if not isinstance(point, SpecialPoint):
            raise InputError(f"'points' holds special points of a diagram; found {type(point).__name__}.")
        if point.kind not in kinds:
            raise InputError(
                f"No curve in two parameters starts at a {point.kind.replace('_', ' ')} point; give points of kind "
                f"{', '.join(repr(k) for k in kinds)}."
            )
        places = (point.parameter, request.second_value(point))
        intervals = (request.interval, request.second_interval)
        for name, value, (low, high) in zip(request.parameters, places, intervals, strict=True):
            if not low <= value <= high:
                raise InputError(f"A curve starts at {name} = {value:g}, outside ({low:g}, {high:g}).")
        if not np.isfinite(request.field.check_state(point.state, batch=False)).all():
            raise InputError(f"The state of the {point.kind} at {places[0]:g} is not finite.")
        if point.kind in ("hopf", "neimark_sacker") and not (
            len(point.eigenvalues) and point.eigenvalues[0].imag
        ):
            raise InputError(
                f"The {point.kind} at {places[0]:g} names no complex eigenvalues; take one from ssmsym.branches."
            )
