"""What is asked for: a field, two parameters and their intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssmsym.errors import InputError
from ssmsym.fields.field import VectorField
from ssmsym.reduced.branches import trusted_field
from ssmsym.reduced.model import ReducedModel

Array = NDArray[np.float64]
Interval = tuple[float, float]


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
    for name, (low, high) in (("interval", interval), ("second_interval", second_interval)):
        if not (np.isfinite([low, high]).all() and low < high):
            raise InputError(
                f"'{name}' must be two finite numbers (low, high), low < high; found ({low}, {high})."
            )
    if not 0 < largest_step < 1:
        raise InputError(f"'largest_step' must lie between 0 and 1; found {largest_step!r}.")
    if not isinstance(max_points, (int, np.integer)) or max_points < 2:
        raise InputError(f"'max_points' must be an integer of at least 2; found {max_points!r}.")
    field, inside = (of, None) if isinstance(of, VectorField) else trusted_field(of, *parameters)
    first, second = ((float(a), float(b)) for a, b in (interval, second_interval))
    return Request(field, inside, (parameters[0], parameters[1]), first, second, largest_step, max_points)
