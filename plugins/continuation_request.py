"""What a run of a continuation program is asked for: parameters, intervals, step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ssmsym.exporters.contract import ExporterError
from ssmsym.exporters.identifiers import identifiers
from ssmsym.exporters.model import ExportModel

Interval = tuple[float, float]


@dataclass(frozen=True)
class Request:
    """Which parameters vary, how far and in which steps.

    Attributes
    ----------
    parameter : int
        Place of the first parameter.
    interval : tuple of float
    second : int or None
        Place of the parameter that is freed besides for curves of folds and Hopf points; None without one.
    second_interval : tuple of float
    step : float
        Largest.
    """

    parameter: int
    interval: Interval
    second: int | None
    second_interval: Interval
    step: float


def continuation_request(
    model: ExportModel,
    *,
    parameter: str | None,
    interval: Interval | None,
    second_parameter: str | None,
    second_interval: Interval | None,
    step: float | None,
) -> Request:
    """The options of an exporter, checked and completed.

    By default the first parameter varies, one unit to either side of its value, and the next one is the second.

    Raises
    ------
    ExporterError
        If the model has no parameter or an option does not fit.
    """
    if not model.parameter_names:
        raise ExporterError(
            "This model has no parameter to vary; keep one with compute_ssm(..., parameters=['u[0]'])."
        )
    first = 0 if parameter is None else _place(model, parameter)
    others = [i for i in range(len(model.parameter_names)) if i != first]
    second = others[0] if others else None
    if second_parameter is not None:
        second = _place(model, second_parameter)
        if second == first:
            raise ExporterError(
                f"'second_parameter' is another than 'parameter'; found '{second_parameter}'."
            )
    if second is None and second_interval is not None:
        raise ExporterError("'second_interval' needs a second parameter; this model has one parameter.")
    bounds = _interval("interval", model, first, interval)
    other = (0.0, 0.0) if second is None else _interval("second_interval", model, second, second_interval)
    if step is not None and not (np.isfinite(step) and step > 0):
        raise ExporterError(f"'step' is a positive number; found {step}.")
    longest = 0.05 * min(bounds[1] - bounds[0], _size(model)) if step is None else float(step)
    return Request(first, bounds, second, other, longest)


def check_file_name(name: str, reserved: Iterable[str]) -> None:
    """Refuse a name that is none for a function or module of the target."""
    if identifiers([name], reserved=reserved, length=50) != (name,):
        raise ExporterError(
            f"'name' takes up to 50 letters, digits and underscores, a letter first, and no reserved word; found "
            f"{name!r}."
        )


def _size(model: ExportModel) -> float:
    if model.trust_range:
        return 0.5 * (model.trust_range[1] - model.trust_range[0])
    return model.trust_radius or max(1.0, float(np.linalg.norm(model.initial_state)))


def _place(model: ExportModel, name: str) -> int:
    if name not in model.parameter_names:
        listed = ", ".join(f"'{n}'" for n in model.parameter_names)
        raise ExporterError(f"There is no parameter '{name}' in this model; it has {listed}.")
    return model.parameter_names.index(name)


def _interval(option: str, model: ExportModel, place: int, interval: Interval | None) -> Interval:
    value = model.values[place]
    if interval is None:
        return value - 1.0, value + 1.0
    try:
        low, high = (float(end) for end in interval)
    except (TypeError, ValueError):
        raise ExporterError(f"'{option}' is a pair of numbers; found {interval!r}.") from None
    if not (np.isfinite([low, high]).all() and low < high):
        raise ExporterError(
            f"'{option}' must run from a lower to a higher number; found ({low:g}, {high:g})."
        )
    if not low <= value <= high:
        raise ExporterError(
            f"The run starts at {model.parameter_names[place]} = {value:g}, outside the interval ({low:g}, "
            f"{high:g}); set the parameter, or widen the interval."
        )
    return low, high
